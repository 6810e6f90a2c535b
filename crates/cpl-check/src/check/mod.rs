//! Tree → program: resolves names, checks types and units, and reports all errors at once.
//!
//! A function returns `None` if it has reported an error; dependent checks report nothing more.

mod actions;
mod aggregate;
mod arith;
mod call;
mod checks;
mod columns;
mod compare;
mod connector;
mod currency;
mod dashboard;
mod endpoint;
mod expr;
mod fetch;
mod gaps;
mod join;
mod lets;
mod limits;
mod literal;
mod memory;
mod names;
mod pipeline;
mod rules;
mod scope;
mod series;
mod server;
mod target;
mod tests;
mod total;
mod transform;
mod typed_endpoint;
mod union;

use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
    sync::Arc,
};

use cpl_catalog::Catalogue;
use cpl_syntax::{Code, Diagnostic, Name, Severity, Span, has_errors, tree};
use jiff::tz::TimeZone;

use cpl_model::{
    clock::AsOf,
    program::{Alert, Decision, Expr, MessageBudget, Parameter, Program, Table, TableId, Target, Unsupported},
};

pub use connector::check_connector;
use typed_endpoint::TypedEndpoint;

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

/// What `file` means, and all that is wrong with it.
#[must_use]
pub fn tree_to_program(text: &str, file: &tree::File, setup: Setup<'_>) -> (Option<Program>, Vec<Diagnostic>) {
    let mut checker = Checker { given: setup.given, ..Checker::new(text, file, setup.catalogue) };
    let program = checker.program(setup.as_of, setup.settings);
    checker.report_suppressed();
    let mut diagnostics = checker.diagnostics;
    debug_assert!(
        program.is_some()
            || has_errors(&diagnostics)
            || !file.missing_names.is_empty()
            || !currency::has_currency(file),
        "a pipeline is refused, and nothing is told"
    );
    diagnostics.sort_by_key(Diagnostic::start);
    diagnostics.dedup_by(|again, before| {
        let same = again.code == before.code
            && again.message == before.message
            && again.labels.first() == before.labels.first();
        if same {
            // A metric's mistake is reported once, with all who use it.
            let more = std::mem::take(&mut again.labels).into_iter().filter(|label| !before.labels.contains(label));
            before.labels.extend(more.collect::<Vec<_>>());
            before.labels.truncate(MAX_LABELS);
        }
        same
    });
    (program.filter(|_| !has_errors(&diagnostics)), diagnostics)
}

/// The most labels of one diagnostic.
const MAX_LABELS: usize = 8;

/// What is known while a file is checked.
struct Checker<'a> {
    text: &'a str,
    file: &'a tree::File,
    catalogue: &'a Catalogue,
    /// Any cell of a fetch may be empty.
    given: bool,
    /// The text is a connector's.
    connector: bool,
    currency: tree::Currency,
    zone: TimeZone,
    lets: HashMap<&'a str, (&'a tree::Let, Let)>,
    metrics: HashMap<&'a str, &'a tree::Metric>,
    /// Tables as they are resolved; none where one is wrong.
    tables: Vec<Table>,
    table_ids: HashMap<&'a str, Option<TableId>>,
    table_items: HashMap<&'a str, TableItem<'a>>,
    /// The tables being resolved, outermost first: for cycles.
    resolving: Vec<&'a Name>,
    targets: Vec<Option<Target>>,
    /// The number of nested lets being resolved.
    let_depth: usize,
    /// The span of a failed stage that would have added columns of unknown names.
    unknown_columns: Option<Span>,
    /// The span of points that are allowed.
    points: Option<Span>,
    /// The nesting depth of the expression being checked.
    expr_depth: usize,
    /// Lets, metrics and targets that something names.
    used: HashSet<&'a str>,
    diagnostics: Vec<Diagnostic>,
    /// Features that are checked but not supported yet.
    unsupported: Vec<Unsupported>,
    /// The number of expression nodes and of table columns.
    parts: usize,
    columns: usize,
    /// The number of diagnostics that were dropped because of the limit.
    suppressed: usize,
    /// The number of name comparisons made for suggestions.
    names_compared: usize,
    /// The pipeline exceeds a limit, and that is reported.
    over_limit: bool,
    /// Endpoints that were called, and actions, by their whole names.
    endpoints: HashMap<String, Arc<TypedEndpoint>>,
    actions: HashMap<String, Vec<Parameter>>,
    /// Paths that fetches read, and where they are written.
    places: Option<HashMap<PathBuf, Span>>,
    /// Connectors that were looked at, and whether they can be used.
    connectors: HashMap<String, bool>,
}

/// The item that declares a table.
#[derive(Clone, Copy)]
enum TableItem<'a> {
    Fetch(&'a tree::Fetch),
    Transform(&'a tree::Transform),
}

/// All tables by their names; of several of one name the first fetch, else the first transform.
fn table_items(file: &tree::File) -> HashMap<&str, TableItem<'_>> {
    let transforms = file.transforms.iter().rev().map(|each| (each.name.as_str(), TableItem::Transform(each)));
    transforms.chain(file.fetches.iter().rev().map(|each| (each.name.as_str(), TableItem::Fetch(each)))).collect()
}

/// How far a `let` has been resolved.
enum Let {
    Unresolved,
    Resolving,
    Done(Option<Expr>),
}

impl Setup<'_> {
    /// A pipeline by itself, at a time.
    #[must_use]
    pub fn at(as_of: AsOf) -> Self {
        Self { as_of, settings: &[], catalogue: Catalogue::none(), given: false }
    }
}

impl<'a> Checker<'a> {
    fn new(text: &'a str, file: &'a tree::File, catalogue: &'a Catalogue) -> Self {
        Self {
            text,
            file,
            catalogue,
            given: false,
            connector: false,
            currency: currency::currency(file),
            zone: TimeZone::UTC,
            // Of several of one name the first.
            lets: file.lets.iter().rev().map(|each| (each.name.as_str(), (each, Let::Unresolved))).collect(),
            metrics: file.metrics.iter().map(|metric| (metric.name.as_str(), metric)).collect(),
            tables: Vec::with_capacity(file.fetches.len() + file.transforms.len()),
            table_ids: HashMap::new(),
            table_items: table_items(file),
            resolving: Vec::new(),
            targets: Vec::new(),
            let_depth: 0,
            unknown_columns: None,
            points: None,
            expr_depth: 0,
            used: HashSet::new(),
            diagnostics: Vec::new(),
            unsupported: Vec::new(),
            parts: 0,
            columns: 0,
            suppressed: 0,
            names_compared: 0,
            over_limit: false,
            endpoints: HashMap::new(),
            actions: HashMap::new(),
            places: None,
            connectors: HashMap::new(),
        }
    }

    fn program(&mut self, as_of: AsOf, settings: &[Setting]) -> Option<Program> {
        let head = self.pipeline(as_of);
        self.check_names();
        self.apply_settings(settings);
        self.resolve_lets();
        self.resolve_tables();
        self.check_metrics();
        self.resolve_targets();
        let budget = self.file.pipelines.first().and_then(|pipeline| pipeline.alerts.as_ref());
        let messages = budget.and_then(|(target, limit)| {
            let per_week = limit.map(|limit| limit.value);
            Some(MessageBudget { target: self.message_target(target)?, per_week })
        });
        let dashboard = self.dashboard();
        let decisions: Vec<_> = self.file.decides.iter().map(|rule| self.decision(rule)).collect();
        let alerts: Vec<_> = self.file.alerts.iter().map(|rule| self.alert(rule)).collect();
        let decided = decisions.iter().flatten().map(|rule: &Decision| (rule.name.as_str(), &rule.rows));
        let alerted = alerts.iter().flatten().map(|rule: &Alert| (rule.name.as_str(), &rule.rows));
        let tests = self.tests(&decided.chain(alerted).collect::<Vec<_>>());
        self.unused_names();
        let head = head?;
        Some(Program {
            text: Arc::from(self.text),
            name: head.name,
            question: head.question,
            owner: head.owner,
            every: head.every,
            timezone: self.zone.clone(),
            currency: self.currency,
            retire: head.retire,
            messages,
            tables: std::mem::take(&mut self.tables),
            dashboard: dashboard?,
            decisions: decisions.into_iter().collect::<Option<_>>()?,
            alerts: alerts.into_iter().collect::<Option<_>>()?,
            targets: std::mem::take(&mut self.targets).into_iter().collect::<Option<_>>()?,
            tests: tests?,
            unsupported: std::mem::take(&mut self.unsupported),
        })
    }

    /// Adds a diagnostic. Over the limit it is only counted, but the first error is always kept.
    fn report(&mut self, diagnostic: Diagnostic) {
        let first_error = || diagnostic.severity() == Severity::Error && !has_errors(&self.diagnostics);
        if self.diagnostics.len() < limits::MAX_DIAGNOSTICS || first_error() {
            self.diagnostics.push(diagnostic);
        } else {
            self.suppressed += 1;
        }
    }

    /// Reports an error at a place; returns `None` for the caller to return.
    fn refuse<T>(&mut self, code: Code, message: impl Into<String>, at: Span, label: impl Into<String>) -> Option<T> {
        self.report(Diagnostic::new(code, message).at(at, label));
        None
    }

    /// Records what is checked and can't run yet.
    fn unsupported(&mut self, what: impl Into<String>, span: Span) {
        self.unsupported.push(Unsupported { what: what.into(), span, table: None, ignored_in_tests: false });
    }

    /// The same of what has no effect in a test, where there is no past and nothing is sent.
    fn unsupported_in_runs(&mut self, what: impl Into<String>, span: Span) {
        self.unsupported.push(Unsupported { what: what.into(), span, table: None, ignored_in_tests: true });
    }

    fn written(&self, span: Span) -> &'a str {
        span.of(self.text)
    }
}
