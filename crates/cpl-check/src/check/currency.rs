//! The pipeline's currency.

use cpl_syntax::tree;

/// Whether the pipeline's currency is known: what names it could be read, and is one.
pub fn has_currency(file: &tree::File) -> bool {
    let unreadable = ["currency", "pipeline"].iter().any(|clause| file.missing_names.contains(*clause));
    let mut named = file.pipelines.iter().filter_map(|pipeline| pipeline.currency.as_ref());
    !unreadable && named.all(|name| tree::Currency::of_code(name.as_str()).is_some())
}

/// The pipeline's currency, which every `money` needs; dollars where none is named.
pub fn currency(file: &tree::File) -> tree::Currency {
    let named = file.pipelines.iter().find_map(|pipeline| pipeline.currency.as_ref());
    named
        .and_then(|code| tree::Currency::of_code(code.as_str()))
        .or_else(|| tree::Currency::of_sign('$'))
        .unwrap_or_else(|| unreachable!("the dollar is in the list"))
}
