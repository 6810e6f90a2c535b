//! What is true of patterns, whatever the series.

use cpl_estimate::pattern::{DEVIATIONS, History, Lookback, Series, histories};
use cpl_model::clock::Grain;
use fastrand::Rng;

const DAYS: usize = 220;

/// A series with a season, holes, wild values, and now and then values below 0.
fn series(rng: &mut Rng) -> Vec<f64> {
    let shift = if rng.u8(..4) == 0 { 150.0 } else { 0.0 };
    let mut level = 200.0;
    let day = |day: usize| {
        level *= 0.95 + 0.1 * rng.f64();
        let season = if day % 7 >= 5 { 0.6 } else { 1.0 };
        match rng.u8(..30) {
            0 => f64::NAN,
            1 => level * 20.0,
            2 => 0.0,
            _ => level * season * (0.9 + 0.2 * rng.f64()) - shift,
        }
    };
    (0..DAYS).map(day).collect()
}

fn found(values: &[f64], first_part: usize) -> Vec<History> {
    let parts: Vec<u8> = (0..7).cycle().skip(first_part).take(values.len()).collect();
    let at: Vec<usize> = (0..values.len()).collect();
    histories(&Series { values, counts: None, parts: &parts }, lookback(), &at)
}

fn lookback() -> Lookback {
    Lookback::of(Grain::Day, None)
}

fn each(check: impl Fn(&mut Rng, &[f64])) {
    for seed in 0..60 {
        let mut rng = Rng::with_seed(seed);
        let values = series(&mut rng);
        check(&mut rng, &values);
    }
}

fn same(some: &[History], others: &[History]) {
    assert_eq!(some.len(), others.len());
    for (day, (one, other)) in some.iter().zip(others).enumerate() {
        assert_eq!(one, other, "day {day}");
    }
}

fn is_near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
}

#[test]
fn a_larger_unit_gives_larger_bounds() {
    each(|_, values| {
        let larger: Vec<f64> = values.iter().map(|value| value * 100.0).collect();
        for (one, other) in found(values, 0).iter().zip(found(&larger, 0)) {
            assert_eq!(one.known, other.known);
            let ([low, high], [lower, higher]) = match (one.usual, other.usual) {
                (None, None) => continue,
                (a, b) => {
                    [a, b].map(|usual| usual.expect("both are known").bounds(DEVIATIONS)).map(|(a, b)| [a, b]).into()
                }
            };
            assert!(is_near(low * 100.0, lower) && is_near(high * 100.0, higher), "{low} {lower} {high} {higher}");
        }
    });
}

#[test]
fn whole_weeks_later_nothing_is_different() {
    each(|_, values| {
        let mut later = vec![f64::NAN; 21];
        later.extend(values);
        same(&found(values, 0), &found(&later, 0)[21..]);
    });
}

#[test]
fn a_later_value_never_changes_an_earlier_verdict() {
    each(|rng, values| {
        let at = rng.usize(..DAYS);
        let mut other = values.to_vec();
        other[at] = 1e6 * rng.f64();
        same(&found(values, 0)[..=at], &found(&other, 0)[..=at]);
        other.truncate(at);
        same(&found(values, 0)[..at], &found(&other, 0));
    });
}

#[test]
fn values_beyond_the_reach_have_no_say() {
    each(|rng, values| {
        let at = DAYS - 1;
        let mut other = values.to_vec();
        for value in &mut other[..at - lookback().reach()] {
            *value = if rng.bool() { f64::NAN } else { 1e4 * rng.f64() };
        }
        assert_eq!(found(values, 0)[at], found(&other, 0)[at]);
        // Those asked for alone are told as among all.
        let parts: Vec<u8> = (0..7).cycle().take(DAYS).collect();
        let series = Series { values, counts: None, parts: &parts };
        same(&found(values, 0)[150..], &histories(&series, lookback(), &(150..DAYS).collect::<Vec<_>>()));
    });
}

/// However wild one value is, the usual one stays between what it is with the lowest and with the highest of them.
#[test]
fn one_wild_value_moves_the_usual_by_no_more_than_its_rank() {
    each(|rng, values| {
        let at = DAYS - 1 - rng.usize(..14);
        let usual = |wild: f64| {
            let mut other = values.to_vec();
            other[at] = wild;
            found(&other, 0)[DAYS - 1].usual.map(|usual| usual.value)
        };
        let (Some(high), Some(wild)) = (usual(1e5), usual(1e12)) else { return };
        assert!(is_near(high, wild), "{high} {wild}");
    });
}

#[test]
fn constant_series_are_known_to_5_percent() {
    let found = found(&[40.0; DAYS], 0);
    let last = found[DAYS - 1].usual.expect("a long series");
    assert!(is_near(last.value, 40.0) && is_near(last.deviation, 0.05), "{last:?}");
    let (low, high) = last.bounds(DEVIATIONS);
    assert!(!last.is_broken_by(low, DEVIATIONS) && !last.is_broken_by(high, DEVIATIONS));
    assert!(last.is_broken_by(low * 0.999, DEVIATIONS) && last.is_broken_by(high * 1.001, DEVIATIONS));
    assert_eq!(found.iter().position(|history| history.usual.is_some()), Some(14));
}

#[test]
fn small_counts_are_not_told_from_chance() {
    let parts: Vec<u8> = (0..7).cycle().take(DAYS).collect();
    for (count, is_told) in [(24.0, false), (25.0, true)] {
        let (values, counts) = ([40.0; DAYS], [count; DAYS]);
        let series = Series { values: &values, counts: Some(&counts), parts: &parts };
        let last = histories(&series, lookback(), &[DAYS - 1])[0];
        assert_eq!(last.has_enough_counts(), is_told);
        assert!(last.usual.is_some_and(|usual| is_near(usual.deviation, (1.0_f64 / count).sqrt())));
    }
}

/// How many days of a hundred break the pattern, once the series is known.
fn broken_of_hundred(values: &[f64]) -> usize {
    let found = found(values, 0);
    let is_broken = |day: usize| {
        let usual = found[day].usual.filter(|_| !values[day].is_nan());
        usual.is_some_and(|usual| usual.is_broken_by(values[day], DEVIATIONS))
    };
    (DAYS - 100..DAYS).filter(|day| is_broken(*day)).count()
}

#[test]
fn days_without_anything_are_no_exceptions_where_they_are_many() {
    for tenths in 2..10 {
        each(|rng, _| {
            let mut day = || if rng.u8(..10) < tenths { 30.0 + 10.0 * rng.f64() } else { 0.0 };
            let values: Vec<f64> = (0..DAYS).map(|_| day()).collect();
            assert!(
                broken_of_hundred(&values) <= 12,
                "{tenths}0% of days with something: {}",
                broken_of_hundred(&values)
            );
        });
    }
}

#[test]
fn a_shop_that_is_closed_on_weekends_has_usual_weekends() {
    each(|rng, _| {
        let mut day = |day: usize| if day % 7 >= 5 { 0.0 } else { 90.0 + 20.0 * rng.f64() };
        let mut values: Vec<f64> = (0..DAYS).map(&mut day).collect();
        assert!(broken_of_hundred(&values) <= 1, "{}", broken_of_hundred(&values));
        let last = DAYS - 1 - (DAYS - 1) % 7;
        values[last] = 20.0;
        let found = found(&values, 0)[last].usual.expect("a long series");
        assert!(found.is_broken_by(20.0, DEVIATIONS) && !found.is_broken_by(100.0, DEVIATIONS), "{found:?}");
    });
}
