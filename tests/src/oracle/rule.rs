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
        self.settle(rule, &mut drafts, &rows);
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

/// How often totals and rounding may move each other.
const ROUNDS: usize = 100;

impl Oracle<'_> {
    /// Totals and rounding until both hold; what can't be is held, and the rest is settled without it.
    fn settle(&self, rule: &Decision, drafts: &mut [Draft<'_>], rows: &[Row]) {
        let wanted: Vec<Rational> = drafts.iter().map(|draft| draft.by.clone()).collect();
        loop {
            for (draft, by) in drafts.iter_mut().zip(&wanted) {
                draft.by.clone_from(by);
            }
            let before = firing(drafts).count();
            self.fit(rule, drafts, rows);
            let unchanged = rule.totals.iter().any(|total| total.cap.is_none());
            firing(drafts).filter(|draft| !draft.can_be(unchanged)).for_each(Draft::hold);
            if firing(drafts).count() == before {
                break;
            }
        }
        for draft in firing(drafts) {
            let to = &draft.from + &draft.by;
            let whole = || Val::Whole(to.to_integer().try_into().unwrap_or(0));
            draft.told.to = Some(if draft.is_money { Val::Money(to.clone()) } else { whole() });
        }
    }

    fn fit(&self, rule: &Decision, drafts: &mut [Draft<'_>], rows: &[Row]) {
        firing(drafts).for_each(Draft::round);
        for _ in 0..ROUNDS {
            let before: Vec<Rational> = drafts.iter().map(|draft| draft.by.clone()).collect();
            for total in &rule.totals {
                match &total.cap {
                    Some(cap) => self.cap(cap, &total.column, drafts, rows),
                    None => level(drafts),
                }
            }
            firing(drafts).for_each(Draft::round);
            if rule.totals.iter().any(|total| total.cap.is_none()) {
                give_back(drafts);
            }
            if drafts.iter().map(|draft| &draft.by).eq(&before) {
                return;
            }
        }
        if !rule.totals.is_empty() {
            firing(drafts).filter(|draft| draft.by.is_positive()).for_each(Draft::hold);
        }
    }

    /// Rises share what is left under the cap, changed rows or not.
    fn cap(&self, cap: &cpl_plan::program::Expr, column: &str, drafts: &mut [Draft<'_>], rows: &[Row]) {
        let values: Option<Vec<Rational>> = rows.iter().map(|row| row[column].exact()).collect();
        let cap = rows.first().and_then(|row| self.eval(cap, &Seen { row, rows, group: None }).exact());
        let (rises, cuts) = sides(drafts);
        match values.zip(cap) {
            None => firing(drafts).filter(|draft| draft.by.is_positive()).for_each(Draft::hold),
            Some((values, cap)) => {
                let room = cap - values.iter().sum::<Rational>() + cuts;
                shorten(drafts, true, &room.max(Rational::zero()), &rises);
            }
        }
    }
}

fn firing<'d, 'r>(drafts: &'d mut [Draft<'r>]) -> impl Iterator<Item = &'d mut Draft<'r>> {
    drafts.iter_mut().filter(|draft| draft.told.outcome == Outcome::Fires)
}

/// What is raised, and what is cut, both positive.
fn sides(drafts: &mut [Draft<'_>]) -> (Rational, Rational) {
    let all: Vec<Rational> = firing(drafts).map(|draft| draft.by.clone()).collect();
    let side = |rises: bool| all.iter().filter(|by| by.is_positive() == rises).map(Signed::abs).sum();
    (side(true), side(false))
}

/// Both sides come to the smaller.
fn level(drafts: &mut [Draft<'_>]) {
    let (rises, cuts) = sides(drafts);
    let paid = rises.clone().min(cuts.clone());
    shorten(drafts, true, &paid, &rises);
    shorten(drafts, false, &paid, &cuts);
}

/// One side comes to `to` instead of `from`, each change alike.
fn shorten(drafts: &mut [Draft<'_>], rises: bool, to: &Rational, from: &Rational) {
    if to >= from {
        return;
    }
    for draft in firing(drafts).filter(|draft| !draft.by.is_zero() && draft.by.is_positive() == rises) {
        if to.is_zero() {
            draft.hold();
        } else {
            draft.by = &draft.by * to / from;
        }
    }
}

/// Rounding leaves one side larger: its largest changes give that back.
fn give_back(drafts: &mut [Draft<'_>]) {
    let (rises, cuts) = sides(drafts);
    let (larger, mut surplus) = (rises > cuts, (&rises - &cuts).abs());
    let mut side: Vec<&mut Draft<'_>> =
        firing(drafts).filter(|draft| !draft.by.is_zero() && draft.by.is_positive() == larger).collect();
    side.sort_by_key(|draft| std::cmp::Reverse(draft.by.abs()));
    for draft in side {
        let given = surplus.clone().min(draft.by.abs());
        surplus -= &given;
        draft.by = if larger { &draft.by - given } else { &draft.by + given };
    }
}

impl Draft<'_> {
    fn hold(&mut self) {
        self.told.outcome = Outcome::Held;
    }

    fn digits(&self) -> u32 {
        if self.is_money { 2 } else { 0 }
    }

    /// Towards the current value, to cents or whole things.
    fn round(&mut self) {
        let scale = rational(10i128.pow(self.digits()), 1);
        let steps = (&self.from + &self.by) * &scale;
        let rounded = if self.by.is_negative() { steps.ceil() } else { steps.floor() } / &scale;
        let passed = if self.by.is_negative() { rounded > self.from } else { rounded < self.from };
        self.by = if passed { Rational::zero() } else { rounded - &self.from };
    }

    /// Whether it comes to something, not below 0, and rests on a step.
    fn can_be(&self, unchanged: bool) -> bool {
        let whole = |value: &Rational| to_digits(value, self.digits(), true) == *value;
        let to = &self.from + &self.by;
        let falls = to.is_negative() && !self.from.is_negative();
        !self.by.is_zero() && !falls && whole(&to) && (!unchanged || whole(&self.from))
    }
}
