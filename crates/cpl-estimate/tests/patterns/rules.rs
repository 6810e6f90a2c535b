//! How far each day lies from what is usual, in deviations, by several rules; NaN where nothing is said.

use cpl_estimate::pattern::{History, LEAST_DISTANCE, Lookback, Series, histories};
use cpl_model::clock::Grain;

use crate::series::{DAYS, Made};

pub type Rule = fn(&Made) -> Vec<f64>;

pub fn breaks_pattern(made: &Made) -> Vec<f64> {
    let parts: Vec<u8> = (0..7).cycle().take(DAYS).collect();
    let series = Series { values: &made.values, counts: Some(&made.counts), parts: &parts };
    let at: Vec<usize> = (0..DAYS).collect();
    let far = |(value, found): (&f64, History)| {
        let Some(usual) = found.usual.filter(|_| found.has_enough_counts()) else { return f64::NAN };
        if (value / usual.value - 1.0).abs() < LEAST_DISTANCE {
            return 0.0;
        }
        (value / usual.value).ln().abs() / usual.deviation
    };
    let found = histories(&series, Lookback::of(Grain::Day, None), &at);
    made.values.iter().zip(found).map(far).collect()
}

/// The mean of 56 days, and their standard deviation.
pub fn mean(made: &Made) -> Vec<f64> {
    each(|day| {
        let values = known(made.values[day.saturating_sub(56)..day].iter().copied());
        let (mean, deviation) = mean_and_deviation(&values);
        (made.values[day] - mean).abs() / deviation
    })
}

/// The median of the last eight of that weekday, and their median absolute deviation.
pub fn median_of_weekday(made: &Made) -> Vec<f64> {
    each(|day| {
        let values = same_weekdays(made, day, 8);
        let usual = median(values.clone());
        let deviation = 1.4826 * median(values.iter().map(|value| (value - usual).abs()).collect());
        (made.values[day] - usual).abs() / deviation
    })
}

/// The mean of the last four of that weekday, and their standard deviation.
pub fn last_four(made: &Made) -> Vec<f64> {
    each(|day| {
        let (mean, deviation) = mean_and_deviation(&same_weekdays(made, day, 4));
        (made.values[day] - mean).abs() / deviation
    })
}

/// Least squares on the values 1, 2, 3, 7 and 14 days before, over 56 days.
pub fn regression(made: &Made) -> Vec<f64> {
    let row = |day: usize| -> Option<[f64; WIDTH]> {
        let mut row = [1.0; WIDTH];
        for (at, lag) in [1, 2, 3, 7, 14].into_iter().enumerate() {
            row[at + 1] = made.values[day.checked_sub(lag)?];
        }
        (!row.iter().any(|value| value.is_nan())).then_some(row)
    };
    each(|day| {
        let Some(now) = row(day) else { return f64::NAN };
        let before = (day.saturating_sub(56)..day).filter_map(|day| Some((row(day)?, made.values[day])));
        let rows: Vec<([f64; WIDTH], f64)> = before.filter(|(_, value)| !value.is_nan()).collect();
        let Some(by) = least_squares(&rows).filter(|_| rows.len() >= 20) else { return f64::NAN };
        let of = |row: &[f64; WIDTH]| row.iter().zip(&by).map(|(a, b)| a * b).sum::<f64>();
        let squares: f64 = rows.iter().map(|(row, value)| (value - of(row)).powi(2)).sum();
        (made.values[day] - of(&now)).abs() / (squares / (size(rows.len()) - size(WIDTH))).sqrt()
    })
}

const WIDTH: usize = 6;

fn each(far: impl Fn(usize) -> f64) -> Vec<f64> {
    (0..DAYS).map(far).collect()
}

fn known(values: impl Iterator<Item = f64>) -> Vec<f64> {
    values.filter(|value| !value.is_nan()).collect()
}

pub fn size(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

fn same_weekdays(made: &Made, day: usize, weeks: usize) -> Vec<f64> {
    let days = (1..=weeks).filter_map(|week| day.checked_sub(7 * week));
    known(days.map(|day| made.values[day]))
}

fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / size(values.len());
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (size(values.len()) - 1.0)).sqrt())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let count = values.len();
    if count == 0 { f64::NAN } else { f64::midpoint(values[(count - 1) / 2], values[count / 2]) }
}

/// The normal equations, by Gauss and Jordan.
fn least_squares(rows: &[([f64; WIDTH], f64)]) -> Option<[f64; WIDTH]> {
    let mut a = [[0.0; WIDTH + 1]; WIDTH];
    for (x, y) in rows {
        for (line, own) in a.iter_mut().zip(x) {
            line.iter_mut().zip(x.iter().chain([y])).for_each(|(sum, other)| *sum += own * other);
        }
    }
    for at in 0..WIDTH {
        let pivot = (at..WIDTH).max_by(|p, q| a[*p][at].abs().total_cmp(&a[*q][at].abs()))?;
        a.swap(at, pivot);
        let own = a[at];
        if own[at].abs() < 1e-9 {
            return None;
        }
        for (_, line) in a.iter_mut().enumerate().filter(|(row, _)| *row != at) {
            let times = line[at] / own[at];
            line.iter_mut().zip(own).for_each(|(value, of)| *value -= times * of);
        }
    }
    Some(std::array::from_fn(|at| a[at][WIDTH] / a[at][at]))
}
