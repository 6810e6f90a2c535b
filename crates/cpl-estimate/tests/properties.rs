//! What must be true of any estimate, whatever the formula.

use cpl_estimate::{Chance, Dispersion, Estimate, Evidence, compare};
use cpl_model::program::Direction::{Above, Below};

/// Estimates of all forms, with days of all kinds.
fn estimates() -> Vec<Estimate> {
    let scatters = [Dispersion::NONE, Dispersion { factor: 1.7, freedom: Some(6.0) }];
    let counts = [1.0, 5.0, 23.0, 400.0, 1e6];
    let forms = counts.into_iter().flat_map(|count| {
        [
            Evidence::PerCount { amount: 41.0 * count, count },
            Evidence::Share { count, of: 25.0 * count },
            Evidence::Count { count },
            Evidence::Mean { mean: 41.0, deviation: 20.0, count: count + 1.0 },
        ]
    });
    let of = |form| scatters.iter().filter_map(move |scatter| Estimate::new(form, *scatter, 1.0));
    forms.flat_map(of).collect()
}

fn bounds(estimate: &Estimate) -> Vec<f64> {
    let seen = match estimate.evidence() {
        Evidence::PerCount { .. } | Evidence::Mean { .. } => 41.0,
        Evidence::Share { .. } => 0.04,
        Evidence::Count { count } => count,
    };
    [0.2, 0.7, 0.9, 1.0, 1.1, 1.4, 4.0].map(|times| seen * times).into()
}

#[test]
fn a_farther_bound_is_never_less_sure() {
    for estimate in estimates() {
        for pair in bounds(&estimate).windows(2) {
            let [below, farther] = [pair[0], pair[1]].map(|bound| estimate.chance(Below, bound).sure);
            assert!(below <= farther, "{estimate:?} {pair:?}: {below} {farther}");
            let [above, nearer] = [pair[1], pair[0]].map(|bound| estimate.chance(Above, bound).sure);
            assert!(above <= nearer, "{estimate:?} {pair:?}: {above} {nearer}");
        }
    }
}

#[test]
fn both_sides_are_never_sure_together() {
    for estimate in estimates() {
        for bound in bounds(&estimate) {
            let [below, above] = [Below, Above].map(|side| estimate.chance(side, bound));
            assert!(below.sure + above.sure <= 1.0 + 1e-12, "{estimate:?} {bound}");
            for Chance { sure, doubt } in [below, above] {
                assert!((sure + doubt - 1.0).abs() < 1e-12 && (0.0..=1.0).contains(&sure), "{estimate:?} {bound}");
            }
        }
    }
}

/// More of the same never takes away what was sure: from there on it is sure, and one less was not enough.
#[test]
fn from_a_count_on_it_is_sure() {
    for estimate in estimates() {
        for (bound, side) in bounds(&estimate).into_iter().flat_map(|bound| [(bound, Below), (bound, Above)]) {
            let Some(needed) = estimate.count_needed(side, bound, 0.9) else { continue };
            let is_sure = |count: f64| scaled(&estimate, count).is_some_and(|one| one.chance(side, bound).sure >= 0.9);
            assert!(is_sure(needed) && !is_sure(needed - 1.0), "{estimate:?} {bound} {side:?}: {needed}");
            for more in [1.0, 2.0, 7.0, 100.0, 5_000.0] {
                assert!(is_sure(needed + more), "{estimate:?} {bound} {side:?}: {needed} + {more}");
            }
        }
    }
}

/// The same average of another count.
fn scaled(estimate: &Estimate, count: f64) -> Option<Estimate> {
    let evidence = match estimate.evidence() {
        Evidence::PerCount { amount, count: of } => Evidence::PerCount { amount: amount / of * count, count },
        Evidence::Share { count: of, of: whole } => Evidence::Share { count, of: whole / of * count },
        Evidence::Count { .. } => Evidence::Count { count },
        Evidence::Mean { mean, deviation, .. } => Evidence::Mean { mean, deviation, count },
    };
    Estimate::new(evidence, estimate.dispersion(), 1.0)
}

#[test]
fn the_range_ends_where_it_becomes_sure() {
    for estimate in estimates() {
        for least in [0.5, 0.9, 0.999] {
            let range = estimate.range(least);
            let sure = |side, bound| estimate.chance(side, bound).sure >= least;
            let high = range.high.expect("something was counted");
            let near = 1e-7 * (1.0 + high.abs());
            assert!(sure(Below, high + near) && !sure(Below, high - near), "{estimate:?} {least}: {range:?}");
            assert!(!sure(Above, range.low + near), "{estimate:?} {least}: {range:?}");
            assert!(range.low <= near || sure(Above, range.low - near), "{estimate:?} {least}: {range:?}");
        }
    }
}

#[test]
fn a_multiple_is_as_sure_of_a_multiple() {
    for estimate in estimates() {
        let twice = Estimate::new(estimate.evidence(), estimate.dispersion(), 2.0).expect("as before");
        for bound in bounds(&estimate) {
            let [one, other] = [estimate.chance(Below, bound), twice.chance(Below, bound * 2.0)];
            assert!((one.sure - other.sure).abs() < 1e-12, "{estimate:?} {bound}");
        }
    }
}

#[test]
fn of_two_each_is_as_sure_as_the_other_is_not() {
    let all = estimates();
    for (left, right) in all.iter().zip(all.iter().rev()) {
        let (Some(one), Some(other)) = (compare(left, Below, right), compare(right, Above, left)) else {
            panic!("both are above 0")
        };
        assert!((one.sure - other.sure).abs() < 1e-12, "{left:?} {right:?}");
        let alike = compare(left, Above, left).expect("it is above 0");
        assert!((alike.sure - 0.5).abs() < 1e-12);
    }
}

/// As scipy has it: `norm.cdf((psi(a) - log(S) - …) / sqrt(polygamma(1, a) + polygamma(1, b)))`.
#[test]
fn two_estimates_are_compared_by_the_logarithm_of_their_quotient() {
    let share = |count, of| Estimate::new(Evidence::Share { count, of }, Dispersion::NONE, 1.0).expect("known");
    let cost =
        |amount, count| Estimate::new(Evidence::PerCount { amount, count }, Dispersion::NONE, 1.0).expect("known");
    let sure = |left, right| compare(&left, Above, &right).expect("known").sure;
    assert!((sure(share(230.0, 1_000.0), share(190.0, 1_000.0)) - SHARES).abs() < 1e-9);
    assert!((sure(cost(1_200.0, 20.0), cost(4_000.0, 100.0)) - COSTS).abs() < 1e-9);
    assert!((sure(cost(47.0, 0.0), cost(4_000.0, 100.0)) - NONE_OF_ONE).abs() < 1e-9);
}

const SHARES: f64 = 0.985_731_593_427_799_8;
const COSTS: f64 = 0.951_041_909_916_172_3;
const NONE_OF_ONE: f64 = 0.830_342_717_643_581_7;

/// Numbers of any size give an answer, and no panic.
#[test]
fn no_number_is_too_wild() {
    let wild = [0.0, 1e-300, 1e-9, 0.5, 1.0, 3.0, 1e6, 1e15, 1e200, f64::MAX];
    let scatters = [1.0, 1.5, 1e9].map(|factor| Dispersion { factor, freedom: Some(1.0) });
    for (a, b) in wild.into_iter().flat_map(|a| wild.map(|b| (a, b))) {
        let forms = [
            Evidence::PerCount { amount: a, count: b },
            Evidence::Share { count: a, of: b },
            Evidence::Count { count: a },
            Evidence::Mean { mean: a, deviation: b, count: 2.0 },
        ];
        for (form, scatter) in forms.into_iter().flat_map(|form| scatters.map(|scatter| (form, scatter))) {
            let Some(estimate) = Estimate::new(form, scatter, 1.0) else { continue };
            for bound in wild.into_iter().chain(wild.map(|bound| -bound)) {
                for side in [Below, Above] {
                    let Chance { sure, doubt } = estimate.chance(side, bound);
                    assert!(
                        (0.0..=1.0).contains(&sure) && (0.0..=1.0).contains(&doubt),
                        "{estimate:?} {side:?} {bound}"
                    );
                    let needed = estimate.count_needed(side, bound, 0.9);
                    assert!(needed.is_none_or(|needed| needed >= 1.0), "{estimate:?} {side:?} {bound}");
                }
            }
            let (range, alike) = (estimate.range(0.9), compare(&estimate, Below, &estimate));
            assert!(range.high.is_none_or(|high| high + 1e-12 >= range.low), "{estimate:?}: {range:?}");
            assert!(alike.is_none_or(|alike| (alike.sure - 0.5).abs() < 1e-9), "{estimate:?}: {alike:?}");
        }
    }
}
