//! Type checks of connector files, like those of a pipeline's own columns and expressions.

use std::{collections::BTreeSet, sync::Arc};

use cpl_catalog::{
    Action, Argument, Catalogue, Connector, ConnectorFile, Dedupe, Endpoint, Job, JobResult, Learning, Read, Retrieval,
};
use cpl_syntax::{
    Code, Diagnostic, Name, Span,
    tree::{self, Clause, ColumnType, MoneyOf, MoneyScale, Plain},
};
use jiff::tz::TimeZone;
use rust_decimal::Decimal;

use super::{
    Checker, Input,
    columns::RecordKind,
    currency,
    fetch::fetched_table,
    scope::{Scope, ScopeColumn},
    state::reporter::Checked,
    typed_endpoint::{ArgumentType, TypedEndpoint},
};
use cpl_model::{
    program::{
        self, ActionRead, Column, Encoding, Expr, ExprKind, FetchColumn, Parameter, ResultFormat, ServerAction, Table,
    },
    types::Type,
};

/// All that is wrong with a connector's file, in the order of its text.
#[must_use]
pub fn check_connector(file: &ConnectorFile) -> Vec<Diagnostic> {
    let mut diagnostics = file.diagnostics.clone();
    if let Some(connector) = &file.connector {
        let none = tree::File::default();
        let reader = reader(file, connector, &none, currency::currency(&none), TimeZone::UTC);
        diagnostics.extend(reader.connector(connector));
    }
    diagnostics.sort_by_key(Diagnostic::start);
    diagnostics.dedup();
    diagnostics
}

impl Checker<'_> {
    fn connector(mut self, connector: &Connector) -> Vec<Diagnostic> {
        for endpoint in &connector.endpoints {
            let _reported = self.endpoint(connector, endpoint);
        }
        for action in &connector.actions {
            let _reported = self.connector_action(connector, action);
        }
        self.reporter.finish()
    }

    /// The first diagnostic.
    pub(super) fn first_diagnostic(self) -> Option<Diagnostic> {
        self.reporter.finish().into_iter().next()
    }

    pub(super) fn endpoint(&mut self, connector: &Connector, endpoint: &Endpoint) -> Checked<TypedEndpoint> {
        let arguments = self.argument_types(&endpoint.arguments);
        let contract = self.contract(&endpoint.columns);
        let rows = match &endpoint.source {
            Retrieval::Job(job, _) if job.format == ResultFormat::Csv => RecordKind::Cells,
            Retrieval::Pages(..) | Retrieval::Job(..) => RecordKind::Json,
        };
        let contract = self.paths_lead(&endpoint.columns, rows).and(contract);
        let requests = arguments.as_ref().map_err(|reported| *reported).and_then(|(_, scope)| {
            let requests = self.requests(connector, &endpoint.source, scope)?;
            // What a wrong address would take is not known.
            if !connector.base_url.pieces.is_empty() {
                self.all_used(&endpoint.arguments, &requests.all());
            }
            Ok(requests)
        });
        let (mut columns, typed) = contract?;
        self.account_currency(endpoint, &mut columns)?;
        let missing = self.missing_in_columns(&endpoint.missing, &columns)?;
        for column in &mut columns {
            if column.optional {
                column.missing = Arc::clone(&missing);
            }
            column.minor_digits = connector.minor_digits.clone();
        }
        let table = self.endpoint_table(endpoint, typed);
        let late = self.length_of(endpoint.late.as_ref());
        let restated = self.length_of(endpoint.restated.as_ref());
        let table = table?;
        if let Some(late) = endpoint.late.as_ref().or(endpoint.restated.as_ref()).filter(|_| table.time.is_none()) {
            let label = "wanted: a date among the columns";
            return self.refuse(Code::E0404, "no column dates a row", late.span, label);
        }
        let requested = Arc::new(requested(connector, endpoint, requests?));
        let (arguments, late, restated) = (arguments?.0, late?, restated?);
        Ok(TypedEndpoint { arguments, columns, table, late, restated, requested })
    }

    /// An optional length; none if it is given and invalid.
    fn length_of(&mut self, written: Option<&tree::Expr>) -> Checked<Option<i64>> {
        written.map_or(Ok(None), |length| self.fixed_length(length).map(Some))
    }

    /// Marks the column that names the currency of all amounts.
    fn account_currency(&mut self, endpoint: &Endpoint, columns: &mut [FetchColumn]) -> Checked<()> {
        let Some(name) = &endpoint.currency else { return Ok(()) };
        let currency = self.currency;
        match columns.iter_mut().find(|column| column.name == name.value) {
            Some(column) if column.encoding == Encoding::Text && !column.optional && !column.is_personal => {
                (column.is_currency, column.account_currency) = (true, Some(currency));
                Ok(())
            }
            Some(_) => {
                let message = format!("`{}` can't name a currency", name.as_str());
                self.refuse(Code::E0302, message, name.span, "wanted: a column of `text`, which is never missing")
            }
            None => {
                let known: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
                self.unknown_name("column", name, known)
            }
        }
    }

    fn endpoint_table(&mut self, endpoint: &Endpoint, columns: Vec<Column>) -> Checked<Table> {
        let mut table = fetched_table(&endpoint.name, columns);
        if !endpoint.key.is_empty() {
            self.check(&Clause::Key(endpoint.key.clone()), &mut table)?;
        }
        table.time = self.time_column(endpoint.time.as_ref(), &endpoint.name, &table)?;
        Ok(table)
    }

    /// The types of arguments, and what holes see of them.
    fn argument_types(&mut self, arguments: &[Argument]) -> Checked<(Vec<ArgumentType>, Vec<ScopeColumn>)> {
        let (mut types, mut scope, mut right) = (Vec::new(), Vec::new(), Ok(()));
        for argument in arguments {
            let (name, optional) = (&argument.name, argument.ty.optional);
            let Some(kind) = &argument.ty.kind else {
                types.push((name.value.clone(), None, optional));
                // Its first and its last day, its first moment and the one behind its last.
                let edges =
                    [("start", Type::Date), ("end", Type::Date), ("from", Type::Datetime), ("until", Type::Datetime)];
                scope.extend(edges.map(|(edge, ty)| {
                    let name = Name::new(format!("{}.{edge}", name.as_str()), name.span);
                    ScopeColumn::new(&name, ty, optional)
                }));
                continue;
            };
            match self.argument_type(kind) {
                Ok(ty) => {
                    types.push((name.value.clone(), Some(ty), optional));
                    scope.push(ScopeColumn::new(name, ty, optional));
                }
                Err(reported) => right = Err(reported),
            }
        }
        right.map(|()| (types, scope))
    }

    /// An argument is a value: how it is written on the wire is its hole's affair.
    fn argument_type(&mut self, kind: &cpl_syntax::Spanned<ColumnType>) -> Checked<Type> {
        let plain = match &kind.value {
            ColumnType::Plain(plain) => *plain != Plain::Percent,
            ColumnType::Money(scale, of) => *scale == MoneyScale::Units && !matches!(of, MoneyOf::Column(_)),
            ColumnType::Date(format, by) => format.is_none() && by.is_none(),
            ColumnType::Datetime(format, stored, by) => {
                format.is_none() && *stored == tree::TimeIn::Pipeline && by.is_none()
            }
        };
        if plain {
            return self.encoding(kind).map(|(_, ty)| ty);
        }
        self.fail(
            Diagnostic::new(Code::E0603, "an argument is a value, however it is sent")
                .at(kind.span, "says how it is written")
                .help("leave that out, and let the hole say how it is sent: `{micros(daily_budget)}`"),
        )
    }

    /// The requests of an endpoint.
    fn requests(
        &mut self,
        connector: &Connector,
        retrieval: &Retrieval,
        arguments: &[ScopeColumn],
    ) -> Checked<Requests> {
        let scope = Scope::arguments(arguments);
        let job = match retrieval {
            Retrieval::Pages(request, _) => {
                return Ok(Requests { first: self.connector_request(connector, request, &scope)?, job: None });
            }
            Retrieval::Job(job, _) => job,
        };
        let start = self.connector_request(connector, &job.start, &scope);
        let job = self.job(connector, job, arguments);
        Ok(Requests { first: start?, job: Some(Box::new(job?)) })
    }

    /// What follows the request that begins a long report.
    fn job(&mut self, connector: &Connector, job: &Job, arguments: &[ScopeColumn]) -> Checked<program::Job> {
        let name = Name::new(JOB.to_owned(), Span::default());
        let arguments = [arguments, &[ScopeColumn::new(&name, Type::Text, false)]].concat();
        let scope = Scope::arguments(&arguments);
        let poll = self.connector_request(connector, &job.poll, &scope)?;
        if !columns_of(&[&poll]).contains(JOB) {
            let label = "wanted: `{job}`, which stands for what `start` answered";
            return self.refuse(Code::E0603, "which report is this request for?", job.poll.span, label);
        }
        let result = match &job.result {
            JobResult::Request(request) => {
                program::JobResult::Request(Box::new(self.connector_request(connector, request, &scope)?))
            }
            JobResult::Url(at) => program::JobResult::Address { at: at.path.clone(), may_lack: at.optional },
        };
        // The report's name is known once it is begun: nothing is computed then.
        let is_within = |hole: &&&Expr| {
            let mut used = BTreeSet::new();
            hole.columns_into(&mut used);
            used.contains(JOB) && !matches!(hole.kind, ExprKind::Column(_))
        };
        let requests = [Some(&poll), result.request()];
        let holes: Vec<&Expr> = requests.into_iter().flatten().flat_map(program::Request::exprs).collect();
        if let Some(hole) = holes.iter().find(is_within) {
            let label = "wanted: `{job}`, by itself";
            return self.refuse(Code::E0603, "the name of a report is sent as it is", hole.span, label);
        }
        let (id, every, done, failed) = (job.id.clone(), job.every, job.done.clone(), job.failed.clone());
        Ok(program::Job { id, poll, every, done, failed, result })
    }

    /// Reports arguments that no hole uses.
    fn all_used(&mut self, arguments: &[Argument], requests: &[&program::Request]) {
        let used = columns_of(requests);
        for argument in arguments {
            let name = argument.name.as_str();
            let takes = |used: &String| used == name || used.split_once('.').is_some_and(|(front, _)| front == name);
            if !used.iter().any(takes) {
                let hole = if argument.ty.kind.is_none() { format!("{name}.start") } else { name.to_owned() };
                self.report(
                    Diagnostic::new(Code::E0205, format!("the argument `{name}` goes nowhere"))
                        .at(argument.name.span, "no hole takes it")
                        .help(format!("send it: `\"{{{hole}}}\"`, or take it out")),
                );
            }
        }
    }

    /// What a rule hands to an action, and what a run requests then.
    pub(super) fn connector_action(
        &mut self,
        connector: &Connector,
        action: &Action,
    ) -> Checked<(Vec<Parameter>, Arc<ServerAction>)> {
        let types = self.argument_types(&action.arguments);
        let dedupe = match &action.dedupe {
            Dedupe::Key(header, remembers) => {
                self.fixed_length(remembers).map(|life| program::Dedupe::Key { header: header.clone(), life })
            }
            Dedupe::Lookup => Ok(program::Dedupe::Lookup),
            Dedupe::Nothing => Ok(program::Dedupe::None),
        };
        let unit = action.unit.as_ref().map(|unit| self.unit(unit)).transpose();
        let stored = action.read.as_ref().map(|read| self.stored(read)).transpose();
        let learning = action.learning.as_ref().map(|learning| self.learning(learning)).transpose();
        let (types, scope) = types?;
        self.of_one_currency(action, &types);
        let key = Name::new("idempotency_key".to_owned(), Span::default());
        let columns = [scope, vec![ScopeColumn::new(&key, Type::Text, false)]].concat();
        let scope = Scope::arguments(&columns);
        let read = action.read.as_ref().map(|read| self.connector_request(connector, &read.request, &scope));
        let read = read.transpose();
        let request = self.connector_request(connector, &action.request, &scope);
        // What is wrong with the request is not said again.
        let validate = action.validate.as_ref().filter(|_| request.is_ok());
        let validate = validate.map(|parts| self.connector_request(connector, &action.request.with(parts), &scope));
        if let (Ok(request), Ok(read)) = (&request, &read) {
            self.all_used(&action.arguments, &[Some(request), read.as_ref()].into_iter().flatten().collect::<Vec<_>>());
        }
        let parameters = types.into_iter().zip(&action.arguments).filter_map(|((name, ty, optional), argument)| {
            Some(Parameter { name, ty: ty?, key: argument.ty.key, optional })
        });
        let path = action.read.as_ref().map(|read| read.value.clone());
        let read = read?.zip(stored?).zip(path).map(|((request, (stored, ty)), value)| ActionRead {
            request,
            value,
            stored,
            ty,
        });
        let requested = ServerAction {
            request: request?,
            success: action.success.clone(),
            dedupe: dedupe?,
            read,
            validate: validate.transpose()?,
            unit: unit?,
            confirms: action.confirms,
            learning: learning?,
            errors: connector.errors.clone(),
            limits: connector.limits.clone(),
        };
        Ok((parameters.collect(), Arc::new(requested)))
    }

    /// How a value that is read is written: it is an amount.
    fn stored(&mut self, read: &Read) -> Checked<(Encoding, Type)> {
        let (encoding, ty) = self.encoding(&read.stored)?;
        if ty.is_amount() {
            return Ok((encoding, ty));
        }
        let message = format!("{ty} is nothing that a rule changes");
        self.refuse(Code::E0301, message, read.stored.span, "wanted: money, a number or a ratio")
    }

    /// What is read, and the step, are of the currency that is handed on.
    fn of_one_currency(&mut self, action: &Action, types: &[ArgumentType]) {
        let handed: Vec<Type> =
            types.iter().filter_map(|(_, ty, _)| *ty).filter(|ty| matches!(ty, Type::Money(_))).collect();
        let read = action.read.as_ref().and_then(|read| Some((self.encoding(&read.stored).ok()?.1, read.stored.span)));
        let unit = action.unit.as_ref().and_then(|unit| Some((self.expr(unit, &Scope::CONSTANT).ok()?.ty, unit.span)));
        for (ty, span) in read.into_iter().chain(unit) {
            if let Some(other) = handed.first().filter(|_| matches!(ty, Type::Money(_)) && !handed.contains(&ty)) {
                let message = format!("what is handed on is {other}");
                let _reported: Checked<()> = self.refuse(Code::E0302, message, span, format!("this is {ty}"));
            }
        }
    }

    fn learning(&mut self, learning: &Learning) -> Checked<program::Learning> {
        let within = self.fixed_length(&learning.within);
        let share = learning.restarts_above.as_ref().map(|share| {
            let typed = self.expr(share, &Scope::CONSTANT)?;
            match typed.amount().filter(|amount| typed.ty == Type::Ratio && *amount > Decimal::ZERO) {
                Some(amount) => Ok(amount),
                None => self.refuse(Code::E0301, "that is no share above 0", share.span, "wanted: one such as `20%`"),
            }
        });
        let (events, source) = (learning.events, learning.source.clone());
        Ok(program::Learning { events, within: within?, restarts_above: share.transpose()?, source })
    }

    fn unit(&mut self, unit: &tree::Expr) -> Checked<Decimal> {
        let typed = self.expr(unit, &Scope::CONSTANT)?;
        if let Some(step) = typed.amount().filter(|step| typed.ty.is_amount() && *step > Decimal::ZERO) {
            return Ok(step);
        }
        self.refuse(Code::E0301, "that is no step of a value", unit.span, "wanted: one such as `$0.01` or `1`")
    }
}

/// What the hole of a long report's name is called.
const JOB: &str = "job";

/// The requests of an endpoint.
struct Requests {
    first: program::Request,
    job: Option<Box<program::Job>>,
}

impl Requests {
    fn all(&self) -> Vec<&program::Request> {
        let of_job = self.job.iter().flat_map(|job| std::iter::once(&job.poll).chain(job.result.request()));
        std::iter::once(&self.first).chain(of_job).collect()
    }
}

/// What a run requests of an endpoint.
fn requested(connector: &Connector, endpoint: &Endpoint, requests: Requests) -> program::Endpoint {
    let (paging, format) = match &endpoint.source {
        Retrieval::Pages(_, paging) => (paging, ResultFormat::Json),
        Retrieval::Job(job, paging) => (paging, job.format),
    };
    program::Endpoint {
        request: requests.first,
        job: requests.job,
        format,
        records: endpoint.records.as_ref().map(|records| records.path.clone()),
        records_may_lack: endpoint.records.as_ref().is_some_and(|records| records.optional),
        timezone: connector.timezone.as_ref().map(|name| name.value.clone()),
        paging: paging.clone(),
        errors: connector.errors.clone(),
        limits: connector.limits.clone(),
    }
}

/// The names that the holes of requests use.
fn columns_of(requests: &[&program::Request]) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    requests.iter().flat_map(|request| request.exprs()).for_each(|hole| hole.columns_into(&mut used));
    used
}

/// A checker for a connector's file, with the connector's currency and zone, else those of the pipeline.
pub(super) fn reader<'c>(
    file: &'c ConnectorFile,
    connector: &Connector,
    none: &'c tree::File,
    currency: tree::Currency,
    zone: TimeZone,
) -> Checker<'c> {
    let mut reader = Checker::new(Input { is_connector: true, ..Input::new(&file.text, none, Catalogue::none()) });
    let named = connector.currency.as_ref().and_then(|code| tree::Currency::of_code(code.as_str()));
    reader.currency = named.unwrap_or(currency);
    reader.zone = connector.timezone.as_ref().and_then(|name| reader.timezone(name).ok()).unwrap_or(zone);
    reader
}
