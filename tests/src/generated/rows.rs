//! Rows of generated tables, as CSV and as values.

use std::{collections::BTreeSet, fmt::Write};

use fastrand::Rng;
use jiff::{Timestamp, ToSpan, civil::Date};

use super::{Joined, Ty, pick, zones};
use crate::oracle::{Row, Val, rational};

/// The columns of the tables of spend, and their types as a fetch has them.
pub const COLUMNS: &[(&str, Ty, &str)] = &[
    ("day", Ty::Date, "date?"),
    ("at", Ty::Moment, "datetime?"),
    ("ch", Ty::Text, "text?"),
    ("sub", Ty::Text, "text"),
    ("spend", Ty::Money, "money?"),
    ("budget", Ty::Money, "money?"),
    ("n", Ty::Whole, "count?"),
    ("z", Ty::Whole, "integer?"),
    ("x", Ty::Number, "number?"),
    ("r", Ty::Ratio, "ratio?"),
    ("ok", Ty::Bool, "bool?"),
];

/// Rows of all columns, as CSV and as values.
pub fn spend(rng: &mut Rng, count: usize, night: Timestamp) -> (String, Vec<Row>) {
    let mut text = COLUMNS.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(",") + "\n";
    let mut rows = Vec::new();
    for _ in 0..count {
        let (mut cells, mut row) = (Vec::new(), Row::new());
        for (name, ty, written) in COLUMNS {
            let missing = written.ends_with('?') && rng.u8(..7) == 0;
            let (cell, value) = if missing { (String::new(), Val::Unknown) } else { value(rng, *ty, name, night) };
            cells.push(cell);
            row.insert((*name).to_owned(), value);
        }
        let _ = writeln!(text, "{}", cells.join(","));
        rows.push(row);
    }
    (text, rows)
}

/// A limit for some of the channels.
pub fn limits(rng: &mut Rng, night: Timestamp) -> (String, Vec<Row>) {
    let mut text = "ch,limit,w\n".to_owned();
    let mut rows = Vec::new();
    for ch in ["a", "b", "z"] {
        if rng.u8(..4) == 0 {
            continue;
        }
        let (limit, amount) = value(rng, Ty::Money, "limit", night);
        let (w, number) = if rng.bool() { value(rng, Ty::Number, "w", night) } else { (String::new(), Val::Unknown) };
        let _ = writeln!(text, "{ch},{limit},{w}");
        let row = [("ch", Val::Text(ch.to_owned())), ("limit", amount), ("w", number)];
        rows.push(row.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
    }
    (text, rows)
}

/// Days of two channels: some are missing, some come twice, some are wild or 0. Of most cases there are none: to judge each by hand takes
/// its time.
pub fn daily(rng: &mut Rng) -> (String, Vec<Row>) {
    let most = if rng.u8(..4) == 0 { 110 } else { 1 };
    let mut text = "day,ch,n,spend\n".to_owned();
    let mut rows = Vec::new();
    for ch in ["a", "b"] {
        let (days, base) = (rng.i64(0..most), rng.i128(20..300));
        for back in (0..days).rev() {
            let date = Date::constant(2026, 11, 21) - back.days();
            let season = if back % 7 < 2 { 2 } else { 3 };
            let usual = base * season * rng.i128(80..121) / 300;
            let n = match rng.u8(..25) {
                0 => 0,
                1 => usual * 4,
                _ => usual,
            };
            let spend = usual * rng.i128(9..12);
            for _ in 0..match rng.u8(..30) {
                0 => 0,
                1 => 2,
                _ => 1,
            } {
                let _ = writeln!(text, "{date},{ch},{n},{spend}");
                let row = [
                    ("day", Val::Date(date)),
                    ("ch", Val::Text(ch.to_owned())),
                    ("n", Val::Whole(n)),
                    ("spend", Val::Money(rational(spend, 1))),
                ];
                rows.push(row.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
            }
        }
    }
    (text, rows)
}

/// What came before something else, each with a number of its own.
pub fn touches(rng: &mut Rng, count: usize, night: Timestamp) -> (String, Vec<Row>) {
    let mut text = "id,who,then,worth\n".to_owned();
    let mut rows = Vec::new();
    for id in 0..count {
        let (who, name) = value(rng, Ty::Text, "who", night);
        let (then, moment) = value(rng, Ty::Moment, "then", night);
        let (worth, amount) =
            if rng.u8(..5) == 0 { (String::new(), Val::Unknown) } else { value(rng, Ty::Money, "worth", night) };
        let _ = writeln!(text, "{id},{who},{then},{worth}");
        let id = Val::Whole(i128::try_from(id).unwrap_or(0));
        let row = [("id", id), ("who", name), ("then", moment), ("worth", amount)];
        rows.push(row.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
    }
    (text, rows)
}

/// Other tables to join: rows of columns that may be unknown. Of the first so many columns no two rows have the same
/// known values; of none, where it is 0.
pub fn others(rng: &mut Rng, joined: &Joined, count: usize, night: Timestamp) -> (String, Vec<Row>) {
    let Joined { columns, unique, .. } = *joined;
    let mut text = columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(",") + "\n";
    let (mut rows, mut keys) = (Vec::new(), BTreeSet::new());
    for _ in 0..count {
        let cells = columns.iter().map(|(name, ty)| match rng.u8(..6) {
            0 => (String::new(), Val::Unknown),
            _ => value(rng, *ty, name, night),
        });
        let cells: Vec<(String, Val)> = cells.collect();
        let key: Vec<&String> = cells[..unique].iter().map(|(cell, _)| cell).collect();
        let known = unique > 0 && key.iter().all(|cell| !cell.is_empty());
        if known && !keys.insert(key.into_iter().cloned().collect::<Vec<_>>()) {
            continue;
        }
        let written: Vec<&str> = cells.iter().map(|(cell, _)| cell.as_str()).collect();
        let _ = writeln!(text, "{}", written.join(","));
        rows.push(columns.iter().zip(cells).map(|((name, _), (_, value))| ((*name).to_owned(), value)).collect());
    }
    (text, rows)
}

fn value(rng: &mut Rng, ty: Ty, name: &str, night: Timestamp) -> (String, Val) {
    match ty {
        Ty::Money => {
            let millionths = match rng.u8(..6) {
                0 => 0,
                1 => rng.i128(-9..10) * 1_000_000,
                2 => rng.i128(-999..1000) * 10_000,
                3 => rng.i128(-99_999_999..100_000_000),
                4 => 1_500_000,
                _ => rng.i128(0..100_000) * 1_000_000,
            };
            let millionths = if name == "budget" { millionths.abs() / 10_000 * 10_000 } else { millionths };
            (decimal(millionths), Val::Money(rational(millionths, 1_000_000)))
        }
        Ty::Whole => {
            let low = if name == "z" { -20 } else { 0 };
            let whole = if rng.u8(..5) == 0 { 0 } else { rng.i128(low..40) };
            (whole.to_string(), Val::Whole(whole))
        }
        Ty::Number | Ty::Ratio => {
            let text = *pick(rng, &["0", "0.1", "0.2", "0.3", "1", "2.5", "-1.25", "0.032", "1e3", "7", "0.333333333"]);
            (text.to_owned(), Val::Float(text.parse().unwrap_or(0.0)))
        }
        Ty::Date => {
            let date = Date::constant(2026, 11, 22) - rng.i64(0..45).days();
            (date.to_string(), Val::Date(date))
        }
        Ty::Moment => {
            // The night in which the zone's clocks change comes more often than those of others.
            let from = match rng.u8(..5) {
                0 => zones::moment("2026-10-24T22:00:00Z"),
                1 => zones::moment("2026-11-01T03:00:00Z"),
                2 => zones::moment("2026-11-18T00:00:00Z"),
                _ => night,
            };
            let moment = from + (rng.i64(0..40) * 30).minutes();
            (moment.to_string(), Val::Moment(moment))
        }
        Ty::Text => {
            let text = *pick(rng, &["a", "b", "c", "A", "ab", "é"]);
            (text.to_owned(), Val::Text(text.to_owned()))
        }
        Ty::Bool => {
            let yes = rng.bool();
            (yes.to_string(), Val::Bool(yes))
        }
    }
}

fn decimal(millionths: i128) -> String {
    let sign = if millionths < 0 { "-" } else { "" };
    let (whole, rest) = (millionths.abs() / 1_000_000, millionths.abs() % 1_000_000);
    format!("{sign}{whole}.{rest:06}")
}
