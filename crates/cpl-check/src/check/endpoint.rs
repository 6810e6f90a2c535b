//! A pipeline calls a connector: `fetch a from crm.signups(last 35 days)`, `via ads.set_budget { … }`.

use std::sync::Arc;

use cpl_catalog::{Action, Connector, ConnectorFile, Endpoint};
use cpl_syntax::{
    Code, Diagnostic, Name, Severity, Span,
    tree::{self, Arg, FetchClause, Unit, Window, WindowKind},
};

use super::{
    Checker,
    arith::zero_as,
    check_connector,
    connector::reader,
    fetch::fetched_table,
    rules::fits,
    scope::Scope,
    state::reporter::{Checked, Reported},
    typed_endpoint::{ArgumentType, TypedEndpoint},
};
use cpl_model::{
    program::{
        ActionCall, CallArgument, Check, CheckKind, Column, ConnectorCall, EndpointCall, Expr, Fetch, FetchColumn,
        Parameter, ServerAction, SourceKind, Table, TableId, TableSource, Target, TargetKind,
    },
    types::Type,
};

/// A connector with its file.
type ConnectorRef<'c> = (&'c ConnectorFile, &'c Connector);

/// An argument that a call gives, by the connector's name for it.
type GivenArgument = (String, CallArgument);

impl<'a> Checker<'a> {
    /// The connector of that name, if it can be used.
    fn resolve_connector(&mut self, name: &Name) -> Checked<ConnectorRef<'a>> {
        let catalogue = self.input.catalogue;
        let Some(file) = catalogue.get(name.as_str()) else {
            return self.no_connector(name);
        };
        let known = self.connectors.usable.get(name.as_str()).copied();
        let right = known.unwrap_or_else(|| {
            let wrong = check_connector(file);
            let mut errors = wrong.iter().filter(|diagnostic| diagnostic.severity() == Severity::Error);
            let first = errors.next();
            if let Some(first) = first {
                let many = if errors.next().is_some() { "has errors, the first" } else { "has an error" };
                return self.fail(
                    Diagnostic::new(
                        Code::E0604,
                        format!("the connector `{}` {many}: {}", name.as_str(), first.message),
                    )
                    .at(name.span, "can't be used so")
                    .help(format!("`cpl check {}` shows where", file.path)),
                );
            }
            Ok(())
        });
        self.connectors.usable.insert(name.value.clone(), right);
        right.and_then(|()| file.connector.as_ref().map(|connector| (file, connector)).ok_or(Reported::earlier()))
    }

    fn no_connector<T>(&mut self, name: &Name) -> Checked<T> {
        let diagnostic = Diagnostic::new(Code::E0201, format!("there is no connector named `{}`", name.as_str()));
        let diagnostic = diagnostic.at(name.span, "not found");
        let known: Vec<&str> = self.input.catalogue.names().collect();
        let diagnostic = match cpl_syntax::nearest(name.as_str(), known) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")).offer(name.span, near),
            None => diagnostic.help(format!(
                "write it into `connectors/{}.yaml`, next to the pipeline or next to `cpl.yaml`",
                name.as_str()
            )),
        };
        self.fail(diagnostic)
    }

    /// `fetch NAME from CONNECTOR.ENDPOINT(args) { clauses }`.
    pub(super) fn endpoint_fetch(&mut self, fetch: &tree::Fetch, connector: &Name) -> Checked<TableId> {
        if self.size.exceeded() {
            return Err(Reported::earlier());
        }
        let (file, connector) = self.resolve_connector(connector)?;
        let name = &fetch.source.callee.name;
        let Some(endpoint) = connector.endpoint(name.as_str()) else {
            let known = connector.endpoints.iter().map(|endpoint| endpoint.name.as_str());
            return self.unknown_name(&format!("endpoint of `{}`", connector.name.as_str()), name, known);
        };
        let endpoint = self.typed_endpoint((file, connector), endpoint, fetch.source_span)?;
        let arguments = self.endpoint_arguments(fetch, &endpoint);
        let overrides = self.reject_overrides(fetch);
        let (columns, mut table) = self.instantiate_table(fetch, &endpoint);
        let (future, skip_bad) = self.fetch_clauses(fetch, &mut table, endpoint.restated)?;
        overrides?;
        let call =
            ConnectorCall { connector: connector.name.value.clone(), name: name.value.clone(), arguments: arguments? };
        let fresh = |check: &Check| matches!(check.kind, CheckKind::Fresh(..));
        if let (Some(late), Some(time)) = (endpoint.late, table.time.clone())
            && !table.checks.iter().any(fresh)
        {
            table.checks.push(Check::of(CheckKind::Fresh(time, late), fetch.source_span));
        }
        let call = EndpointCall { call, endpoint: endpoint.requested.clone() };
        let written = self.written(fetch.source_span).split_whitespace().collect::<Vec<_>>().join(" ");
        let kind = SourceKind::Endpoint(Box::new(call));
        let source =
            Fetch { kind, path: written, path_span: fetch.source_span, columns, future, skip_bad, until: None };
        table.source = TableSource::Fetch(source);
        self.add_table(table)
    }

    /// What a connector's part is to this pipeline: in its currency and zone where the connector has none of its own.
    fn typed<T>(
        &mut self,
        (file, connector): ConnectorRef<'_>,
        name: &str,
        at: Span,
        read: impl FnOnce(&mut Checker<'_>) -> Checked<T>,
    ) -> Checked<T> {
        let none = tree::File::default();
        let mut reader = reader(file, connector, &none, self.currency, self.zone.clone());
        reader.input.any_cell_empty = self.input.any_cell_empty;
        let typed = read(&mut reader);
        self.fits_here(name, reader.first_diagnostic(), at)?;
        typed
    }

    /// An endpoint's types, made once.
    fn typed_endpoint(
        &mut self,
        connector: ConnectorRef<'_>,
        endpoint: &Endpoint,
        at: Span,
    ) -> Checked<Arc<TypedEndpoint>> {
        let name = format!("{}.{}", connector.1.name.as_str(), endpoint.name.as_str());
        if let Some(typed) = self.connectors.endpoints.get(&name) {
            return Ok(typed.clone());
        }
        let typed = Arc::new(self.typed(connector, &name, at, |reader| reader.endpoint(connector.1, endpoint))?);
        self.connectors.endpoints.insert(name, typed.clone());
        Ok(typed)
    }

    /// What an action takes, likewise.
    fn typed_action(
        &mut self,
        connector: ConnectorRef<'_>,
        action: &Action,
        at: Span,
    ) -> Checked<(Vec<Parameter>, Arc<ServerAction>)> {
        let name = format!("{}.{}", connector.1.name.as_str(), action.name.as_str());
        if let Some(typed) = self.connectors.actions.get(&name) {
            return Ok(typed.clone());
        }
        let typed = self.typed(connector, &name, at, |reader| reader.connector_action(connector.1, action))?;
        self.connectors.actions.insert(name, typed.clone());
        Ok(typed)
    }

    /// What is right in the connector by itself can be wrong in the pipeline's currency.
    fn fits_here(&mut self, name: &str, wrong: Option<Diagnostic>, at: Span) -> Checked<()> {
        let Some(wrong) = wrong else { return Ok(()) };
        let message = format!("`{name}` does not fit this pipeline: {}", wrong.message);
        let diagnostic = Diagnostic::new(Code::E0604, message).at(at, "called here");
        self.fail(diagnostic.help("its connector says no currency and no time zone of its own: name them by `account`"))
    }

    /// The table with the endpoint's columns and key. All spans are that of the call.
    fn instantiate_table(&mut self, fetch: &tree::Fetch, endpoint: &TypedEndpoint) -> (Vec<FetchColumn>, Table) {
        let span = fetch.source_span;
        let columns: Vec<Column> =
            endpoint.table.columns.iter().map(|column| Column { span, ..column.clone() }).collect();
        for column in &columns {
            self.column_name(&Name::new(column.name.clone(), span));
        }
        let mut table = fetched_table(&fetch.name, columns);
        table.key.clone_from(&endpoint.table.key);
        table.time.clone_from(&endpoint.table.time);
        table.checks = endpoint.table.checks.iter().map(|check| Check { span, ..check.clone() }).collect();
        let columns = endpoint.columns.iter().map(|column| FetchColumn { span, ..column.clone() });
        (columns.collect(), table)
    }

    /// Reports clauses of a fetch that the connector already defines.
    fn reject_overrides(&mut self, fetch: &tree::Fetch) -> Checked<()> {
        let columns = fetch.columns.first().map(|column| ("columns", column.span));
        let clauses = fetch.clauses.iter().filter_map(|clause| match clause {
            FetchClause::Records(path, _) => Some(("records", path.span)),
            FetchClause::RowsUntil(text) => Some(("end of the rows", text.span)),
            FetchClause::Missing(texts) => texts.first().map(|text| ("missing texts", text.span)),
            _ => None,
        });
        let mut right = Ok(());
        for (what, span) in columns.into_iter().chain(clauses) {
            let message = format!("the connector says the {what} of `{}`", fetch.source.callee.name.as_str());
            right =
                self.refuse(Code::E0107, message, span, "wanted: nothing; what a row is made of stands in its file");
        }
        right
    }

    fn endpoint_arguments(&mut self, fetch: &tree::Fetch, endpoint: &TypedEndpoint) -> Checked<Vec<GivenArgument>> {
        let (call, all) = (fetch.source.callee.name.as_str(), &endpoint.arguments);
        let given = self.given_arguments(&fetch.source, all)?;
        let mut right = Ok(());
        for (name, ty, optional) in all {
            if !optional && !is_given(&given, name) {
                let wanted = ty.map_or("last 35 days".to_owned(), |_| format!("{name} = …"));
                let diagnostic = Diagnostic::new(Code::E0205, format!("`{call}` wants `{name}`"));
                let diagnostic = diagnostic.at(fetch.source_span, "called without it");
                right = self.fail(diagnostic.help(format!("write `{call}({wanted})`")));
            }
        }
        right.map(|()| given)
    }

    /// The arguments that a call gives, by their order or by their names.
    fn given_arguments(&mut self, call: &tree::Call, all: &[ArgumentType]) -> Checked<Vec<GivenArgument>> {
        let mut given: Vec<GivenArgument> = Vec::new();
        let mut right = Ok(());
        for arg in &call.args {
            let (name, value) = match self.given_argument(call, arg, all, &given) {
                Ok(argument) => argument,
                Err(reported) => {
                    right = Err(reported);
                    continue;
                }
            };
            if is_given(&given, &name) {
                let message = format!("the argument `{name}` stands here twice");
                right = self.refuse(Code::E0205, message, span_of(arg), "the second one");
            }
            given.push((name, value));
        }
        right.map(|()| given)
    }

    /// Which argument one is, and its value, if it fits.
    fn given_argument(
        &mut self,
        call: &tree::Call,
        arg: &Arg,
        all: &[ArgumentType],
        given: &[GivenArgument],
    ) -> Checked<GivenArgument> {
        let (name, ty, _) = match arg {
            Arg::NamedWindow(name, _) | Arg::Named(name, _) => self.find_argument(name, all)?,
            Arg::Window(window) => match all.iter().find(|(_, ty, _)| ty.is_none()) {
                Some(taken) => taken,
                None => return self.no_window(window.span),
            },
            Arg::Plain(value) | Arg::By(value, _) => self.next_argument(call, value, all, given)?,
        };
        let value = match arg {
            Arg::Window(window) | Arg::NamedWindow(_, window) if ty.is_none() => {
                CallArgument::Window(self.window_argument(*window)?)
            }
            Arg::Window(window) | Arg::NamedWindow(_, window) => return self.no_window(window.span),
            Arg::Named(_, value) => CallArgument::Value(self.value_argument(name, *ty, value)?),
            Arg::Plain(value) | Arg::By(value, _) => CallArgument::Value(self.value_argument(name, *ty, value)?),
        };
        Ok((name.clone(), value))
    }

    fn find_argument<'n>(&mut self, name: &Name, all: &'n [ArgumentType]) -> Checked<&'n ArgumentType> {
        let found = all.iter().find(|(known, ..)| *known == name.value);
        found.map_or_else(|| self.unknown_name("argument", name, all.iter().map(|(name, ..)| name.as_str())), Ok)
    }

    /// The first argument that is no window and was not given yet.
    fn next_argument<'n>(
        &mut self,
        call: &tree::Call,
        value: &tree::Expr,
        all: &'n [ArgumentType],
        given: &[GivenArgument],
    ) -> Checked<&'n ArgumentType> {
        let window = all.iter().any(|(_, ty, _)| ty.is_none());
        if window && matches!(value.kind, tree::ExprKind::Literal(tree::Literal::Duration(..))) {
            let label = format!("wanted: `last {}`", self.written(value.span));
            return self.refuse(Code::E0205, "a length of time is no window", value.span, label);
        }
        let next = all.iter().find(|(name, ty, _)| ty.is_some() && !is_given(given, name));
        next.ok_or(()).or_else(|()| {
            let message = format!("`{}` takes no more arguments", call.callee.name.as_str());
            self.refuse(Code::E0205, message, value.span, "unexpected argument")
        })
    }

    fn no_window<T>(&mut self, at: Span) -> Checked<T> {
        self.refuse(Code::E0205, "this takes no window", at, "unexpected argument")
    }

    /// Windows of connectors are in days.
    fn window_argument(&mut self, window: Window) -> Checked<Window> {
        if let Some(settled) = window.settled {
            let label = "fetch whole days, and write `day in last 7 settled days` where they are used";
            return self.refuse(Code::E0107, "a fetch takes whole windows, settled or not", settled, label);
        }
        match window.kind {
            WindowKind::Last(_, Unit::Second | Unit::Minute | Unit::Hour) => {
                self.refuse(Code::E0103, "a connector's window is in days", window.span, "wanted: `last 2 days`")
            }
            WindowKind::Last(0, _) => {
                self.refuse(Code::E0103, "that is no time at all", window.span, "wanted: `last 1 day`")
            }
            _ => Ok(window),
        }
    }

    fn value_argument(&mut self, name: &str, ty: Option<Type>, value: &tree::Expr) -> Checked<Expr> {
        let Some(ty) = ty else {
            let label = "wanted: a window such as `last 35 days`, without a name";
            return self.refuse(Code::E0205, format!("`{name}` is a window"), value.span, label);
        };
        let typed = zero_as(self.expr(value, &Scope::CONSTANT)?, ty);
        // Of what is computed it is not known whether it is whole.
        let whole = typed.amount().is_some_and(|amount| amount.is_integer());
        let below = typed.amount().is_some_and(|amount| amount.is_sign_negative() && !amount.is_zero());
        let counts = (!ty.is_whole() || whole) && !(ty == Type::Count && below);
        let fits = ty == typed.ty || fits(ty, typed.ty) || (ty.is_time() && typed.ty.is_time());
        if fits && counts && !typed.unknown {
            return Ok(typed);
        }
        self.refuse(Code::E0301, format!("the argument `{name}` is {ty}"), value.span, format!("this is {}", typed.ty))
    }

    /// `target NAME = CONNECTOR.ACTION(args)`.
    pub(super) fn action_target(&mut self, target: &tree::Target, connector: &Name) -> Checked<Target> {
        let redeclared = target.parameters.first().map(|parameter| parameter.name.span);
        let redeclared = redeclared.or(target.settings.first().map(|setting| setting.name.span));
        if let Some(span) = redeclared {
            let _reported: Checked<()> =
                self.refuse(Code::E0205, "the connector says what its action takes", span, "wanted: nothing");
        }
        let (name, span) = (target.name.value.clone(), target.name.span);
        let (call, parameters) = self.called_action(connector, &target.call.callee.name, span)?;
        // What the target gives is no affair of who calls it.
        let types: Vec<ArgumentType> =
            parameters.iter().map(|each| (each.name.clone(), Some(each.ty), each.optional)).collect();
        let arguments = self.given_arguments(&target.call, &types)?;
        let (given, parameters): (Vec<_>, Vec<_>) =
            parameters.into_iter().partition(|each| is_given(&arguments, &each.name));
        let key = |each: &Parameter| {
            let (name, argument) = arguments.iter().find(|(name, _)| *name == each.name)?;
            Some((name.clone(), argument.raw()?))
        };
        let given_keys = given.iter().filter(|each| each.key).filter_map(key).collect();
        let call = ActionCall { call: ConnectorCall { arguments, ..call.call }, action: call.action };
        let kind = TargetKind::Action(Box::new(call));
        Ok(Target { name, span, kind, parameters, given_keys })
    }

    /// `via CONNECTOR.ACTION`: a target that needs no declaration.
    pub(super) fn resolve_action(&mut self, connector: &Name, action: &Name) -> Checked<usize> {
        let name = format!("{}.{}", connector.as_str(), action.as_str());
        if let Some(at) = self.targets.iter().position(|target| target.as_ref().is_ok_and(|t| t.name == name)) {
            return Ok(at);
        }
        let span = connector.span.to(action.span);
        let (call, parameters) = self.called_action(connector, action, span)?;
        let kind = TargetKind::Action(Box::new(call));
        self.targets.push(Ok(Target { name, span, kind, parameters, given_keys: Vec::new() }));
        Ok(self.targets.len() - 1)
    }

    /// The call of an action, without arguments, and what it takes.
    fn called_action(&mut self, connector: &Name, action: &Name, at: Span) -> Checked<(ActionCall, Vec<Parameter>)> {
        let (file, connector) = self.resolve_connector(connector)?;
        let Some(found) = connector.action(action.as_str()) else {
            let known = connector.actions.iter().map(|action| action.name.as_str());
            return self.unknown_name(&format!("action of `{}`", connector.name.as_str()), action, known);
        };
        let (parameters, typed) = self.typed_action((file, connector), found, at)?;
        let (connector, name) = (connector.name.value.clone(), action.value.clone());
        Ok((ActionCall { call: ConnectorCall { connector, name, arguments: Vec::new() }, action: typed }, parameters))
    }
}

fn is_given(given: &[GivenArgument], name: &str) -> bool {
    given.iter().any(|(known, _)| known == name)
}

fn span_of(arg: &Arg) -> Span {
    match arg {
        Arg::Window(window) => window.span,
        Arg::NamedWindow(name, window) => name.span.to(window.span),
        Arg::Named(name, value) => name.span.to(value.span),
        Arg::Plain(value) | Arg::By(value, _) => value.span,
    }
}
