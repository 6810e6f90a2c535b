//! Columns that the plan adds: the one place where they get their names. A pipeline's columns can't be named so.

use std::fmt;

/// A column that no pipeline declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum InternalColumn {
    /// The only column of a table that holds the total of another's column.
    Total,
    /// Whether a series has the current period.
    Present,
    /// How often a row's period is named by the table of what is left out.
    Except,
    /// The day of a row's hour, by which it is looked up there.
    ExceptDay,
    /// How often the newest complete period is named there, of the row's series: it may have no row of it.
    ExceptNewest,
    /// The newest complete period, or its day.
    Newest,
    /// A window expression of a table.
    Window(usize),
    /// Whether a rule's condition is surely true, or how far from it.
    Sure(usize),
    /// A part of a computed value, kept to explain why the value is unknown.
    Provenance(ProvenanceId, usize),
    /// The day of a row that is grouped.
    Day,
    /// What names a group, and whether it is known: groups of unknown names are joined too.
    GroupKey(usize),
    /// Whether it is known.
    GroupKeyKnown(usize),
    /// A column that tells how sure an aggregated value is.
    Estimate(EstimateId, usize),
}

/// An aggregated value in a condition that is to be sure: unique in a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EstimateId(pub usize);

/// A computed value whose parts are kept: unique in a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProvenanceId(pub usize);

impl fmt::Display for InternalColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Total => f.write_str("·total"),
            Self::Present => f.write_str("·present"),
            Self::Except => f.write_str("·except"),
            Self::ExceptDay => f.write_str("·except day"),
            Self::ExceptNewest => f.write_str("·except newest"),
            Self::Newest => f.write_str("·newest"),
            Self::Window(at) => write!(f, "·window{at}"),
            Self::Sure(at) => write!(f, "·sure{at}"),
            Self::Provenance(ProvenanceId(value), part) => write!(f, "·value{value}·{part}"),
            Self::Day => f.write_str("·day"),
            Self::GroupKey(at) => write!(f, "·key{at}"),
            Self::GroupKeyKnown(at) => write!(f, "·known{at}"),
            Self::Estimate(EstimateId(value), part) => write!(f, "·estimate{value}·{part}"),
        }
    }
}
