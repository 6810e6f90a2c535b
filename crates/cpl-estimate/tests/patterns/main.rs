//! How many planted anomalies `breaks pattern` finds, and at how many false alerts, beside rules that others use. Its constants were
//! frozen on these series: `cargo test -p cpl-estimate --test patterns -- --nocapture` prints the table.

mod rules;
mod series;

use cpl_estimate::pattern::DEVIATIONS;

use rules::{Rule, size};
use series::{DAYS, FROM, Made};

/// False alerts a week of twelve series, at which the rules are compared.
const FALSE_ALERTS: f64 = 0.42;

/// Series, and how far each day of theirs lies from what is usual.
struct Judged {
    series: Vec<(Made, Vec<f64>)>,
}

/// Of a rule with so many deviations.
struct Measured {
    /// The share of the planted anomalies that is found.
    found: f64,
    /// False alerts a week of twelve series.
    wrong: f64,
}

impl Judged {
    fn by(rule: Rule) -> Self {
        let series = series::all().into_iter().map(|made| {
            let far = rule(&made);
            (made, far)
        });
        Self { series: series.collect() }
    }

    fn measured(&self, deviations: f64) -> Measured {
        let (mut planted, mut usual, mut found, mut wrong) = (0, 0, 0, 0);
        for (made, far) in &self.series {
            for (day, far) in far.iter().enumerate().skip(FROM) {
                let is_alert = usize::from(*far > deviations);
                if made.planted.contains(&day) {
                    planted += 1;
                    found += is_alert;
                } else if made.is_usual(day) {
                    usual += 1;
                    wrong += is_alert;
                }
            }
        }
        Measured { found: size(found) / size(planted), wrong: size(wrong) / size(usual) * 7.0 * 12.0 }
    }

    /// With as many deviations as give that many false alerts.
    fn compared(&self) -> (f64, Measured) {
        let (mut low, mut high) = (0.0, 1_000.0);
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            if self.measured(middle).wrong > FALSE_ALERTS { low = middle } else { high = middle }
        }
        (high, self.measured(high))
    }

    /// False alerts a week of twelve series, of those days after the first.
    fn wrong_in(&self, days: std::ops::Range<usize>) -> f64 {
        let judged = self
            .series
            .iter()
            .flat_map(|(made, far)| days.clone().filter(|day| made.is_usual(*day)).map(|day| far[day]));
        let judged: Vec<f64> = judged.filter(|far| !far.is_nan()).collect();
        size(judged.iter().filter(|far| **far > DEVIATIONS).count()) / size(judged.len()) * 7.0 * 12.0
    }
}

#[test]
fn more_is_found_than_by_other_rules() {
    assert!(series::all().iter().map(|made| made.planted.len()).sum::<usize>() >= 1_000);
    let ours = Judged::by(rules::breaks_pattern);
    let Measured { found, wrong } = ours.measured(DEVIATIONS);
    println!(
        "breaks pattern, by {DEVIATIONS}: {:.1}% found at {wrong:.2} false alerts a week of twelve series",
        found * 100.0
    );
    assert!(found >= 0.3 && wrong <= FALSE_ALERTS, "{found} {wrong}");
    let (deviations, Measured { found, .. }) = ours.compared();
    println!("{:>5.1}%  breaks pattern by {deviations:.2}", found * 100.0);
    let others: [(&str, Rule); 4] = [
        ("mean and standard deviation of 56 days", rules::mean),
        ("regression on the values 1, 2, 3, 7, 14 days before", rules::regression),
        ("median and deviation of eight of the weekday", rules::median_of_weekday),
        ("mean and standard deviation of the last four of the weekday", rules::last_four),
    ];
    for (name, rule) in others {
        let (deviations, other) = Judged::by(rule).compared();
        println!("{:>5.1}%  {name}, by {deviations:.2}", other.found * 100.0);
        assert!(other.found < found, "{name} finds {}", other.found);
    }
}

/// A series of two weeks is judged more carefully, not less: its season is not known.
#[test]
fn young_series_give_no_more_false_alerts() {
    let ours = Judged::by(rules::breaks_pattern);
    for (from, to) in [(14, 28), (28, 42), (42, 70), (70, FROM), (FROM, DAYS)] {
        let wrong = ours.wrong_in(from..to);
        println!("days {from} to {to}: {wrong:.2} false alerts a week of twelve series");
        assert!(wrong <= FALSE_ALERTS, "days {from} to {to}: {wrong}");
    }
}
