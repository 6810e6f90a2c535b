//! Batches: all steps of one are collected in one call, so that they share what they read.

use std::collections::BTreeMap;

use cpl_plan::{
    plan::{Plan, Step, StepKind},
    program::{CheckKind, Program, Source, Table, TableId},
    report::{self, Check},
    types::Type,
    value::Value,
};
use cpl_syntax::{Code, Diagnostic};
use polars::prelude::{self as pl, LazyFrame};

use crate::{
    World, alert, checks, dashboard, decide,
    expr::{Translate, day, instant},
    fetch::{self, Late, Rounded},
    frames::{self, Frames, duplicates},
    rows::rows,
    trouble::{self, Trouble},
    types::data_type,
};

/// What a plan's batches found: the report is made of it.
#[derive(Default)]
pub struct Found {
    pub sources: Vec<report::Source>,
    /// Checks and the tables they are of.
    pub checks: Vec<(TableId, Check)>,
    pub dashboard: Option<dashboard::Answered>,
    pub decisions: BTreeMap<usize, (decide::Asked, pl::DataFrame)>,
    pub alerts: BTreeMap<usize, (alert::Asked, pl::DataFrame)>,
    pub shown: Option<pl::DataFrame>,
}

/// What a collected frame is for.
enum Wanted {
    Stored(TableId),
    Unique { table: TableId, on: Vec<String>, span: cpl_syntax::Span },
    Rounded(TableId),
    Summary(TableId),
    Key { table: TableId, columns: Vec<String> },
    DashboardNow,
    DashboardBefore,
    DashboardBy,
    Decide(usize, decide::Asked),
    Alert(usize, alert::Asked),
    Show,
}

/// Runs a plan's batches, one after the other.
pub struct Batches<'a> {
    plan: &'a Plan,
    world: &'a World<'a>,
    translate: Translate<'a>,
    frames: Frames,
    late: Vec<Late>,
    /// Amounts of each fetch that were rounded.
    rounded: BTreeMap<TableId, u64>,
    found: Found,
}

impl<'a> Batches<'a> {
    pub fn new(plan: &'a Plan, world: &'a World<'a>) -> Self {
        let translate = Translate { clock: &world.clock, zone: &plan.program.timezone };
        let (frames, late) = (Frames::default(), Vec::new());
        Self { plan, world, translate, frames, late, rounded: BTreeMap::new(), found: Found::default() }
    }

    pub fn run(mut self) -> Result<Found, Trouble> {
        for batch in 0..self.plan.batches() {
            let mut wanted = Vec::new();
            for step in self.plan.steps().filter(|step| step.batch == batch) {
                (self.world.progress)(&self.plan.title(step));
                self.step(step, &mut wanted)?;
            }
            self.collect(wanted)?;
        }
        Ok(self.found)
    }

    fn program(&self) -> &'a Program {
        &self.plan.program
    }

    /// Makes a step's lazy frames.
    fn step(&mut self, step: &Step, wanted: &mut Vec<(Wanted, LazyFrame)>) -> Result<(), Trouble> {
        match step.kind {
            StepKind::Fetch(id) => self.fetch(id, step, wanted),
            StepKind::Transform(id) => self.transform(id, step, wanted),
            StepKind::Dashboard => self.dashboard(wanted),
            StepKind::Decide(at) => {
                let rule = &self.program().decisions[at];
                let asked = decide::Asked::of(rule, self.program());
                let frame =
                    asked.frame(self.frames.table(rule.rows.table), &self.translate).map_err(trouble::calendar)?;
                wanted.push((Wanted::Decide(at, asked), frame));
                Ok(())
            }
            StepKind::Alert(at) => {
                let rule = &self.program().alerts[at];
                let asked = alert::Asked::of(rule, self.program());
                let frame =
                    asked.frame(self.frames.table(rule.rows.table), &self.translate).map_err(trouble::calendar)?;
                wanted.push((Wanted::Alert(at, asked), frame));
                Ok(())
            }
            StepKind::Show(id) => {
                wanted.push((Wanted::Show, self.frames.table(id)));
                Ok(())
            }
        }
    }

    fn fetch(&mut self, id: TableId, step: &Step, wanted: &mut Vec<(Wanted, LazyFrame)>) -> Result<(), Trouble> {
        let table = self.program().table(id);
        let Source::Fetch(fetch) = &table.source else { unreachable!("a fetch step is of a fetch") };
        let rows = fetch::rows(table, fetch, &step.columns, self.world)?;
        self.late.extend(rows.late);
        let frame = if fetch.future { rows.frame } else { self.until_now(rows.frame, table) };
        match rows.rounded {
            Rounded::Counted(count) => drop(self.rounded.insert(id, count)),
            // The source is told behind this.
            Rounded::Late(count) => wanted.push((Wanted::Rounded(id), *count)),
        }
        wanted.push((Wanted::Summary(id), summary(&frame, table)));
        for check in &table.checks {
            if let CheckKind::Key(columns) = &check.kind {
                wanted.push((Wanted::Key { table: id, columns: columns.clone() }, duplicates(frame.clone(), columns)));
            }
        }
        self.frames.put_lazy(id, frame);
        Ok(())
    }

    /// Rows dated after `now` (a date: after `today`) are not read.
    fn until_now(&self, frame: LazyFrame, table: &Table) -> LazyFrame {
        let Some(time) = table.time.as_deref().and_then(|time| table.column(time)) else { return frame };
        let clock = &self.world.clock;
        let column = pl::col(time.name.as_str());
        let past = match time.ty {
            Type::Date => column.clone().lt_eq(day(clock.today())),
            _ => column.clone().lt_eq(instant(clock.now.timestamp())),
        };
        frame.filter(if time.unknown { column.is_null().or(past) } else { past })
    }

    fn transform(&mut self, id: TableId, step: &Step, wanted: &mut Vec<(Wanted, LazyFrame)>) -> Result<(), Trouble> {
        let Source::Transform { from, stages } = &self.program().table(id).source else {
            unreachable!("a transform step is of a transform")
        };
        let made = frames::transform(*from, stages, &self.frames, &self.translate).map_err(trouble::calendar)?;
        for unique in made.unique {
            let what = Wanted::Unique { table: unique.table, on: unique.on, span: unique.span };
            wanted.push((what, unique.duplicates));
        }
        if step.stored {
            wanted.push((Wanted::Stored(id), made.frame));
        } else {
            self.frames.put_lazy(id, made.frame);
        }
        Ok(())
    }

    fn dashboard(&mut self, wanted: &mut Vec<(Wanted, LazyFrame)>) -> Result<(), Trouble> {
        let Some(dashboard) = &self.program().dashboard else { return Ok(()) };
        let rows = self.frames.table(dashboard.table);
        let table = self.program().table(dashboard.table);
        let asked = dashboard::ask(dashboard, table, &rows, &self.translate).map_err(trouble::calendar)?;
        wanted.push((Wanted::DashboardNow, asked.now));
        wanted.extend(asked.before.map(|frame| (Wanted::DashboardBefore, frame)));
        wanted.extend(asked.by.map(|frame| (Wanted::DashboardBy, frame)));
        Ok(())
    }

    /// Collects a batch in one call.
    fn collect(&mut self, wanted: Vec<(Wanted, LazyFrame)>) -> Result<(), Trouble> {
        let (what, frames): (Vec<Wanted>, Vec<LazyFrame>) = wanted.into_iter().unzip();
        let plans = frames.into_iter().map(|frame| frame.logical_plan).collect();
        let collected = LazyFrame::collect_all_with_engine(plans, pl::Engine::Streaming, pl::OptFlags::default());
        let collected = collected
            .map_err(|error| self.late.iter().find_map(Late::find).unwrap_or_else(|| trouble::engine(error)))?;
        for (what, frame) in what.into_iter().zip(collected) {
            self.keep(what, frame)?;
        }
        Ok(())
    }

    fn keep(&mut self, what: Wanted, frame: pl::DataFrame) -> Result<(), Trouble> {
        match what {
            Wanted::Stored(id) => self.frames.put_stored(id, frame),
            Wanted::Unique { table, on, span } => return self.unique(table, &on, span, &frame),
            Wanted::Rounded(id) => drop(self.rounded.insert(id, counted(&frame)?)),
            Wanted::Summary(id) => self.summary(id, &frame)?,
            Wanted::Key { table, columns } => {
                let found = self.duplicate(table, &columns, &frame)?;
                let check = checks::key(self.program().table(table), &columns, found);
                self.found.checks.push((table, check));
            }
            Wanted::DashboardNow => {
                self.found.dashboard = Some(dashboard::Answered { now: frame, before: None, by: None });
            }
            Wanted::DashboardBefore => {
                if let Some(dashboard) = &mut self.found.dashboard {
                    dashboard.before = Some(frame);
                }
            }
            Wanted::DashboardBy => {
                if let Some(dashboard) = &mut self.found.dashboard {
                    dashboard.by = Some(frame);
                }
            }
            Wanted::Decide(at, asked) => drop(self.found.decisions.insert(at, (asked, frame))),
            Wanted::Alert(at, asked) => drop(self.found.alerts.insert(at, (asked, frame))),
            Wanted::Show => self.found.shown = Some(frame),
        }
        Ok(())
    }

    /// The first duplicated key of a frame that `duplicates` made.
    fn duplicate(
        &self,
        table: TableId,
        on: &[String],
        frame: &pl::DataFrame,
    ) -> Result<Option<(Vec<Value>, i64)>, Trouble> {
        let table = self.program().table(table);
        let types = on.iter().filter_map(|name| table.column(name)).map(|column| column.ty);
        let types: Vec<Type> = types.chain([Type::Count]).collect();
        let Some(mut row) = rows(frame, &types, &self.program().timezone)?.pop() else { return Ok(None) };
        let count = match row.pop() {
            Some(Value::Integer(count)) => count,
            _ => 0,
        };
        Ok(Some((row, count)))
    }

    fn unique(
        &self,
        table: TableId,
        on: &[String],
        span: cpl_syntax::Span,
        frame: &pl::DataFrame,
    ) -> Result<(), Trouble> {
        let Some((key, count)) = self.duplicate(table, on, frame)? else { return Ok(()) };
        let name = &self.program().table(table).name;
        let key: Vec<String> = key.iter().map(ToString::to_string).collect();
        Err(vec![
            Diagnostic::new(
                Code::E1103,
                format!("this join fans out: {count} rows of `{name}` are {}", key.join(", ")),
            )
            .at(span, format!("`{name}` must be unique on {}", on.join(", ")))
            .help(format!("group `{name}` by {} before the join", on.join(", "))),
        ])
    }

    fn summary(&mut self, id: TableId, frame: &pl::DataFrame) -> Result<(), Trouble> {
        let table = self.program().table(id);
        let times = summary_columns(table);
        let types: Vec<Type> =
            std::iter::once(Type::Count).chain(times.iter().filter_map(|name| Some(table.column(name)?.ty))).collect();
        let values = rows(frame, &types, &self.program().timezone)?.pop().unwrap_or_default();
        let newest = |name: &str| times.iter().position(|time| *time == name).map(|at| values[at + 1].clone());
        let count = match values.first() {
            Some(Value::Integer(count)) => u64::try_from(*count).unwrap_or(0),
            _ => 0,
        };
        for check in &table.checks {
            if let CheckKind::Fresh(column, micros) = &check.kind {
                let newest = newest(column).unwrap_or(Value::Unknown);
                self.found.checks.push((id, checks::fresh(table, column, *micros, &newest, self.world)));
            }
        }
        self.found.sources.push(report::Source {
            fetch: table.name.clone(),
            rows: count,
            newest: table.time.as_deref().and_then(newest).unwrap_or(Value::Unknown),
            bad_rows: 0,
            rounded: self.rounded.get(&id).copied().unwrap_or(0),
        });
        Ok(())
    }
}

/// The sum of a frame's only column.
fn counted(frame: &pl::DataFrame) -> Result<u64, Trouble> {
    let rows = rows(frame, &[Type::Count], &jiff::tz::TimeZone::UTC)?;
    let counts = rows.iter().flatten().map(|value| if let Value::Integer(count) = value { *count } else { 0 });
    Ok(u64::try_from(counts.sum::<i64>()).unwrap_or(0))
}

/// The columns whose newest value a fetch tells: its time, and what it must be fresh by.
fn summary_columns(table: &Table) -> Vec<&str> {
    let mut columns: Vec<&str> = table.time.as_deref().into_iter().collect();
    for check in &table.checks {
        if let CheckKind::Fresh(column, _) = &check.kind
            && !columns.contains(&column.as_str())
        {
            columns.push(column);
        }
    }
    columns
}

/// One row: how many rows, and the newest value of each time.
fn summary(frame: &LazyFrame, table: &Table) -> LazyFrame {
    let mut columns = vec![pl::len().cast(data_type(Type::Count)).alias("·rows")];
    columns.extend(summary_columns(table).into_iter().map(|time| pl::col(time).max()));
    frame.clone().select(columns)
}
