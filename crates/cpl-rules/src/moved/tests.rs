//! What is true of what moved a constraint, whatever the groups.

use cpl_model::{types::Type, value::Value};

use super::{Group, Sums, contributions};

/// The next of a series of seeded numbers.
fn next(seed: &mut u64) -> f64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    f64::from(u32::try_from(*seed >> 40).unwrap_or(0)) / f64::from(1 << 24)
}

fn groups(seed: &mut u64) -> Vec<Group> {
    let sums = |seed: &mut u64| {
        // A group may be new, have ended, or have spent and won nobody.
        let of = (next(seed) * 6.0).floor();
        let above = if of < 1.0 { 0.0 } else { (next(seed) * 1e4).round() / 100.0 };
        let below = if of < 2.0 { 0.0 } else { (next(seed) * 50.0).round() };
        Sums { above, below }
    };
    (0..6).map(|at| Group { value: Value::Integer(at), now: sums(seed), before: sums(seed) }).collect()
}

fn total(groups: &[Group], of: fn(&Group) -> Sums) -> f64 {
    let sum = |part: fn(Sums) -> f64| groups.iter().map(|group| part(of(group))).sum::<f64>();
    sum(|sums| sums.above) / sum(|sums| sums.below)
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs()))
}

fn number(value: &Value) -> Option<f64> {
    if let Value::Number(value) = value { Some(*value) } else { None }
}

#[test]
fn the_parts_add_up_to_the_change_and_turn_with_it() {
    let seed = &mut 7;
    let mut met = 0;
    for _ in 0..500 {
        let groups = groups(seed);
        let parts = contributions(&groups, Type::Number);
        let change = total(&groups, |group| group.now) - total(&groups, |group| group.before);
        if parts.is_empty() {
            assert!(!change.is_finite(), "{change}");
            continue;
        }
        met += 1;
        let sum: f64 = parts.iter().map(|(change, _)| change).sum();
        assert!(near(sum, change), "{sum} and not {change}");
        let turned: Vec<Group> =
            groups.iter().map(|group| Group { now: group.before, before: group.now, ..group.clone() }).collect();
        for ((there, moved), (back, _)) in parts.iter().zip(contributions(&turned, Type::Number)) {
            assert!(near(*there, -back), "{there} and {back}");
            if let (Some(rate), Some(share)) = (number(&moved.rate), number(&moved.share)) {
                assert!(near(rate + share, *there), "{rate} and {share} are not {there}");
            }
        }
    }
    assert!(met > 400, "{met}");
}

#[test]
fn a_group_that_only_grew_in_share_did_nothing_by_its_rate() {
    let group = |value, now: (f64, f64), before: (f64, f64)| {
        let sums = |(above, below)| Sums { above, below };
        Group { value: Value::Integer(value), now: sums(now), before: sums(before) }
    };
    // $20 and $60 a customer in both windows; of the dear ones there are more.
    let parts =
        contributions(&[group(1, (400.0, 20.0), (600.0, 30.0)), group(2, (1200.0, 20.0), (600.0, 10.0))], Type::Number);
    for (change, moved) in &parts {
        assert_eq!(number(&moved.rate), Some(0.0));
        assert_eq!(number(&moved.share), Some(*change));
    }
    assert!(near(parts.iter().map(|(change, _)| change).sum(), 10.0), "{parts:?}");
}
