//! Generated cases, by the program and by the oracle.

use std::{collections::BTreeMap, fs, path::Path};

use cpl_check::tree_to_program;
use cpl_model::{
    clock::{AsOf, Clock},
    program::{Program, TableId},
};
use jiff::{Timestamp, civil::Date};
use num_traits::{Signed, ToPrimitive};
use serde_json::Value as Json;

use crate::{
    command,
    generated::{Generated, generated},
    oracle::{Alone, Changed, Checked, Oracle, Outcome, Row, Told, Val, rational},
};

/// What became of a case.
pub enum Verdict {
    /// Both say the same: of what.
    Equal(Met),
    /// The pipeline is none, and why: the units of its expressions do not fit.
    NoPipeline(String),
}

/// What the cases met: what both say the same of nothing says nothing.
#[derive(Default)]
pub struct Met {
    /// How many cases there were.
    pub cases: usize,
    counts: BTreeMap<String, usize>,
}

/// From so many cases on everything is met.
const ENOUGH: usize = 90;

/// How often each thing is met then, at the least.
const WANTED: &[(&str, usize)] = &[
    ("rows of plain", 20),
    ("rows of grouped", 15),
    ("rows of dated", 20),
    ("rows of acted", 20),
    ("rows of touched", 20),
    ("rows of hourly", 20),
    ("decisions: fires", 1),
    ("decisions: held", 5),
    ("decisions: undecided", 1),
    ("decisions: quiet", 5),
    ("decisions: not its day", 3),
    ("alerts: fires", 5),
    ("alerts: undecided", 1),
    ("alerts: suppressed", 3),
    ("alerts: quiet", 5),
    ("alerts: not its day", 3),
    ("changed columns", 1),
    ("joins", 3),
    ("rows without a partner", 3),
    ("key holds", 3),
    ("key is broken", 1),
    ("fresh holds", 3),
    ("fresh is broken", 3),
    ("expect holds", 3),
    ("expect is broken", 3),
    ("rows dated after now", 20),
];

/// How many zones are met then.
const ZONES: usize = 20;

/// What a zone is counted under.
const ZONE: &str = "zone ";

impl Met {
    fn saw(&mut self, what: &str, times: usize) {
        *self.counts.entry(what.to_owned()).or_default() += times;
    }

    /// Adds what others met.
    pub fn add(&mut self, other: Self) {
        self.cases += other.cases;
        for (what, times) in other.counts {
            self.saw(&what, times);
        }
    }

    /// What was met too seldom; of few cases nothing is wanted.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        if self.cases < ENOUGH {
            return Vec::new();
        }
        let met = |what: &str| self.counts.get(what).copied().unwrap_or(0);
        let seldom = WANTED.iter().filter(|(what, least)| met(what) < *least);
        let seldom = seldom.map(|(what, least)| format!("{what}: {}, and {least} are wanted", met(what)));
        let zones = self.counts.keys().filter(|what| what.starts_with(ZONE)).count();
        let few = (zones < ZONES).then(|| format!("{zones} zones, and {ZONES} are wanted"));
        seldom.chain(few).collect()
    }
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
    let (file, mut diagnostics) = cpl_syntax::parse(&case.pipeline);
    let as_of = AsOf::Date(case.as_of);
    let cpl_check::CheckedFile { program, diagnostics: more, .. } =
        tree_to_program(&case.pipeline, &file, cpl_check::Setup::at(as_of));
    diagnostics.extend(more);
    let Some(program) = program else {
        let told: Vec<&str> = diagnostics.iter().map(|diagnostic| diagnostic.message.as_str()).collect();
        if std::env::var_os("CPL_TELL").is_some() {
            eprintln!("seed {seed}: {}\n{}", told.join("; "), case.pipeline);
        }
        return Ok(Verdict::NoPipeline(told.join("; ")));
    };
    for (name, text) in case.files.iter().chain([&("main.cpl".to_owned(), case.pipeline.clone())]) {
        fs::write(folder.join(name), text).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let clock = Clock::at(program.every, &program.timezone, as_of).unwrap_or_else(|error| panic!("{error}"));
    let oracle = Oracle::new(&program, &clock, &case.rows);
    differs(&case, &program, &oracle, folder).map(Verdict::Equal).map_err(|difference| {
        let files: Vec<String> = case.files.iter().map(|(name, text)| format!("--- {name}\n{text}")).collect();
        format!("seed {seed}: {difference}\n--- main.cpl\n{}{}", case.pipeline, files.concat())
    })
}

fn differs(case: &Generated, program: &Program, oracle: &Oracle<'_>, folder: &Path) -> Result<Met, String> {
    let mut met = Met { cases: 1, ..Met::default() };
    met.saw(&format!("{ZONE}{}", case.zone), 1);
    for name in &case.shown {
        // The parts of a transform before its checks bear its name too.
        let mut tables = program.tables.iter();
        let at = tables.position(|table| table.is_declared() && table.name == *name);
        let at = at.ok_or_else(|| format!("no table {name}: nothing of it would be compared"))?;
        let text = shown(name, "json", case, folder);
        let found: Vec<BTreeMap<String, Json>> =
            serde_json::from_str(&text).map_err(|error| format!("table {name}: {error}: {text}"))?;
        let wanted = oracle.shown(TableId(at));
        table(program, TableId(at), &wanted, &found, case.floats).map_err(|why| format!("table {name}: {why}"))?;
        met.saw(&format!("rows of {name}"), wanted.len());
    }
    if case.shuffled {
        shuffled(case, folder)?;
    }
    let plan = format!("cpl plan main.cpl --format json --as-of {}", case.as_of);
    let text = command::call_in_parts(&plan, folder, case.part_rows);
    let report: Json = serde_json::from_str(&text).map_err(|error| format!("plan: {error}: {text}"))?;
    begins(&report, case.as_of)?;
    joins(&report, oracle, &mut met)?;
    checks(&report, oracle, &mut met)?;
    sources(&report, oracle, &mut met)?;
    for rule in &program.decisions {
        let of = Rule { list: "decisions", word: "rule", name: &rule.name, floats: case.floats };
        of.compare(oracle.decided(rule).as_ref(), &report, &mut met)?;
    }
    for rule in &program.alerts {
        let of = Rule { list: "alerts", word: "alert", name: &rule.name, floats: case.floats };
        of.compare(oracle.alerted(rule).as_ref(), &report, &mut met)?;
    }
    Ok(met)
}

/// A list of the report: one that is not there is not an empty one.
fn list<'r>(report: &'r Json, name: &str) -> Result<&'r [Json], String> {
    report[name].as_array().map(Vec::as_slice).ok_or_else(|| format!("the report has no list of {name}"))
}

/// The window begins with the requested day; both sides take `now` from the same clock.
fn begins(report: &Json, as_of: Date) -> Result<(), String> {
    let now = report["now"].as_str().unwrap_or_default();
    let midnight = format!("{as_of}T00:00:00");
    if now.starts_with(&midnight) { Ok(()) } else { Err(format!("now is {now}, and {midnight} is wanted")) }
}

/// Every join that a rule needs, each once, and no other.
fn joins(report: &Json, oracle: &Oracle<'_>, met: &mut Met) -> Result<(), String> {
    let join = |join: &Json| {
        let text = |name: &str| join[name].as_str().map(str::to_owned);
        let rows = |name: &str| join[name].as_u64().and_then(|n| usize::try_from(n).ok());
        let rows = (rows("left_unmatched")?, rows("right_unmatched")?);
        Some(Alone { table: text("table")?, with: text("with")?, kept: join["kept"].as_bool()?, rows })
    };
    let found: Option<Vec<Alone>> = list(report, "joins")?.iter().map(join).collect();
    let mut found = found.ok_or_else(|| format!("a join lacks something: {}", report["joins"]))?;
    found.sort();
    let wanted = oracle.joins();
    met.saw("joins", wanted.len());
    met.saw("rows without a partner", wanted.iter().map(|alone| alone.rows.0 + alone.rows.1).sum());
    if found == wanted { Ok(()) } else { Err(format!("joins: {found:?}, and {wanted:?} are wanted")) }
}

/// Every check of what a rule needs, each once, and no other.
fn checks(report: &Json, oracle: &Oracle<'_>, met: &mut Met) -> Result<(), String> {
    let check = |check: &Json| {
        let text = |name: &str| check[name].as_str().map(str::to_owned);
        let broken = check["broken"].as_bool()?;
        Some(Checked { table: text("table")?, check: text("check")?, broken, text: text("text")? })
    };
    let found: Option<Vec<Checked>> = list(report, "checks")?.iter().map(check).collect();
    let mut found = found.ok_or_else(|| format!("a check lacks something: {}", report["checks"]))?;
    found.sort();
    let wanted = oracle.checks();
    for check in &wanted {
        let kind = check.check.split(' ').next().unwrap_or_default();
        met.saw(&format!("{kind} {}", if check.broken { "is broken" } else { "holds" }), 1);
    }
    // The values that break a check stand behind its text.
    let same = |(found, wanted): (&Checked, &Checked)| {
        let names = |check: &Checked| (check.table.clone(), check.check.clone(), check.broken);
        names(found) == names(wanted) && found.text.starts_with(&wanted.text)
    };
    let all = found.len() == wanted.len() && found.iter().zip(&wanted).all(same);
    if all { Ok(()) } else { Err(format!("checks: {found:?}, and {wanted:?} are wanted")) }
}

/// Every fetch that a rule needs: its rows, those dated after `now`, the newest of its times.
fn sources(report: &Json, oracle: &Oracle<'_>, met: &mut Met) -> Result<(), String> {
    let (found, wanted) = (list(report, "sources")?, oracle.read());
    let named = |name: &str| found.iter().filter(|source| source["fetch"] == name).collect::<Vec<_>>();
    for read in &wanted {
        let [source] = named(&read.fetch)[..] else { return Err(format!("{} does not stand once", read.fetch)) };
        let count = |name: &str, wanted: usize| source[name].as_u64() == u64::try_from(wanted).ok();
        let counts = count("rows", read.rows) && count("future", read.future) && count("bad_rows", 0);
        if !counts || !equal(&read.newest, &source["newest"], false) {
            return Err(format!("{source}, and {read:?} is wanted"));
        }
        met.saw("rows dated after now", read.future);
    }
    if found.len() == wanted.len() { Ok(()) } else { Err(format!("sources: {found:?}, and {wanted:?} are wanted")) }
}

/// A table as it is written; where there is none, why.
fn shown(table: &str, format: &str, case: &Generated, folder: &Path) -> String {
    let show = format!("cpl show main.cpl {table} --format {format} --as-of {} > out", case.as_of);
    let told = command::call_in_parts(&show, folder, case.part_rows);
    match fs::read_to_string(folder.join("out")) {
        Ok(text) if !text.is_empty() => text,
        _ => told,
    }
}

/// The groups of the same rows in another order are the same to the last byte.
fn shuffled(case: &Generated, folder: &Path) -> Result<(), String> {
    let before = shown("grouped", "csv", case, folder);
    // What is reported where there is no table would be reported twice.
    if !before.lines().next().is_some_and(|header| header.split(',').any(|name| name == "m0")) {
        return Err(format!("grouped is no table: {before}"));
    }
    for (name, text) in case.files.iter().filter(|(name, _)| name != "b.csv") {
        let mut lines: Vec<&str> = text.lines().collect();
        lines[1..].reverse();
        let middle = lines.len() / 2;
        lines[1..].rotate_left(middle.saturating_sub(1));
        fs::write(folder.join(name), lines.join("\n") + "\n").map_err(|error| error.to_string())?;
    }
    let after = shown("grouped", "csv", case, folder);
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
    let columns = &program.table(id).columns;
    for (at, (wanted, found)) in wanted.iter().zip(found).enumerate() {
        if found.len() != columns.len() {
            return Err(format!("row {}: {} columns, and {} are wanted", at + 1, found.len(), columns.len()));
        }
        for column in columns {
            let (wanted, found) = (&wanted[&column.name], &found[&column.name]);
            if !equal(wanted, found, floats) {
                return Err(format!("row {}, {}: {found}, and {wanted:?} is wanted", at + 1, column.name));
            }
        }
    }
    Ok(())
}

/// Where the report tells of a rule.
struct Rule<'r> {
    list: &'static str,
    word: &'static str,
    name: &'r str,
    floats: bool,
}

impl Rule<'_> {
    /// The rows of a rule, each once, whatever their order; none on a day on which it is not looked at.
    fn compare(&self, wanted: Option<&(Vec<Told>, usize)>, report: &Json, met: &mut Met) -> Result<(), String> {
        let found = list(report, self.list)?.iter().filter(|row| row[self.word] == self.name);
        let mut found: Vec<&Json> = found.collect();
        let quiet = report["quiet"].get(self.name).map(|n| n.as_u64().and_then(|n| usize::try_from(n).ok()));
        let Some((told, quiet_rows)) = wanted else {
            self.saw(met, "not its day", 1);
            return if found.is_empty() && quiet.is_none() {
                Ok(())
            } else {
                Err(format!("rule {}: it is not its day, and {found:?} is told", self.name))
            };
        };
        if found.len() != told.len() || quiet != Some(Some(*quiet_rows)) {
            let found = found.len();
            return Err(format!("rule {}: {found} rows, {quiet:?} quiet; wanted: {wanted:?}", self.name));
        }
        self.saw(met, "quiet", *quiet_rows);
        for wanted in told {
            let at = found.iter().position(|row| is_key(&row["key"], &wanted.key));
            let at = at.ok_or_else(|| format!("rule {}: no row {:?}", self.name, wanted.key))?;
            let row = found.swap_remove(at);
            self.row(wanted, row).map_err(|why| format!("rule {}: {why}: {row}, {wanted:?}", self.name))?;
            self.saw(met, state(wanted.outcome), 1);
            met.saw("changed columns", wanted.changes.len());
        }
        Ok(())
    }

    fn saw(&self, met: &mut Met, what: &str, times: usize) {
        met.saw(&format!("{}: {what}", self.list), times);
    }

    fn row(&self, wanted: &Told, row: &Json) -> Result<(), String> {
        if row["state"] != state(wanted.outcome) {
            return Err(format!("{} is wanted", state(wanted.outcome)));
        }
        // An alert changes nothing; what is held tells what it would have changed.
        if self.list == "alerts" || wanted.outcome != Outcome::Fires {
            return Ok(());
        }
        let found = list(row, "changes")?;
        let same = found.len() == wanted.changes.len();
        let same = same && wanted.changes.iter().zip(found).all(|(wanted, found)| self.is_change(wanted, found));
        if same { Ok(()) } else { Err("other changes are wanted".to_owned()) }
    }

    fn is_change(&self, wanted: &Changed, found: &Json) -> bool {
        let row = match &wanted.key {
            Some(key) => is_key(&found["row"], key),
            None => found["row"].is_null(),
        };
        let values = equal(&wanted.from, &found["from"], self.floats) && equal(&wanted.to, &found["to"], self.floats);
        row && values && found["column"] == wanted.column.as_str()
    }
}

fn state(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Fires => "fires",
        Outcome::Held => "held",
        Outcome::Undecided => "undecided",
        Outcome::Suppressed => "suppressed",
    }
}

/// Whether a key of the report has these values: all of them, and no other.
fn is_key(found: &Json, wanted: &[Val]) -> bool {
    let Some(found) = found.as_object() else { return false };
    found.len() == wanted.len() && found.values().zip(wanted).all(|(found, wanted)| equal(wanted, found, false))
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
