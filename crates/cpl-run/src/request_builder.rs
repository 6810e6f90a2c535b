//! Requests of a program → requests that can be sent: holes are filled, secrets looked up.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use cpl_connect::{REPORT, Request, SEGMENT, Secrets, Tokens};
use cpl_database::{Parameter, ParameterType, Query};
use cpl_effects::{ServerAuth, ServerRequest};
use cpl_exec::constants;
use cpl_model::{
    program::{self, CallArgument, ConnectorCall, Constant, Credential, Expr, ExprKind, HeaderValue, Piece, Template},
    types::Type,
    value::Value,
};
use cpl_plan::bind::{BindError, BoundPlan};
use cpl_syntax::Span;
use jiff::tz::TimeZone;
use percent_encoding::utf8_percent_encode;

use crate::{
    RunError,
    error::{RequestCause, RequestError},
    wire,
};

/// Makes the requests of a fetch.
#[derive(Clone)]
pub struct RequestBuilder<'m> {
    plan: &'m BoundPlan,
    secrets: &'m Secrets,
    /// Where the fetch names the server, or the connector.
    at: Span,
    /// The arguments of a connector's call, by the names that holes use; none where the fetch names the server itself.
    arguments: Option<BTreeMap<String, Expr>>,
    /// A window of the call has no day: `this month` on its first.
    has_empty_window: bool,
}

/// A request, or what is made of some, or all that it lacks.
pub type Made<T = Request> = Result<T, Vec<RequestError>>;

impl<'m> RequestBuilder<'m> {
    /// Of a fetch that names a server itself.
    pub fn new(plan: &'m BoundPlan, secrets: &'m Secrets, at: Span) -> Self {
        Self { plan, secrets, at, arguments: None, has_empty_window: false }
    }

    /// Of a call of a connector.
    ///
    /// # Errors
    /// A window outside the calendar.
    pub fn of_call(
        plan: &'m BoundPlan,
        secrets: &'m Secrets,
        at: Span,
        call: &ConnectorCall,
    ) -> Result<Self, BindError> {
        let (mut arguments, mut has_empty_window) = (BTreeMap::new(), false);
        for (name, argument) in &call.arguments {
            match argument {
                CallArgument::Value(value) => drop(arguments.insert(name.clone(), value.clone())),
                CallArgument::Window(window) => {
                    let (start, end) = plan.clock().days(window.kind)?;
                    has_empty_window |= start > end;
                    for (edge, day) in [("start", start), ("end", end)] {
                        let day = Expr::constant(Constant::Date(day), Type::Date, at);
                        arguments.insert(format!("{name}.{edge}"), day);
                    }
                    let zone = &plan.program().timezone;
                    for (edge, day) in [("from", start), ("until", end.tomorrow()?)] {
                        let first = Constant::Moment(day.to_zoned_datetime(zone.clone())?.timestamp());
                        arguments.insert(format!("{name}.{edge}"), Expr::constant(first, Type::Datetime, at));
                    }
                }
            }
        }
        Ok(Self { plan, secrets, at, arguments: Some(arguments), has_empty_window })
    }

    /// Of an effect on a server, by the values that its holes name.
    pub fn of_effect(plan: &'m BoundPlan, secrets: &'m Secrets, at: Span, arguments: BTreeMap<String, Expr>) -> Self {
        Self { plan, secrets, at, arguments: Some(arguments), has_empty_window: false }
    }

    /// The request as it is recorded: its secrets are named, and not looked up.
    ///
    /// # Errors
    /// Where a value can't be computed, or can't stand where it is sent.
    pub fn recorded(&self, request: &program::Request) -> Result<ServerRequest, RunError> {
        let mut headers = Vec::new();
        for (name, value) in &request.headers {
            let value = match value {
                HeaderValue::Credential(credential) => Some(credential.clone()),
                HeaderValue::Computed(value) => self.json(value)?.map(|value| Credential::Plain(text(&value))),
            };
            headers.extend(value.map(|value| (name.clone(), value)));
        }
        let mut query = Vec::new();
        for (name, value) in &request.query {
            let values = match self.json(value)? {
                Some(serde_json::Value::Array(all)) => all,
                one => one.into_iter().collect(),
            };
            query.extend(values.iter().map(|value| (name.clone(), text(value))));
        }
        let (base, path) = self.address(&request.address)?;
        let auth = request.auth.iter().map(|auth| self.recorded_auth(auth)).collect::<Result<_, _>>()?;
        let body = request.body.as_ref().map(|body| self.json(body)).transpose()?.map(Option::unwrap_or_default);
        let address = Credential::Plain(base);
        Ok(ServerRequest { method: request.method, address, path, auth, headers, query, body, signed_with: None })
    }

    fn recorded_auth(&self, auth: &program::Auth) -> Result<ServerAuth, RunError> {
        Ok(match auth.clone() {
            program::Auth::Bearer(token) => ServerAuth::Bearer(token),
            program::Auth::Basic { user, password } => ServerAuth::Basic(user, password),
            program::Auth::Header(name, value) => ServerAuth::Header(name, value),
            program::Auth::Query(name, value) => ServerAuth::Query(name, value),
            program::Auth::OAuth2 { token_url, client_id, client_secret, refresh_token, scopes, header } => {
                let (base, path) = self.address(&token_url)?;
                let token_url = base + &path;
                ServerAuth::OAuth2 { token_url, client_id, client_secret, refresh_token, scopes, header }
            }
            program::Auth::GoogleServiceAccount { key, scopes } => ServerAuth::GoogleServiceAccount { key, scopes },
        })
    }

    /// The same of the requests of a long report, whose name is not known yet.
    pub fn of_report(&self) -> Self {
        let mut of_report = self.clone();
        let name = Expr::constant(Constant::Text(REPORT.to_owned()), Type::Text, self.at);
        of_report.arguments.get_or_insert_default().insert("job".to_owned(), name);
        of_report
    }

    /// Whether there is nothing to request.
    pub fn has_empty_window(&self) -> bool {
        self.has_empty_window
    }

    /// The request, whole.
    ///
    /// # Errors
    /// Where a value can't be computed.
    pub fn request(&self, request: &program::Request) -> Result<Made, RunError> {
        let made = wire::request(&self.recorded(request)?, self.secrets);
        Ok(made.map_err(|causes| self.errors(causes)))
    }

    /// What gives the access token of an API; none where requests hold their credentials themselves.
    ///
    /// # Errors
    /// All secrets that it lacks.
    pub fn tokens(&self, request: &program::Request, store: PathBuf) -> Result<Made<Option<Tokens>>, RunError> {
        let auth: Vec<ServerAuth> =
            request.auth.iter().map(|auth| self.recorded_auth(auth)).collect::<Result<_, _>>()?;
        Ok(wire::tokens(&auth, self.secrets, store).map_err(|causes| self.errors(causes)))
    }

    fn errors(&self, causes: Vec<RequestCause>) -> Vec<RequestError> {
        causes.into_iter().map(|cause| self.error(cause)).collect()
    }

    fn error(&self, cause: RequestCause) -> RequestError {
        RequestError { at: self.at, cause }
    }

    /// The host with what stands before the first hole behind it, and the rest of the path: what fills a hole is a name of the
    /// host, or one segment of the path, or a part of one.
    fn address(&self, pieces: &[Piece]) -> Result<(String, String), RunError> {
        let (mut base, mut path) = (String::new(), String::new());
        for piece in pieces {
            match piece {
                Piece::Letters(letters) if path.is_empty() => base.push_str(letters),
                Piece::Letters(letters) => path.push_str(letters),
                Piece::Hole(hole) => {
                    let filled = self.value(hole)?.map(|value| value.raw()).unwrap_or_default();
                    if path.is_empty() && is_within_host(&base) {
                        if !is_host_name(&filled) {
                            return Err(self.failed(RequestCause::HostName(filled)));
                        }
                        base.push_str(&filled);
                        continue;
                    }
                    // An empty segment, `.` and `..` would name another thing.
                    if matches!(filled.as_str(), "" | "." | "..") {
                        return Err(self.failed(RequestCause::Segment(filled)));
                    }
                    path.extend(utf8_percent_encode(&filled, SEGMENT));
                }
            }
        }
        Ok((base, path))
    }

    /// What identifies the account of a request: its host, and where its tokens are requested.
    pub fn account(&self, request: &program::Request) -> Result<String, RunError> {
        let (base, _) = self.address(&request.address)?;
        let authority = base.find("://").map_or(0, |at| at + 3);
        let host = &base[..base[authority..].find('/').map_or(base.len(), |end| authority + end)];
        let mut account = host.to_owned();
        for auth in &request.auth {
            if let program::Auth::OAuth2 { token_url, .. } = auth {
                let (base, path) = self.address(token_url)?;
                account.extend([" ", &base, &path]);
            }
        }
        Ok(account)
    }

    fn failed(&self, cause: RequestCause) -> RunError {
        RunError::Request(vec![self.error(cause)])
    }

    /// JSON whose holes are filled; none where an argument was left out that is all of it.
    fn json(&self, template: &Template) -> Result<Option<serde_json::Value>, RunError> {
        Ok(Some(match template {
            Template::Literal(json) => serde_json::from_str(json).unwrap_or_default(),
            Template::Value(expr) => match self.value(expr)? {
                Some(value) => json(&value),
                None => return Ok(None),
            },
            Template::Text(pieces) => {
                let mut text = String::new();
                for piece in pieces {
                    match piece {
                        Piece::Letters(letters) => text.push_str(letters),
                        Piece::Hole(hole) => text.extend(self.value(hole)?.map(|value| value.raw())),
                    }
                }
                text.into()
            }
            Template::List(all) => {
                let all: Result<Vec<_>, _> = all.iter().map(|each| self.json(each)).collect();
                all?.into_iter().flatten().collect()
            }
            Template::Object(all) => {
                let mut object = serde_json::Map::new();
                for (name, value) in all {
                    if let Some(value) = self.json(value)? {
                        object.insert(name.clone(), value);
                    }
                }
                object.into()
            }
        }))
    }

    /// The value of a constant, or of an expression of the arguments; none where it needs one that was left out.
    fn value(&self, expr: &Expr) -> Result<Option<Value>, RunError> {
        let mut needed = BTreeSet::new();
        expr.columns_into(&mut needed);
        let left_out = needed.iter().any(|name| self.argument(name).is_none());
        // Most holes are an argument as it is.
        if let Some(value) = self.plain(expr) {
            return Ok(Some(value));
        }
        let bound = self.plan.bound(self.filled(expr.clone()))?;
        let mut values = constants(&[bound], &self.plan.program().timezone)?;
        match values.pop() {
            Some(value) if !value.is_unknown() => Ok(Some(value)),
            _ if left_out => Ok(None),
            // `100 / 0`: it would be sent as nothing.
            _ => Err(RunError::Request(vec![RequestError { at: self.place(expr), cause: RequestCause::Unknown }])),
        }
    }

    /// A query: its holes are its parameters.
    ///
    /// # Errors
    /// Where a value can't be computed.
    pub fn query(&self, query: &program::DatabaseQuery) -> Result<Query, RunError> {
        let mut made = Query::default();
        for piece in &query.query {
            made = match piece {
                Piece::Letters(letters) => made.sql(letters),
                Piece::Hole(hole) => {
                    let value = self.value(hole)?.unwrap_or_else(|| unreachable!("a query has no arguments"));
                    made.parameter(parameter(&value))
                }
            };
        }
        Ok(made)
    }

    /// The value of a hole that names a text or a whole number.
    fn plain(&self, expr: &Expr) -> Option<Value> {
        let ExprKind::Column(name) = &expr.kind else { return None };
        match &self.argument(name)?.kind {
            ExprKind::Constant(Constant::Text(text)) => Some(Value::Text(text.clone())),
            ExprKind::Constant(Constant::Integer(number)) => Some(Value::Integer(*number)),
            _ => None,
        }
    }

    fn argument(&self, name: &str) -> Option<&Expr> {
        self.arguments.as_ref().and_then(|arguments| arguments.get(name))
    }

    /// Where the error of an expression points: a connector's expressions are in another file.
    fn place(&self, expr: &Expr) -> Span {
        if self.arguments.is_none() { expr.span } else { self.at }
    }

    /// An expression whose arguments are their values.
    fn filled(&self, expr: Expr) -> Expr {
        match &expr.kind {
            ExprKind::Column(name) => match self.argument(name) {
                Some(value) => value.clone(),
                None => Expr { kind: ExprKind::Constant(Constant::Unknown), ..expr },
            },
            _ => expr.map_parts(&mut |part| self.filled(part)),
        }
    }
}

/// Whether an address that is begun has not come to its path.
fn is_within_host(begun: &str) -> bool {
    begun.split_once("://").is_some_and(|(_, rest)| !rest.contains('/'))
}

/// Whether a text is one name of a host (RFC 1123, 2.1).
fn is_host_name(text: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(inside) && !text.starts_with('-') && !text.ends_with('-')
}

/// A value as a query is sent it.
fn parameter(value: &Value) -> Parameter {
    let text = value.raw();
    let (ty, text) = match value {
        Value::Bool(truth) => (ParameterType::Truth, u8::from(*truth).to_string()),
        Value::Integer(_) => (ParameterType::Whole, text),
        Value::Number(_) | Value::Ratio(_) | Value::Money(..) => {
            let digits = text.split_once('.').map_or(0, |(_, behind)| behind.len());
            (ParameterType::Decimal(digits), text)
        }
        Value::Date(_) => (ParameterType::Date, text),
        Value::Datetime(moment, _) => {
            let utc = moment.to_zoned_datetime(TimeZone::UTC);
            (ParameterType::Moment, utc.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string())
        }
        Value::Text(_) => (ParameterType::Text, text),
        Value::Unknown | Value::Weekday(_) | Value::Duration(_) => unreachable!("no value of a query: it was checked"),
    };
    Parameter { ty, text }
}

/// A value as a header and a query hold it.
fn text(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Numbers and amounts are numbers, with their digits.
fn json(value: &Value) -> serde_json::Value {
    let raw = value.raw();
    match value {
        Value::Unknown => serde_json::Value::Null,
        Value::Bool(truth) => (*truth).into(),
        Value::Integer(_) | Value::Number(_) | Value::Ratio(_) | Value::Money(..) | Value::Duration(_) => {
            serde_json::from_str(&raw).unwrap_or(serde_json::Value::String(raw))
        }
        Value::Date(_) | Value::Datetime(..) | Value::Weekday(_) | Value::Text(_) => raw.into(),
    }
}
