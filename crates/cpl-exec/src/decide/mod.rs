//! Decisions: the rows of a rule become drafts, guards hold or shorten them, what remains acts.

mod amount;
mod draft;
mod effects;
mod guards;
mod id;

use std::collections::BTreeMap;

use cpl_plan::{
    program::{Action, AtMost, Bound, Decision as Rule, Expr, Program, Step},
    report::{Decision, State},
};
use polars::prelude::{self as pl, LazyFrame};

pub use effects::write;
pub use id::Identity;

use crate::{
    expr::Translate,
    rows::rows,
    rule::{Conditions, Slot, Slots},
    trouble::Trouble,
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
    columns: Vec<(String, Slot)>,
    /// The step's value; none for a call.
    step: Option<Slot>,
    /// The arguments; none where the new value goes.
    arguments: Vec<(String, Option<Slot>)>,
}

struct AskedBound {
    column: String,
    cap: bool,
    bound: Slot,
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
    pub taken: &'a mut BTreeMap<String, String>,
    /// What decisions are named by.
    pub identity: &'a Identity<'a>,
}

impl Asked {
    pub fn of(rule: &Rule, program: &Program) -> Self {
        let mut slots = Slots::default();
        let table = program.table(rule.rows.table);
        let conditions = Conditions::of(&rule.when, &rule.rows.key, table, program, &mut slots);
        let actions = rule.actions.iter().map(|action| AskedAction::of(action, &mut slots)).collect();
        let keep = rule.keep.iter().map(|keep| {
            let (cap, bound) = match &keep.bound {
                Bound::Cap(bound) => (true, bound),
                Bound::Floor(bound) => (false, bound),
            };
            let told = program.written(keep.span);
            AskedBound { column: keep.column.clone(), cap, bound: slots.add(bound), told }
        });
        let keep = keep.collect();
        let totals = rule.totals.iter().map(|total| {
            let ty = table.column(&total.column).map_or(cpl_plan::types::Type::Number, |column| column.ty);
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

    pub fn frame(&self, table: LazyFrame, translate: &Translate<'_>) -> Result<LazyFrame, jiff::Error> {
        self.slots.frame(table, translate)
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
        drafts.sort_by_cached_key(draft::Draft::order);
        guards::circumstances(&mut drafts, rule, program, around);
        guards::bounds(&mut drafts, &self.keep);
        if let Some(at_most) = &rule.at_most {
            guards::at_most(&mut drafts, at_most);
        }
        for total in &self.totals {
            guards::total(&mut drafts, total, &rows);
        }
        guards::round(&mut drafts, &self.totals);
        for draft in drafts.iter().filter(|draft| draft.state == State::Fires) {
            for thing in draft.things(rule, program) {
                around.taken.insert(thing, rule.name.clone());
            }
        }
        let decisions = drafts.into_iter().map(|draft| draft.decision(rule, program, around.identity));
        Ok((decisions.collect(), quiet))
    }
}

impl AskedAction {
    fn of(action: &Action, slots: &mut Slots) -> Self {
        let (columns, step, via) = match action {
            Action::Change { column, ty, step, via } => {
                (vec![(column.clone(), slots.column(column, *ty))], Some(slots.add(step_expr(step))), via)
            }
            Action::Move { amount, from, to, ty, via } => {
                let columns = [from, to].map(|column| (column.clone(), slots.column(column, *ty)));
                (columns.to_vec(), Some(slots.add(step_expr(amount))), via)
            }
            Action::Call { via } => (Vec::new(), None, via),
        };
        let arguments =
            via.arguments.iter().map(|(name, value)| (name.clone(), (!value.is_new()).then(|| slots.add(value))));
        let arguments = arguments.collect();
        Self { columns, step, arguments }
    }
}

fn step_expr(step: &Step) -> &Expr {
    match step {
        Step::Share(expr) | Step::Amount(expr) | Step::To(expr) => expr,
    }
}
