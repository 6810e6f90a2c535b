//! Program → plan: what nothing needs is pruned, what remains is put into batches.

mod batches;
mod needs;
mod parts;
mod prune;
mod witness;

use std::collections::{BTreeMap, BTreeSet};

use cpl_syntax::Diagnostic;

use crate::{
    lint::{self, unneeded},
    plan::{Plan, StepId, StepKind},
    program::{Dashboard, Program, Source, SourceKind, Stage, TableId},
};
use needs::Needs;

/// What a plan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The dashboard, the decisions and the alerts.
    Run,
    /// One table, all of its columns.
    Show(TableId),
}

/// The plan, and what the program holds that the plan does not need.
#[must_use]
pub fn program_to_plan(mut program: Program, purpose: Purpose) -> (Plan, Vec<Diagnostic>) {
    let mut warnings = if purpose == Purpose::Run { lint::rules(&program) } else { Vec::new() };
    let mut needs = Needs::of(&program, purpose);
    if purpose == Purpose::Run {
        witness::keep(&mut program, &mut needs);
    }
    for at in (0..program.tables.len()).rev() {
        prune::table(&mut program, TableId(at), &mut needs);
    }
    if purpose == Purpose::Run {
        warnings.extend(pruned(&program, &needs));
    }
    let mut plan = Builder::new(program, needs).build(purpose);
    batches::wait(&mut plan);
    parts::mark(&mut plan);
    (plan, warnings)
}

/// What was pruned altogether.
fn pruned(program: &Program, needs: &Needs) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    // Where nothing is decided yet, nothing is needed yet: the file is under way.
    if program.dashboard.is_none() && program.decisions.is_empty() && program.alerts.is_empty() {
        return found;
    }
    for (at, table) in program.tables.iter().enumerate() {
        let Some(columns) = needs.table(TableId(at)) else {
            if !table.is_under_way() {
                found.push(unneeded("table", &table.name, table.span));
            }
            continue;
        };
        // What a connector brings stands in its own file.
        if let Source::Fetch(fetch) = &table.source
            && fetch.kind != SourceKind::Endpoint
        {
            for column in fetch.columns.iter().filter(|column| !columns.contains(&column.name)) {
                found.push(unneeded("column", &column.name, column.span));
            }
        }
    }
    found
}

struct Builder {
    plan: Plan,
    needs: Needs,
    /// Tables that are joined to the rows of others: they are held.
    joined: BTreeSet<TableId>,
    steps: BTreeMap<TableId, StepId>,
}

impl Builder {
    fn new(program: Program, needs: Needs) -> Self {
        let needed = program.tables.iter().enumerate().filter(|(at, _)| needs.table(TableId(*at)).is_some());
        let joined = needed.flat_map(|(_, table)| table.joined()).collect();
        Self { plan: Plan::new(program), needs, joined, steps: BTreeMap::new() }
    }

    fn build(mut self, purpose: Purpose) -> Plan {
        for at in 0..self.plan.program.tables.len() {
            if self.needs.table(TableId(at)).is_some() {
                self.add_table(TableId(at));
            }
        }
        if let Purpose::Show(table) = purpose {
            self.add_end(StepKind::Show(table), &[table]);
            return self.plan;
        }
        if let Some(tables) = self.plan.program.dashboard.as_ref().map(Dashboard::inputs) {
            self.add_end(StepKind::Dashboard, &tables);
        }
        for at in 0..self.plan.program.decisions.len() {
            self.add_end(StepKind::Decide(at), &self.plan.program.decisions[at].inputs());
        }
        for at in 0..self.plan.program.alerts.len() {
            self.add_end(StepKind::Alert(at), &self.plan.program.alerts[at].inputs());
        }
        self.plan
    }

    fn add_table(&mut self, id: TableId) {
        let table = self.plan.program.table(id);
        let needed = self.needs.table(id);
        let columns = table.columns.iter().map(|column| &column.name);
        let columns = columns.filter(|name| needed.is_some_and(|needed| needed.contains(*name))).cloned().collect();
        let (kind, small) = match &table.source {
            Source::Fetch(_) => (StepKind::Fetch(id), false),
            Source::Transform { stages, .. } => (StepKind::Transform(id), stages.iter().any(is_small)),
        };
        let stored = small || self.joined.contains(&id);
        let inputs: Vec<StepId> = table.inputs().iter().filter_map(|input| self.steps.get(input).copied()).collect();
        let batch = batches::behind(&self.plan, &inputs);
        let step = self.plan.add(kind, columns, stored, batch, &inputs);
        self.steps.insert(id, step);
    }

    /// The dashboard, a rule, or a table that is shown: its columns are its own affair.
    fn add_end(&mut self, kind: StepKind, tables: &[TableId]) {
        let inputs: Vec<StepId> = tables.iter().filter_map(|table| self.steps.get(table).copied()).collect();
        let batch = batches::behind(&self.plan, &inputs);
        self.plan.add(kind, Vec::new(), true, batch, &inputs);
    }
}

/// After a group few rows are left: they are kept, and not made anew for each step behind.
fn is_small(stage: &Stage) -> bool {
    matches!(stage, Stage::Group { .. } | Stage::Take(_, None))
}
