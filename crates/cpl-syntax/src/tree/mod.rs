//! The syntax tree: what was written, where, and nothing of what it means.

mod expr;
mod fetch;
mod item;
mod rule;
mod setting;
mod test;
mod transform;

pub use expr::{
    Arg, ArithOp, Call, CompareOp, Currency, Day, Direction, Expr, ExprKind, Literal, Logic, Path, Period, Piece,
    Relation, Text, Unit, WhichPeriod, Window, WindowKind, WindowOver, Word,
};
pub use fetch::{
    Clause, Coarse, Column, ColumnFrom, ColumnType, Fetch, FetchClause, MoneyOf, MoneyScale, Plain, TimeIn,
};
pub use item::{ArgumentType, Cadence, Dashboard, Driver, File, Goal, Let, Metric, Parameter, Pipeline, Target};
pub use rule::{
    Action, Alert, Argument, AtMost, Bound, ChangeTo, Decide, DecideClause, Extreme, KeepTotal, Level, MoveEnd, OnDays,
    RowOrder, TargetRef, TotalBound, Via,
};
pub use setting::{Setting, SettingValue};
pub use test::{Expectation, Given, GivenRows, RowState, Table, Test, TestClock};
pub use transform::{GroupItem, Join, JoinKey, Kept, Latest, SortBy, Stage, StageKind, Transform};
