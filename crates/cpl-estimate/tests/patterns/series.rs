//! Seeded series of days with planted anomalies: growth, decline, shifts of level, random walks, weekly seasons, 8 to 400 counts a
//! day, gaps; counts, and costs per count.

use fastrand::Rng;

pub const SERIES: usize = 240;
pub const DAYS: usize = 400;
/// From this day on anomalies are planted and alerts are counted.
pub const FROM: usize = 130;
/// After a shift of the level that many days may be alerts.
const SHIFTED: usize = 8;

pub struct Made {
    pub values: Vec<f64>,
    pub counts: Vec<f64>,
    pub planted: Vec<usize>,
    shifts: Vec<usize>,
}

impl Made {
    /// Whether an alert on that day would be a false one.
    pub fn is_usual(&self, day: usize) -> bool {
        let is_shifted = self.shifts.iter().any(|shift| (*shift..shift + SHIFTED).contains(&day));
        !is_shifted && !self.planted.contains(&day)
    }
}

pub fn all() -> Vec<Made> {
    let mut rng = Rng::with_seed(19);
    (0..SERIES).map(|at| made(&mut rng, at)).collect()
}

fn pick(rng: &mut Rng, of: &[f64]) -> f64 {
    of[rng.usize(..of.len())]
}

fn made(rng: &mut Rng, at: usize) -> Made {
    let kind = at % 5;
    let base = 8.0 * 50_f64.powf(rng.f64());
    let size = pick(rng, &[0.05, 0.15, 0.3]);
    let season: Vec<f64> = (0..7).map(|_| (size * normal(rng)).exp()).collect();
    let scatter = pick(rng, &[0.03, 0.08, 0.15]);
    let is_cost = at % 2 == 1;
    let mut made = Made { values: Vec::new(), counts: Vec::new(), planted: Vec::new(), shifts: Vec::new() };
    let (mut level, mut next) = (0.0, FROM + rng.usize(5..40));
    for day in 0..DAYS {
        match kind {
            1 => level += 0.003,
            2 => level -= 0.002,
            3 if day % 110 == 55 => {
                level += pick(rng, &[-0.4, 0.4, 0.6]);
                made.shifts.push(day);
            }
            4 => level += 0.03 * normal(rng),
            _ => {}
        }
        let usual = base * season[day % 7];
        let mut mean = usual * (level + scatter * normal(rng)).exp();
        let spend = usual * 40.0 * (level + 0.05 * normal(rng)).exp();
        let is_planted = day == next;
        if is_planted {
            mean *= pick(rng, &[0.4, 0.5, 0.6, 0.7, 1.4, 1.6, 1.8, 2.2]);
            made.planted.push(day);
            next += rng.usize(20..60);
        }
        let count = poisson(rng, mean);
        let is_gap = !is_planted && rng.f64() < 0.02;
        let cost = if count > 0.0 { spend / count } else { f64::NAN };
        made.values.push(if is_gap {
            f64::NAN
        } else if is_cost {
            cost
        } else {
            count
        });
        made.counts.push(if is_gap { f64::NAN } else { count });
    }
    made
}

/// By Box and Muller.
fn normal(rng: &mut Rng) -> f64 {
    let (a, b) = (1.0 - rng.f64(), rng.f64());
    (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
}

/// By Knuth's product, and as a normal where that would take long.
fn poisson(rng: &mut Rng, mean: f64) -> f64 {
    if mean > 200.0 {
        return (mean + mean.sqrt() * normal(rng)).round().max(0.0);
    }
    let (limit, mut product, mut count) = ((-mean).exp(), 1.0 - rng.f64(), 0.0);
    while product > limit {
        product *= 1.0 - rng.f64();
        count += 1.0;
    }
    count
}
