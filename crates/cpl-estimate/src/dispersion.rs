//! How far days scatter.

/// The days of an estimate, as sums over those that have something to count in: an amount spent, clicks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Days {
    /// The sum of each day's count, squared, divided by what it was counted in.
    pub squares: f64,
    /// The sum of the counts.
    pub count: f64,
    /// The sum of what they were counted in; of plain counts the number of days.
    pub of: f64,
    /// How many days.
    pub days: f64,
}

/// How much further the counts of days scatter than dice would.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dispersion {
    /// The variance of a day's count, divided by that of dice: 1 or more.
    pub factor: f64,
    /// From how many days that is known, less one; none where it was not looked at.
    pub freedom: Option<f64>,
}

impl Dispersion {
    /// As dice.
    pub const NONE: Self = Self { factor: 1.0, freedom: None };

    /// Pearson's chi-square of the days' counts, divided by the number of days less one, and never below 1 (McCullagh and Nelder,
    /// *Generalized Linear Models*, 2nd edition, section 4.5). The expected counts are in proportion to what they were counted in;
    /// `is_share` where that is what a count can't pass, such as clicks. As dice where there is only one day, or nothing was counted.
    #[must_use]
    pub fn of(days: Days, is_share: bool) -> Self {
        let Days { squares, count, of, days } = days;
        let freedom = days - 1.0;
        let rest = if is_share { 1.0 - count / of } else { 1.0 };
        if !(freedom > 0.0 && count > 0.0 && of > 0.0 && rest > 0.0) {
            return Self::NONE;
        }
        let chi_square = (squares * of / count - count) / rest;
        // To a billionth: one customer each day scatters as dice do, whatever the last bit says.
        let factor = (chi_square / freedom * 1e9).round() / 1e9;
        Self { factor: factor.max(1.0), freedom: Some(freedom) }
    }
}
