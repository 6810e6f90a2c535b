//! How often a value that lies exactly on the bound is called sure, at 90%: by right in one of ten rows.

use cpl_estimate::{Chance, Days, Dispersion, Estimate, Evidence};
use cpl_model::program::Direction::{Above, Below};
use fastrand::Rng;

const LEAST: f64 = 0.9;
/// How many draws of each cell: the error of a tenth is a third of a percent.
const DRAWS: u32 = 8_000;
const ALLOWED: f64 = 0.13;
const ERROR: f64 = 3.0 * 0.0034;

fn is_sure(chance: Chance) -> bool {
    chance.sure >= LEAST
}

/// Without days every outcome is summed, each with its chance: no draw is needed.
#[test]
fn of_dice_at_most_one_row_of_ten_is_called_sure() {
    for tenths in (5..400).chain([1_000, 3_000, 10_000]) {
        let expected = f64::from(tenths) / 10.0;
        let (mut below, mut above, mut weight) = (0.0, 0.0, (-expected).exp());
        for count in 0_u32.. {
            let cost = Evidence::PerCount { amount: expected * 47.0, count: f64::from(count) };
            let estimate = Estimate::new(cost, Dispersion::NONE, 1.0).expect("something was spent");
            below += if is_sure(estimate.chance(Below, 47.0)) { weight } else { 0.0 };
            above += if is_sure(estimate.chance(Above, 47.0)) { weight } else { 0.0 };
            if f64::from(count) > expected + 12.0 * expected.sqrt() + 20.0 {
                break;
            }
            weight *= expected / f64::from(count + 1);
        }
        assert!(below <= 0.1 + 1e-9 && above <= 0.1 + 1e-9, "{expected} customers: {below} {above}");
    }
}

#[test]
fn of_shares_at_most_one_row_of_ten_is_called_sure() {
    for (of, share) in [(20_u32, 0.05), (20, 0.5), (100, 0.032), (400, 0.032), (400, 0.97), (1_000, 0.2)] {
        let (mut below, mut above) = (0.0, 0.0);
        // The chance of no customer, then of each further one.
        let mut weight = (1.0_f64 - share).powi(i32::try_from(of).expect("few"));
        for count in 0..=of {
            let evidence = Evidence::Share { count: f64::from(count), of: f64::from(of) };
            let estimate = Estimate::new(evidence, Dispersion::NONE, 1.0).expect("there are clicks");
            below += if is_sure(estimate.chance(Below, share)) { weight } else { 0.0 };
            above += if is_sure(estimate.chance(Above, share)) { weight } else { 0.0 };
            weight *= f64::from(of - count) / f64::from(count + 1) * share / (1.0 - share);
        }
        assert!(below <= 0.1 + 1e-9 && above <= 0.1 + 1e-9, "{of} clicks at {share}: {below} {above}");
    }
}

/// Days that scatter by themselves: each has a luck of its own, of mean 1, which is the mean of so many exponential numbers.
#[derive(Clone, Copy)]
enum Luck {
    /// All days are alike.
    None,
    /// One part in five from day to day: of 25 numbers.
    Fifth,
    /// Half as much again, or half: of four.
    Half,
}

impl Luck {
    fn draw(self, dice: &mut Rng) -> f64 {
        let numbers = match self {
            Self::None => return 1.0,
            Self::Fifth => 25,
            Self::Half => 4,
        };
        (0..numbers).map(|_| exponential(dice)).sum::<f64>() / f64::from(numbers)
    }
}

fn exponential(dice: &mut Rng) -> f64 {
    -(1.0 - dice.f64()).ln()
}

/// How many events come in a time, each after an exponential wait.
fn poisson(dice: &mut Rng, mean: f64) -> f64 {
    let (mut count, mut wait) = (0.0, exponential(dice));
    while wait < mean {
        count += 1.0;
        wait += exponential(dice);
    }
    count
}

/// The estimate of some days' counts, each day worth as much.
fn of_days(counts: &[f64], form: impl Fn(f64) -> Evidence, each: f64) -> Option<Estimate> {
    let count: f64 = counts.iter().sum();
    #[expect(clippy::cast_precision_loss, reason = "a few days")]
    let days = counts.len() as f64;
    let squares = counts.iter().map(|day| day * day / each).sum();
    let dispersion = Dispersion::of(Days { squares, count, of: each * days, days }, false);
    Estimate::new(form(count), dispersion, 1.0)
}

/// The table of how often a row on the bound is called sure to lie below it, and above it: by the count that is expected, the days, and how
/// far they scatter by themselves.
#[test]
fn of_days_that_scatter_few_more_are_called_sure() {
    let mut dice = Rng::with_seed(47);
    let (mut sum, mut cells) = (0.0, 0.0);
    println!("| expected | days | scatter | surely below | surely above |");
    for days in [5_u32, 7, 28] {
        for (luck, scatter) in [(Luck::None, "0%"), (Luck::Fifth, "20%"), (Luck::Half, "50%")] {
            for expected in [1.0, 2.0, 5.0, 8.0, 12.0, 20.0, 50.0, 200.0] {
                let each = expected / f64::from(days);
                let (mut below, mut above) = (0.0, 0.0);
                for _ in 0..DRAWS {
                    let counts: Vec<f64> = (0..days)
                        .map(|_| {
                            let mean = each * luck.draw(&mut dice);
                            poisson(&mut dice, mean)
                        })
                        .collect();
                    let cost = |count| Evidence::PerCount { amount: expected * 47.0, count };
                    let Some(estimate) = of_days(&counts, cost, each * 47.0) else { continue };
                    below += f64::from(u8::from(is_sure(estimate.chance(Below, 47.0))));
                    above += f64::from(u8::from(is_sure(estimate.chance(Above, 47.0))));
                }
                let [below, above] = [below, above].map(|sure| sure / f64::from(DRAWS));
                println!("| {expected} | {days} | {scatter} | {:.1}% | {:.1}% |", below * 100.0, above * 100.0);
                assert!(below.max(above) <= ALLOWED + ERROR, "{expected} on {days} days: {below} {above}");
                (sum, cells) = (sum + below + above, cells + 2.0);
            }
        }
    }
    assert!(sum / cells <= 0.1, "on average {}", sum / cells);
}

/// Of rows whose true cost is drawn around the bound, nine of ten that are called sure are right.
#[test]
fn what_is_called_sure_is_right_in_nine_of_ten_rows() {
    let mut dice = Rng::with_seed(52);
    let (mut sure, mut right) = (0.0, 0.0);
    for _ in 0..60_000 {
        // From half to twice the bound, on the scale of ratios.
        let cost = 47.0 * (dice.f64() * 2.0 - 1.0).exp2();
        let spend = 47.0 * (5.0 + 95.0 * dice.f64());
        let counts: Vec<f64> = (0..7)
            .map(|_| {
                let mean = spend / cost / 7.0 * Luck::Fifth.draw(&mut dice);
                poisson(&mut dice, mean)
            })
            .collect();
        let evidence = |count| Evidence::PerCount { amount: spend, count };
        let Some(estimate) = of_days(&counts, evidence, spend / 7.0) else { continue };
        for (side, is_so) in [(Below, cost < 47.0), (Above, cost > 47.0)] {
            if is_sure(estimate.chance(side, 47.0)) {
                sure += 1.0;
                right += f64::from(u8::from(is_so));
            }
        }
    }
    assert!(sure > 20_000.0 && right / sure >= LEAST, "{right} of {sure}");
}
