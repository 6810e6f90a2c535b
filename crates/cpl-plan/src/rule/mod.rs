//! Rules, compiled: what is computed of each row, and where each value is found in it. `cpl-rules` evaluates them.

mod conditions;
mod explain;
mod layout;
mod missing;

use cpl_model::{
    program::{Action, Alert, Approval, AtMost, Bound, Decision, Expr, Extreme, KeepBound, KeepTotal, Piece, Program},
    types::Type,
};
use cpl_syntax::Span;

pub use conditions::{Condition, Conditions, Excepted, PatternCheck, Sureness, operands};
pub use explain::Explained;
pub use layout::{RowLayout, ValueRef};

/// A rule that acts.
#[derive(Clone, Debug)]
pub struct CompiledRule {
    /// When it fires.
    pub conditions: Conditions,
    /// What it does.
    pub actions: Vec<CompiledAction>,
    /// `keep COLUMN …`
    pub bounds: Vec<CompiledBound>,
    /// `keep total COLUMN …`
    pub totals: Vec<CompiledTotal>,
    /// The value by which `at most` chooses.
    pub rank: Option<ValueRef>,
    /// `keep change …`
    pub keep_change: Option<CompiledKeepChange>,
    /// `approval required …`
    pub approval: Option<CompiledApproval>,
    /// How much a row lacks to fire.
    pub missing: ValueRef,
}

/// How far a value may move in a time.
#[derive(Clone, Debug)]
pub struct CompiledKeepChange {
    /// The share of the value at the time's start, the same in all rows.
    pub within: Explained,
    /// The time, in microseconds.
    pub per: i64,
}

/// Which changes need an approval.
#[derive(Clone, Debug)]
pub struct CompiledApproval {
    /// The largest that needs none, the same in all rows; none where each needs one.
    pub above: Option<Explained>,
}

/// An action.
#[derive(Clone, Debug)]
pub struct CompiledAction {
    /// The columns that are changed: the one, or the lowered and the raised.
    pub columns: Vec<(String, Explained)>,
    /// Of a move between rows: which row it leaves, and which it goes to.
    pub ends: Option<(Ranked, Ranked)>,
    /// The step's value; none for a call.
    pub step: Option<Explained>,
    /// The arguments; none where the new value goes.
    pub arguments: Vec<(String, Option<Explained>)>,
}

/// An end of an order of rows.
#[derive(Clone, Debug)]
pub struct Ranked {
    /// Which end.
    pub end: Extreme,
    /// What orders them.
    pub of: Explained,
}

/// A bound of a column.
#[derive(Clone, Debug)]
pub struct CompiledBound {
    /// The column.
    pub column: String,
    /// A cap; else a floor.
    pub cap: bool,
    /// Its value.
    pub bound: Explained,
}

/// A bound of a column's total.
#[derive(Clone, Debug)]
pub struct CompiledTotal {
    /// The column.
    pub column: String,
    /// Its value in a row.
    pub of: ValueRef,
    /// The cap, the same in all rows; none for `unchanged`.
    pub cap: Option<ValueRef>,
}

/// An alert.
#[derive(Clone, Debug)]
pub struct CompiledAlert {
    /// When it fires.
    pub conditions: Conditions,
    /// The message.
    pub say: Vec<CompiledPiece>,
}

/// A piece of a message.
#[derive(Clone, Debug)]
pub enum CompiledPiece {
    /// Letters.
    Letters(String),
    /// A value.
    Hole(ValueRef),
}

impl CompiledRule {
    /// Compiles a rule; what it computes goes to the layout.
    #[must_use]
    pub fn of(rule: &Decision, program: &Program, layout: &mut RowLayout) -> Self {
        let conditions = Conditions::of(&rule.when, &rule.rows, program, layout);
        let actions = rule.actions.iter().map(|action| CompiledAction::of(action, rule, program, layout)).collect();
        let bounds = rule.keep.iter().map(|keep| CompiledBound::of(keep, rule, program, layout)).collect();
        let totals = rule.totals.iter().map(|total| CompiledTotal::of(total, rule, program, layout)).collect();
        let rank = rule.at_most.as_ref().and_then(|AtMost { first, .. }| Some(layout.add(&first.as_ref()?.1)));
        let mut constant = |expr: &Expr| Explained::of(expr, rule.rows.table, program, layout);
        let keep_change =
            rule.keep_change.as_ref().map(|keep| CompiledKeepChange { within: constant(&keep.within), per: keep.per });
        let above = |approval: &Approval| approval.above.as_ref().map(|step| constant(step.expr()));
        let approval = rule.approval.as_ref().map(above).map(|above| CompiledApproval { above });
        let missing = layout.add(&missing::of(&rule.when));
        Self { conditions, actions, bounds, totals, rank, keep_change, approval, missing }
    }
}

impl CompiledBound {
    fn of(keep: &KeepBound, rule: &Decision, program: &Program, layout: &mut RowLayout) -> Self {
        let (cap, bound) = match &keep.bound {
            Bound::Cap(bound) => (true, bound),
            Bound::Floor(bound) => (false, bound),
        };
        let bound = Explained::of(bound, rule.rows.table, program, layout);
        Self { column: keep.column.clone(), cap, bound }
    }

    /// What it is called.
    #[must_use]
    pub fn word(&self) -> &'static str {
        if self.cap { "cap" } else { "floor" }
    }
}

impl CompiledTotal {
    fn of(total: &KeepTotal, rule: &Decision, program: &Program, layout: &mut RowLayout) -> Self {
        let table = program.table(rule.rows.table);
        let ty = table.column(&total.column).map_or(Type::Number, |column| column.ty);
        Self {
            column: total.column.clone(),
            of: layout.column(&total.column, ty),
            cap: total.cap.as_ref().map(|cap| layout.add(cap)),
        }
    }
}

impl CompiledAction {
    fn of(action: &Action, rule: &Decision, program: &Program, layout: &mut RowLayout) -> Self {
        let mut explained = |expr: &Expr| Explained::of(expr, rule.rows.table, program, layout);
        let mut column =
            |name: &String, ty: Type| (name.clone(), explained(&Expr::column(name, ty, true, Span::default())));
        let (columns, step) = match action {
            Action::Change { column: changed, ty, step, .. } => (vec![column(changed, *ty)], Some(step)),
            Action::Move { amount, from, to, ty, .. } => (vec![column(from, *ty), column(to, *ty)], Some(amount)),
            Action::MoveRows { amount, column: moved, ty, .. } => (vec![column(moved, *ty)], Some(amount)),
            Action::Call { .. } => (Vec::new(), None),
        };
        let step = step.map(|step| explained(step.expr()));
        let ends = match action {
            Action::MoveRows { from, to, .. } => {
                let mut ranked = |end: &(Extreme, Expr)| Ranked { end: end.0, of: explained(&end.1) };
                Some((ranked(from), ranked(to)))
            }
            _ => None,
        };
        let arguments = action.via().arguments.iter();
        let arguments = arguments.map(|(name, value)| (name.clone(), (!value.is_new()).then(|| explained(value))));
        Self { columns, ends, step, arguments: arguments.collect() }
    }
}

impl CompiledAlert {
    /// Compiles an alert; what it computes goes to the layout.
    #[must_use]
    pub fn of(rule: &Alert, program: &Program, layout: &mut RowLayout) -> Self {
        let conditions = Conditions::of(&rule.when, &rule.rows, program, layout);
        let say = rule.say.iter().map(|piece| match piece {
            Piece::Letters(letters) => CompiledPiece::Letters(letters.clone()),
            Piece::Hole(expr) => CompiledPiece::Hole(layout.add(expr)),
        });
        Self { say: say.collect(), conditions }
    }
}
