//! How sure estimates are, held against the distributions of scipy: `reference.py` made the table.

use cpl_estimate::{Days, Dispersion, Estimate, Evidence};
use cpl_model::program::Direction;

const TABLE: &str = include_str!("reference.csv");

fn estimate(form: &str, seen: &[f64], dispersion: Dispersion) -> Option<Estimate> {
    let evidence = match (form, seen) {
        ("per_count", [amount, count]) => Evidence::PerCount { amount: *amount, count: *count },
        ("count", [count]) => Evidence::Count { count: *count },
        ("share", [count, of]) => Evidence::Share { count: *count, of: *of },
        ("mean", [mean, deviation, count]) => Evidence::Mean { mean: *mean, deviation: *deviation, count: *count },
        _ => panic!("no form is {form}"),
    };
    Estimate::new(evidence, dispersion, 1.0)
}

#[test]
fn chances_are_those_of_scipy() {
    let mut wrong: Vec<String> = Vec::new();
    for line in TABLE.lines().skip(1) {
        let [form, seen, scatter, freedom, side, bound, sure, doubt] =
            line.split(',').collect::<Vec<_>>().try_into().expect("eight columns");
        let dispersion = Dispersion { factor: scatter.parse().expect("a number"), freedom: freedom.parse().ok() };
        let direction = if side == "below" { Direction::Below } else { Direction::Above };
        let seen: Vec<f64> = seen.split(' ').map(|number| number.parse().expect("a number")).collect();
        let estimate = estimate(form, &seen, dispersion).expect("something is known");
        let chance = estimate.chance(direction, bound.parse().expect("a number"));
        for (found, wanted) in [(chance.sure, sure), (chance.doubt, doubt)] {
            let wanted: f64 = wanted.parse().expect("a number");
            if (found - wanted).abs() >= 1e-9 {
                wrong.push(format!("{line}: {found}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ by a billionth or more:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn days_scatter_as_pearson_has_it() {
    // Counts of 3, 9 and 6 of 100, 200 and 300: 3, 6 and 9 are expected, and 0 + 1.5 + 1 is the chi-square.
    let days = Days { squares: 9.0 / 100.0 + 81.0 / 200.0 + 36.0 / 300.0, count: 18.0, of: 600.0, days: 3.0 };
    let found = Dispersion::of(days, false);
    assert!((found.factor - 1.25).abs() < 1e-9 && found.freedom == Some(2.0), "{found:?}");
    // Where 100 clicks can't bring 101 customers, what does not convert counts as much.
    let found = Dispersion::of(days, true);
    assert!((found.factor - 1.25 / (1.0 - 18.0 / 600.0)).abs() < 1e-9, "{found:?}");
    let calm = Days { squares: 9.0 / 100.0 + 36.0 / 200.0 + 81.0 / 300.0, ..days };
    assert!((Dispersion::of(calm, false).factor - 1.0).abs() < 1e-12);
    // One customer on each of three days, which is 1 but for the last bit.
    let one = 1.0 / 99.0;
    let even = Days { squares: one + one + one, count: 3.0, of: 297.0, days: 3.0 };
    assert_eq!(Dispersion::of(even, false).factor.to_bits(), 1.0_f64.to_bits());
    for none in [Days { days: 1.0, ..days }, Days { count: 0.0, squares: 0.0, ..days }, Days::default()] {
        assert_eq!(Dispersion::of(none, false), Dispersion::NONE);
    }
    assert_eq!(Dispersion::of(Days { squares: 600.0, count: 600.0, ..days }, true), Dispersion::NONE, "all convert");
}

#[test]
fn nothing_is_said_of_what_is_no_evidence() {
    let none = |evidence| Estimate::new(evidence, Dispersion::NONE, 1.0).is_none();
    assert!(none(Evidence::PerCount { amount: 0.0, count: 0.0 }));
    assert!(none(Evidence::PerCount { amount: -1.0, count: 5.0 }));
    assert!(none(Evidence::Share { count: 0.0, of: 0.0 }));
    assert!(none(Evidence::Share { count: 3.0, of: 2.0 }));
    assert!(none(Evidence::Mean { mean: 3.0, deviation: 0.0, count: 9.0 }));
    assert!(none(Evidence::Mean { mean: 3.0, deviation: f64::NAN, count: 1.0 }));
    assert!(Estimate::new(Evidence::Count { count: 3.0 }, Dispersion::NONE, 0.0).is_none());
}
