//! What `A is surely below B` asks, and of which values.

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SurelyValue {
    /// Whether it is so.
    Outcome,
    /// The chance that it is not so: the surest row has the lowest.
    Doubt,
}

/// The forms of values that tell how sure they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EstimateForm {
    /// `sum(money) / sum(count)`: the amount, the count.
    PerCount,
    /// `sum(count) / sum(count)`: the count, what it is a share of.
    Share,
    /// `sum(count)`, `count()`: it.
    Count,
    /// `mean(x)`: it, the values' standard deviation, how many there are.
    Mean,
}

impl EstimateForm {
    /// How many columns tell what was seen.
    #[must_use]
    pub fn seen(self) -> usize {
        match self {
            Self::PerCount | Self::Share => 2,
            Self::Count => 1,
            Self::Mean => 3,
        }
    }

    /// How many columns tell how far days scatter, where the rows have days: the sum of each day's count, squared, divided by what it was
    /// counted in; the sums of both; how many days.
    #[must_use]
    pub fn by_day(self) -> usize {
        if self == Self::Mean { 0 } else { 4 }
    }
}
