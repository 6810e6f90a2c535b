//! Answers → the report of a run: the dashboard, then the rules in the order of the file.

use std::collections::{BTreeMap, BTreeSet};

use cpl_model::{
    clock::{self, Clock, iso},
    program::{CheckKind, Day, Grain, Program, Rows, SourceKind, TableId, TableSource},
    report::{
        Alert, AlertOver, Check, CheckSubject, Decision, Join, PassedOver, QuietRow, RunMode, RunReport, Source, State,
        Window,
    },
    value::Value,
};
use cpl_plan::{
    backend::{Answer, Answers},
    bind::BoundPlan,
    query::{DashboardPart, FUTURE_ROWS, NEWEST, OUTSIDE_ROWS, Query, QueryKind, ROWS, Requester, WEEK_STARTS},
};
use jiff::{ToSpan, civil::Date, tz::TimeZone};

use crate::{
    alert,
    check::{Answered, CheckOutcome, Finding},
    dashboard,
    decide::{self, context::GuardContext},
    holds::{BrokenCheck, Holds},
    identity::Identity,
    nearest::{QuietRows, nearest},
    past::Past,
    repeat::Earlier,
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
    /// Quiet rows are decisions too.
    pub show_quiet: bool,
    /// How many quiet rows are explained.
    pub quiet: QuietRows,
}

/// The file of a fetch's rejected rows, from the pipeline's folder on.
#[must_use]
pub fn quarantine_file(stem: &str, fetch: &str) -> String {
    format!(".cpl/quarantine/{stem}.{fetch}.csv")
}

/// A check of a table, and what it found.
struct Checked<'a> {
    table: TableId,
    /// The columns that name a series, where each is checked by itself.
    series: &'a [String],
    watched: bool,
    subject: CheckSubject,
    finding: Finding,
}

impl<R> ReportBuilder<'_, R> {
    /// The report.
    #[must_use]
    pub fn report(&self) -> RunReport {
        let (program, clock) = (self.program(), self.clock());
        let checked = self.checked();
        let broken = broken(&checked);
        let shown = |of| dashboard::shown(of, &self.dashboard(), program);
        let dashboard::Shown { metrics, by, moved } = program.dashboard.as_ref().map(shown).unwrap_or_default();
        let mut metrics = metrics.into_iter();
        let sources = self.sources();
        let data_to = self.data_to(&sources);
        let mut quiet = BTreeMap::new();
        let decisions = self.decisions(&broken, &mut quiet);
        let (alerts, alerts_over) = self.alerts(&broken, &mut quiet);
        let checks: Vec<Check> = checked.iter().map(|checked| self.shown_check(checked)).collect();
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
            moved,
            decisions,
            alerts,
            alerts_over,
            effects: Vec::new(),
            unconfirmed: Vec::new(),
            expired: Vec::new(),
            restated: Vec::new(),
            set: program.settings.clone(),
            quiet,
            nearest: self.nearest(),
            passed_over: self.passed_over(),
            joins: self.joins(),
            sources,
            diagnostics: Vec::new(),
            over: program.dashboard.as_ref().and_then(|d| d.over).map(|over| program.written(over.span)),
            mode: RunMode::Run,
            early: clock.early.then(|| clock.end.strftime("%H:%M").to_string()),
            on_broken_data: checks.iter().any(|check| check.broken && !check.watched && check.on_dashboard),
            asks_nothing: program.dashboard.is_none() && program.decisions.is_empty() && program.alerts.is_empty(),
            retired: self.retired_on().map(|day| day.to_string()),
            owner: program.owner.clone(),
            rules: program.decisions.iter().map(|rule| rule.name.clone()).collect(),
            data_to,
            next_look: self.next_look(),
            checks,
        }
    }

    /// The newest day of the fetches with which the dashboard's table and those of the rules begin, of several the oldest. A week or a month
    /// would be told by its first day, which says too little.
    fn data_to(&self, sources: &[Source]) -> Option<Value> {
        let program = self.program();
        let rules = program.decisions.iter().map(|rule| &rule.rows).chain(program.alerts.iter().map(|rule| &rule.rows));
        let tables = program.dashboard.iter().map(|dashboard| dashboard.table).chain(rules.map(|rows| rows.table));
        let begins = tables.map(|table| program.beginning(table)).collect::<BTreeSet<_>>();
        let is_by_day = |id: &TableId| {
            let table = program.table(*id);
            let time = table.time.as_ref().and_then(|time| table.column(time));
            time.is_some_and(|time| !matches!(time.grain, Some(Grain::Week | Grain::Month)))
        };
        let newest = begins.iter().filter(|id| is_by_day(id)).filter_map(|id| {
            let name = &program.table(*id).name;
            let source = sources.iter().find(|source| source.fetch == *name)?;
            (!source.newest.is_unknown()).then_some(&source.newest)
        });
        newest.min_by(|a, b| a.order(b)).cloned()
    }

    /// The next day on which a rule that acts is looked at, where none is today.
    fn next_look(&self) -> Option<String> {
        let rules = &self.program().decisions;
        if rules.is_empty() || rules.iter().any(|rule| self.is_its_day(&rule.rows, &rule.on)) {
            return None;
        }
        let is_looked_at = |date: &Date| rules.iter().any(|rule| rule.on.contains(&clock::weekday(*date)));
        let next = self.clock().today().series(1_i64.day()).skip(1).take(7).find(is_looked_at)?;
        Some(format!("{} {next}", clock::weekday(next).word()))
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
                Requester::Dashboard(DashboardPart::ByBefore) => answered.by_before = Some(rows),
                _ => {}
            }
        }
        answered
    }

    /// The checks of all tables, by table, and of all joins.
    #[must_use]
    pub fn checks(&self) -> Vec<Check> {
        self.checked().iter().map(|checked| self.shown_check(checked)).collect()
    }

    fn checked(&self) -> Vec<Checked<'_>> {
        let checks = self.plan.queries().iter().filter_map(|query| match query.requester {
            Requester::Check { table, at } => Some(self.table_check(query, table, at)),
            Requester::Unmatched { table, with, holds: true, .. } => self.join_check(query, table, with),
            Requester::Source(table) => self.pages_check(table),
            _ => None,
        });
        checks.collect()
    }

    fn table_check(&self, query: &Query, id: TableId, at: usize) -> Checked<'_> {
        let (program, table) = (self.program(), self.program().table(id));
        let check = &table.checks[at];
        let of_rows = |query: &&Query| matches!(query.requester, Requester::BrokenRows { table, at: place } if (table, place) == (id, at));
        let broken_rows = self.plan.queries().iter().find(of_rows).and_then(|query| match &query.kind {
            QueryKind::FirstRows { columns, .. } => {
                Some((columns.iter().map(|(name, _)| name.as_str()).collect(), self.rows(query)))
            }
            _ => None,
        });
        let outcome = CheckOutcome { check, table, program, clock: self.clock() };
        let finding = outcome.of(&Answered { rows: self.rows(query), broken_rows });
        let subject = match check.kind {
            CheckKind::Key(_) => CheckSubject::Key,
            CheckKind::Fresh(..) => CheckSubject::Age,
            CheckKind::Expect(_) => CheckSubject::Values,
            CheckKind::NoGaps(_) => CheckSubject::Gaps,
        };
        Checked { table: id, series: &check.series, watched: check.watched, subject, finding }
    }

    /// A join of which no row has a match, though there are some, is broken: its two sides are written differently.
    fn join_check(&self, query: &Query, id: TableId, with: TableId) -> Option<Checked<'_>> {
        let [Value::Integer(1..), _, Value::Integer(0)] = self.rows(query).first()?.as_slice() else { return None };
        let (table, with) = (&self.program().table(id).name, &self.program().table(with).name);
        let written = self.program().written(self.plan.node(query.of).span);
        let finding = Finding::broken(written, format!("no row of {table} has a partner in {with}"));
        Some(Checked { table: id, series: &[], watched: false, subject: CheckSubject::Join, finding })
    }

    /// A server's answer that says that there are more pages, where nobody says how they go on, or that one is wanted, is
    /// broken: what was read is a part of it.
    fn pages_check(&self, id: TableId) -> Option<Checked<'_>> {
        let place = self.answers.read.get(&id)?.more_pages.as_ref()?;
        let TableSource::Fetch(fetch) = &self.program().table(id).source else { return None };
        let what_to_write = match fetch.kind {
            SourceKind::Endpoint(_) => "and the connector has no `pages`; `pages: { only: first }` reads one",
            SourceKind::Http { only_first: false, .. } => {
                "and `http` reads one; a connector's `pages` reads all, `http(…, pages=\"first\")` the first alone"
            }
            _ => return None,
        };
        let text = format!("there are more pages, as {place} says, {what_to_write}");
        let finding = Finding::broken("one page of several".to_owned(), text);
        Some(Checked { table: id, series: &[], watched: false, subject: CheckSubject::Pages, finding })
    }

    fn shown_check(&self, checked: &Checked<'_>) -> Check {
        let (program, finding) = (self.program(), &checked.finding);
        let reads = |inputs| program.made_of(inputs).contains(&checked.table);
        let decisions = program.decisions.iter().filter(|rule| reads(rule.inputs()));
        let alerts = program.alerts.iter().filter(|rule| reads(rule.inputs()));
        let rules = decisions.map(|rule| rule.name.clone()).chain(alerts.map(|rule| rule.name.clone()));
        let dashboard = program.dashboard.as_ref();
        Check {
            table: program.table(checked.table).name.clone(),
            check: finding.check.clone(),
            broken: finding.broken,
            watched: checked.watched,
            holds: rules.filter(|_| !checked.watched).collect(),
            text: finding.text.clone(),
            rows: finding.rows.clone(),
            more: finding.more,
            subject: checked.subject,
            on_dashboard: dashboard.is_some_and(|dashboard| reads(dashboard.inputs())),
        }
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
        let fetch = match &table.source {
            TableSource::Fetch(fetch) => Some(fetch),
            TableSource::Transform { .. } => None,
        };
        let names_sheet = fetch.is_some_and(|fetch| matches!(&fetch.kind, SourceKind::Excel(of) if of.sheet.is_some()));
        // Numbers of other files are no texts.
        let is_text_table = fetch.is_some_and(|fetch| matches!(fetch.kind, SourceKind::Csv(_)));
        Some(Source {
            fetch: table.name.clone(),
            rows: count(ROWS).saturating_sub(count(FUTURE_ROWS)),
            newest: value(NEWEST).cloned().unwrap_or(Value::Unknown),
            bad_rows: read.map_or(0, |read| read.rejected_rows),
            quarantine: Some(quarantine_file(self.stem, &table.name)),
            future: count(FUTURE_ROWS),
            outside_window: count(OUTSIDE_ROWS),
            rounded: read.map_or(0, |read| read.rounded),
            left_out: read.map_or(0, |read| read.left_out),
            sheets: read.filter(|_| !names_sheet).map(|read| read.sheets.clone()).unwrap_or_default(),
            empty_paths: read.map(|read| read.empty_paths.clone()).unwrap_or_default(),
            empty_page_paths: read.map(|read| read.empty_page_paths.clone()).unwrap_or_default(),
            ambiguous_points: read
                .filter(|_| is_text_table)
                .map_or_else(Vec::new, |read| read.ambiguous_points.clone()),
            utc_days: read
                .filter(|_| !is_utc(&self.program().timezone))
                .map_or_else(Vec::new, |read| read.utc_days.clone()),
            no_week_starts: items
                .iter()
                .zip(row)
                .filter(|(_, value)| **value == Value::Integer(0) && count(ROWS) > 0)
                .filter_map(|((name, _), _)| Some(name.strip_prefix(WEEK_STARTS)?.to_owned()))
                .collect(),
            week_start: self.program().week_start.word().to_owned(),
            until: fetch.and_then(|fetch| fetch.until.clone()),
        })
    }

    fn joins(&self) -> Vec<Join> {
        let name = |id: TableId| self.program().table(id).name.clone();
        let joins = self.plan.queries().iter().filter_map(|query| {
            let Requester::Unmatched { table, with, left, .. } = query.requester else { return None };
            let [Value::Integer(of_left), Value::Integer(of_right), _] = self.rows(query).first()?.as_slice() else {
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

    /// The values that sums in quotients pass over, since they are unknown.
    fn passed_over(&self) -> Vec<PassedOver> {
        let found = self.plan.queries().iter().filter_map(|query| {
            let Requester::PassedOver { table, of } = query.requester else { return None };
            let [Value::Integer(rows), Value::Integer(unknown @ 1..)] = self.rows(query).first()?.as_slice() else {
                return None;
            };
            Some(PassedOver {
                table: self.program().table(table).name.clone(),
                value: self.program().written(of),
                unknown: u64::try_from(*unknown).unwrap_or(0),
                rows: u64::try_from(*rows).unwrap_or(0),
            })
        });
        found.collect()
    }

    fn decisions(&self, broken: &[BrokenCheck<'_>], quiet: &mut BTreeMap<String, usize>) -> Vec<Decision> {
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
                holds: match self.retired().or_else(|| self.paused()) {
                    Some(retired) => Holds::all(retired),
                    None => Holds::of(&rule.rows, &rule.exprs(), broken, program),
                },
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

    fn alerts(&self, broken: &[BrokenCheck<'_>], quiet: &mut BTreeMap<String, usize>) -> (Vec<Alert>, Vec<AlertOver>) {
        let program = self.program();
        let (mut alerts, mut over) = (Vec::new(), Vec::new());
        for query in self.plan.queries() {
            let Requester::Alert(at, compiled) = &query.requester else { continue };
            let rule = &program.alerts[*at];
            if !self.is_its_day(&rule.rows, &rule.on) {
                continue;
            }
            let holds = Holds::of(&rule.rows, &rule.exprs(), broken, program);
            let answer = self.answer(query);
            let alert::Found { alerts: mut shown, quiet: silent, left_out } =
                alert::alerts(rule, compiled, answer, program, &holds, self.show_quiet);
            quiet.insert(rule.name.clone(), silent);
            let earlier = Earlier::of(rule, program, self.past, self.clock().now.timestamp());
            earlier.mark(&mut shown);
            let (held, ended) = earlier.gone(&shown, &holds, &left_out);
            over.extend(ended);
            alerts.extend(shown.into_iter().chain(held));
        }
        // News before what fires still, and that before what could not be decided, the gravest first; else as the file has them.
        alerts.sort_by_key(|alert: &Alert| {
            (alert.state != State::Fires, alert.is_still(), std::cmp::Reverse(alert.severity))
        });
        (alerts, over)
    }

    /// The quiet rows of rules; those of alerts where all are wanted.
    fn nearest(&self) -> Vec<QuietRow> {
        let program = self.program();
        let mut found = Vec::new();
        for query in self.plan.queries() {
            let (name, rows, on, of) = match &query.requester {
                Requester::Decide(at, rule) => {
                    let of = &program.decisions[*at];
                    (&of.name, &of.rows, &of.on, (&rule.conditions, Some(rule.missing)))
                }
                Requester::Alert(at, rule) if self.quiet == QuietRows::All => {
                    let of = &program.alerts[*at];
                    (&of.name, &of.rows, &of.on, (&rule.conditions, None))
                }
                _ => continue,
            };
            if self.is_its_day(rows, on) {
                found.extend(nearest(name, of, self.answer(query), self.quiet, program));
            }
        }
        found
    }

    fn answer(&self, query: &Query) -> &Answer {
        const NONE: &Answer = &Answer { rows: Vec::new(), quiet: 0, nearest: Vec::new() };
        self.answers.rows.get(&query.id).unwrap_or(NONE)
    }

    /// Whether a rule is looked at on the window's day.
    fn is_its_day(&self, rows: &Rows, on: &[Day]) -> bool {
        rows.is_looked_at(on, self.clock().today())
    }

    fn retired(&self) -> Option<String> {
        self.retired_on().map(|retire| format!("the pipeline retired on {retire}"))
    }

    fn paused(&self) -> Option<String> {
        let pause = self.past.pause()?;
        let since = pause.at.to_zoned_datetime(self.program().timezone.clone()).strftime("%Y-%m-%d %H:%M");
        let why = pause.why.map_or_else(String::new, |why| format!(": {why}"));
        Some(format!("paused since {since} by {}{why}", pause.by))
    }

    fn retired_on(&self) -> Option<Date> {
        self.program().retire.filter(|retire| *retire < self.clock().today())
    }
}

fn is_utc(zone: &TimeZone) -> bool {
    zone.iana_name().is_none_or(|name| matches!(name, "UTC" | "Etc/UTC"))
}

/// The broken checks that hold what depends on them.
fn broken<'c>(checked: &'c [Checked<'_>]) -> Vec<BrokenCheck<'c>> {
    let broken = checked.iter().filter(|checked| checked.finding.broken && !checked.watched);
    broken.map(|one| BrokenCheck { table: one.table, series: one.series, finding: &one.finding }).collect()
}
