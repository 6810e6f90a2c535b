//! `fetch`: the contract with a file.

use cpl_syntax::{
    Code, Diagnostic, Name, Span,
    tree::{self, Clause, FetchClause},
};

use rust_decimal::Decimal;
use std::sync::Arc;

use super::{
    Checker,
    columns::RecordKind,
    file_source::FileSource,
    scope::Scope,
    state::reporter::{Checked, Reported},
};
use cpl_model::{
    program::{Column, Fetch, Order, SourceKind, Table, TableId, TableRole, TableSource},
    types::Type,
};

impl Checker<'_> {
    pub(super) fn fetch(&mut self, fetch: &tree::Fetch) -> Checked<TableId> {
        if let Some(connector) = &fetch.source.callee.table {
            return self.endpoint_fetch(fetch, connector);
        }
        let source = self.source(fetch).and_then(|mut source| {
            let kind = &mut source.kind;
            let (records, paths) = (self.records(fetch, kind), self.paths_lead(&fetch.columns, RecordKind::of(kind)));
            records.and(paths).map(|()| source)
        });
        let contract = self.contract(&fetch.columns);
        if fetch.columns.is_empty() {
            // They may be there, and wrong.
            if !self.input.file.missing_names.is_empty() {
                return Err(Reported::earlier());
            }
            self.report(
                Diagnostic::new(Code::E0107, format!("the fetch `{}` declares no columns", fetch.name.as_str()))
                    .at(fetch.name.span, "which columns are read?")
                    .help("add `columns { day: date, spend: money }`"),
            );
        }
        let (mut columns, typed) = contract?;
        let mut table = fetched_table(&fetch.name, typed);
        let (future, skip_bad) = self.fetch_clauses(fetch, &mut table, None)?;
        // What is wrong with the source was reported: what is made of its columns is looked at.
        let FileSource { kind, path, span: path_span, notation } =
            source.unwrap_or_else(|_| FileSource::unknown(fetch.source_span));
        let missing = self.missing_texts(fetch, &columns)?;
        for column in &mut columns {
            column.notation = notation;
            if column.optional {
                column.missing = Arc::clone(&missing);
            }
        }
        let until = self.rows_until(fetch, &kind)?;
        table.source = TableSource::Fetch(Fetch { kind, path, path_span, columns, future, skip_bad, until });
        self.add_table(table)
    }

    pub(super) fn plain_text(&mut self, value: &tree::Expr) -> Checked<String> {
        match &value.kind {
            tree::ExprKind::Text(text) => match text.plain() {
                Some(plain) => Ok(plain),
                None => self.refuse(Code::E0106, "this text takes no holes", value.span, "holds a `{…}`"),
            },
            tree::ExprKind::Call(call) if call.callee.name.as_str() == "secret" => {
                self.refuse(Code::E0504, "a secret can't be a path", value.span, "stands only where a credential goes")
            }
            _ => self.refuse(Code::E0205, "a text in double quotes was wanted", value.span, "no text"),
        }
    }

    /// Where the records of a document are.
    fn records(&mut self, fetch: &tree::Fetch, kind: &mut SourceKind) -> Checked<()> {
        for clause in &fetch.clauses {
            let FetchClause::Records(path, inner) = clause else { continue };
            let (records, each) = match kind {
                SourceKind::Json { records, each } => (records, Some(each)),
                SourceKind::Http { records, .. } => (records, None),
                _ => {
                    let message = "only `json` and `http` have records";
                    return self.refuse(Code::E0107, message, path.span, "never used");
                }
            };
            if records.is_some() {
                return self.refuse(Code::E0107, "`records` stands here twice", path.span, "the second one");
            }
            self.path_of_json(path)?;
            *records = Some(path.value.clone());
            let Some(inner) = inner else { continue };
            self.path_of_json(inner)?;
            match each {
                Some(each) => *each = Some(inner.value.clone()),
                None => return self.refuse(Code::E0107, "only `json` takes `each`", inner.span, "never used"),
            }
        }
        Ok(())
    }

    /// A share of the rows.
    fn bad_share(&mut self, written: &tree::Expr) -> Checked<Decimal> {
        let share = self.expr(written, &Scope::CONSTANT)?;
        let all = Decimal::ZERO..=Decimal::ONE;
        match share.amount().filter(|amount| share.ty == Type::Ratio && all.contains(amount)) {
            Some(amount) => Ok(amount),
            None => self.refuse(Code::E0307, "how many rows may be bad?", written.span, "wanted: a share such as `1%`"),
        }
    }

    /// Reads the clauses into the table; whether future rows are kept, and how many may be bad.
    pub(super) fn fetch_clauses(
        &mut self,
        fetch: &tree::Fetch,
        table: &mut Table,
        restated: Option<i64>,
    ) -> Checked<(bool, Option<Decimal>)> {
        let (mut future, mut skip_bad, mut time, mut right) = (false, None, None, Ok(()));
        let is_http = fetch.source.callee.table.is_none() && fetch.source.callee.name.as_str() == "http";
        for clause in &fetch.clauses {
            let done = match clause {
                FetchClause::KeepFuture(_) => {
                    future = true;
                    Ok(())
                }
                FetchClause::Time(column) if time.is_some() => {
                    self.refuse(Code::E0107, "`time` stands here twice", column.span, "the second one")
                }
                FetchClause::Time(column) => {
                    time = Some(column);
                    Ok(())
                }
                FetchClause::Settles(_, at) if table.settles.is_some() => {
                    self.refuse(Code::E0107, "`settles` stands here twice", *at, "the second one")
                }
                FetchClause::Settles(length, _) => self.fixed_length(length).map(|length| table.settles = Some(length)),
                FetchClause::SkipBadRows(share) if skip_bad.is_some() => {
                    self.refuse(Code::E0107, "`skip bad rows` stands here twice", share.span, "the second one")
                }
                FetchClause::SkipBadRows(share) => {
                    let known = self.bad_share(share);
                    skip_bad = Some(known.unwrap_or_default());
                    known.map(drop)
                }
                // Looked at with the source.
                FetchClause::Records(..) | FetchClause::Missing(_) | FetchClause::RowsUntil(_) => Ok(()),
                FetchClause::Request(_) if is_http => Ok(()),
                FetchClause::Request(part) => {
                    let message = format!("only `http` has a `{}`", part.name.as_str());
                    self.refuse(Code::E0107, message, part.name.span, "never used")
                }
                FetchClause::Check(clause @ Clause::Key(_)) => self.check(clause, table),
                // What dates a row is known after these.
                FetchClause::Check(_) => Ok(()),
            };
            right = right.and(done);
        }
        right?;
        table.time = self.time_column(time, &fetch.name, table)?;
        if let (Some(at), None) = (settles(fetch), &table.time) {
            return self.refuse(
                Code::E0404,
                "no date says which rows are old enough to have settled",
                at,
                "never used",
            );
        }
        table.settles = table.settles.or(restated);
        for clause in &fetch.clauses {
            match clause {
                FetchClause::Check(Clause::Key(_)) => {}
                // One that is wrong was reported: the table's columns are known without it.
                FetchClause::Check(clause) => drop(self.check(clause, table)),
                _ => {}
            }
        }
        Ok((future, skip_bad))
    }

    /// What dates a row: the column that is named, else the one that a connector names, else the plain one.
    pub(super) fn time_column(&mut self, named: Option<&Name>, of: &Name, table: &Table) -> Checked<Option<String>> {
        if let Some(column) = named {
            let found = self.column_of(column, table)?;
            if found.ty.is_time() {
                return Ok(Some(found.name.clone()));
            }
            let message = format!("`{}` is {} and dates nothing", column.as_str(), found.ty);
            return self.refuse(Code::E0404, message, column.span, "wanted: a date or a datetime");
        }
        if table.time.is_some() {
            return Ok(table.time.clone());
        }
        let in_key = table.key.iter().flatten().filter_map(|name| table.column(name)).find(|c| c.ty.is_time());
        if let Some(column) = in_key {
            return Ok(Some(column.name.clone()));
        }
        let dates: Vec<&Column> = table.columns.iter().filter(|column| column.ty.is_time()).collect();
        match dates.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(one.name.clone())),
            [first, second, ..] => {
                let prefix = if self.input.is_connector { "`time: " } else { "the clause `time " };
                self.fail(
                    Diagnostic::new(Code::E0404, format!("what dates a row of `{}`?", of.as_str()))
                        .at(first.span, "this date")
                        .at(second.span, "or this one?")
                        .help(format!("add {prefix}{}`, or put the date into the key", first.name)),
                )
            }
        }
    }
}

/// Where a fetch says how long its figures move.
fn settles(fetch: &tree::Fetch) -> Option<Span> {
    fetch.clauses.iter().find_map(|clause| match clause {
        FetchClause::Settles(_, at) => Some(*at),
        _ => None,
    })
}

/// The table of a fetch, before its clauses.
pub(super) fn fetched_table(name: &Name, columns: Vec<Column>) -> Table {
    Table {
        name: name.value.clone(),
        role: TableRole::Declared,
        span: name.span,
        source: TableSource::Transform { from: TableId(0), stages: Vec::new() },
        columns,
        key: None,
        singleton: false,
        time: None,
        settles: None,
        order: Order::None,
        checks: Vec::new(),
    }
}
