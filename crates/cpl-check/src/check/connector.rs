//! Type checks of connector files, like those of a pipeline's own columns and expressions.

use std::collections::BTreeSet;

use cpl_catalog::{
    Action, Argument, Catalogue, Connector, ConnectorFile, Dedupe, Endpoint, JobResult, Request, Retrieval,
};
use cpl_syntax::{
    Code, Diagnostic, Name, Span,
    tree::{self, Clause, ColumnType, MoneyOf, MoneyScale, Plain, Text},
};
use jiff::tz::TimeZone;

use super::{
    Checker, Input, currency,
    fetch::fetched_table,
    scope::{Scope, ScopeColumn},
    state::reporter::Checked,
    typed_endpoint::{ArgumentType, TypedEndpoint},
};
use cpl_model::{
    program::{Column, Parameter, Piece, Table},
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
        if let Some(timeout) = &connector.limits.timeout {
            let _reported = self.fixed_length(timeout);
        }
        for endpoint in &connector.endpoints {
            let _reported = self.endpoint(endpoint);
        }
        for action in &connector.actions {
            let _reported = self.connector_action(action);
        }
        self.reporter.finish()
    }

    /// The first diagnostic.
    pub(super) fn first_diagnostic(self) -> Option<Diagnostic> {
        self.reporter.finish().into_iter().next()
    }

    pub(super) fn endpoint(&mut self, endpoint: &Endpoint) -> Checked<TypedEndpoint> {
        let arguments = self.argument_types(&endpoint.arguments);
        let contract = self.contract(&endpoint.columns);
        if let Ok((_, scope)) = &arguments {
            let used = self.retrieval(&endpoint.source, scope);
            self.all_used(&endpoint.arguments, used);
        }
        let (columns, typed) = contract?;
        let table = self.endpoint_table(endpoint, typed);
        let late = self.length_of(endpoint.late.as_ref());
        let restated = self.length_of(endpoint.restated.as_ref());
        let table = table?;
        if let Some(late) = endpoint.late.as_ref().or(endpoint.restated.as_ref()).filter(|_| table.time.is_none()) {
            let label = "wanted: a date among the columns";
            return self.refuse(Code::E0404, "no column dates a row", late.span, label);
        }
        Ok(TypedEndpoint { arguments: arguments?.0, columns, table, late: late?, restated: restated? })
    }

    /// An optional length; none if it is given and invalid.
    fn length_of(&mut self, written: Option<&tree::Expr>) -> Checked<Option<i64>> {
        written.map_or(Ok(None), |length| self.fixed_length(length).map(Some))
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
                scope.extend(["start", "end"].map(|end| {
                    let name = Name::new(format!("{}.{end}", name.as_str()), name.span);
                    ScopeColumn::new(&name, Type::Date, optional)
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

    /// The arguments that an endpoint's requests use; none if a request is invalid.
    fn retrieval(&mut self, retrieval: &Retrieval, scope: &[ScopeColumn]) -> Checked<BTreeSet<String>> {
        match retrieval {
            Retrieval::Pages(request, _) => self.texts(&request.texts(), scope),
            Retrieval::Job(job, _) => {
                if let Some(every) = &job.every {
                    let _reported = self.fixed_length(every);
                }
                let start = self.texts(&job.start.texts(), scope);
                let name = Name::new("job".to_owned(), Span::default());
                let scope = [scope, &[ScopeColumn::new(&name, Type::Text, false)]].concat();
                let result = match &job.result {
                    JobResult::Request(request) => request.texts(),
                    JobResult::Url(_) => Vec::new(),
                };
                let poll = self.texts(&job.poll.texts(), &scope)?;
                if !poll.contains("job") {
                    let label = "wanted: `{job}`, which stands for what `start` answered";
                    return self.refuse(Code::E0603, "which report is asked for?", job.poll.span, label);
                }
                let result = self.texts(&result, &scope)?;
                Ok(start?.into_iter().chain(poll).chain(result).collect())
            }
        }
    }

    /// Types the holes of texts; the names they use.
    fn texts(&mut self, texts: &[&Text], scope: &[ScopeColumn]) -> Checked<BTreeSet<String>> {
        let scope = Scope::arguments(scope);
        let typed: Vec<Checked<Vec<Piece>>> = texts.iter().map(|text| self.pieces(text, &scope)).collect();
        let typed: Checked<Vec<Vec<Piece>>> = typed.into_iter().collect();
        let (typed, mut used) = (typed?, BTreeSet::new());
        for pieces in typed.iter().filter(|pieces| pieces.len() > 1) {
            self.no_optional_holes(pieces);
        }
        typed.iter().flatten().filter_map(Piece::hole).for_each(|hole| hole.columns_into(&mut used));
        Ok(used)
    }

    /// An optional argument may only be a whole text: a longer text would keep the letters around its hole.
    fn no_optional_holes(&mut self, pieces: &[Piece]) {
        for hole in pieces.iter().filter_map(Piece::hole).filter(|hole| hole.unknown) {
            self.report(
                Diagnostic::new(Code::E0603, "an argument that may be left out leaves a hole in this text")
                    .at(hole.span, "may be left out")
                    .help("say what stands there then: `{stage ?? \"all\"}`, or take the `?` of the argument out"),
            );
        }
    }

    /// Reports arguments that no hole uses.
    fn all_used(&mut self, arguments: &[Argument], used: Checked<BTreeSet<String>>) {
        let Ok(used) = used else { return };
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

    /// What a rule hands to an action.
    pub(super) fn connector_action(&mut self, action: &Action) -> Checked<Vec<Parameter>> {
        let types = self.argument_types(&action.arguments);
        if let Dedupe::Key(_, remembers) = &action.dedupe {
            let _reported = self.fixed_length(remembers);
        }
        if let Some(unit) = &action.unit {
            let _reported = self.unit(unit);
        }
        if let Some(read) = &action.read
            && let Ok((_, ty)) = self.encoding(&read.stored)
            && !ty.is_amount()
        {
            let message = format!("{ty} is nothing that a rule changes");
            let _reported: Checked<()> =
                self.refuse(Code::E0301, message, read.stored.span, "wanted: money, a number or a ratio");
        }
        let (types, scope) = types?;
        self.of_one_currency(action, &types);
        let key = Name::new("idempotency_key".to_owned(), Span::default());
        let scope = [scope, vec![ScopeColumn::new(&key, Type::Text, false)]].concat();
        let read = action.read.iter().flat_map(|read| read.request.texts());
        let validate = action.validate.iter().flat_map(cpl_catalog::RequestParts::texts);
        let _reported = self.texts(&read.chain(validate).collect::<Vec<_>>(), &scope);
        let used = self.texts(&Request::texts(&action.request), &scope);
        self.all_used(&action.arguments, used);
        let parameters = types.into_iter().zip(&action.arguments).filter_map(|((name, ty, optional), argument)| {
            Some(Parameter { name, ty: ty?, key: argument.ty.key, optional })
        });
        Ok(parameters.collect())
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

    fn unit(&mut self, unit: &tree::Expr) -> Checked<()> {
        let typed = self.expr(unit, &Scope::CONSTANT)?;
        let above = typed.amount().is_some_and(|amount| amount.is_sign_positive() && !amount.is_zero());
        if typed.ty.is_amount() && above {
            return Ok(());
        }
        self.refuse(Code::E0301, "that is no step of a value", unit.span, "wanted: one such as `$0.01` or `1`")
    }
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
