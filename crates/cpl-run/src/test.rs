//! `test` blocks: a pipeline on given rows, with no fetch and no effect.

use cpl_exec::TableRows;
use cpl_model::{
    program::{ExpectedKind, Program, TableId, Test},
    report::RunReport,
    value::Value,
};
use cpl_plan::{
    Given, Plan, Purpose,
    backend::Backend,
    bind::{BoundPlan, bind},
    test_plan,
};

use crate::{
    RunContext, RunError,
    applied::past_counts,
    expect::{self, Failed},
    given::GivenInputs,
    given_past::GivenPast,
};

/// Runs a test; what of it failed. The context's clock is the test's.
///
/// # Errors
/// What keeps the pipeline from being run on those rows.
pub fn test(program: &Program, test: &Test, context: &RunContext<'_>) -> Result<Vec<Failed>, RunError> {
    let (tables, rows) = (GivenInputs::tables(&test.given), GivenInputs::of(&test.given, program, context)?);
    let report = report(program, test, &tables, &rows, context)?;
    let mut failed = Vec::new();
    for expected in &test.expect {
        failed.extend(match &expected.kind {
            ExpectedKind::Table(id, columns, wanted) => {
                let found = table(program, test, *id, columns, &tables, &rows, context)?;
                expect::table(expected.span, &program.table(*id).name, columns, wanted, found)
            }
            _ => expect::rule(expected, &report),
        });
    }
    Ok(failed)
}

/// A test's plan, bound to its window and to the past that it gives.
fn bound(plan: Plan, test: &Test, context: &RunContext<'_>) -> Result<BoundPlan, RunError> {
    let past = GivenPast { program: plan.program(), decisions: &test.past };
    let counts = past_counts(&plan, &context.clock, |rule, after| Ok(past.counts(rule, after, &context.clock)))?;
    Ok(bind(plan, context.clock.clone(), &counts, true)?)
}

/// The report on given rows; quiet rows are shown too.
fn report(
    program: &Program,
    test: &Test,
    tables: &Given,
    rows: &GivenInputs,
    context: &RunContext<'_>,
) -> Result<RunReport, RunError> {
    let plan = bound(test_plan(program.clone(), Purpose::Run, tables), test, context)?;
    let answers = context.engine(rows).run(&plan)?;
    let past = GivenPast { program, decisions: &test.past };
    Ok(context.report(&plan, &answers, (&past, &context.workspace.name), true).report())
}

/// The named columns of a table on given rows.
fn table(
    program: &Program,
    test: &Test,
    id: TableId,
    columns: &[String],
    tables: &Given,
    rows: &GivenInputs,
    context: &RunContext<'_>,
) -> Result<Vec<Vec<Value>>, RunError> {
    let plan = bound(test_plan(program.clone(), Purpose::Show(id), tables), test, context)?;
    let (shown, _) = context.engine(rows).table(&plan)?;
    let places: Vec<usize> =
        columns.iter().filter_map(|name| shown.columns.iter().position(|(column, _)| column == name)).collect();
    let all = shown.rows(0, TableRows::height(&shown))?;
    Ok(all.into_iter().map(|row| places.iter().map(|at| row[*at].clone()).collect()).collect())
}
