//! Lengths of time on the calendar.

use std::fmt;

use cpl_syntax::tree::Unit;

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
