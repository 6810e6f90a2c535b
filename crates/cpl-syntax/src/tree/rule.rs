//! `decide` and `alert` as written.

use super::{Day, Expr, Text};
use crate::keywords;
use crate::span::{Name, Span, Spanned};

/// `decide NAME for each A in TABLE { … }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decide {
    /// The whole of it.
    pub span: Span,
    /// Its name.
    pub name: Name,
    /// `for each A, B`
    pub each: Vec<Name>,
    /// The table.
    pub table: Name,
    /// `when EXPR`: exactly one in a right file.
    pub when: Option<Expr>,
    /// `require EXPR`
    pub require: Vec<Expr>,
    /// `except on TABLE`
    pub except: Option<Name>,
    /// `on weekdays`
    pub on: Option<Spanned<OnDays>>,
    /// `then …`
    pub actions: Vec<Spanned<Action>>,
    /// The guards.
    pub guards: Vec<Spanned<DecideClause>>,
}

/// The days a rule is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnDays {
    /// Monday to Friday.
    Weekdays,
    /// These.
    Days(Vec<Day>),
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// `change COLUMN by|to EXPR via …`
    Change(Name, ChangeTo, Via),
    /// `move AMOUNT of COLUMN to COLUMN via …`
    Move(Expr, Name, Name, Via),
    /// `move AMOUNT of COLUMN from highest EXPR to lowest EXPR via …`
    MoveRows(Expr, Name, MoveEnd, MoveEnd, Via),
    /// `call TARGET { … }`
    Call(Via),
}

impl Action {
    /// Where it goes.
    #[must_use]
    pub fn via(&self) -> &Via {
        match self {
            Self::Change(_, _, via) | Self::Move(_, _, _, via) | Self::MoveRows(.., via) | Self::Call(via) => via,
        }
    }
}

/// By how much, or to what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeTo {
    /// `by +20%`, `by $5`
    By(Expr),
    /// `to EXPR`
    To(Expr),
}

/// `highest EXPR`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoveEnd {
    /// Which end of the order.
    pub extreme: Extreme,
    /// What orders the rows.
    pub by: Expr,
}

keywords! {
    /// Which end of an order.
    Extreme {
        /// The smallest first.
        Lowest "lowest",
        /// The largest first.
        Highest "highest",
    }
}

/// `via TARGET { args }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via {
    /// The target.
    pub target: TargetRef,
    /// What is passed on.
    pub arguments: Vec<Argument>,
}

/// A target's name, or `CONNECTOR.ACTION`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetRef {
    /// The connector, where there is a dot.
    pub connector: Option<Name>,
    /// The target or the action.
    pub name: Name,
}

/// `NAME = EXPR` in braces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// The parameter.
    pub name: Name,
    /// Its value.
    pub value: Expr,
}

/// A guard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecideClause {
    /// `keep COLUMN between A and B` and its kin
    Keep(Name, Vec<Bound>),
    /// `keep total COLUMN …`
    KeepTotal(KeepTotal),
    /// `keep change within R per DURATION`
    KeepChange(Expr, Expr),
    /// `at most N per run, lowest EXPR first`
    AtMost(AtMost),
    /// `cooldown DURATION`
    Cooldown(Expr),
    /// `no reversal within DURATION`
    NoReversal(Expr),
    /// `hands off for DURATION`
    HandsOff(Expr),
    /// `approval required`, `approval required above AMOUNT|RATIO`
    Approval(Option<Expr>),
}

/// One bound of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// A floor.
    AtLeast(Expr),
    /// A cap.
    AtMost(Expr),
}

/// `keep total COLUMN at most B`, `keep total COLUMN unchanged`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeepTotal {
    /// The column.
    pub column: Name,
    /// What it is held to.
    pub bound: TotalBound,
}

/// What a total is held to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TotalBound {
    /// Itself.
    Unchanged,
    /// A cap.
    AtMost(Expr),
}

/// `at most N per run, lowest EXPR first`, `at most N per run, surest first`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtMost {
    /// How many.
    pub limit: Spanned<u32>,
    /// Which first; else by key.
    pub first: Option<RowOrder>,
}

/// Which rows come first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowOrder {
    /// `lowest EXPR first`
    By(Extreme, Expr),
    /// `surest first`: where it stands.
    Surest(Span),
}

/// `alert NAME for each A in TABLE { … }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Its name.
    pub name: Name,
    /// `for each A, B`
    pub each: Vec<Name>,
    /// The table.
    pub table: Name,
    /// `when EXPR`
    pub when: Option<Expr>,
    /// `except on TABLE`
    pub except: Option<Name>,
    /// `on weekdays`
    pub on: Option<Spanned<OnDays>>,
    /// `severity warning`
    pub severity: Option<Spanned<Level>>,
    /// `say TEXT`
    pub say: Option<Spanned<Text>>,
    /// `to TARGET`
    pub to: Option<TargetRef>,
    /// `repeat after DURATION`
    pub repeat: Option<Expr>,
}

keywords! {
    /// How grave an alert is.
    Level {
        /// Worth knowing.
        Info "info",
        /// Worth a look.
        Warning "warning",
        /// Worth getting up for.
        Critical "critical",
    }
}
