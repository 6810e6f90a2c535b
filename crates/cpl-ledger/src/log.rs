//! What was decided, by time, pipeline, rule, row and state.

use std::collections::BTreeMap;

use rusqlite::{params, types::Value as Sql};

use crate::{
    error::LedgerError,
    reader::LedgerReader,
    rows::{
        Alert, Decision, LoggedAlert, LoggedEffect, LoggedMetric, LoggedRun, MetricValue, RecordedDecision, Row, Run,
    },
};

/// Which of what was decided is wanted: the newest first.
#[derive(Clone, Debug)]
pub struct LogFilter {
    /// Only of the pipeline of this name.
    pub pipeline: Option<String>,
    /// Only of the rule of this name.
    pub rule: Option<String>,
    /// Only of rows in whose key this value is.
    pub value: Option<String>,
    /// Only in this state, as the ledger names it.
    pub state: Option<String>,
    /// Of runs that began then or later, in microseconds since 1970.
    pub since: i64,
    /// Of runs that began before.
    pub until: i64,
    /// At most so many.
    pub limit: u32,
}

/// Whether a run and a rule are wanted: parameters 1 to 4.
const OF_RUN: &str = "(?1 is null or runs.pipeline = ?1) and runs.started_at >= ?2 and runs.started_at < ?3 \
                      and (?4 is null or decisions.rule = ?4)";

/// Whether one of a key's values is wanted, as it is written or as a number: parameters 5 and 6.
const IS_VALUE: &str = "(cast(each.value as text) = ?5 or (typeof(each.value) <> 'text' and each.value = ?6))";

impl LedgerReader {
    /// The effects that are wanted.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn log(&self, filter: &LogFilter) -> Result<Vec<LoggedEffect>, LedgerError> {
        let LogFilter { pipeline, rule, value, state, since, until, limit } = filter;
        // The row that is changed, and the one that decided: of a move they are two.
        let sql = format!(
            "where exists (select 1 from decisions join runs on runs.serial = decisions.run \
             where decisions.serial = effects.decision and {OF_RUN} and (?5 is null \
             or exists (select 1 from json_each(effects.key) each where {IS_VALUE}) \
             or exists (select 1 from json_each(decisions.key) each where {IS_VALUE}))) \
             and (?7 is null or coalesce((select state from steps where effect = effects.serial \
             order by serial desc limit 1), 'recorded') = ?7) order by serial desc limit ?8"
        );
        let parameters = params![pipeline, since, until, rule, value, number(value.as_ref()), state, limit];
        self.logged(self.stored(&sql, parameters)?)
    }

    /// The decisions that are wanted, each as it was recorded last of all runs of its window.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn log_decisions(&self, filter: &LogFilter) -> Result<Vec<RecordedDecision>, LedgerError> {
        let LogFilter { pipeline, rule, value, state, since, until, limit } = filter;
        let sql = format!(
            "where exists (select 1 from runs where runs.serial = decisions.run and {OF_RUN}) \
             and not exists (select 1 from decisions later where later.id = decisions.id \
             and later.serial > decisions.serial) and (?5 is null \
             or exists (select 1 from json_each(decisions.key) each where {IS_VALUE}) \
             or exists (select 1 from json_each(decisions.changes) change, json_each(change.value, '$.row') each \
             where {IS_VALUE})) \
             and (?7 is null or coalesce(decisions.state, 'acts') = ?7) order by serial desc limit ?8"
        );
        let parameters = params![pipeline, since, until, rule, value, number(value.as_ref()), state, limit];
        self.recorded(self.rows::<Decision>(&sql, parameters)?)
    }

    /// What dashboards showed, the newest run first. A rule, a row or a state chooses none of it.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn log_metrics(&self, filter: &LogFilter) -> Result<Vec<LoggedMetric>, LedgerError> {
        let seen = self.seen(filter, |metric: &MetricValue| metric.run)?;
        Ok(seen.into_iter().map(|(run, metric)| LoggedMetric { run, metric }).collect())
    }

    /// What alerts found, the newest run first. A rule, a row or a state chooses none of it.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn log_alerts(&self, filter: &LogFilter) -> Result<Vec<LoggedAlert>, LedgerError> {
        let seen = self.seen(filter, |alert: &Alert| alert.run)?;
        Ok(seen.into_iter().map(|(run, alert)| LoggedAlert { run, alert }).collect())
    }

    /// What runs saw, with the runs; `run_of` says by which number one names its own.
    fn seen<R: Row>(&self, filter: &LogFilter, run_of: impl Fn(&R) -> i64) -> Result<Vec<(Run, R)>, LedgerError> {
        let LogFilter { pipeline, since, until, limit, .. } = filter;
        let sql = "where run in (select serial from runs where (?1 is null or pipeline = ?1) \
                   and started_at >= ?2 and started_at < ?3) order by run desc, serial limit ?4";
        let mut runs = BTreeMap::new();
        let with_run = |(_, row): (i64, R)| Ok((self.once(&mut runs, run_of(&row))?, row));
        self.rows(sql, params![pipeline, since, until, limit])?.into_iter().map(with_run).collect()
    }

    /// The runs that are wanted. A rule, a row or a state chooses none of them.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn log_runs(&self, filter: &LogFilter) -> Result<Vec<LoggedRun>, LedgerError> {
        let sql = "where (?1 is null or pipeline = ?1) and started_at >= ?2 and started_at < ?3 \
                   order by serial desc limit ?4";
        let LogFilter { pipeline, since, until, limit, .. } = filter;
        let count = |serial: i64, which: &str| {
            let sql = format!("select count(*) from decisions where run = ?1 and {which}");
            self.connection.prepare_cached(&sql)?.query_row([serial], |row| row.get::<_, u32>(0))
        };
        let logged = |(serial, run): (i64, Run)| {
            let acting = count(serial, "(state is null or state = 'acts')")?;
            let held = count(serial, "state in ('held', 'awaits_approval', 'undecided')")?;
            let is_undo = count(serial, "undoes is not null")? > 0;
            Ok(LoggedRun { serial, run, acting, held, is_undo })
        };
        self.rows::<Run>(sql, params![pipeline, since, until, limit])?.into_iter().map(logged).collect()
    }
}

/// A value that is wanted, as a number: a whole one keeps its digits.
fn number(value: Option<&String>) -> Sql {
    let Some(text) = value else { return Sql::Null };
    text.parse().map(Sql::Integer).or_else(|_| text.parse().map(Sql::Real)).unwrap_or(Sql::Null)
}
