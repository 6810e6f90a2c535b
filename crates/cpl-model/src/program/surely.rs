//! The values of which `A is surely below B` is a condition.

/// What a condition gives.
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
}
