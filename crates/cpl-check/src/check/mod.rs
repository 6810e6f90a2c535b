//! Tree → program: names are resolved, types and units are checked, all errors are told at once.
//!
//! A function returns `None` where it has told an error; what depends on it stays silent.

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
    program::{Alert, Decision, Expr, Parameter, Program, Table, TableId, Target, Unsupported},
};

pub use connector::check_connector;
use typed_endpoint::TypedEndpoint;

/// A value given on the command line for a `let`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The `let`.
    pub name: String,
    /// Its value, as it would stand in the file.
    pub value: String,
}

/// What a pipeline is checked with, beside its text.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// Whose window is held against `retire`.
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
    checker.tell_untold();
    let mut diagnostics = checker.diagnostics;
    debug_assert!(
        program.is_some() || has_errors(&diagnostics) || !file.lost.is_empty() || !currency::has_currency(file),
        "a pipeline is refused, and nothing is told"
    );
    diagnostics.sort_by_key(Diagnostic::start);
    diagnostics.dedup_by(|again, before| {
        let same = again.code == before.code
            && again.message == before.message
            && again.labels.first() == before.labels.first();
        if same {
            // A metric's mistake is told once, with all who use it.
            let more = std::mem::take(&mut again.labels).into_iter().filter(|label| !before.labels.contains(label));
            before.labels.extend(more.collect::<Vec<_>>());
            before.labels.truncate(MOST_LABELS);
        }
        same
    });
    (program.filter(|_| !has_errors(&diagnostics)), diagnostics)
}

/// So many places are shown of one mistake.
const MOST_LABELS: usize = 8;

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
    written: HashMap<&'a str, Written<'a>>,
    /// Those that are being resolved: one of them needs the next.
    under_way: Vec<&'a Name>,
    targets: Vec<Option<Target>>,
    /// How many lets are being resolved: each needs the next.
    lets_under_way: usize,
    /// Where something is wrong that would bring columns of whatever names.
    open: Option<Span>,
    /// Points that stand where they may.
    points: Option<Span>,
    /// How many levels of expressions are looked at, one in another.
    nested: usize,
    /// Lets, metrics and targets that something names.
    used: HashSet<&'a str>,
    diagnostics: Vec<Diagnostic>,
    /// What is checked, and can't run yet.
    unsupported: Vec<Unsupported>,
    /// How many parts of expressions were made, and how many columns of tables.
    parts: usize,
    columns: usize,
    /// How many things are not told, since so many are.
    untold: usize,
    /// How many names were held against those that were not found.
    looked_through: usize,
    /// It was told that the pipeline holds too much.
    too_much: bool,
    /// Endpoints that were called, and actions, by their whole names.
    endpoints: HashMap<String, Arc<TypedEndpoint>>,
    actions: HashMap<String, Vec<Parameter>>,
    /// Places that are read, and where that is said.
    places: Option<HashMap<PathBuf, Span>>,
    /// Connectors that were looked at, and whether they can be used.
    connectors: HashMap<String, bool>,
}

/// A table as it is written.
#[derive(Clone, Copy)]
enum Written<'a> {
    Fetch(&'a tree::Fetch),
    Transform(&'a tree::Transform),
}

/// All tables by their names; of several of one name the first fetch, else the first transform.
fn written(file: &tree::File) -> HashMap<&str, Written<'_>> {
    let transforms = file.transforms.iter().rev().map(|each| (each.name.as_str(), Written::Transform(each)));
    transforms.chain(file.fetches.iter().rev().map(|each| (each.name.as_str(), Written::Fetch(each)))).collect()
}

/// How far a `let` has been resolved.
enum Let {
    Open,
    UnderWay,
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
            lets: file.lets.iter().rev().map(|each| (each.name.as_str(), (each, Let::Open))).collect(),
            metrics: file.metrics.iter().map(|metric| (metric.name.as_str(), metric)).collect(),
            tables: Vec::with_capacity(file.fetches.len() + file.transforms.len()),
            table_ids: HashMap::new(),
            written: written(file),
            under_way: Vec::new(),
            targets: Vec::new(),
            lets_under_way: 0,
            open: None,
            points: None,
            nested: 0,
            used: HashSet::new(),
            diagnostics: Vec::new(),
            unsupported: Vec::new(),
            parts: 0,
            columns: 0,
            untold: 0,
            looked_through: 0,
            too_much: false,
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
        if let Some((target, _)) = self.file.pipelines.first().and_then(|pipeline| pipeline.alerts.as_ref()) {
            self.message_target(target);
        }
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
            tables: std::mem::take(&mut self.tables),
            dashboard: dashboard?,
            decisions: decisions.into_iter().collect::<Option<_>>()?,
            alerts: alerts.into_iter().collect::<Option<_>>()?,
            targets: std::mem::take(&mut self.targets).into_iter().collect::<Option<_>>()?,
            tests: tests?,
            unsupported: std::mem::take(&mut self.unsupported),
        })
    }

    /// Of very many the first are told, and an error among them.
    fn report(&mut self, diagnostic: Diagnostic) {
        let first_error = || diagnostic.severity() == Severity::Error && !has_errors(&self.diagnostics);
        if self.diagnostics.len() < limits::MOST_TOLD || first_error() {
            self.diagnostics.push(diagnostic);
        } else {
            self.untold += 1;
        }
    }

    /// Tells an error at a place; `None`, for the caller to return.
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
