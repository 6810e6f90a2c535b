//! Names: unique in their namespaces, with suggestions for unknown ones.

use std::collections::HashMap;

use cpl_syntax::{Code, Diagnostic, Name, Span, nearest};

use super::{
    Checker,
    scope::ScopeColumn,
    state::analysis::NameKind,
    state::reporter::{Checked, Reported},
    state::tables::TableItem,
};
use crate::lint::unneeded;
use cpl_model::program::{Column, Table, TableId};

/// Functions of other languages, and cpl's.
const OTHERS: &[(&str, &str)] = &[
    ("avg", "mean"),
    ("average", "mean"),
    ("stddev", "std"),
    ("nunique", "count_distinct"),
    ("percentile", "quantile"),
    ("coalesce", "??"),
    ("week", "week_start"),
    ("date", "date_of"),
    ("hour", "hour_of"),
    ("nvl", "??"),
    ("ceiling", "ceil"),
];

impl<'a> Checker<'a> {
    /// Items are one space of names.
    pub(super) fn check_names(&mut self) {
        let file = self.input.file;
        let mut names: Vec<&'a Name> = Vec::new();
        names.extend(file.lets.iter().map(|item| &item.name));
        names.extend(file.fetches.iter().map(|item| &item.name));
        names.extend(file.transforms.iter().map(|item| &item.name));
        names.extend(file.metrics.iter().map(|item| &item.name));
        names.extend(file.decides.iter().map(|item| &item.name));
        names.extend(file.alerts.iter().map(|item| &item.name));
        names.extend(file.targets.iter().map(|item| &item.name));
        self.define_items();
        self.unique(names, "an item");
    }

    fn define_items(&mut self) {
        let file = self.input.file;
        let lets = file.lets.iter().map(|item| (NameKind::Let, &item.name));
        let fetches = file.fetches.iter().map(|item| (NameKind::Table, &item.name));
        let transforms = file.transforms.iter().map(|item| (NameKind::Table, &item.name));
        let metrics = file.metrics.iter().map(|item| (NameKind::Metric, &item.name));
        let decides = file.decides.iter().map(|item| (NameKind::Rule, &item.name));
        let alerts = file.alerts.iter().map(|item| (NameKind::Rule, &item.name));
        let targets = file.targets.iter().map(|item| (NameKind::Target, &item.name));
        let items = lets.chain(fetches).chain(transforms).chain(metrics).chain(decides).chain(alerts).chain(targets);
        items.for_each(|(kind, name)| self.analysis.define(kind, name.as_str(), name.span));
    }

    /// Reports duplicate names, in source order.
    pub(super) fn unique(&mut self, mut names: Vec<&Name>, what: &str) {
        names.sort_by_key(|name| name.span.start);
        let mut first: HashMap<&str, Span> = HashMap::new();
        for name in names {
            match first.get(name.as_str()) {
                None => drop(first.insert(name.as_str(), name.span)),
                Some(before) => self.report(
                    Diagnostic::new(Code::E0202, format!("there is {what} named `{}` already", name.as_str()))
                        .at(name.span, "the second one")
                        .at(*before, "the first one")
                        .help("give one of them another name"),
                ),
            }
        }
    }

    /// Reports a column with the name of a `let` or a metric.
    pub(super) fn column_name(&mut self, name: &Name) {
        let (what, at) = if let Some(metric) = self.metrics.get(name.as_str()) {
            ("metric", metric.name.span)
        } else if let Some(item) = self.lets.item(name.as_str()) {
            ("let", item.name.span)
        } else {
            return;
        };
        self.report(
            Diagnostic::new(Code::E0204, format!("`{}` is a {what} and a column here", name.as_str()))
                .at(name.span, "a column of that name")
                .at(at, format!("the {what}"))
                .help("give the column another name"),
        );
    }

    /// The column of that name before a stage; its use is recorded.
    pub(super) fn find_column<'r>(&mut self, name: &Name, columns: &'r [ScopeColumn]) -> Checked<&'r ScopeColumn> {
        match columns.iter().find(|column| column.name == name.value) {
            Some(column) => {
                self.analysis.record_use(name.span, column.span);
                Ok(column)
            }
            None => self.unknown_name("column", name, columns.iter().map(|column| column.name.as_str())),
        }
    }

    /// The column of that name in a checked table; its use is recorded.
    pub(super) fn column_of<'t>(&mut self, name: &Name, table: &'t Table) -> Checked<&'t Column> {
        match table.column(name.as_str()) {
            Some(column) => {
                self.analysis.record_use(name.span, column.span);
                Ok(column)
            }
            None => self.unknown_name("column", name, table.columns.iter().map(|column| column.name.as_str())),
        }
    }

    /// Reports a new column whose name exists already.
    pub(super) fn new_column(&mut self, name: &Name, there: &[ScopeColumn]) -> Checked<()> {
        let Some(before) = there.iter().find(|column| column.name == name.value) else { return Ok(()) };
        self.fail(
            Diagnostic::new(Code::E0202, format!("there is a column named `{}` already", name.as_str()))
                .at(name.span, "the second one")
                .at(before.span, "the first one"),
        )
    }

    /// The table of that name; none if it does not exist or is invalid.
    pub(super) fn table_id(&mut self, name: &Name) -> Checked<TableId> {
        let declared = self.tables.item(name.as_str());
        if let Some(item) = declared {
            self.analysis.record_use(name.span, item.name().span);
        }
        if let Some(found) = self.tables.ids.get(name.as_str()) {
            return *found;
        }
        if let Some(start) = self.tables.in_progress.iter().position(|before| before.value == name.value) {
            let cycle = self.cycle(start);
            // Who needs it reports nothing more.
            self.tables.ids.insert(self.tables.in_progress[start].as_str(), cycle);
            return cycle;
        }
        let file = self.input.file;
        self.check_name_depth(self.tables.in_progress.len(), name.span)?;
        let Some(declared) = declared else {
            let tables = file.fetches.iter().map(|item| &item.name);
            let tables = tables.chain(file.transforms.iter().map(|item| &item.name));
            return self.unknown_name("table", name, tables.map(Name::as_str));
        };
        let named = declared.name();
        self.tables.in_progress.push(named);
        let id = match declared {
            TableItem::Fetch(fetch) => self.fetch(fetch),
            TableItem::Transform(transform) => self.transform(transform),
        };
        self.tables.in_progress.pop();
        *self.tables.ids.entry(named.as_str()).or_insert(id)
    }

    /// Reports an unknown name, and suggests the nearest known one.
    pub(super) fn unknown_name<'n, T>(
        &mut self,
        what: &str,
        name: &Name,
        known: impl IntoIterator<Item = &'n str>,
    ) -> Checked<T> {
        if self.input.file.is_missing_name(name.as_str())
            || (self.position.unknown_columns.is_some() && what == "column")
        {
            return Err(Reported::earlier());
        }
        let known: Vec<&str> = known.into_iter().collect();
        let diagnostic = Diagnostic::new(Code::E0201, format!("there is no {what} named `{}`", name.as_str()))
            .at(name.span, "not found");
        if name.as_str() == "unknown" {
            return self.fail(diagnostic.help("ask whether it is: `x is unknown`"));
        }
        if ["null", "none", "nil", "na", "nan"].contains(&name.value.to_lowercase().as_str()) {
            let help = "a value that is missing is unknown: ask `x is unknown`, or give another in its place: `x ?? 0`";
            return self.fail(diagnostic.help(help));
        }
        let lower = name.value.to_lowercase();
        let ours = OTHERS.iter().find(|(theirs, _)| *theirs == lower).map(|(_, ours)| *ours);
        let ours = ours.or(known.iter().copied().find(|known| *known == lower)).filter(|_| what == "function");
        if let Some(ours) = ours {
            let diagnostic = match ours {
                "??" => diagnostic.help("cpl writes it `x ?? 0`"),
                _ => diagnostic.help(format!("cpl calls it `{ours}`")).offer(name.span, ours),
            };
            return self.fail(diagnostic);
        }
        let near = Some(&known).filter(|_| self.size.may_compare(known.len()));
        let help = match near.and_then(|known| nearest(name.as_str(), known.iter().copied())) {
            Some(near) => {
                return self.fail(diagnostic.help(format!("did you mean `{near}`?")).offer(name.span, near));
            }
            None if known.is_empty() && self.input.is_connector => format!("there is no {what} here"),
            None if known.is_empty() => format!("the file has no {what} yet"),
            None => format!("there are: {}", listed(&known)),
        };
        self.fail(diagnostic.help(help))
    }

    /// Warns of unused lets, metrics and targets, if the file has no errors.
    pub(super) fn unused_names(&mut self) {
        let file = self.input.file;
        let decides = file.dashboards.len() + file.decides.len() + file.alerts.len() > 0;
        if self.reporter.has_errors() || !file.missing_names.is_empty() || !decides {
            return;
        }
        let lets = file.lets.iter().map(|item| ("let", &item.name));
        let metrics = file.metrics.iter().map(|item| ("metric", &item.name));
        let targets = file.targets.iter().map(|item| ("target", &item.name));
        for (what, name) in lets.chain(metrics).chain(targets) {
            if !self.analysis.is_used(name) {
                self.report(unneeded(what, name.as_str(), name.span));
            }
        }
    }

    /// Resolves all tables; each comes after its inputs.
    pub(super) fn resolve_tables(&mut self) {
        let file = self.input.file;
        for name in file.fetches.iter().map(|fetch| &fetch.name).chain(file.transforms.iter().map(|item| &item.name)) {
            let _reported = self.table_id(name);
        }
    }

    fn cycle<T>(&mut self, start: usize) -> Checked<T> {
        let names: Vec<&Name> = self.tables.in_progress[start..].to_vec();
        let mut round: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
        round.push(round[0]);
        let mut diagnostic = Diagnostic::new(Code::E0203, format!("tables form a cycle: {}", round.join(" → ")));
        for name in names {
            diagnostic = diagnostic.at(name.span, "is made of itself");
        }
        self.fail(diagnostic.help("begin one of them with a table that does not need the others"))
    }
}

/// The first names of a list, for a help line.
fn listed(names: &[&str]) -> String {
    const SHOWN: usize = 12;
    let shown = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN { format!("{shown} and {} more", names.len() - SHOWN) } else { shown }
}
