//! Runs jobs, and keeps what each comes to.

use cpl_model::{
    program::{InternalColumn, TableId},
    types::Type,
    value::Value,
};
use cpl_plan::{
    backend::{Answer, ReadStats},
    plan::{Node, NodeId},
    query::{Query, QueryId, QueryKind, Requester},
};
use cpl_syntax::Span;
use jiff::tz::TimeZone;
use polars::prelude::{self as pl, LazyFrame, PolarsError};

use super::{
    NodeState, Scheduler,
    jobs::{Jobs, Output},
};
use crate::{
    engine::{classify, collect, decode_rows, is_ours},
    error::ExecError,
    operator::BuildSide,
    source::{DeferredValidation, ScanStats},
};

impl Scheduler<'_> {
    /// Runs jobs in one call.
    pub(super) fn collect(&mut self, jobs: Jobs) -> Result<(), ExecError> {
        if jobs.is_empty() {
            return Ok(());
        }
        let (mut outputs, mut frames) = (Vec::new(), Vec::new());
        for (output, job) in jobs.into_iter() {
            assert!(job.then.is_empty(), "groups are merged in the stage that reads their parts");
            let finished = job.plan.finalize(job.plan.full(), &self.translator);
            frames.push(finished);
            outputs.push((output, job.joins));
        }
        let ids: Vec<Output> = outputs.iter().map(|(output, _)| *output).collect();
        let found = self.collect_for(&ids, frames, pl::Engine::Streaming)?;
        for ((output, joins), frame) in outputs.into_iter().zip(found) {
            self.keep(output, &joins, frame)?;
        }
        Ok(())
    }

    /// Runs frames; where a value grew too large, the error says what it was computed for.
    pub(super) fn collect_for(
        &self,
        outputs: &[Output],
        frames: Vec<LazyFrame>,
        engine: pl::Engine,
    ) -> Result<Vec<pl::DataFrame>, ExecError> {
        let error = match collect(frames.clone(), engine) {
            Ok(found) => return Ok(found),
            Err(error) => self.located(error),
        };
        if !matches!(error, ExecError::TooLarge { .. } | ExecError::OutsideCalendar { .. }) {
            return Err(error);
        }
        let failed = outputs.iter().zip(frames).find(|(_, frame)| collect(vec![frame.clone()], engine).is_err());
        match failed.and_then(|(output, _)| self.span(*output)) {
            Some(span) => Err(error.computed_for(span)),
            None => Err(error),
        }
    }

    /// Runs one frame.
    pub(super) fn one(&self, frame: LazyFrame) -> Result<pl::DataFrame, ExecError> {
        let found = collect(vec![frame], pl::Engine::Streaming).map_err(|error| self.located(error))?;
        Ok(found.into_iter().next().unwrap_or_default())
    }

    /// A file that changed while it was read.
    pub(super) fn changed(&self) -> Option<ExecError> {
        self.validations.iter().find_map(DeferredValidation::changed)
    }

    /// Where a stored value did not fit, or a file can't be read, it is read again to say which.
    fn located(&self, error: PolarsError) -> ExecError {
        if let Some(changed) = self.changed() {
            return changed;
        }
        if is_ours(&error) {
            return classify(error);
        }
        let located = self.validations.iter().find_map(DeferredValidation::locate_error);
        located.unwrap_or_else(|| classify(error))
    }

    /// The table or the rule that an output is for.
    pub(super) fn span(&self, output: Output) -> Option<Span> {
        let program = self.plan.program();
        match output {
            Output::Materialize(id) | Output::Unmatched(id) => Some(program.table(self.plan.node(id).table).span),
            Output::Answer(id) | Output::Quiet(id) | Output::Nearest(id) => Some(self.plan.query(id).span),
            Output::Rounded(_) => None,
        }
    }

    /// The rows of a query's answer.
    pub(super) fn decode(&self, query: &Query, frame: &pl::DataFrame) -> Result<Vec<Vec<Value>>, ExecError> {
        let zone = &self.plan.program().timezone;
        decode_rows(frame, &query.kind.types(), zone).map_err(|error| error.computed_for(query.span))
    }

    fn keep(&mut self, output: Output, joins: &[BuildSide], frame: pl::DataFrame) -> Result<(), ExecError> {
        match output {
            Output::Materialize(id) => self.keep_rows(id, frame)?,
            Output::Answer(id) => self.keep_answer(id, frame)?,
            Output::Quiet(id) => {
                let quiet = sums(&frame)?.first().copied().unwrap_or(0);
                self.answers.rows.entry(id).or_default().quiet = usize::try_from(quiet).unwrap_or(usize::MAX);
            }
            Output::Nearest(id) => {
                let rows = self.decode(self.plan.query(id), &frame)?;
                self.answers.rows.entry(id).or_default().nearest = rows;
            }
            Output::Unmatched(_) => self.keep_unmatched(joins, &sums(&frame)?),
            Output::Rounded(table) => self.read_of(table).rounded = sums(&frame)?.into_iter().sum(),
        }
        Ok(())
    }

    fn keep_rows(&mut self, id: NodeId, mut frame: pl::DataFrame) -> Result<(), ExecError> {
        let table = self.plan.node(id).table;
        if self.plan.program().table(table).total_of().is_some() {
            let total = frame.column(&InternalColumn::Total.to_string()).map_err(classify)?;
            let value = total.get(0).map_err(classify)?.into_static();
            self.translator.totals.insert(table, pl::Scalar::new(total.dtype().clone(), value));
        }
        // One piece, for all joins that look up rows of it.
        frame.rechunk_mut_par();
        self.nodes.insert(id, NodeState::Materialized(frame));
        Ok(())
    }

    fn keep_answer(&mut self, id: QueryId, frame: pl::DataFrame) -> Result<(), ExecError> {
        let query = self.plan.query(id);
        if let (Requester::Show(_), QueryKind::Table { .. }) = (&query.requester, &query.kind) {
            self.shown = Some(frame);
            return Ok(());
        }
        let rows = self.decode(query, &frame)?;
        // Where the rows are not held, `Quiet` is kept after the answer and counts them.
        let held = match &query.kind {
            QueryKind::Rows(wanted) => self.rows_held(query, wanted),
            _ => None,
        };
        let quiet = held.map_or(0, |held| held.saturating_sub(rows.len()));
        // The others are kept after the answer.
        self.answers.rows.insert(id, Answer { rows, quiet, nearest: Vec::new() });
        Ok(())
    }

    fn keep_unmatched(&mut self, joins: &[BuildSide], left: &[u64]) {
        for (side, left) in joins.iter().zip(left) {
            let matched = side.matched.count();
            let right = side.rows - matched;
            let count = |count: u64| Value::Integer(i64::try_from(count).unwrap_or(i64::MAX));
            let of_join = |query: &&Query| query.of == side.join && matches!(query.kind, QueryKind::Unmatched);
            if let Some(query) = self.plan.queries().iter().find(of_join) {
                let rows = vec![vec![count(*left), count(right), count(matched)]];
                self.answers.rows.insert(query.id, Answer { rows, ..Answer::default() });
            }
        }
    }

    pub(super) fn keep_stats(&mut self, table: TableId, stats: ScanStats) {
        let read = self.read_of(table);
        (read.rounded, read.bytes, read.left_out) = (stats.rounded, stats.bytes, stats.left_out);
        read.ambiguous_points = stats.ambiguous_points();
        read.sheets = stats.sheets.into_iter().collect();
        (read.empty_paths, read.more_pages) = (stats.empty_paths, stats.more_pages);
        read.empty_page_paths = stats.empty_page_paths;
        (read.rejected_rows, read.rejected) = (stats.rejected.rows, stats.rejected);
    }

    pub(super) fn read_of(&mut self, table: TableId) -> &mut ReadStats<crate::source::RejectedRows> {
        self.answers.read.entry(table).or_default()
    }

    pub(super) fn bytes_read(&self, node: &Node) -> Option<u64> {
        self.answers.read.get(&node.table).map(|read| read.bytes)
    }
}

/// The sums of a frame's columns, which are counts.
fn sums(frame: &pl::DataFrame) -> Result<Vec<u64>, ExecError> {
    let mut sums = vec![0; frame.width()];
    for row in decode_rows(frame, &vec![Type::Count; frame.width()], &TimeZone::UTC)? {
        for (sum, value) in sums.iter_mut().zip(row) {
            if let Value::Integer(count) = value {
                *sum += u64::try_from(count).unwrap_or(0);
            }
        }
    }
    Ok(sums)
}
