//! Rules that act on what chance may have made.

use cpl_model::program::{CompareOp, Decision, Direction, Expr, ExprKind, Place, Program};
use cpl_syntax::{Code, Diagnostic, Span};

use super::{rates::Rates, rule_inputs::RuleInputs};

/// A rule that acts on a ratio without a minimum count acts on chance.
pub fn without_count(program: &Program, rule: &Decision, inputs: &RuleInputs<'_>) -> Option<Diagnostic> {
    let has_count_condition = rule.when.iter().any(|condition| match &condition.kind {
        ExprKind::Compare(CompareOp::Greater | CompareOp::GreaterOrEqual, left, _) => is_count(left),
        ExprKind::Compare(CompareOp::Less | CompareOp::LessOrEqual, _, right) => is_count(right),
        ExprKind::Exceeds(Direction::Above, left, ..) => is_count(left),
        // It knows of how many things a value is.
        ExprKind::Surely(_) => true,
        _ => false,
    });
    if has_count_condition {
        return None;
    }
    let rates = Rates::of(program, inputs);
    let span = rule.when.iter().find_map(|condition| rates.in_condition(rule.rows.table, condition))?;
    let name = program.written(span);
    let comparison = bare_comparisons(program, rule).into_iter().find(|bare| bare.holds(span));
    let help = match comparison {
        Some(bare) => format!("write `{}`, or add `require COUNT >= 30`: of few things a rate is chance", bare.instead),
        None => "add `require COUNT >= 30`: of few things a rate is chance".to_owned(),
    };
    Some(
        Diagnostic::new(Code::W0204, format!("`{}` acts on `{name}` however few things it is of", rule.name))
            .at(span, "an average or a rate")
            .help(help),
    )
}

/// A rule with a minimum count that compares a rate as if it were known exactly. One that asks `is surely` of any of its
/// values gets none: its author knows the question.
pub fn could_be_surely(program: &Program, rule: &Decision, inputs: &RuleInputs<'_>) -> Option<Diagnostic> {
    if rule.when.iter().any(|condition| condition.any(|part| matches!(part, ExprKind::Surely(_)))) {
        return None;
    }
    let rates = Rates::of(program, inputs);
    let bare = bare_comparisons(program, rule);
    let bare =
        bare.iter().filter_map(|bare| Some((rates.in_condition(rule.rows.table, bare.comparison)?, &bare.instead)));
    let bare: Vec<(Span, &String)> = bare.collect();
    let instead = bare.iter().map(|(_, instead)| format!("`{instead}`")).collect::<Vec<_>>().join(" and ");
    let (first, _) = bare.first()?;
    let message = format!("`{}` acts on `{}` as if it were exact", rule.name, program.written(*first));
    let hint = Diagnostic::new(Code::H0201, message);
    let hint = bare.iter().fold(hint, |hint, (rate, _)| hint.at(*rate, "an average or a rate: chance moves it"));
    Some(
        hint.help(format!(
            "write {instead}: the rule acts only where chance is no explanation; see `cpl explain H0201`"
        )),
    )
}

/// A count of something, and not one that is written out.
fn is_count(side: &Expr) -> bool {
    side.ty.is_whole() && !side.columns().is_empty()
}

/// `cac < $47`, where `is surely below` could stand.
struct BareComparison<'p> {
    comparison: &'p Expr,
    /// What could stand for it: `cac is surely below $47`.
    instead: String,
}

impl BareComparison<'_> {
    /// Whether a part of it stands there.
    fn holds(&self, part: Span) -> bool {
        self.comparison.span.start <= part.start && part.end <= self.comparison.span.end
    }
}

/// The comparisons of a rule whose values tell how sure they are; none under `not`, which turns being sure into being unsure.
fn bare_comparisons<'p>(program: &'p Program, rule: &'p Decision) -> Vec<BareComparison<'p>> {
    let mut found = Vec::new();
    for condition in &rule.when {
        collect(program, rule, condition, &mut found);
    }
    found
}

fn collect<'p>(program: &'p Program, rule: &'p Decision, condition: &'p Expr, found: &mut Vec<BareComparison<'p>>) {
    match &condition.kind {
        ExprKind::Logic(_, left, right) => {
            collect(program, rule, left, found);
            collect(program, rule, right, found);
        }
        ExprKind::Compare(op, left, right) => {
            let less = match op {
                CompareOp::Less | CompareOp::LessOrEqual => true,
                CompareOp::Greater | CompareOp::GreaterOrEqual => false,
                CompareOp::Equal | CompareOp::Unequal => return,
            };
            // Whether there is anything at all is no question of chance.
            if [left, right].iter().any(|side| side.amount().is_some_and(|bound| bound.is_zero())) {
                return;
            }
            let end = program.end(rule.rows.table);
            let is_one_line = |side: &Expr| !program.written(side.span).contains('\n');
            if is_compared_with_itself(program, left, right, end) || !is_one_line(left) || !is_one_line(right) {
                return;
            }
            let estimated = |side: &Expr| program.estimate(side, end).is_ok();
            let known = |side: &Expr| program.is_exact(side, end) || estimated(side);
            let (value, bound, below) = match (estimated(left) && known(right), estimated(right) && known(left)) {
                (true, _) => (left, right, less),
                (false, true) => (right, left, !less),
                (false, false) => return,
            };
            let direction = if below { Direction::Below } else { Direction::Above };
            let [of, bound] = [value, bound].map(|side| program.written(side.span));
            let instead = format!("{of} is surely {} {bound}", direction.word());
            found.push(BareComparison { comparison: condition, instead });
        }
        _ => {}
    }
}

/// Whether both sides are made of the same rows: of that nothing is a question.
fn is_compared_with_itself(program: &Program, left: &Expr, right: &Expr, end: Place) -> bool {
    match (program.estimate(left, end), program.estimate(right, end)) {
        (Ok(left), Ok(right)) => left.is_same_as(&right),
        _ => false,
    }
}
