//! Tree → program: resolves names, checks types and units, and reports all errors at once.
//!
//! A function returns `Reported` if it has reported an error; what depends on its value reports nothing more.

mod actions;
mod aggregate;
mod arith;
mod call;
mod checks;
mod columns;
mod compare;
mod connector;
mod connector_request;
mod currency;
mod dashboard;
mod endpoint;
mod except_on;
mod expr;
mod fetch;
mod file_source;
mod gaps;
mod join;
mod lets;
mod limits;
mod literal;
mod memory;
mod names;
mod pattern;
mod pattern_zone;
mod pipeline;
mod rules;
mod scope;
mod series;
mod server;
mod state;
mod surely;
mod target;
mod tests;
mod total;
mod transform;
mod typed_endpoint;
mod union;
#[cfg(test)]
mod units_tests;

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use cpl_catalog::Catalogue;
use cpl_syntax::{Code, Diagnostic, Span, has_errors, tree};
use jiff::tz::TimeZone;

use cpl_model::{
    clock::AsOf,
    program::{Alert, Applied, Decision, MessageBudget, Program, Target, Unsupported},
};

pub use connector::check_connector;
pub use state::analysis::{Analysis, Definition, NameKind};
use state::{
    connectors::Connectors,
    lets::Lets,
    reporter::{Checked, Reporter},
    size::Size,
    tables::Tables,
};

/// A value given on the command line for a `let`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The `let`.
    pub name: String,
    /// Its value, as written in a file.
    pub value: String,
}

/// The inputs of a check besides the text.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// Its window is compared with `retire`.
    pub as_of: AsOf,
    /// Values for lets.
    pub settings: &'a [Setting],
    /// The connectors that the pipeline names.
    pub catalogue: &'a Catalogue,
    /// The rows of fetches are given by tests: any cell may be empty, but for those that are never missing, which are
    /// a row's file and what names a currency.
    pub given: bool,
}

/// A checked file.
#[derive(Debug)]
pub struct CheckedFile {
    /// What the file means; none if it has errors.
    pub program: Option<Program>,
    /// All mistakes and warnings, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
    /// Definitions, uses and types, also of a file that has errors.
    pub analysis: Analysis,
}

/// What `file` means, and all that is wrong with it.
#[must_use]
pub fn tree_to_program(text: &str, file: &tree::File, setup: Setup<'_>) -> CheckedFile {
    let mut checker = Checker::new(Input { any_cell_empty: setup.given, ..Input::new(text, file, setup.catalogue) });
    let program = checker.program(setup.as_of, setup.settings);
    let analysis = std::mem::take(&mut checker.analysis);
    let diagnostics = checker.reporter.finish();
    debug_assert!(
        program.is_ok() || has_errors(&diagnostics) || !file.missing_names.is_empty() || !currency::has_currency(file),
        "a pipeline is refused, and nothing is reported"
    );
    CheckedFile { program: program.ok().filter(|_| !has_errors(&diagnostics)), diagnostics, analysis }
}

/// What is checked. Nothing of it changes.
#[derive(Clone, Copy)]
struct Input<'a> {
    text: &'a str,
    file: &'a tree::File,
    catalogue: &'a Catalogue,
    /// Any cell of a fetch may be empty.
    any_cell_empty: bool,
    /// The text is a connector's.
    is_connector: bool,
}

impl<'a> Input<'a> {
    fn new(text: &'a str, file: &'a tree::File, catalogue: &'a Catalogue) -> Self {
        Self { text, file, catalogue, any_cell_empty: false, is_connector: false }
    }
}

/// What the surroundings of the expression being checked allow.
#[derive(Default)]
struct Position {
    expr_depth: usize,
    /// The span of points that are allowed.
    points: Option<Span>,
    /// The span of a failed stage that would have added columns of unknown names.
    unknown_columns: Option<Span>,
}

/// What is known while a file is checked; each part keeps its own state.
struct Checker<'a> {
    input: Input<'a>,
    currency: tree::Currency,
    zone: TimeZone,
    /// The day on which its weeks begin.
    week_start: tree::Day,
    reporter: Reporter,
    size: Size,
    position: Position,
    lets: Lets<'a>,
    metrics: HashMap<&'a str, &'a tree::Metric>,
    tables: Tables<'a>,
    targets: Vec<Checked<Target>>,
    connectors: Connectors,
    /// Paths that fetches read, and where they are written.
    read_paths: Option<HashMap<PathBuf, Span>>,
    /// Features that are checked but not supported yet.
    unsupported: Vec<Unsupported>,
    /// Where it is asked how often a rule acted: rules come later.
    applied: Vec<(Applied, Span)>,
    analysis: Analysis,
}

impl Setup<'_> {
    /// A pipeline by itself, at a time.
    #[must_use]
    pub fn at(as_of: AsOf) -> Self {
        Self { as_of, settings: &[], catalogue: Catalogue::none(), given: false }
    }
}

/// What is to be known of a personal text.
const PERSONAL: &str =
    "a `personal` column is hashed where it is read: its values can be counted, joined, and compared with each other";

impl<'a> Checker<'a> {
    fn new(input: Input<'a>) -> Self {
        let file = input.file;
        Self {
            input,
            currency: currency::currency(file),
            zone: TimeZone::UTC,
            week_start: tree::Day::Monday,
            reporter: Reporter::default(),
            size: Size::default(),
            position: Position::default(),
            lets: Lets::of(file),
            metrics: file.metrics.iter().map(|metric| (metric.name.as_str(), metric)).collect(),
            tables: Tables::of(file),
            targets: Vec::new(),
            connectors: Connectors::default(),
            read_paths: None,
            unsupported: Vec::new(),
            applied: Vec::new(),
            analysis: Analysis::default(),
        }
    }

    fn program(&mut self, as_of: AsOf, settings: &[Setting]) -> Checked<Program> {
        let file = self.input.file;
        let head = self.pipeline(as_of);
        self.check_names();
        self.apply_settings(settings);
        self.resolve_lets();
        self.resolve_tables();
        self.check_metrics();
        self.resolve_targets();
        let messages = self.messages();
        let dashboard = self.dashboard();
        let decisions: Vec<_> = file.decides.iter().map(|rule| self.decision(rule)).collect();
        let alerts: Vec<_> = file.alerts.iter().map(|rule| self.alert(rule)).collect();
        let decided = decisions.iter().flatten().map(|rule: &Decision| (rule.name.as_str(), &rule.rows));
        let alerted = alerts.iter().flatten().map(|rule: &Alert| (rule.name.as_str(), &rule.rows));
        let rules: Vec<_> = decided.chain(alerted).collect();
        self.applied_by_rows(&rules);
        let tests = self.tests(&rules);
        self.unused_names();
        let head = head?;
        let program = Program {
            settings: settings.iter().map(|set| (set.name.clone(), set.value.clone())).collect(),
            text: Arc::from(self.input.text),
            name: head.name,
            question: head.question,
            owner: head.owner,
            every: head.every,
            timezone: self.zone.clone(),
            currency: self.currency,
            week_start: self.week_start,
            retire: head.retire,
            messages: messages?,
            tables: std::mem::replace(&mut self.tables, Tables::of(file)).into_checked(),
            dashboard: dashboard?,
            decisions: decisions.into_iter().collect::<Checked<_>>()?,
            alerts: alerts.into_iter().collect::<Checked<_>>()?,
            targets: std::mem::take(&mut self.targets).into_iter().collect::<Checked<_>>()?,
            tests: tests?,
            unsupported: std::mem::take(&mut self.unsupported),
        };
        self.check_sureness(&program);
        Ok(program)
    }

    /// `alerts to TARGET`, if the file says it.
    fn messages(&mut self) -> Checked<Option<MessageBudget>> {
        let budget = self.input.file.pipelines.first().and_then(|pipeline| pipeline.alerts.as_ref());
        let Some((target, limit)) = budget else { return Ok(None) };
        let target = self.message_target(target)?;
        Ok(Some(MessageBudget { target, per_week: limit.map(|limit| limit.value) }))
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.reporter.report(diagnostic);
    }

    fn fail<T>(&mut self, diagnostic: Diagnostic) -> Checked<T> {
        self.reporter.fail(diagnostic)
    }

    /// Reports an error at a place.
    fn refuse<T>(&mut self, code: Code, message: impl Into<String>, at: Span, label: impl Into<String>) -> Checked<T> {
        self.reporter.fail(Diagnostic::new(code, message).at(at, label))
    }

    /// Records what is checked and can't run yet.
    fn unsupported(&mut self, what: impl Into<String>, span: Span) {
        self.unsupported.push(Unsupported { what: what.into(), span });
    }

    fn written(&self, span: Span) -> &'a str {
        span.of(self.input.text)
    }
}
