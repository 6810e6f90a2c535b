//! Which rows of a rule rest on data that is broken: all of them, or those of the series that break a check.

use std::collections::BTreeSet;

use cpl_model::{
    program::{Expr, Program, Rows, TableId},
    report::Pairs,
    value::Value,
};

use crate::check::Finding;

/// A broken check of a table.
pub struct BrokenCheck<'a> {
    /// The table.
    pub table: TableId,
    /// The columns that name a series, where each is checked by itself.
    pub series: &'a [String],
    /// What was found.
    pub finding: &'a Finding,
}

/// Why rows of a rule are held.
#[derive(Clone, Debug, Default)]
pub struct Holds {
    /// All of them.
    all: Option<String>,
    /// Those of some series.
    series: Vec<HeldSeries>,
}

/// The series that break one check.
#[derive(Clone, Debug)]
struct HeldSeries {
    /// The columns of a rule's key that name the series.
    columns: Vec<String>,
    /// Their values.
    names: BTreeSet<Vec<String>>,
    reason: String,
}

impl Holds {
    /// All rows, whatever their values.
    pub fn all(reason: String) -> Self {
        Self { all: Some(reason), series: Vec::new() }
    }

    /// What broken checks hold of a rule's rows.
    pub fn of(rows: &Rows, exprs: &[&Expr], broken: &[BrokenCheck<'_>], program: &Program) -> Self {
        let upstream = program.made_of(rows.inputs(exprs));
        let mut holds = Self::default();
        for broken in broken.iter().filter(|broken| upstream.contains(&broken.table)) {
            holds.add(broken, rows, exprs, program);
        }
        holds
    }

    fn add(&mut self, broken: &BrokenCheck<'_>, rows: &Rows, exprs: &[&Expr], program: &Program) {
        let reason = format!("`{}` is broken: {}", broken.finding.check, broken.finding.text);
        // A row of the rule is of a series where its key has the series' name, as it is in the checked table.
        let place = |key: &String| {
            let name = program.passed_through(key, rows.table, broken.table)?;
            Some((key.clone(), broken.series.iter().position(|column| *column == name)?))
        };
        let columns: Vec<(String, usize)> = rows.key.iter().filter_map(place).collect();
        // A total of all series, or a share of it, is wrong for each of them.
        let is_mixed = || program.mixes_series(rows.table, exprs, broken.table, broken.series);
        if columns.is_empty() || broken.finding.series.is_empty() || is_mixed() {
            self.all.get_or_insert(reason);
            return;
        }
        let name = |series: &Vec<Value>| columns.iter().map(|(_, at)| series[*at].raw()).collect::<Vec<_>>();
        let names = broken.finding.series.iter().map(name).collect();
        self.series.push(HeldSeries { columns: columns.into_iter().map(|(key, _)| key).collect(), names, reason });
    }

    /// Why a row is held; none where it is not.
    pub fn reason(&self, key: &Pairs) -> Option<&str> {
        let value = |column: &String| key.0.iter().find(|(name, _)| name == column).map(|(_, value)| value.raw());
        let is_held = |held: &&HeldSeries| {
            let name: Option<Vec<String>> = held.columns.iter().map(value).collect();
            name.is_none_or(|name| held.names.contains(&name))
        };
        self.all.as_deref().or_else(|| Some(self.series.iter().find(is_held)?.reason.as_str()))
    }
}
