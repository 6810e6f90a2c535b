//! Any text is parsed or refused: no panic, each place within the text; what is formatted stays so.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (_, diagnostics) = cpl_syntax::parse(text);
    for diagnostic in &diagnostics {
        let labels = diagnostic.labels.iter().map(|label| label.span);
        let fixes = diagnostic.fixes.iter().map(|fix| fix.span);
        for span in labels.chain(fixes) {
            assert!(text.get(span.start..span.end).is_some(), "a place within the text");
        }
    }
    if let Some(formatted) = cpl_syntax::format(text) {
        assert_eq!(cpl_syntax::format(&formatted).as_deref(), Some(formatted.as_str()));
        let comments = |text: &str| cpl_syntax::comments(text).len();
        assert_eq!(comments(text), comments(&formatted), "each comment stays");
    }
});
