//! A run: the plan's batches, then the rules in the order of the file, then the effects.

use std::collections::BTreeMap;

use cpl_plan::{
    clock,
    plan::Plan,
    program::{Day, Grain, Program, Rows, TableId},
    report::{Alert, Decision, RunReport, State, Window},
};
use jiff::ZonedDateTime;

use crate::{
    World,
    answers::Found,
    batch::{Batches, GivenRows},
    dashboard,
    decide::{self, Circumstances, Identity},
    quarantine,
    trouble::{self, Trouble},
};

/// Runs a plan and lets its effects out.
///
/// # Errors
/// What kept the run from being finished. No effect left then, but for what the error names.
pub fn run(plan: &Plan, world: &World<'_>) -> Result<RunReport, Trouble> {
    let (report, mut found) = judged(plan, world)?;
    quarantine::write(&plan.program, &mut found, world)?;
    decide::write(&plan.program, &report, &world.clock.name(plan.program.every), world.folder)?;
    Ok(report)
}

/// What a run would decide. It holds no means of writing.
///
/// # Errors
/// What keeps a run from being finished.
pub fn planned(plan: &Plan, world: &World<'_>) -> Result<RunReport, Trouble> {
    judged(plan, world).map(|(report, _)| report)
}

fn judged(plan: &Plan, world: &World<'_>) -> Result<(RunReport, Found), Trouble> {
    decide::check(&plan.program, world.folder)?;
    let found = Batches::new(plan, world).run()?;
    let window = world.clock.name(plan.program.every);
    let report = Judge { plan, world, found: &found, window: &window, tell_quiet: false }.report()?;
    Ok((report, found))
}

/// The report on given rows; rows that do not fire are told too.
pub fn on_given(plan: &Plan, world: &World<'_>, given: &GivenRows) -> Result<RunReport, Trouble> {
    let found = Batches::on(plan, world, given).run()?;
    let window = world.clock.name(plan.program.every);
    Judge { plan, world, found: &found, window: &window, tell_quiet: true }.report()
}

/// Makes the report of what was found.
struct Judge<'a> {
    plan: &'a Plan,
    world: &'a World<'a>,
    found: &'a Found,
    window: &'a str,
    /// Rows that do not fire are told too.
    tell_quiet: bool,
}

impl Judge<'_> {
    fn report(&self) -> Result<RunReport, Trouble> {
        let program = &self.plan.program;
        let clock = &self.world.clock;
        let (mut metrics, mut by) = (Vec::new(), None);
        if let (Some(dashboard), Some(answered)) = (&program.dashboard, &self.found.dashboard) {
            let told = dashboard::told(dashboard, program, answered);
            (metrics, by) = told.map_err(|told| trouble::computed_for(told, dashboard.span))?;
        }
        let mut metrics = metrics.into_iter();
        let mut quiet = BTreeMap::new();
        let decisions = self.decisions(&mut quiet)?;
        let alerts = self.alerts(&mut quiet)?;
        Ok(RunReport {
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
            checks: self.found.checks.iter().map(|(_, check)| check.clone()).collect(),
            joins: self.found.joins.iter().map(|(_, join)| join.clone()).collect(),
            sources: self.found.sources.values().cloned().collect(),
            diagnostics: Vec::new(),
            over: program.dashboard.as_ref().and_then(|d| d.over).map(|over| program.written(over.span)),
            planned: false,
            early: clock.early.then(|| clock.end.strftime("%H:%M").to_string()),
            on_broken_data: program.dashboard.as_ref().is_some_and(|d| self.broken(d.table).is_some()),
            owner: program.owner.clone(),
            rules: program.decisions.iter().map(|rule| rule.name.clone()).collect(),
        })
    }

    fn decisions(&self, quiet: &mut BTreeMap<String, usize>) -> Result<Vec<Decision>, Trouble> {
        let program = &self.plan.program;
        let identity = Identity { workspace: self.world.workspace, pipeline: &program.name, window: self.window };
        let (mut decisions, mut taken) = (Vec::new(), BTreeMap::new());
        for (at, rule) in program.decisions.iter().enumerate() {
            let Some((asked, frame)) = self.found.decisions.get(&at) else { continue };
            if !self.is_its_day(&rule.rows, &rule.on) {
                continue;
            }
            let mut around = Circumstances {
                retired: retired(program, self.world),
                broken: self.broken(rule.rows.table),
                taken: &mut taken,
                identity: &identity,
                tell_quiet: self.tell_quiet,
            };
            let told = asked.decided(rule, program, frame, &mut around);
            let (decided, silent) = told.map_err(|told| trouble::computed_for(told, rule.span))?;
            quiet.insert(rule.name.clone(), silent);
            decisions.extend(decided);
        }
        Ok(decisions)
    }

    fn alerts(&self, quiet: &mut BTreeMap<String, usize>) -> Result<Vec<Alert>, Trouble> {
        let program = &self.plan.program;
        let mut alerts = Vec::new();
        for (at, rule) in program.alerts.iter().enumerate() {
            let Some((asked, frame)) = self.found.alerts.get(&at) else { continue };
            if !self.is_its_day(&rule.rows, &rule.on) {
                continue;
            }
            let broken = self.broken(rule.rows.table);
            let told = asked.told(rule, program, frame, broken.as_deref(), self.tell_quiet);
            let (told, silent) = told.map_err(|told| trouble::computed_for(told, rule.span))?;
            quiet.insert(rule.name.clone(), silent);
            alerts.extend(told);
        }
        // What fires before what could not be decided, the gravest first; else as the file has them.
        alerts.sort_by_key(|alert: &Alert| (alert.state != State::Fires, std::cmp::Reverse(alert.severity)));
        Ok(alerts)
    }

    /// Whether a rule is looked at on the window's day.
    fn is_its_day(&self, rows: &Rows, on: &[Day]) -> bool {
        // On a series of days they are the days of its rows.
        let of_rows = rows.newest.as_ref().is_some_and(|newest| newest.grain == Grain::Day);
        on.is_empty() || of_rows || on.contains(&clock::weekday(self.world.clock.today()))
    }

    /// Why a table's data can't be trusted: the first broken check of what it is made of.
    fn broken(&self, table: TableId) -> Option<String> {
        let upstream = self.plan.upstream(table);
        let broken = self.found.checks.iter().find(|(of, check)| check.broken && upstream.contains(of))?;
        Some(format!("`{}` is broken: {}", broken.1.check, broken.1.text))
    }
}

fn retired(program: &Program, world: &World<'_>) -> Option<String> {
    let retire = program.retire.filter(|retire| *retire < world.clock.today())?;
    Some(format!("the pipeline retired on {retire}"))
}

/// ISO 8601 with the zone's offset.
fn iso(moment: &ZonedDateTime) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}
