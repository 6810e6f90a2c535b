//! Decisions and alerts: which rows fire, which can't be decided, and what becomes of changed columns.

use cpl_model::program::{Action, Alert, Bound, Day, Decision, Expr, Extreme, Logic, Step};
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
    /// It is not reported: its data is broken.
    Suppressed,
}

/// A column that is changed.
#[derive(Clone, Debug)]
pub struct Changed {
    /// The key of its row, where that is another than the one that fires.
    pub key: Option<Vec<Val>>,
    /// Its name.
    pub column: String,
    /// What it holds.
    pub from: Val,
    /// What it shall hold.
    pub to: Val,
}

/// A row that is not quiet.
#[derive(Clone, Debug)]
pub struct Told {
    /// Its key.
    pub key: Vec<Val>,
    /// What becomes of it.
    pub outcome: Outcome,
    /// The changed columns, where it fires: the one, or both of a move.
    pub changes: Vec<Changed>,
}

struct Draft<'r> {
    row: &'r Row,
    told: Told,
    legs: Vec<Leg<'r>>,
    /// By how much each of them is changed; never negative.
    by: Rational,
    is_money: bool,
}

/// One column that is changed.
#[derive(Clone)]
struct Leg<'r> {
    row: &'r Row,
    column: String,
    from: Rational,
    rises: bool,
}

impl Leg<'_> {
    fn to(&self, by: &Rational) -> Rational {
        if self.rises { &self.from + by } else { &self.from - by }
    }
}

impl Oracle<'_> {
    /// The rows of a decision with one `change` or `move`, `keep` bounds and `at most`, by key; how many are quiet.
    /// None on a day on which it is not looked at.
    #[must_use]
    pub fn decided(&self, rule: &Decision) -> Option<(Vec<Told>, usize)> {
        if !self.is_its_day(&rule.on) {
            return None;
        }
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
        if let Some(Action::MoveRows { from, to, .. }) = rule.actions.first() {
            quiet += self.pair(from, to, &mut drafts, &rows);
        }
        if self.is_retired() || self.rests_on_broken(rule.rows.table) {
            firing(&mut drafts).for_each(Draft::hold);
        }
        for draft in firing(&mut drafts) {
            self.bounds(rule, draft, &rows);
        }
        self.at_most(rule, &mut drafts, &rows);
        self.settle(rule, &mut drafts, &rows);
        Some((drafts.into_iter().map(|draft| draft.told).collect(), quiet))
    }

    /// Whether a rule is looked at today; without any days it always is.
    fn is_its_day(&self, on: &[Day]) -> bool {
        let today = self.clock.today().weekday().to_monday_one_offset();
        on.is_empty() || on.iter().any(|day| *day as i8 == today)
    }

    fn is_retired(&self) -> bool {
        self.program.retire.is_some_and(|retire| retire < self.clock.today())
    }

    /// The rows of an alert that fire or can't be decided, which are not reported where their data is broken; how many are
    /// quiet. None on a day on which it is not looked at.
    #[must_use]
    pub fn alerted(&self, rule: &Alert) -> Option<(Vec<Told>, usize)> {
        if !self.is_its_day(&rule.on) {
            return None;
        }
        let rows = &rule.rows;
        let broken = self.rests_on_broken(rows.table);
        let mut all = self.tables[rows.table.0].clone();
        sort(&mut all, rows.key.iter().map(|name| (name.as_str(), false)));
        let mut told = Vec::new();
        for row in &all {
            let key = rows.key.iter().map(|name| row[name].clone()).collect();
            let outcome = match self.verdict(&rule.when, row, &all) {
                Val::Bool(false) => continue,
                _ if broken => Outcome::Suppressed,
                Val::Bool(true) => Outcome::Fires,
                _ => Outcome::Undecided,
            };
            told.push(Told { key, outcome, changes: Vec::new() });
        }
        let quiet = all.len() - told.len();
        Some((told, quiet))
    }

    fn verdict(&self, when: &[Expr], row: &Row, rows: &[Row]) -> Val {
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
        let told = Told { key, outcome, changes: Vec::new() };
        let mut draft = Draft { row, told, legs: Vec::new(), by: Rational::zero(), is_money: false };
        let Some(action) = rule.actions.first().filter(|_| outcome == Outcome::Fires) else { return draft };
        let (columns, step) = match action {
            Action::Change { column, step, .. } => (vec![column], step),
            Action::Move { amount, from, to, .. } => (vec![from, to], amount),
            Action::MoveRows { amount, column, .. } => (vec![column], amount),
            Action::Call { .. } => return draft,
        };
        let froms: Option<Vec<Rational>> = columns.iter().map(|column| row[*column].exact()).collect();
        let step_value = self.eval(step.expr(), &Seen { row, rows, group: None }).exact();
        let Some((froms, by)) = froms.zip(step_value) else {
            draft.told.outcome = Outcome::Undecided;
            return draft;
        };
        draft.is_money = matches!(row[columns[0]], Val::Money(_));
        let by = match step {
            Step::Share(_) if draft.is_money => millionth(&(&froms[0] * by)),
            Step::Share(_) => &froms[0] * by,
            Step::Amount(_) => by,
            Step::To(_) => by - &froms[0],
        };
        // A change goes the way of its sign; a move leaves the first column, unless it is one of less than nothing.
        let up = if matches!(action, Action::Change { .. }) { !by.is_negative() } else { by.is_negative() };
        let legs = columns.iter().zip(froms).enumerate();
        draft.legs = legs
            .map(|(at, (column, from))| Leg { row, column: (*column).clone(), from, rises: up == (at == 0) })
            .collect();
        draft.by = by.abs();
        draft
    }

    /// The two rows of a move as one draft, that of the giver; how many others fire, which are quiet then.
    fn pair(&self, from: &(Extreme, Expr), to: &(Extreme, Expr), drafts: &mut Vec<Draft<'_>>, rows: &[Row]) -> usize {
        let value =
            |draft: &Draft<'_>, of: &(Extreme, Expr)| self.eval(&of.1, &Seen { row: draft.row, rows, group: None });
        for draft in firing(drafts) {
            if value(draft, from).is_unknown() || value(draft, to).is_unknown() {
                draft.told.outcome = Outcome::Undecided;
            }
        }
        let there: Vec<usize> = (0..drafts.len()).filter(|at| drafts[*at].told.outcome == Outcome::Fires).collect();
        // The first of the outermost.
        let outermost = |among: &[usize], of: &(Extreme, Expr)| {
            among.iter().copied().reduce(|best, at| {
                let order = value(&drafts[at], of).order(&value(&drafts[best], of));
                let further = if of.0 == Extreme::Lowest { order.is_lt() } else { order.is_gt() };
                if further { at } else { best }
            })
        };
        let Some(giver) = outermost(&there, from) else { return 0 };
        let others: Vec<usize> = there.iter().copied().filter(|at| *at != giver).collect();
        let Some(taker) = outermost(&others, to) else {
            drafts[giver].hold();
            return 0;
        };
        let same = from.1.same_as(&to.1) && value(&drafts[giver], from).order(&value(&drafts[taker], to)).is_eq();
        let rises = !drafts[giver].legs[0].rises;
        let leg = Leg { rises, ..drafts[taker].legs[0].clone() };
        drafts[giver].legs.push(leg);
        if same {
            drafts[giver].hold();
        }
        let quiet: Vec<usize> = there.iter().copied().filter(|at| *at != giver).collect();
        let mut at = 0;
        drafts.retain(|_| {
            at += 1;
            !quiet.contains(&(at - 1))
        });
        quiet.len() - 1
    }

    /// A cap shortens what rises, a floor what falls; a value beyond its bound already is held.
    fn bounds(&self, rule: &Decision, draft: &mut Draft<'_>, rows: &[Row]) {
        for keep in &rule.keep {
            let (cap, bound) = match &keep.bound {
                Bound::Cap(bound) => (true, bound),
                Bound::Floor(bound) => (false, bound),
            };
            let Some(leg) = draft.legs.iter().find(|leg| leg.column == keep.column && leg.rises == cap) else {
                continue;
            };
            let limit = self.eval(bound, &Seen { row: leg.row, rows, group: None });
            let room = limit.exact().map(|limit| if cap { limit - &leg.from } else { &leg.from - limit });
            match room {
                Some(room) if !room.is_negative() => draft.by = room.min(draft.by.clone()),
                _ => return draft.hold(),
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
            let unchanged =
                |column: &str| rule.totals.iter().any(|total| total.cap.is_none() && total.column == column);
            firing(drafts).filter(|draft| !draft.can_be(unchanged)).for_each(Draft::hold);
            if firing(drafts).count() == before {
                break;
            }
        }
        for draft in firing(drafts) {
            draft.told.changes = draft.legs.iter().map(|leg| draft.change(leg, &rule.rows.key)).collect();
        }
    }

    fn fit(&self, rule: &Decision, drafts: &mut [Draft<'_>], rows: &[Row]) {
        firing(drafts).for_each(Draft::round);
        for _ in 0..ROUNDS {
            let before: Vec<Rational> = drafts.iter().map(|draft| draft.by.clone()).collect();
            for total in &rule.totals {
                match &total.cap {
                    Some(cap) => self.cap(cap, &total.column, drafts, rows),
                    None => level(&total.column, drafts),
                }
            }
            firing(drafts).for_each(Draft::round);
            for total in rule.totals.iter().filter(|total| total.cap.is_none()) {
                give_back(&total.column, drafts);
            }
            if drafts.iter().map(|draft| &draft.by).eq(&before) {
                return;
            }
        }
        for total in &rule.totals {
            firing(drafts).filter(|draft| draft.weighs(&total.column, true)).for_each(Draft::hold);
        }
    }

    /// Rises share what is left under the cap, changed rows or not.
    fn cap(&self, cap: &Expr, column: &str, drafts: &mut [Draft<'_>], rows: &[Row]) {
        let values: Option<Vec<Rational>> = rows.iter().map(|row| row[column].exact()).collect();
        let cap = rows.first().and_then(|row| self.eval(cap, &Seen { row, rows, group: None }).exact());
        let (rises, cuts) = sides(column, drafts);
        match values.zip(cap) {
            None => firing(drafts).filter(|draft| draft.weighs(column, true)).for_each(Draft::hold),
            Some((values, cap)) => {
                let room = cap - values.iter().sum::<Rational>() + cuts;
                shorten(column, drafts, true, &room.max(Rational::zero()), &rises);
            }
        }
    }
}

fn firing<'d, 'r>(drafts: &'d mut [Draft<'r>]) -> impl Iterator<Item = &'d mut Draft<'r>> {
    drafts.iter_mut().filter(|draft| draft.told.outcome == Outcome::Fires)
}

/// By how much a column's total is raised, and by how much cut.
fn sides(column: &str, drafts: &mut [Draft<'_>]) -> (Rational, Rational) {
    let mut side =
        |rises: bool| firing(drafts).filter(|draft| draft.weighs(column, rises)).map(|draft| draft.by.clone()).sum();
    (side(true), side(false))
}

/// Both sides come to the smaller.
fn level(column: &str, drafts: &mut [Draft<'_>]) {
    let (rises, cuts) = sides(column, drafts);
    let paid = rises.clone().min(cuts.clone());
    shorten(column, drafts, true, &paid, &rises);
    shorten(column, drafts, false, &paid, &cuts);
}

/// One side comes to `to` instead of `from`, each change alike.
fn shorten(column: &str, drafts: &mut [Draft<'_>], rises: bool, to: &Rational, from: &Rational) {
    if to >= from {
        return;
    }
    for draft in firing(drafts).filter(|draft| draft.weighs(column, rises)) {
        if to.is_zero() {
            draft.hold();
        } else {
            draft.by = &draft.by * to / from;
        }
    }
}

/// Rounding leaves one side larger: its largest changes give that back.
fn give_back(column: &str, drafts: &mut [Draft<'_>]) {
    let (rises, cuts) = sides(column, drafts);
    let (larger, mut surplus) = (rises > cuts, (&rises - &cuts).abs());
    let mut side: Vec<&mut Draft<'_>> = firing(drafts).filter(|draft| draft.weighs(column, larger)).collect();
    side.sort_by_key(|draft| std::cmp::Reverse(draft.by.clone()));
    for draft in side {
        let given = surplus.clone().min(draft.by.clone());
        surplus -= &given;
        draft.by -= given;
    }
}

impl Draft<'_> {
    /// What becomes of a column, and in which row where it is another one.
    fn change(&self, leg: &Leg<'_>, key: &[String]) -> Changed {
        let whole = |amount: Rational| Val::Whole(amount.to_integer().try_into().unwrap_or(0));
        let value = |amount: Rational| if self.is_money { Val::Money(amount) } else { whole(amount) };
        let elsewhere = !std::ptr::eq(leg.row, self.row);
        Changed {
            key: elsewhere.then(|| key.iter().map(|name| leg.row[name].clone()).collect()),
            column: leg.column.clone(),
            from: value(leg.from.clone()),
            to: value(leg.to(&self.by)),
        }
    }

    fn hold(&mut self) {
        self.told.outcome = Outcome::Held;
    }

    /// Whether it raises, or cuts, the total of a column: what one row gives to another does neither.
    fn weighs(&self, column: &str, rises: bool) -> bool {
        let changes = |up: bool| self.legs.iter().any(|leg| leg.column == column && leg.rises == up);
        changes(rises) && !changes(!rises)
    }

    fn digits(&self) -> u32 {
        if self.is_money { 2 } else { 0 }
    }

    /// Towards the current values, to cents or whole things; both of a move by one amount of them.
    fn round(&mut self) {
        let scale = rational(10i128.pow(self.digits()), 1);
        let to_step = |leg: &Leg<'_>| {
            let steps = leg.to(&self.by) * &scale;
            let rounded = if leg.rises { steps.floor() } else { steps.ceil() } / &scale;
            let passed = if leg.rises { rounded < leg.from } else { rounded > leg.from };
            if passed { Rational::zero() } else { (rounded - &leg.from).abs() }
        };
        let Some(least) = self.legs.iter().map(to_step).min() else { return };
        self.by = if self.legs.len() > 1 { (least * &scale).floor() / &scale } else { least };
    }

    /// Whether it comes to something, not below 0, and rests on a step.
    fn can_be(&self, unchanged: impl Fn(&str) -> bool) -> bool {
        let whole = |value: &Rational| to_digits(value, self.digits(), true) == *value;
        let rests = |leg: &Leg<'_>| {
            let to = leg.to(&self.by);
            let falls = to.is_negative() && !leg.from.is_negative();
            !falls && whole(&to) && (!unchanged(&leg.column) || whole(&leg.from))
        };
        !self.by.is_zero() && self.legs.iter().all(rests)
    }
}
