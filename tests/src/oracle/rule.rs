//! Decisions and alerts: which rows fire, which can't be decided, and what becomes of a changed column.

use cpl_plan::program::{Action, Bound, Decision, Extreme, Logic, Rows, Step};
use num_traits::{Signed, Zero};

use super::{
    Oracle, Rational, Row, Val,
    expr::{Seen, three_valued},
    stage::sort,
    value::{millionth, rational, to_digits},
};

/// What becomes of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It acts.
    Fires,
    /// A guard holds it.
    Held,
    /// A value is unknown.
    Undecided,
}

/// A row that is not quiet.
#[derive(Clone, Debug)]
pub struct Told {
    /// Its key.
    pub key: Vec<Val>,
    /// What becomes of it.
    pub outcome: Outcome,
    /// The new value of the changed column, where it fires.
    pub to: Option<Val>,
}

struct Draft<'r> {
    row: &'r Row,
    told: Told,
    from: Rational,
    by: Rational,
    is_money: bool,
}

impl Oracle<'_> {
    /// The rows of a decision with one `change`, `keep` bounds and `at most`, by key; how many are quiet.
    #[must_use]
    pub fn decided(&self, rule: &Decision) -> (Vec<Told>, usize) {
        let mut rows = self.tables[rule.rows.table.0].clone();
        sort(&mut rows, rule.rows.key.iter().map(|name| (name.as_str(), false)));
        let mut drafts = Vec::new();
        let mut quiet = 0;
        for row in &rows {
            match self.verdict(&rule.when, row, &rows) {
                Val::Bool(false) => quiet += 1,
                verdict => drafts.push(self.draft(rule, row, &rows, &verdict)),
            }
        }
        for draft in drafts.iter_mut().filter(|draft| draft.told.outcome == Outcome::Fires) {
            self.bounds(rule, draft, &rows);
        }
        self.at_most(rule, &mut drafts, &rows);
        for draft in drafts.iter_mut().filter(|draft| draft.told.outcome == Outcome::Fires) {
            round(draft);
        }
        (drafts.into_iter().map(|draft| draft.told).collect(), quiet)
    }

    /// The rows of an alert that fire or can't be decided; how many are quiet.
    #[must_use]
    pub fn alerted(&self, rows: &Rows, when: &[cpl_plan::program::Expr]) -> (Vec<Told>, usize) {
        let mut all = self.tables[rows.table.0].clone();
        sort(&mut all, rows.key.iter().map(|name| (name.as_str(), false)));
        let mut told = Vec::new();
        for row in &all {
            let key = rows.key.iter().map(|name| row[name].clone()).collect();
            match self.verdict(when, row, &all) {
                Val::Bool(true) => told.push(Told { key, outcome: Outcome::Fires, to: None }),
                Val::Bool(false) => {}
                _ => told.push(Told { key, outcome: Outcome::Undecided, to: None }),
            }
        }
        let quiet = all.len() - told.len();
        (told, quiet)
    }

    fn verdict(&self, when: &[cpl_plan::program::Expr], row: &Row, rows: &[Row]) -> Val {
        let seen = Seen { row, rows, group: None };
        when.iter()
            .map(|each| self.eval(each, &seen))
            .fold(Val::Bool(true), |all, each| three_valued(Logic::And, &all, &each))
    }

    fn draft<'r>(&self, rule: &Decision, row: &'r Row, rows: &[Row], verdict: &Val) -> Draft<'r> {
        let key: Vec<Val> = rule.rows.key.iter().map(|name| row[name].clone()).collect();
        let outcome = match verdict {
            Val::Bool(_) if key.iter().any(Val::is_unknown) => Outcome::Held,
            Val::Bool(_) => Outcome::Fires,
            _ => Outcome::Undecided,
        };
        let mut draft = Draft {
            row,
            told: Told { key, outcome, to: None },
            from: Rational::zero(),
            by: Rational::zero(),
            is_money: false,
        };
        let Some(Action::Change { column, step, .. }) = rule.actions.first() else { return draft };
        if outcome != Outcome::Fires {
            return draft;
        }
        let step_value = self.eval(step.expr(), &Seen { row, rows, group: None });
        let (Some(from), Some(by)) = (row[column].exact(), step_value.exact()) else {
            draft.told.outcome = Outcome::Undecided;
            return draft;
        };
        draft.by = match step {
            Step::Share(_) if matches!(row[column], Val::Money(_)) => millionth(&(&from * by)),
            Step::Share(_) => &from * by,
            Step::Amount(_) => by,
            Step::To(_) => by - &from,
        };
        draft.from = from;
        draft.is_money = matches!(row[column], Val::Money(_));
        draft
    }

    /// A cap shortens rises, a floor cuts; a value beyond its bound already is held.
    fn bounds(&self, rule: &Decision, draft: &mut Draft<'_>, rows: &[Row]) {
        for keep in &rule.keep {
            let (cap, bound) = match &keep.bound {
                Bound::Cap(bound) => (true, bound),
                Bound::Floor(bound) => (false, bound),
            };
            // What stays as it is counts as a rise of nothing.
            if cap == draft.by.is_negative() {
                continue;
            }
            let limit = self.eval(bound, &Seen { row: draft.row, rows, group: None });
            let room = limit.exact().map(|limit| if cap { limit - &draft.from } else { &draft.from - limit });
            match room {
                Some(room) if !room.is_negative() => {
                    if draft.by.abs() > room {
                        draft.by = if cap { room } else { -room };
                    }
                }
                _ => draft.told.outcome = Outcome::Held,
            }
            if draft.told.outcome == Outcome::Held {
                return;
            }
        }
    }

    fn at_most(&self, rule: &Decision, drafts: &mut [Draft<'_>], rows: &[Row]) {
        let Some(at_most) = &rule.at_most else { return };
        let mut firing: Vec<usize> =
            (0..drafts.len()).filter(|at| drafts[*at].told.outcome == Outcome::Fires).collect();
        if let Some((end, by)) = &at_most.first {
            let value = |at: &usize| self.eval(by, &Seen { row: drafts[*at].row, rows, group: None });
            firing.sort_by(|a, b| {
                let (a, b) = (value(a), value(b));
                match (a.is_unknown(), b.is_unknown()) {
                    (false, false) if *end == Extreme::Lowest => a.order(&b),
                    (false, false) => b.order(&a),
                    (a, b) => a.cmp(&b),
                }
            });
        }
        for at in firing.into_iter().skip(at_most.limit as usize) {
            drafts[at].told.outcome = Outcome::Held;
        }
    }
}

/// Towards the current value, to cents or whole things; what comes to nothing, falls below 0 or rests between two
/// steps is held.
fn round(draft: &mut Draft<'_>) {
    let digits = if draft.is_money { 2 } else { 0 };
    let scale = rational(10i128.pow(digits), 1);
    let steps = (&draft.from + &draft.by) * &scale;
    let rounded = if draft.by.is_negative() { steps.ceil() } else { steps.floor() } / &scale;
    let passed = if draft.by.is_negative() { rounded > draft.from } else { rounded < draft.from };
    let rounded = if passed { draft.from.clone() } else { rounded };
    let whole = to_digits(&rounded, digits, true) == rounded;
    if rounded == draft.from || (rounded.is_negative() && !draft.from.is_negative()) || !whole {
        draft.told.outcome = Outcome::Held;
        return;
    }
    let whole = || Val::Whole(rounded.to_integer().try_into().unwrap_or(0));
    draft.told.to = Some(if draft.is_money { Val::Money(rounded.clone()) } else { whole() });
}
