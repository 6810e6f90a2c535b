//! Lengths of time on the calendar.

use std::fmt;

use cpl_syntax::{
    Span,
    tree::{Unit, WindowKind},
};

/// A length of time on the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Length {
    /// How many.
    pub length: u32,
    /// Of what.
    pub unit: Unit,
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Second => "second",
            Unit::Minute => "minute",
            Unit::Hour => "hour",
            Unit::Day => "day",
            Unit::Week => "week",
            Unit::Month => "month",
        };
        write!(f, "{} {unit}{}", self.length, if self.length == 1 { "" } else { "s" })
    }
}

/// A stretch of complete periods before the window of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastWindow {
    /// Which.
    pub kind: WindowKind,
    /// How long the figures of a period still move after it is over, in microseconds: the stretch ends before those that do.
    /// 0 where all complete periods are wanted.
    pub settles: i64,
    /// Where it is written.
    pub span: Span,
}
