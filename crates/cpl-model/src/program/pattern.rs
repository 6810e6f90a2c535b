//! What is usual in a series.

use super::{Day, Length, Unit};
use crate::{
    clock::{Grain, Start},
    types::Type,
};

/// Which rows of a series are judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judged {
    /// Each of them.
    All,
    /// That of a rule's newest complete period, one of those days where some are named: the plan writes it.
    Newest(Vec<Day>),
    /// The same, of a plan that is bound to a clock.
    At(Start),
}

impl Length {
    /// How many periods it is; none where it counts none of them whole.
    #[must_use]
    pub fn periods(self, grain: Grain) -> Option<u32> {
        let times = match (grain, self.unit) {
            (Grain::Hour, Unit::Hour) | (Grain::Day, Unit::Day) | (Grain::Week, Unit::Week) => 1,
            (Grain::Month, Unit::Month) => 1,
            (Grain::Hour, Unit::Day) => 24,
            (Grain::Hour, Unit::Week) => 7 * 24,
            (Grain::Day, Unit::Week) => 7,
            (Grain::Week, Unit::Day) if self.length.is_multiple_of(7) => return Some(self.length / 7),
            _ => return None,
        };
        self.length.checked_mul(times)
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternValue {
    /// `x breaks pattern`: whether the value lies further from the usual one than it does by itself.
    IsBroken,
    /// `usual(x)`: the usual value.
    Usual,
    /// The lowest value that does not break it.
    Low,
    /// The highest.
    High,
    /// How many periods before it have a value.
    Known,
    /// What the usual value rests on: so many customers a day.
    Count,
}

impl PatternValue {
    /// What the report tells beside the value.
    pub const SHOWN: [Self; 5] = [Self::Usual, Self::Low, Self::High, Self::Known, Self::Count];

    /// Its type, of a value of that type.
    #[must_use]
    pub fn ty(self, value: Type) -> Type {
        match self {
            Self::IsBroken => Type::Bool,
            Self::Known => Type::Count,
            Self::Count => Type::Number,
            Self::Usual | Self::Low | Self::High if value.is_quantity() => Type::Number,
            Self::Usual | Self::Low | Self::High => value,
        }
    }
}
