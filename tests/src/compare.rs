//! Generated cases, by the program and by the oracle.

use std::{collections::BTreeMap, fs, path::Path};

use cpl_check::tree_to_program;
use cpl_model::{
    clock::{AsOf, Clock},
    program::{Program, TableId},
};
use jiff::{Timestamp, civil::date};
use num_traits::{Signed, ToPrimitive};
use serde_json::Value as Json;

use crate::{
    command,
    generated::{Generated, generated},
    oracle::{Alone, Oracle, Outcome, Row, Told, Val, rational},
};

/// What became of a case.
pub enum Verdict {
    /// Both say the same.
    Equal,
    /// The pipeline is none: the units of its expressions do not fit.
    NoPipeline,
}

/// Runs the case of a seed in a folder.
///
/// # Errors
/// Where both differ: what, with the pipeline and its files.
///
/// # Panics
/// Where files can't be written.
pub fn run(seed: u64, folder: &Path) -> Result<Verdict, String> {
    let case = generated(seed);
    let (file, _) = cpl_syntax::parse(&case.pipeline);
    let as_of = AsOf::Date(date(2026, 11, 20));
    let (program, diagnostics) = tree_to_program(&case.pipeline, &file, cpl_check::Setup::at(as_of));
    let Some(program) = program else {
        let told: Vec<&str> = diagnostics.iter().map(|diagnostic| diagnostic.message.as_str()).collect();
        if std::env::var_os("CPL_TELL").is_some() {
            eprintln!("seed {seed}: {}\n{}", told.join("; "), case.pipeline);
        }
        return Ok(Verdict::NoPipeline);
    };
    for (name, text) in case.files.iter().chain([&("main.cpl".to_owned(), case.pipeline.clone())]) {
        fs::write(folder.join(name), text).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let clock = Clock::at(program.every, &program.timezone, as_of).unwrap_or_else(|error| panic!("{error}"));
    let oracle = Oracle::new(&program, &clock, &case.rows);
    differs(&case, &program, &oracle, folder).map(|()| Verdict::Equal).map_err(|difference| {
        let files: Vec<String> = case.files.iter().map(|(name, text)| format!("--- {name}\n{text}")).collect();
        format!("seed {seed}: {difference}\n--- main.cpl\n{}{}", case.pipeline, files.concat())
    })
}

fn differs(case: &Generated, program: &Program, oracle: &Oracle<'_>, folder: &Path) -> Result<(), String> {
    for name in &case.shown {
        let Some(at) = program.tables.iter().position(|table| table.name == *name) else { continue };
        let text = shown(name, "json", folder);
        let found: Vec<BTreeMap<String, Json>> =
            serde_json::from_str(&text).map_err(|error| format!("table {name}: {error}: {text}"))?;
        let wanted = oracle.shown(TableId(at));
        table(program, TableId(at), &wanted, &found, case.floats).map_err(|why| format!("table {name}: {why}"))?;
    }
    if case.shown.contains(&"touched") {
        shuffled(case, folder)?;
    }
    let text = command::call("cpl plan main.cpl --format json --as-of 2026-11-20", folder);
    let report: Json = serde_json::from_str(&text).map_err(|error| format!("plan: {error}: {text}"))?;
    for join in report["joins"].as_array().into_iter().flatten() {
        let text = |name: &str| join[name].as_str().unwrap_or_default().to_owned();
        let rows = |name: &str| join[name].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX);
        let rows = (rows("left_unmatched"), rows("right_unmatched"));
        if !oracle.has(&Alone { table: text("table"), with: text("with"), rows }) {
            return Err(format!("rows without a partner: {join}"));
        }
    }
    for rule in &program.decisions {
        let (told, quiet) = oracle.decided(rule);
        let of = |row: &Json| row["rule"] == rule.name.as_str();
        rows(&told, quiet, &report, "decisions", &rule.name, of, case.floats)?;
    }
    for rule in &program.alerts {
        let (told, quiet) = oracle.alerted(&rule.rows, &rule.when);
        let of = |row: &Json| row["alert"] == rule.name.as_str();
        rows(&told, quiet, &report, "alerts", &rule.name, of, case.floats)?;
    }
    Ok(())
}

/// A table as it is written; where there is none, why.
fn shown(table: &str, format: &str, folder: &Path) -> String {
    let told = command::call(&format!("cpl show main.cpl {table} --format {format} --as-of 2026-11-20 > out"), folder);
    match fs::read_to_string(folder.join("out")) {
        Ok(text) if !text.is_empty() => text,
        _ => told,
    }
}

/// The groups of the same rows in another order are the same to the last byte.
fn shuffled(case: &Generated, folder: &Path) -> Result<(), String> {
    let before = shown("grouped", "csv", folder);
    for (name, text) in case.files.iter().filter(|(name, _)| name != "b.csv") {
        let mut lines: Vec<&str> = text.lines().collect();
        lines[1..].reverse();
        let middle = lines.len() / 2;
        lines[1..].rotate_left(middle.saturating_sub(1));
        fs::write(folder.join(name), lines.join("\n") + "\n").map_err(|error| error.to_string())?;
    }
    let after = shown("grouped", "csv", folder);
    for (name, text) in &case.files {
        fs::write(folder.join(name), text).map_err(|error| error.to_string())?;
    }
    if before == after { Ok(()) } else { Err(format!("shuffled rows group otherwise:\n{before}---\n{after}")) }
}

fn table(
    program: &Program,
    id: TableId,
    wanted: &[Row],
    found: &[BTreeMap<String, Json>],
    floats: bool,
) -> Result<(), String> {
    if wanted.len() != found.len() {
        return Err(format!("{} rows, and {} are wanted: {wanted:?}", found.len(), wanted.len()));
    }
    for (at, (wanted, found)) in wanted.iter().zip(found).enumerate() {
        for column in &program.table(id).columns {
            let (wanted, found) = (&wanted[&column.name], &found[&column.name]);
            if !equal(wanted, found, floats) {
                return Err(format!("row {}, {}: {found}, and {wanted:?} is wanted", at + 1, column.name));
            }
        }
    }
    Ok(())
}

/// The rows of a rule, each once, whatever their order.
fn rows(
    told: &[Told],
    quiet: usize,
    report: &Json,
    list: &str,
    name: &str,
    of: impl Fn(&Json) -> bool,
    floats: bool,
) -> Result<(), String> {
    let found: Vec<&Json> = report[list].as_array().into_iter().flatten().filter(|row| of(row)).collect();
    let quiet_found = report["quiet"][name].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    if found.len() != told.len() || quiet_found != quiet {
        return Err(format!("rule {name}: {} rows, {quiet_found} quiet; wanted: {told:?}, {quiet} quiet", found.len()));
    }
    for wanted in told {
        let same = |row: &&&Json| {
            let key: Vec<&Json> = row["key"].as_object().into_iter().flatten().map(|(_, value)| value).collect();
            key.iter().zip(&wanted.key).all(|(found, wanted)| equal(wanted, found, false))
        };
        let Some(row) = found.iter().find(same) else { return Err(format!("rule {name}: no row {:?}", wanted.key)) };
        let state = match wanted.outcome {
            Outcome::Fires => "fires",
            Outcome::Held => "held",
            Outcome::Undecided => "undecided",
        };
        let changes = row["changes"].as_array().map_or(0, Vec::len);
        let values = wanted.to.iter().enumerate().all(|(at, to)| equal(to, &row["changes"][at]["to"], floats));
        let as_wanted = wanted.outcome != Outcome::Fires || (changes == wanted.to.len() && values);
        if row["state"] != state || !as_wanted {
            return Err(format!("rule {name}: {row}, and {wanted:?} is wanted"));
        }
    }
    Ok(())
}

/// Money to the last digit, floats to one part in a billion.
fn equal(wanted: &Val, found: &Json, floats: bool) -> bool {
    match (wanted, found) {
        (Val::Unknown, found) => found.is_null(),
        (Val::Bool(wanted), Json::Bool(found)) => wanted == found,
        (Val::Whole(wanted), found) => found.as_i64().map(i128::from) == Some(*wanted),
        (Val::Float(wanted), found) => found.as_f64().is_some_and(|found| {
            let far = (wanted - found).abs();
            far <= 1e-9 * wanted.abs().max(found.abs()) || far <= 1e-9
        }),
        (Val::Money(wanted), Json::String(text)) => {
            let behind = text.split_once('.').map_or(0, |(_, behind)| behind.len());
            let Ok(digits) = text.replace('.', "").parse() else { return false };
            let found = rational(digits, 10i128.pow(u32::try_from(behind).unwrap_or(0)));
            let far = (wanted - &found).abs();
            // A float that differs in its last bit may tip a rounding.
            far == rational(0, 1)
                || (floats && far <= rational(2, 1_000_000).max(wanted.abs() * rational(1, 1_000_000_000)))
        }
        (Val::Date(wanted), Json::String(text)) => wanted.to_string() == *text,
        (Val::Moment(wanted), Json::String(text)) => text.parse::<Timestamp>().is_ok_and(|found| found == *wanted),
        (Val::Text(wanted), Json::String(text)) => wanted == text,
        (Val::Weekday(wanted), Json::String(text)) => {
            cpl_syntax::tree::Day::ALL.get(usize::from(wanted.unsigned_abs()) - 1).is_some_and(|day| day.word() == text)
        }
        (Val::Length(wanted), found) => found.as_f64().is_some_and(|found| {
            rational(i128::from(*wanted), 1_000_000).to_f64().is_some_and(|wanted| (wanted - found).abs() < 1e-6)
        }),
        _ => false,
    }
}
