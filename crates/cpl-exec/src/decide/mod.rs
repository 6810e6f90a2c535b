//! Decisions: the rows of a rule become drafts, guards hold or shorten them, what remains acts.

pub mod amount;
mod draft;
mod effects;
mod guards;
mod id;
mod pair;

use std::collections::BTreeMap;

use cpl_plan::{
    program::{Action, AtMost, Bound, Decision as Rule, Expr, Extreme, Program, Rows},
    report::{Decision, State},
    types::Type,
    value::Value,
};
use polars::prelude::{self as pl, LazyFrame};

pub use draft::Thing;
pub use effects::{beside, check, write};
pub use id::Identity;

use crate::{
    expr::Translate,
    rows::rows,
    rule::{self, Conditions, Verdict},
    slots::{Slot, Slots},
    trouble::Trouble,
    why::Traced,
};

/// A rule, ready to be asked.
pub struct Asked {
    slots: Slots,
    conditions: Conditions,
    actions: Vec<AskedAction>,
    keep: Vec<AskedBound>,
    totals: Vec<AskedTotal>,
    first: Option<Slot>,
}

/// Where a row holds what an action needs.
struct AskedAction {
    /// The columns that are changed: the one, or the lowered and the raised.
    columns: Vec<(String, Traced)>,
    /// Of a move between rows: which row it leaves, and which it goes to.
    ends: Option<(Ranked, Ranked)>,
    /// The step's value; none for a call.
    step: Option<Traced>,
    /// The arguments; none where the new value goes.
    arguments: Vec<(String, Option<Traced>)>,
}

/// An end of an order of rows.
struct Ranked {
    end: Extreme,
    of: Traced,
}

struct AskedBound {
    column: String,
    cap: bool,
    bound: Traced,
    told: String,
}

struct AskedTotal {
    column: String,
    of: Slot,
    cap: Option<Slot>,
    told: String,
}

/// What holds every row of a rule, whatever its values.
pub struct Circumstances<'a> {
    /// Past `retire`.
    pub retired: Option<String>,
    /// A broken check upstream.
    pub broken: Option<String>,
    /// Things that rules before this one change, and which rule.
    pub taken: &'a mut BTreeMap<Thing, String>,
    /// What decisions are named by.
    pub identity: &'a Identity<'a>,
    /// Rows that do not fire are told too.
    pub tell_quiet: bool,
}

impl Asked {
    pub fn of(rule: &Rule, program: &Program) -> Self {
        let mut slots = Slots::default();
        let table = program.table(rule.rows.table);
        let conditions = Conditions::of(&rule.when, &rule.rows, program, &mut slots);
        let actions = rule.actions.iter().map(|action| AskedAction::of(action, rule, program, &mut slots)).collect();
        let keep = rule.keep.iter().map(|keep| {
            let (cap, bound) = match &keep.bound {
                Bound::Cap(bound) => (true, bound),
                Bound::Floor(bound) => (false, bound),
            };
            let told = program.written(keep.span);
            AskedBound {
                column: keep.column.clone(),
                cap,
                bound: Traced::of(bound, rule.rows.table, program, &mut slots),
                told,
            }
        });
        let keep = keep.collect();
        let totals = rule.totals.iter().map(|total| {
            let ty = table.column(&total.column).map_or(Type::Number, |column| column.ty);
            AskedTotal {
                column: total.column.clone(),
                of: slots.column(&total.column, ty),
                cap: total.cap.as_ref().map(|cap| slots.add(cap)),
                told: program.written(total.span),
            }
        });
        let totals = totals.collect();
        let first = rule.at_most.as_ref().and_then(|AtMost { first, .. }| Some(slots.add(&first.as_ref()?.1)));
        Self { slots, conditions, actions, keep, totals, first }
    }

    pub fn frame(&self, table: LazyFrame, rows: &Rows, translate: &Translate<'_>) -> Result<LazyFrame, Trouble> {
        self.slots.frame(table, rows, translate)
    }

    /// What becomes of the rule's rows, by key, and how many are quiet.
    pub fn decided(
        &self,
        rule: &Rule,
        program: &Program,
        frame: &pl::DataFrame,
        around: &mut Circumstances<'_>,
    ) -> Result<(Vec<Decision>, usize), Trouble> {
        let rows = rows(frame, &self.slots.types(), &program.timezone)?;
        let mut drafts: Vec<_> = rows.iter().filter_map(|row| self.draft(row, rule, program)).collect();
        let quiet = rows.len() - drafts.len();
        drafts.sort_by_cached_key(|draft| rule::order(&draft.key));
        let (mut drafts, passed_over) = pair::paired(drafts, &self.actions);
        let quiet = quiet + passed_over;
        guards::circumstances(&mut drafts, program, around);
        guards::bounds(&mut drafts, &self.keep);
        if let Some(at_most) = &rule.at_most {
            guards::at_most(&mut drafts, at_most);
        }
        // A series without the row that is looked at has no part in a total of such rows.
        let there: Vec<&Vec<Value>> = rows.iter().filter(|row| !self.conditions.is_missing(row)).collect();
        guards::settle(&mut drafts, &self.totals, &there);
        for draft in drafts.iter().filter(|draft| draft.state == State::Fires) {
            for thing in draft.things(program) {
                around.taken.insert(thing, rule.name.clone());
            }
        }
        let mut decisions: Vec<Decision> =
            drafts.into_iter().map(|draft| draft.decision(rule, program, around.identity)).collect();
        if around.tell_quiet {
            decisions.extend(self.quiet(&rows, rule, program, around.identity));
        }
        Ok((decisions, quiet))
    }

    /// The rows that do not fire, with what was looked at.
    fn quiet(&self, rows: &[Vec<Value>], rule: &Rule, program: &Program, identity: &Identity<'_>) -> Vec<Decision> {
        let quiet = rows.iter().filter(|row| self.conditions.verdict(row) == Verdict::Quiet);
        let told = quiet.map(|row| {
            let key = self.conditions.key(row);
            Decision {
                id: identity.decision(&rule.name, &key),
                rule: rule.name.clone(),
                key,
                state: State::Quiet,
                reason: None,
                because: self.conditions.because(row),
                changes: Vec::new(),
                conditions: self.conditions.not_so(row, program),
            }
        });
        told.collect()
    }
}

impl AskedAction {
    fn of(action: &Action, rule: &Rule, program: &Program, slots: &mut Slots) -> Self {
        let mut traced = |expr: &Expr| Traced::of(expr, rule.rows.table, program, slots);
        let mut column = |name: &String, ty: Type| {
            (name.clone(), traced(&Expr::column(name, ty, true, cpl_syntax::Span::default())))
        };
        let (columns, step) = match action {
            Action::Change { column: changed, ty, step, .. } => (vec![column(changed, *ty)], Some(step)),
            Action::Move { amount, from, to, ty, .. } => (vec![column(from, *ty), column(to, *ty)], Some(amount)),
            Action::MoveRows { amount, column: moved, ty, .. } => (vec![column(moved, *ty)], Some(amount)),
            Action::Call { .. } => (Vec::new(), None),
        };
        let step = step.map(|step| traced(step.expr()));
        let ends = match action {
            Action::MoveRows { from, to, .. } => {
                let mut ranked = |end: &(Extreme, Expr)| Ranked { end: end.0, of: traced(&end.1) };
                Some((ranked(from), ranked(to)))
            }
            _ => None,
        };
        let arguments = action.via().arguments.iter();
        let arguments = arguments.map(|(name, value)| (name.clone(), (!value.is_new()).then(|| traced(value))));
        Self { columns, ends, step, arguments: arguments.collect() }
    }
}
