//! Answers → the report of a run: the dashboard, then the rules in the order of the file.

use std::collections::BTreeMap;

use cpl_model::{
    clock::{self, Clock},
    program::{Day, Grain, Program, Rows, TableId},
    report::{Alert, Check, Decision, Join, RunReport, Source, State, Window},
    value::Value,
};
use cpl_plan::{
    backend::{Answer, Answers},
    bind::BoundPlan,
    query::{DashboardPart, FUTURE_ROWS, NEWEST, Query, QueryKind, ROWS, Requester},
};
use jiff::ZonedDateTime;

use crate::{
    alert, check, dashboard,
    decide::{self, GuardContext},
    identity::Identity,
    past::Past,
};

/// Makes the report of the answers to a plan.
pub struct ReportBuilder<'a, R> {
    /// The plan that was run.
    pub plan: &'a BoundPlan,
    /// The answers to its queries.
    pub answers: &'a Answers<R>,
    /// The workspace that decisions are counted in.
    pub workspace: &'a str,
    /// The name of the pipeline's file, without its ending.
    pub stem: &'a str,
    /// What was decided before.
    pub past: &'a dyn Past,
    /// Quiet rows are shown too.
    pub show_quiet: bool,
}

/// The file of a fetch's rejected rows, from the pipeline's folder on.
#[must_use]
pub fn quarantine_file(stem: &str, fetch: &str) -> String {
    format!(".cpl/quarantine/{stem}.{fetch}.csv")
}

/// What the checks of all tables found.
type Checks = Vec<(TableId, Check)>;

impl<R> ReportBuilder<'_, R> {
    /// The report.
    #[must_use]
    pub fn report(&self) -> RunReport {
        let (program, clock) = (self.program(), self.clock());
        let checks = self.checks();
        let (metrics, by) = program
            .dashboard
            .as_ref()
            .map_or_else(Default::default, |dashboard| dashboard::shown(dashboard, &self.dashboard()));
        let mut metrics = metrics.into_iter();
        let mut quiet = BTreeMap::new();
        let decisions = self.decisions(&checks, &mut quiet);
        let alerts = self.alerts(&checks, &mut quiet);
        RunReport {
            version: RunReport::VERSION,
            pipeline: program.name.clone(),
            question: program.question.clone(),
            window: Window { start: iso(&clock.now), end: iso(&clock.end) },
            now: iso(&clock.now),
            took_ms: 0,
            constraint: metrics.next(),
            drivers: metrics.collect(),
            by,
            decisions,
            alerts,
            quiet,
            joins: self.joins(),
            sources: self.sources(),
            diagnostics: Vec::new(),
            over: program.dashboard.as_ref().and_then(|d| d.over).map(|over| program.written(over.span)),
            planned: false,
            early: clock.early.then(|| clock.end.strftime("%H:%M").to_string()),
            on_broken_data: program.dashboard.as_ref().is_some_and(|d| self.broken(d.table, &checks).is_some()),
            owner: program.owner.clone(),
            rules: program.decisions.iter().map(|rule| rule.name.clone()).collect(),
            checks: checks.into_iter().map(|(_, check)| check).collect(),
        }
    }

    fn program(&self) -> &Program {
        self.plan.program()
    }

    fn clock(&self) -> &Clock {
        self.plan.clock()
    }

    fn rows(&self, query: &Query) -> &[Vec<Value>] {
        self.answers.of(query.id)
    }

    fn dashboard(&self) -> dashboard::Answered<'_> {
        let mut answered = dashboard::Answered::default();
        for query in self.plan.queries() {
            let rows = self.rows(query);
            match query.requester {
                Requester::Dashboard(DashboardPart::Now) => answered.now = rows.first().map(Vec::as_slice),
                Requester::Dashboard(DashboardPart::Before) => answered.before = rows.first().map(Vec::as_slice),
                Requester::Dashboard(DashboardPart::By) => answered.by = Some(rows),
                _ => {}
            }
        }
        answered
    }

    /// The checks of all tables, by table.
    #[must_use]
    pub fn checks(&self) -> Checks {
        let checks = self.plan.queries().iter().filter_map(|query| {
            let Requester::Check { table: id, at } = query.requester else { return None };
            let table = self.program().table(id);
            Some((id, check::outcome(&table.checks[at], table, self.rows(query), self.program(), self.clock())))
        });
        checks.collect()
    }

    /// What was read of each fetch.
    #[must_use]
    pub fn sources(&self) -> Vec<Source> {
        self.plan.queries().iter().filter_map(|query| self.source(query)).collect()
    }

    fn source(&self, query: &Query) -> Option<Source> {
        let (Requester::Source(id), QueryKind::Aggregate { items, .. }) = (&query.requester, &query.kind) else {
            return None;
        };
        let table = self.program().table(*id);
        let row = self.rows(query).first()?;
        let value = |item: &str| items.iter().zip(row).find(|((name, _), _)| name == item).map(|(_, value)| value);
        let count = |item: &str| match value(item) {
            Some(Value::Integer(count)) => u64::try_from(*count).unwrap_or(0),
            _ => 0,
        };
        let read = self.answers.read.get(id);
        Some(Source {
            fetch: table.name.clone(),
            rows: count(ROWS).saturating_sub(count(FUTURE_ROWS)),
            newest: value(NEWEST).cloned().unwrap_or(Value::Unknown),
            bad_rows: read.map_or(0, |read| read.rejected_rows),
            quarantine: Some(quarantine_file(self.stem, &table.name)),
            future: count(FUTURE_ROWS),
            rounded: read.map_or(0, |read| read.rounded),
        })
    }

    fn joins(&self) -> Vec<Join> {
        let name = |id: TableId| self.program().table(id).name.clone();
        let joins = self.plan.queries().iter().filter_map(|query| {
            let Requester::Unmatched { table, with, left } = query.requester else { return None };
            let [Value::Integer(of_left), Value::Integer(of_right)] = self.rows(query).first()?.as_slice() else {
                return None;
            };
            Some(Join {
                table: name(table),
                with: name(with),
                left_unmatched: u64::try_from(*of_left).unwrap_or(0),
                kept: left,
                right_unmatched: u64::try_from(*of_right).unwrap_or(0),
            })
        });
        joins.collect()
    }

    fn decisions(&self, checks: &Checks, quiet: &mut BTreeMap<String, usize>) -> Vec<Decision> {
        let program = self.program();
        let window = self.clock().name(program.every);
        let identity = Identity { workspace: self.workspace, pipeline: &program.name, window: &window };
        let (mut decisions, mut claimed) = (Vec::new(), BTreeMap::new());
        for query in self.plan.queries() {
            let Requester::Decide(at, compiled) = &query.requester else { continue };
            let rule = &program.decisions[*at];
            if !self.is_its_day(&rule.rows, &rule.on) {
                continue;
            }
            let mut context = GuardContext {
                held: self.retired().or_else(|| self.broken(rule.rows.table, checks)),
                claimed: &mut claimed,
                identity: &identity,
                past: self.past,
                now: self.clock().now.timestamp(),
                show_quiet: self.show_quiet,
            };
            let (decided, silent) = decide::decide(rule, compiled, self.answer(query), program, &mut context);
            quiet.insert(rule.name.clone(), silent);
            decisions.extend(decided);
        }
        decisions
    }

    fn alerts(&self, checks: &Checks, quiet: &mut BTreeMap<String, usize>) -> Vec<Alert> {
        let program = self.program();
        let mut alerts = Vec::new();
        for query in self.plan.queries() {
            let Requester::Alert(at, compiled) = &query.requester else { continue };
            let rule = &program.alerts[*at];
            if !self.is_its_day(&rule.rows, &rule.on) {
                continue;
            }
            let broken = self.broken(rule.rows.table, checks);
            let answer = self.answer(query);
            let (shown, silent) = alert::alerts(rule, compiled, answer, program, broken.as_deref(), self.show_quiet);
            quiet.insert(rule.name.clone(), silent);
            alerts.extend(shown);
        }
        // What fires before what could not be decided, the gravest first; else as the file has them.
        alerts.sort_by_key(|alert: &Alert| (alert.state != State::Fires, std::cmp::Reverse(alert.severity)));
        alerts
    }

    fn answer(&self, query: &Query) -> &Answer {
        const NONE: &Answer = &Answer { rows: Vec::new(), quiet: 0 };
        self.answers.rows.get(&query.id).unwrap_or(NONE)
    }

    /// Whether a rule is looked at on the window's day.
    fn is_its_day(&self, rows: &Rows, on: &[Day]) -> bool {
        // On a series of days they are the days of its rows.
        let of_rows = rows.newest.as_ref().is_some_and(|newest| newest.grain == Grain::Day);
        on.is_empty() || of_rows || on.contains(&clock::weekday(self.clock().today()))
    }

    /// Why a table's data can't be trusted: the first broken check of what it is made of.
    fn broken(&self, table: TableId, checks: &Checks) -> Option<String> {
        let upstream = self.program().upstream(table);
        let broken = checks.iter().find(|(of, check)| check.broken && upstream.contains(of))?;
        Some(format!("`{}` is broken: {}", broken.1.check, broken.1.text))
    }

    fn retired(&self) -> Option<String> {
        let retire = self.program().retire.filter(|retire| *retire < self.clock().today())?;
        Some(format!("the pipeline retired on {retire}"))
    }
}

/// ISO 8601 with the zone's offset.
fn iso(moment: &ZonedDateTime) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}
