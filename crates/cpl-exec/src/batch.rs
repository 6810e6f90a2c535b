//! Batches: all steps of one are collected in one call, so that they share what they read.

use std::collections::BTreeMap;

use cpl_plan::{
    plan::{Plan, Step, StepId, StepKind},
    program::{Expr, ExprKind, Function, Program, Source, Table, TableId},
};
use cpl_syntax::{Code, Diagnostic};
use polars::prelude::{self as pl, IntoLazy, LazyFrame};

use crate::{
    World, alert,
    answers::{Found, Wanted},
    checks,
    collect::{collected, collected_for},
    dashboard, decide,
    expr::{Translate, in_capitals, of_minor_units},
    fetch::{Late, Opened, Told},
    frames::{self, Frames, Split, Unique},
    summary::{self, Summary},
    test,
    trouble::{self, Trouble},
};

/// Runs a plan's batches, one after the other.
pub struct Batches<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) world: &'a World<'a>,
    pub(crate) translate: Translate<'a>,
    pub(crate) frames: Frames,
    pub(crate) late: Vec<Late>,
    /// What the rows of each fetch told beside their values.
    pub(crate) told: BTreeMap<StepId, Told>,
    pub(crate) found: Found,
    /// In a test, the rows of fetches; those that are not there are empty, and no file is read.
    given: Option<&'a GivenRows>,
}

/// Rows of fetches, by their tables.
pub type GivenRows = BTreeMap<TableId, pl::DataFrame>;

impl<'a> Batches<'a> {
    /// On rows that are given, whatever the files hold.
    pub fn on(plan: &'a Plan, world: &'a World<'a>, given: &'a GivenRows) -> Self {
        Self { given: Some(given), ..Self::new(plan, world) }
    }

    pub fn new(plan: &'a Plan, world: &'a World<'a>) -> Self {
        let translate = Translate { clock: &world.clock, zone: &plan.program.timezone, totals: BTreeMap::new() };
        let (frames, late) = (Frames::default(), Vec::new());
        Self { plan, world, translate, frames, late, told: BTreeMap::new(), found: Found::default(), given: None }
    }

    pub fn run(mut self) -> Result<Found, Trouble> {
        let later = self.plan.later(self.given.is_some());
        if !later.is_empty() {
            return Err(later);
        }
        for batch in 0..self.plan.batches() {
            let wanted = self.batch(batch).map_err(|trouble| self.explained(trouble))?;
            self.collect(wanted)?;
        }
        self.found.checks.sort_by_key(|(table, _)| *table);
        self.found.joins.sort_by_key(|(table, _)| *table);
        Ok(self.found)
    }

    /// Makes the lazy frames of a batch. What is read in parts comes last: the tables that others need are made then.
    fn batch(&mut self, batch: usize) -> Result<Vec<(Wanted, LazyFrame)>, Trouble> {
        let mut in_parts = Vec::new();
        let mut wanted = Vec::new();
        for step in self.plan.steps().filter(|step| step.batch == batch) {
            if in_parts.iter().any(|(_, _, behind): &(_, _, Vec<&Step>)| behind.iter().any(|one| one.id == step.id)) {
                continue;
            }
            let made = match step.kind {
                StepKind::Fetch(id) if self.given.is_some() => self.given(id, step)?,
                StepKind::Fetch(id) => {
                    let opened = self.opened(id, step)?;
                    if step.in_parts {
                        in_parts.push((step, opened, self.behind(step.id, batch)));
                        continue;
                    }
                    self.fetch(step, opened)?
                }
                _ => {
                    (self.world.progress)(&self.plan.title(step));
                    self.step(step)?
                }
            };
            wanted.extend(self.whole(made)?);
        }
        for (step, opened, behind) in in_parts {
            wanted.extend(self.in_parts(step, &opened, &behind)?);
        }
        Ok(wanted)
    }

    /// The frames of splits of which the one part is the whole.
    pub fn whole(&self, made: Vec<(Wanted, Split<'a>)>) -> Result<Vec<(Wanted, LazyFrame)>, Trouble> {
        let mut wanted = Vec::new();
        for (what, split) in made {
            wanted.extend(self.finished(what, &split, split.all())?);
        }
        Ok(wanted)
    }

    /// The frame of a split, out of one part of all rows, and what is told beside it.
    pub fn finished(
        &self,
        what: Wanted,
        split: &Split<'_>,
        part: LazyFrame,
    ) -> Result<Vec<(Wanted, LazyFrame)>, Trouble> {
        let mut alone = Vec::new();
        let frame = split.finished(part, &self.frames, &self.translate, &mut alone)?;
        let mut wanted = vec![(what, frame)];
        wanted.extend(self.whole(alone.into_iter().map(Wanted::alone).collect())?);
        Ok(wanted)
    }

    pub(crate) fn program(&self) -> &'a Program {
        &self.plan.program
    }

    /// What a step makes of the tables before it.
    pub fn step(&mut self, step: &Step) -> Result<Vec<(Wanted, Split<'a>)>, Trouble> {
        let program = self.program();
        match step.kind {
            StepKind::Fetch(_) => unreachable!("a fetch needs no table"),
            StepKind::Transform(id) => {
                let place = program.table(id).span;
                self.transform(id, step).map_err(|told| trouble::computed_for(told, place))
            }
            StepKind::Dashboard => self.dashboard(),
            StepKind::Decide(at) => {
                let rule = &program.decisions[at];
                let asked = decide::Asked::of(rule, program);
                let table = self.frames.table(rule.rows.table);
                let frame = asked.frame(table, &rule.rows, &self.translate)?;
                Ok(vec![(Wanted::Decide(at, asked), Split::whole(frame))])
            }
            StepKind::Alert(at) => {
                let rule = &program.alerts[at];
                let asked = alert::Asked::of(rule, program);
                let table = self.frames.table(rule.rows.table);
                let frame = asked.frame(table, &rule.rows, &self.translate)?;
                Ok(vec![(Wanted::Alert(at, asked), Split::whole(frame))])
            }
            StepKind::Show(id) => Ok(vec![(Wanted::Show(id), Split::whole(self.frames.table(id)))]),
        }
    }

    pub fn opened(&self, id: TableId, step: &Step) -> Result<Opened<'a>, Trouble> {
        let table = self.program().table(id);
        let Source::Fetch(fetch) = &table.source else { unreachable!("a fetch step is of a fetch") };
        Opened::of(table, fetch, step, self.world)
    }

    /// What is made of given rows. Checks look at those alone.
    fn given(&mut self, id: TableId, step: &Step) -> Result<Vec<(Wanted, Split<'a>)>, Trouble> {
        let table = self.program().table(id);
        let rows = self.given.and_then(|given| given.get(&id));
        let frame = match rows {
            Some(rows) => rows.clone(),
            None => test::no_rows(table)?,
        };
        // Amounts are given as they are shown, not in minor units.
        let frame = self.as_meant(self.until_now(frame.lazy(), table)?, step, table, false)?;
        let frame = frame.select(step.columns.iter().map(|name| pl::col(name.as_str())).collect::<Vec<_>>());
        let made = if rows.is_some() { self.checks(id, &frame)? } else { Vec::new() };
        self.frames.put_lazy(id, frame);
        Ok(made)
    }

    fn fetch(&mut self, step: &Step, opened: Opened<'a>) -> Result<Vec<(Wanted, Split<'a>)>, Trouble> {
        let rows = opened.rows()?;
        self.late.extend(rows.late);
        let mut made = Vec::new();
        self.told.extend(rows.told.map(|told| (step.id, told)));
        // The source is told behind this.
        made.extend(rows.rounded.map(|count| (Wanted::Rounded(step.id), Split::whole(*count))));
        made.extend(self.fetched(step, rows.frame)?);
        Ok(made)
    }

    /// What is made of a fetch's rows, or of a part of them: the table, its summary, its checks.
    pub fn fetched(&mut self, step: &Step, rows: LazyFrame) -> Result<Vec<(Wanted, Split<'a>)>, Trouble> {
        let StepKind::Fetch(id) = step.kind else { unreachable!("only a fetch reads") };
        let table = self.program().table(id);
        let summary = Summary::asked(table, &self.translate).map_err(trouble::calendar)?;
        let summary = Split::asked(rows.clone(), summary);
        // A row is dated by what it says, and not by the start of its week.
        let frame = self.as_meant(self.until_now(rows, table)?, step, table, true)?;
        let mut made = vec![(Wanted::Summary(step.id, id), summary)];
        made.extend(self.checks(id, &frame)?);
        if step.stored {
            made.push((Wanted::Stored(id), Split::whole(frame.clone())));
        }
        self.frames.put_lazy(id, frame);
        Ok(made)
    }

    /// What a table's checks ask of its rows.
    pub fn checks(&self, id: TableId, frame: &LazyFrame) -> Result<Vec<(Wanted, Split<'a>)>, Trouble> {
        let table = self.program().table(id);
        let asked = table.checks.iter().enumerate().map(|(at, check)| {
            let split = checks::asked(check, table, frame.clone(), &self.translate).map_err(trouble::calendar)?;
            Ok((Wanted::Check { table: id, at }, split))
        });
        asked.collect()
    }

    /// The columns as they are meant: times at the start of the longer period they stand for, amounts in minor
    /// units in those of their row's currency.
    fn as_meant(&self, rows: LazyFrame, step: &Step, table: &Table, minor: bool) -> Result<LazyFrame, Trouble> {
        let Source::Fetch(fetch) = &table.source else { return Ok(rows) };
        let mut meant = Vec::new();
        for column in fetch.columns.iter().filter(|column| step.columns.contains(&column.name)) {
            let Some(of) = table.column(&column.name) else { continue };
            if let Some(start) = column.by.map(Function::start_of) {
                let time = Expr::column(&of.name, of.ty, of.unknown, of.span);
                let kind = ExprKind::Function(start, vec![time.clone()]);
                let start = self.translate.expr(&Expr { kind, ..time }).map_err(trouble::calendar)?;
                meant.push(start.alias(of.name.as_str()));
            }
            if column.is_currency {
                meant.push(in_capitals(&of.name).alias(of.name.as_str()));
            }
            if let Some(currency) = column.minor_of.as_ref().filter(|_| minor) {
                meant.push(of_minor_units(&of.name, currency));
            }
        }
        Ok(if meant.is_empty() { rows } else { rows.with_columns(meant) })
    }

    /// Rows dated after `now` are not read.
    fn until_now(&self, frame: LazyFrame, table: &Table) -> Result<LazyFrame, Trouble> {
        let Some(future) = summary::is_future(table) else { return Ok(frame) };
        let future = self.translate.expr(&future).map_err(trouble::calendar)?;
        Ok(frame.filter(future.clone().is_null().or(future.not())))
    }

    fn transform(&mut self, id: TableId, step: &Step) -> Result<Vec<(Wanted, Split<'a>)>, Trouble> {
        let Source::Transform { from, stages } = &self.program().table(id).source else {
            unreachable!("a transform step is of a transform")
        };
        if let Some(unique) = frames::fans_out(stages, &self.frames)? {
            return Err(self.fans_out(&unique)?);
        }
        let made = frames::transform(id, *from, stages, &self.frames, &self.translate)?;
        let mut wanted: Vec<(Wanted, Split<'a>)> = made.alone.into_iter().map(Wanted::alone).collect();
        if step.stored {
            // Its checks look at it once it is there.
            wanted.push((Wanted::Stored(id), made.frame.only(&step.columns)));
        } else {
            wanted.extend(self.checks(id, &made.frame.part)?);
            self.frames.put_lazy(id, made.frame.part);
        }
        Ok(wanted)
    }

    fn dashboard(&mut self) -> Result<Vec<(Wanted, Split<'a>)>, Trouble> {
        let Some(dashboard) = &self.program().dashboard else { return Ok(Vec::new()) };
        let rows = self.frames.table(dashboard.table);
        let table = self.program().table(dashboard.table);
        let asked = dashboard::ask(dashboard, table, &rows, &self.translate).map_err(trouble::calendar)?;
        let mut wanted = vec![(Wanted::DashboardNow, asked.now)];
        wanted.extend(asked.before.map(|frame| (Wanted::DashboardBefore, frame)));
        wanted.extend(asked.by.map(|frame| (Wanted::DashboardBy, frame)));
        Ok(wanted)
    }

    /// Collects a batch in one call.
    pub fn collect(&mut self, wanted: Vec<(Wanted, LazyFrame)>) -> Result<(), Trouble> {
        if wanted.is_empty() {
            return Ok(());
        }
        let (what, frames): (Vec<Wanted>, Vec<LazyFrame>) = wanted.into_iter().unzip();
        let found = collected_for(self.program(), what.iter(), &frames, pl::Engine::Streaming);
        for (what, frame) in what.into_iter().zip(found.map_err(|trouble| self.explained(trouble))?) {
            self.keep(what, frame)?;
        }
        Ok(())
    }

    /// Where a value did not fit, or a file can't be read, it is read again to tell which.
    pub fn explained(&self, trouble: Trouble) -> Trouble {
        let bad = trouble.iter().any(|diagnostic| diagnostic.code == Code::E1101);
        self.late.iter().filter(|_| bad).find_map(Late::find).unwrap_or(trouble)
    }

    /// What is said of a table that should be unique on what it is joined by, and is not.
    fn fans_out(&self, unique: &Unique) -> Result<Trouble, Trouble> {
        let duplicates =
            unique.duplicates.finished(unique.duplicates.all(), &self.frames, &self.translate, &mut Vec::new())?;
        let found = collected(vec![duplicates], pl::Engine::InMemory)?;
        let table = self.program().table(unique.table);
        let told = checks::duplicate(table, &unique.on, &found[0], &self.program().timezone)?;
        let Some((key, count)) = told else { unreachable!("a key that fans out is that of several rows") };
        let (name, on) = (table.shown_name(), unique.on.join(", "));
        let key: Vec<String> = key.iter().map(ToString::to_string).collect();
        Ok(vec![
            Diagnostic::new(
                Code::E1103,
                format!("this join fans out: {count} rows of `{name}` are {}", key.join(", ")),
            )
            .at(unique.span, format!("`{name}` must be unique on {on}"))
            .help(format!("group `{name}` by {on} before the join")),
        ])
    }
}
