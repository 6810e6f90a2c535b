//! What the collected frames of a batch are for, and what they tell.

use std::collections::BTreeMap;

use cpl_plan::{
    plan::StepId,
    program::{Program, Source, Table, TableId},
    report::{self, Check},
    types::Type,
    value::Value,
};
use cpl_syntax::Span;
use polars::prelude as pl;

use crate::{
    alert,
    batch::Batches,
    checks, dashboard, decide,
    fetch::Aside,
    frames::{Alone, Partner, Split},
    rows::rows,
    summary::Summary,
    trouble::{self, Trouble},
};

/// What a plan's batches found: the report is made of it.
#[derive(Default)]
pub struct Found {
    pub sources: BTreeMap<TableId, report::Source>,
    /// Rows that were put aside, of the fetches that allow some.
    pub aside: BTreeMap<TableId, Aside>,
    /// Rows without partners, and the tables that join them.
    pub joins: Vec<(TableId, report::Join)>,
    /// Checks and the tables they are of.
    pub checks: Vec<(TableId, Check)>,
    pub dashboard: Option<dashboard::Answered>,
    pub decisions: BTreeMap<usize, (decide::Asked, pl::DataFrame)>,
    pub alerts: BTreeMap<usize, (alert::Asked, pl::DataFrame)>,
    pub shown: Option<pl::DataFrame>,
}

/// What a collected frame is for.
pub enum Wanted {
    Stored(TableId),
    Alone { of: TableId, with: Vec<Partner> },
    Rounded(StepId),
    Summary(StepId, TableId),
    Check { table: TableId, at: usize },
    DashboardNow,
    DashboardBefore,
    DashboardBy,
    Decide(usize, decide::Asked),
    Alert(usize, alert::Asked),
    Show(TableId),
}

impl Wanted {
    /// The table or the rule it is for.
    pub fn place(&self, program: &Program) -> Option<Span> {
        match self {
            Self::Stored(id)
            | Self::Show(id)
            | Self::Summary(_, id)
            | Self::Check { table: id, .. }
            | Self::Alone { of: id, .. } => Some(program.table(*id).span),
            Self::DashboardNow | Self::DashboardBefore | Self::DashboardBy => {
                program.dashboard.as_ref().map(|dashboard| dashboard.span)
            }
            Self::Decide(at, _) => Some(program.decisions[*at].span),
            Self::Alert(at, _) => Some(program.alerts[*at].span),
            Self::Rounded(_) => None,
        }
    }

    /// What counts the rows of joins without a partner.
    pub fn alone(alone: Alone<'_>) -> (Self, Split<'_>) {
        (Self::Alone { of: alone.of, with: alone.with }, alone.counts)
    }
}

impl Batches<'_> {
    /// Keeps what one of them tells.
    pub fn keep(&mut self, what: Wanted, frame: pl::DataFrame) -> Result<(), Trouble> {
        match what {
            Wanted::Stored(id) => {
                if let Some(Ok(total)) = frame.column(Table::TOTAL).ok().map(|column| column.get(0)) {
                    let ty = frame.column(Table::TOTAL).map_err(trouble::engine)?.dtype().clone();
                    self.translate.totals.insert(id, pl::Scalar::new(ty, total.into_static()));
                }
                self.frames.put_stored(id, frame);
                // Those of a fetch looked at its rows as they came.
                if matches!(self.program().table(id).source, Source::Fetch(_)) {
                    return Ok(());
                }
                let checks = self.checks(id, &self.frames.table(id))?;
                self.collect(self.whole(checks)?)?;
            }
            Wanted::Alone { of, with } => {
                let name = |id: TableId| self.program().table(id).shown_name().to_owned();
                let joins = with.iter().zip(counts(&frame)?).map(|(partner, left_alone)| {
                    let join = report::Join {
                        table: name(of),
                        with: name(partner.table),
                        left_alone,
                        kept: partner.kept,
                        right_alone: partner.rows - partner.met.count(),
                    };
                    (of, join)
                });
                self.found.joins.extend(joins.collect::<Vec<_>>());
            }
            Wanted::Rounded(id) => self.told.entry(id).or_default().rounded = counts(&frame)?.into_iter().sum(),
            Wanted::Summary(step, table) => self.summary(step, table, &frame)?,
            Wanted::Check { table: id, at } => {
                let table = self.program().table(id);
                let check = checks::told(&table.checks[at], table, &frame, self.program(), self.world)?;
                self.found.checks.push((id, check));
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
            Wanted::Show(_) => self.found.shown = Some(frame),
        }
        Ok(())
    }

    fn summary(&mut self, step: StepId, id: TableId, frame: &pl::DataFrame) -> Result<(), Trouble> {
        let table = self.program().table(id);
        let summary = Summary::told(table, frame, &self.program().timezone)?;
        let told = self.told.remove(&step).unwrap_or_default();
        let source = report::Source {
            fetch: table.shown_name().to_owned(),
            rows: summary.rows,
            newest: summary.newest,
            bad_rows: told.aside.rows,
            aside: Some(crate::quarantine::place(self.program(), id, self.world).to_string_lossy().into_owned()),
            future: summary.future,
            rounded: told.rounded,
        };
        self.found.aside.insert(id, told.aside);
        self.found.sources.insert(id, source);
        Ok(())
    }
}

/// The sums of a frame's columns, which are counts.
fn counts(frame: &pl::DataFrame) -> Result<Vec<u64>, Trouble> {
    let mut sums = vec![0; frame.width()];
    for row in rows(frame, &vec![Type::Count; frame.width()], &jiff::tz::TimeZone::UTC)? {
        for (sum, value) in sums.iter_mut().zip(row) {
            if let Value::Integer(count) = value {
                *sum += u64::try_from(count).unwrap_or(0);
            }
        }
    }
    Ok(sums)
}
