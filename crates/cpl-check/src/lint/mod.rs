//! What a right pipeline is warned of: a pipeline serves one decision, and rules that act go wrong in known ways.

mod acting;
mod chance;
mod data;
mod fan_out;
mod learning;
mod rates;
mod rule_inputs;
mod sums;

use cpl_model::program::Program;
use cpl_syntax::{Code, Diagnostic, Span};

use rule_inputs::RuleInputs;

/// A pipeline serves one decision: what that does not need is to be dropped.
#[must_use]
pub fn unneeded(what: &str, name: &str, at: Span) -> Diagnostic {
    Diagnostic::new(Code::W0101, format!("the {what} `{name}` is not required for the decision"))
        .at(at, "no decision, alert or dashboard needs it")
        .help("drop it")
}

/// A check is evaluated wherever it stands; where nothing depends on its table, nothing is held when it is broken.
#[must_use]
pub fn checks_hold_nothing(table: &str, checks: &[Span]) -> Diagnostic {
    let what = if checks.len() == 1 { "the check of `{}` holds" } else { "the checks of `{}` hold" };
    let message = format!("{} nothing", what.replace("{}", table));
    let label = format!("no decision, alert or dashboard depends on `{table}`");
    let diagnostic =
        checks.iter().fold(Diagnostic::new(Code::W0101, message), |diagnostic, at| diagnostic.at(*at, label.clone()));
    diagnostic.help(format!("join `{table}` to what decides, write `watch` for what is only to be seen, or drop it"))
}

/// All lints of a program's rules and of the data they read.
#[must_use]
pub fn rules(program: &Program) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for rule in &program.decisions {
        let inputs = RuleInputs::of(program, rule.rows.table, &rule.exprs());
        found.extend(acting::compounding(program, rule, &inputs));
        found.extend(acting::changes(rule));
        found.extend(
            chance::without_count(program, rule, &inputs).or_else(|| chance::could_be_surely(program, rule, &inputs)),
        );
        found.extend(learning::learns_anew(program, rule));
    }
    found.extend(acting::opposite(program));
    found.extend(data::stale(program));
    found.extend(data::stopped_series(program));
    found.extend(data::rows_twice(program));
    found.extend(data::percents_in_workbooks(program));
    found.extend(data::days_of_another_zone(program));
    found.extend(sums::passing_over(program));
    found.extend(fan_out::repeated_sums(program));
    found.extend(data::partial_days(program));
    found.extend(data::moving_days(program));
    found.extend(data::means_of_means(program));
    found.extend(data::partners_against_zero(program));
    found
}
