//! What is usual in a series, and whether a value breaks the pattern.
//!
//! The usual value of a period is the series' level, the median of its last two weeks, times the season of its weekday or hour. How far
//! values lie from it is learnt from this very forecast: it is made again for each of the last 56 periods, from what lay before them,
//! and the median of its errors is the measure. So a trend, a season that moves or a restless channel make the bounds wide by
//! themselves. Medians, since one wild value must not move them.
//!
//! | step | function | source |
//! |---|---|---|
//! | logarithms, where values are above 0 | [`Scale`] | Box and Cox, *Journal of the Royal Statistical Society* B 26, 1964 |
//! | distance from a centred median | `distances` | the ratio to a moving average: Macaulay, *The Smoothing of Time Series*, 1931; the median: Tukey, *Exploratory Data Analysis*, 1977 |
//! | season: the median of the distances | `Season` | the same |
//! | level: a running median | `level` | Tukey, the same |
//! | deviation: 1.4826 times the median size of the errors | `deviation` | Hampel, *Journal of the American Statistical Association* 69, 1974 |
//! | never below what counts allow | `Usual::of` | a Poisson count's deviation is the root of its mean |
//!
//! A verdict rests on earlier periods alone: later values never change it. The constants are frozen on the series of `tests/patterns`,
//! where a third of the planted anomalies is found at a false alert in ten weeks of twelve series.

use std::ops::Range;

use cpl_model::{clock::Grain, program::Length};

/// How many deviations break a pattern, where none are said.
pub const DEVIATIONS: f64 = 3.5;
/// How far a value lies at least from the usual one to break the pattern, as a share of it.
pub const LEAST_DISTANCE: f64 = 0.15;
/// The least deviation, as a share of the usual value.
const LEAST_DEVIATION: f64 = 0.05;
/// The least usual count: fewer scatter by more than a fifth by chance, and a doubling could not be told from it.
pub const LEAST_COUNT: f64 = 25.0;
/// Times the median of the errors, that is the standard deviation of normal ones.
const NORMAL: f64 = 1.4826;
/// Times the ninth decile of the sizes of errors, that is the standard deviation of normal ones.
const WIDE_NORMAL: f64 = 1.0 / 1.644_853_626_951_472_2;
/// How many distances a season needs.
const LEAST_SEASONS: usize = 2;
/// Two numbers that differ by less are equal, as in each comparison of the language.
const EQUAL: f64 = 1e-9;

/// How far is looked back, in periods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lookback {
    /// Over how many the season and the errors are learnt.
    pub periods: usize,
    /// Over how many the level is.
    pub level: usize,
    /// How many make a season: 7 days, 24 hours; 1 where there is none.
    pub season: usize,
}

impl Lookback {
    /// Of a series of such periods: 56 of them, 14 days of hours, or as far as the pipeline says.
    #[must_use]
    pub fn of(grain: Grain, over: Option<Length>) -> Self {
        let (periods, level, season) = match grain {
            Grain::Hour => (14 * 24, 7 * 24, 24),
            Grain::Day => (56, 14, 7),
            Grain::Week | Grain::Month => (56, 14, 1),
        };
        let periods = over.and_then(|over| over.periods(grain)).map_or(periods, |periods| periods as usize);
        Self { periods, level: level.min(periods), season }
    }

    /// How many values are needed at least: those of two seasons.
    #[must_use]
    pub fn least(&self) -> usize {
        2 * self.least_errors()
    }

    /// How many errors of forecasts.
    fn least_errors(&self) -> usize {
        self.season.max(7)
    }

    /// How many periods before a value may have a say in its verdict.
    #[must_use]
    pub fn reach(&self) -> usize {
        2 * self.periods + self.level + self.season
    }
}

/// A series, a value for each of its periods in their order.
#[derive(Clone, Copy, Debug)]
pub struct Series<'a> {
    /// The values; NaN where one is unknown, or left out.
    pub values: &'a [f64],
    /// What each is counted in, such as customers; none where nothing tells.
    pub counts: Option<&'a [f64]>,
    /// Which part of the season each is: its weekday, its hour of the day.
    pub parts: &'a [u8],
}

/// What was found before a period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct History {
    /// How many known values lie in the time that is looked back on.
    pub known: usize,
    /// The usual count; none where nothing tells it.
    pub count: Option<f64>,
    /// What is usual; none where too few values are known.
    pub usual: Option<Usual>,
}

impl History {
    /// Whether counts are large enough that a doubling is told from chance.
    #[must_use]
    pub fn has_enough_counts(&self) -> bool {
        self.count.is_none_or(|count| count >= LEAST_COUNT)
    }
}

/// How values are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// By their logarithms: a doubling is as far as a halving.
    Logarithm,
    /// As they are, where they pass 0.
    Plain,
}

/// What is usual.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usual {
    /// The usual value, in the unit of the series.
    pub value: f64,
    /// How far values lie from it by themselves, on the scale.
    pub deviation: f64,
    /// The scale.
    pub scale: Scale,
}

impl Scale {
    /// Logarithms, where but for one of twenty all values are above 0.
    fn fitting(positive: usize, known: usize) -> Self {
        if 20 * positive >= 19 * known { Self::Logarithm } else { Self::Plain }
    }

    fn of(self, value: f64) -> f64 {
        match self {
            Self::Plain => value,
            Self::Logarithm if value > 0.0 => libm::log(value),
            Self::Logarithm if value.is_nan() => f64::NAN,
            // Nothing is below it.
            Self::Logarithm => f64::NEG_INFINITY,
        }
    }

    fn back(self, measured: f64) -> f64 {
        match self {
            Self::Plain => measured,
            Self::Logarithm => libm::exp(measured),
        }
    }
}

impl Usual {
    /// What is usual by a forecast and its deviation, which is never below 5% of it, nor below what `count` things scatter by chance.
    fn of(forecast: f64, deviation: f64, count: Option<f64>, scale: Scale) -> Self {
        let value = scale.back(forecast);
        let least = count.map_or(LEAST_DEVIATION, |count| LEAST_DEVIATION.max(libm::sqrt(1.0 / count)));
        let least = if scale == Scale::Plain { least * value.abs() } else { least };
        Self { value, deviation: deviation.max(least), scale }
    }

    /// Between which values a pattern holds that so many deviations break.
    #[must_use]
    pub fn bounds(&self, deviations: f64) -> (f64, f64) {
        let usual = self.scale.of(self.value);
        let far = deviations * self.deviation;
        let (low, high) = (self.scale.back(usual - far), self.scale.back(usual + far));
        let least = LEAST_DISTANCE * self.value.abs();
        (low.min(self.value - least), high.max(self.value + least))
    }

    /// Whether a value lies outside of them.
    #[must_use]
    pub fn is_broken_by(&self, value: f64, deviations: f64) -> bool {
        let (low, high) = self.bounds(deviations);
        let slack = |bound: f64| EQUAL * bound.abs();
        // Below 0 a logarithm tells no difference.
        let value = if self.scale == Scale::Logarithm { value.max(0.0) } else { value };
        value < low - slack(low) || value > high + slack(high)
    }
}

/// What was found before each of some periods of a series, which are given in their order.
///
/// # Panics
/// Where they are not.
#[must_use]
pub fn histories(series: &Series<'_>, lookback: Lookback, at: &[usize]) -> Vec<History> {
    assert!(at.is_sorted(), "periods in their order");
    let (known, positive) =
        (Tally::of(series.values, |value| !value.is_nan()), Tally::of(series.values, |value| value > 0.0));
    let mut looking = Looking { series, lookback, at, known, positive, measured: [None, None] };
    at.iter().map(|at| looking.history(*at)).collect()
}

/// How many values of each stretch of a series are such: running totals.
struct Tally(Vec<usize>);

impl Tally {
    fn of(values: &[f64], is_such: impl Fn(f64) -> bool) -> Self {
        let totals = values.iter().scan(0, |total, value| {
            *total += usize::from(is_such(*value));
            Some(*total)
        });
        Self([0].into_iter().chain(totals).collect())
    }

    fn within(&self, periods: Range<usize>) -> usize {
        self.0[periods.end.max(periods.start)] - self.0[periods.start]
    }
}

/// A look back on a series from some of its periods.
struct Looking<'a> {
    series: &'a Series<'a>,
    lookback: Lookback,
    at: &'a [usize],
    known: Tally,
    positive: Tally,
    /// What the forecast was for each period, by scale; made when it is first needed.
    measured: [Option<Forecasts>; 2],
}

/// What was forecast on a scale, and how far off it was.
struct Forecasts {
    each: Vec<f64>,
    /// The size of each error; NaN where one is unknown.
    errors: Vec<f64>,
    /// The known ones of the periods that are looked back on.
    recent: SortedWindow,
}

impl Looking<'_> {
    fn history(&mut self, at: usize) -> History {
        let Lookback { periods, level, .. } = self.lookback;
        let before = at.saturating_sub(periods + level)..at;
        let known = self.known.within(before.clone());
        let count = self.series.counts.map(|counts| median(&mut known_of(&counts[at.saturating_sub(level)..at])));
        let count = count.filter(|count| !count.is_nan());
        let mut found = History { known, count, usual: None };
        if known < self.lookback.least() {
            return found;
        }
        let scale = Scale::fitting(self.positive.within(before), known);
        let forecast = self.forecast(at, scale);
        found.usual = forecast.map(|(forecast, deviation)| Usual::of(forecast, deviation, count, scale));
        found
    }

    /// The forecast of a period and its deviation; none where too few errors are known.
    fn forecast(&mut self, at: usize, scale: Scale) -> Option<(f64, f64)> {
        let Lookback { periods, level, .. } = self.lookback;
        let (from, to) = (self.at.first()?.saturating_sub(periods), self.at.last()?);
        let made = self.measured[usize::from(scale == Scale::Plain)]
            .get_or_insert_with(|| Forecasts::of(self.series, self.lookback, scale, from..*to + 1));
        let early = at.saturating_sub(self.lookback.reach())..(at + 1).saturating_sub(periods + level);
        let is_short = self.known.within(early) == 0;
        made.recent.move_to(at.saturating_sub(periods)..at, &made.errors);
        let errors = &made.recent.sorted;
        if errors.len() < self.lookback.least_errors() {
            return None;
        }
        let (forecast, deviation) = (made.each[at], deviation(errors, is_short || scale == Scale::Plain));
        (forecast < f64::INFINITY && deviation.is_finite()).then_some((forecast, deviation))
    }
}

impl Forecasts {
    /// The forecasts of some periods, each from what lies before it: the level, and the season of the period's part.
    fn of(series: &Series<'_>, lookback: Lookback, scale: Scale, at: Range<usize>) -> Self {
        let values: Vec<f64> = series.values.iter().map(|value| scale.of(*value)).collect();
        let from = at.start.saturating_sub(lookback.reach());
        let mut season = Season::of(&values, series.parts, lookback, from);
        let mut forecasts = vec![f64::NAN; values.len()];
        for at in at {
            season.move_to(at);
            let level =
                level(&values, series.parts, &season, at.saturating_sub(lookback.level)..at, lookback.least_errors());
            forecasts[at] = level + season.of_part[usize::from(series.parts[at])];
        }
        let errors = values.iter().zip(&forecasts).map(|(value, forecast)| (value - forecast).abs()).collect();
        Self { each: forecasts, errors, recent: SortedWindow::default() }
    }
}

/// The known values of a stretch that moves on, smallest first.
#[derive(Default)]
struct SortedWindow {
    periods: Range<usize>,
    sorted: Vec<f64>,
}

impl SortedWindow {
    /// Holds the values of those periods, which begin and end no earlier than those it held before.
    fn move_to(&mut self, periods: Range<usize>, values: &[f64]) {
        let known = |periods: Range<usize>| values[periods].iter().filter(|value| !value.is_nan());
        let place = |sorted: &[f64], value: &f64| sorted.partition_point(|other| other.total_cmp(value).is_lt());
        for value in known(self.periods.start..periods.start.min(self.periods.end)) {
            self.sorted.remove(place(&self.sorted, value));
        }
        for value in known(self.periods.end.max(periods.start)..periods.end) {
            self.sorted.insert(place(&self.sorted, value), *value);
        }
        self.periods = periods;
    }
}

/// How far each part of a season lies from the level: the median of its distances over the time that is looked back on.
struct Season {
    of_part: Vec<f64>,
    distances: Vec<f64>,
    /// The periods of each part.
    periods: Vec<Vec<usize>>,
    parts: Vec<u8>,
    lookback: Lookback,
    /// The period from which is looked back.
    at: usize,
}

impl Season {
    fn of(values: &[f64], parts: &[u8], lookback: Lookback, from: usize) -> Self {
        let mut periods: Vec<Vec<usize>> = vec![Vec::new(); usize::from(u8::MAX) + 1];
        for (at, part) in parts.iter().enumerate().skip(from) {
            periods[usize::from(*part)].push(at);
        }
        let distances = distances(values, lookback.season, from);
        let of_part = vec![0.0; periods.len()];
        Self { of_part, distances, periods, parts: parts.to_vec(), lookback, at: from }
    }

    /// Looks back from that period. A period enters once the whole of its centred median lies before: only its part, and that of the
    /// one that leaves, change.
    fn move_to(&mut self, at: usize) {
        if self.lookback.season < 2 {
            return;
        }
        let behind = self.lookback.season.div_ceil(2);
        let changed = |before: usize, now: usize| before..now.max(before);
        let entered = changed((self.at + 1).saturating_sub(behind), (at + 1).saturating_sub(behind));
        let left = changed(self.at.saturating_sub(self.lookback.periods), at.saturating_sub(self.lookback.periods));
        let mut parts: Vec<u8> = entered.chain(left).map(|period| self.parts[period]).collect();
        parts.sort_unstable();
        parts.dedup();
        self.at = at;
        for part in parts {
            let of_part = &self.periods[usize::from(part)];
            let from = of_part.partition_point(|period| period + self.lookback.periods < at);
            let to = of_part.partition_point(|period| period + behind <= at);
            let mut known: Vec<f64> = of_part[from.min(to)..to].iter().map(|at| self.distances[*at]).collect();
            known.retain(|distance| !distance.is_nan());
            let is_known = known.len() >= LEAST_SEASONS;
            self.of_part[usize::from(part)] = if is_known { median(&mut known) } else { 0.0 };
        }
    }
}

/// How far each value lies from the median of the season around it; unknown where less than half of that is known.
fn distances(values: &[f64], season: usize, from: usize) -> Vec<f64> {
    let (before, behind) = (season / 2, season.div_ceil(2));
    let mut distances = vec![f64::NAN; values.len()];
    for at in from..(values.len() + 1).saturating_sub(behind) {
        let mut around = known_of(&values[at.saturating_sub(before)..at + behind]);
        let centre = if around.len() * 2 > season { median(&mut around) } else { f64::NAN };
        if centre.is_finite() {
            distances[at] = values[at] - centre;
        }
    }
    distances
}

/// The median of some periods without their season; unknown where fewer than `least` are known.
fn level(values: &[f64], parts: &[u8], season: &Season, periods: Range<usize>, least: usize) -> f64 {
    let mut known: Vec<f64> = periods.map(|at| values[at] - season.of_part[usize::from(parts[at])]).collect();
    known.retain(|value| !value.is_nan());
    if known.len() < least.max(1) { f64::NAN } else { median(&mut known) }
}

/// How far forecasts are off by themselves, from the sizes of their errors, as the standard deviation of normal ones. In a short series the
/// season is not known, or from two weeks alone, and in one that passes 0 most days may be alike and some not: there its largest errors
/// have a say too.
fn deviation(sorted: &[f64], is_wide: bool) -> f64 {
    let deviation = NORMAL * median_of_sorted(sorted);
    if !is_wide {
        return deviation;
    }
    let finite = sorted.partition_point(|error| error.is_finite());
    deviation.max(WIDE_NORMAL * ninth_decile(&sorted[..finite]))
}

fn known_of(values: &[f64]) -> Vec<f64> {
    values.iter().copied().filter(|value| !value.is_nan()).collect()
}

/// The value below which nine of ten others lie: never the largest of ten or fewer, which may be a wild one. Unknown of nothing.
fn ninth_decile(sorted: &[f64]) -> f64 {
    sorted.len().checked_sub(1).map_or(f64::NAN, |others| sorted[others * 9 / 10])
}

/// The median; unknown of nothing. Of two in the middle of which one lies infinitely far, the other.
fn median(values: &mut [f64]) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let middle = values.len() / 2;
    let upper = *values.select_nth_unstable_by(middle, f64::total_cmp).1;
    let lower = if values.len().is_multiple_of(2) {
        values[..middle].iter().copied().max_by(f64::total_cmp).unwrap_or(upper)
    } else {
        upper
    };
    middle_of(lower, upper)
}

/// The median of values that stand smallest first; the same as of others.
fn median_of_sorted(sorted: &[f64]) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    middle_of(sorted[last / 2], sorted[sorted.len() / 2])
}

/// What lies between the two values in the middle.
fn middle_of(lower: f64, upper: f64) -> f64 {
    match (lower.is_finite(), upper.is_finite()) {
        (true, true) => f64::midpoint(lower, upper),
        (true, false) => lower,
        (false, _) => upper,
    }
}
