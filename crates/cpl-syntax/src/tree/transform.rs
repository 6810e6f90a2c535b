//! `transform` as written.

use super::{Clause, Expr, Path};
use crate::span::{Name, Span};

/// `transform NAME from TABLE { stages }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transform {
    /// The table's name.
    pub name: Name,
    /// The table it begins with.
    pub from: Name,
    /// Its stages, top to bottom.
    pub stages: Vec<Stage>,
}

/// A stage and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// What it does.
    pub kind: StageKind,
    /// Its source span.
    pub span: Span,
}

/// What a stage does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StageKind {
    /// `where EXPR`
    Where(Expr),
    /// `derive NAME = EXPR, …`
    Derive(Vec<(Name, Expr)>),
    /// `join T as t on A`
    Join(Box<Join>),
    /// `group by A { … }`, or `group { … }`
    Group(Vec<Expr>, Vec<GroupItem>),
    /// `keep A, B = EXPR`
    Keep(Vec<Kept>),
    /// `drop A`
    Drop(Vec<Path>),
    /// `sort A desc, B`
    Sort(Vec<SortBy>),
    /// `take N per A`
    Take(u32, Vec<Name>),
    /// `union T, U into NAME`
    Union(Vec<Name>, Option<Name>),
    /// `unpivot a as "x" into channel, spend`
    Unpivot(Vec<(Path, Option<Name>)>, Name, Name),
    /// `fill gaps for A`
    FillGaps(Vec<Name>),
    /// A check.
    Check(Box<Clause>),
}

/// `NAME = AGG`, or only a metric's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupItem {
    /// The column's name.
    pub name: Name,
    /// Its aggregate.
    pub value: Option<Expr>,
}

/// `A`, or `B = EXPR`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The column.
    pub path: Path,
    /// Its value, where it is computed.
    pub value: Option<Expr>,
}

/// `A desc`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SortBy {
    /// The column.
    pub path: Path,
    /// Largest first.
    pub descending: bool,
}

/// `left join many T as t on A = B, latest …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    /// Left join: unmatched rows are kept.
    pub left: bool,
    /// The author accepts a fan-out: `many`.
    pub many: bool,
    /// The right side.
    pub table: Name,
    /// Its name in later stages.
    pub alias: Option<Name>,
    /// What must be equal; none for a one-row table.
    pub on: Vec<JoinKey>,
    /// As-of join: the newest matching row.
    pub latest: Option<Latest>,
    /// `or none`: none of the rows may have a match.
    pub or_none: Option<Span>,
}

/// `A`, or `A = T_COLUMN`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinKey {
    /// The left column.
    pub left: Path,
    /// The right one, where its name differs.
    pub right: Option<Path>,
}

/// `latest T_TIME before TIME within 7 days`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latest {
    /// The right side's time.
    pub right: Path,
    /// The left side's.
    pub left: Path,
    /// How far back.
    pub within: Expr,
}
