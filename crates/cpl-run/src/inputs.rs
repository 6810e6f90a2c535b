//! Where the rows of a run come from: files, and servers whose requests are made whole before anything is read.

use std::collections::BTreeMap;

use cpl_connect::{Auth, Connections, Request, Secret, Secrets};
use cpl_exec::{ExecError, Files, Input, Inputs, ScanRequest, constants};
use cpl_model::{
    program::{self, Credential, Expr, Fetch, HeaderValue, Piece, SourceKind, TableId, TableSource},
    value::Value,
};
use cpl_plan::bind::BoundPlan;
use cpl_source::ServerSource;

use crate::{
    RunError,
    error::{RequestCause, RequestError},
};

/// The inputs of a plan.
pub struct RunInputs<'a> {
    files: Files<'a>,
    /// The requests of the fetches that ask servers, by the names of their tables.
    requests: BTreeMap<String, Request>,
    connections: Connections,
}

impl<'a> RunInputs<'a> {
    /// Those of the fetches that the plan reads.
    ///
    /// # Errors
    /// All requests that can't be made: whatever is missing is told at once, and before anything is read.
    pub fn of(plan: &BoundPlan, files: Files<'a>) -> Result<Self, RunError> {
        let (mut requests, mut failed) = (BTreeMap::new(), Vec::new());
        let mut secrets = None;
        let tables = plan.program().tables.iter().enumerate();
        for (_, table) in tables.filter(|(at, _)| plan.scan_of(TableId(*at)).is_some()) {
            let TableSource::Fetch(fetch) = &table.source else { continue };
            let SourceKind::Http { request, .. } = &fetch.kind else { continue };
            let secrets = secrets.get_or_insert_with(|| Secrets::of(files.folder));
            match (RequestBuilder { plan, secrets, fetch }).request(request)? {
                Ok(made) => drop(requests.insert(table.name.clone(), made)),
                Err(errors) => failed.extend(errors),
            }
        }
        if failed.is_empty() {
            Ok(Self { files, requests, connections: Connections::default() })
        } else {
            Err(RunError::Request(failed))
        }
    }
}

impl Inputs for RunInputs<'_> {
    fn open<'a>(&'a self, scan: ScanRequest<'_>) -> Result<Input<'a>, ExecError> {
        let (Some(request), SourceKind::Http { records, .. }) = (self.requests.get(&scan.table.name), &scan.fetch.kind)
        else {
            return self.files.open(scan);
        };
        let title = format!("fetch {}", scan.table.name);
        let begun = Box::new(move |address: &str| (self.files.progress)(&format!("{title}: {address}")));
        let (request, records) = (request.clone(), records.as_deref());
        let source = ServerSource::new(&self.connections, request, scan.fetch, scan.columns, records, begun);
        Ok(Input::Stream(Box::new(source)))
    }
}

/// Makes the requests of a fetch.
struct RequestBuilder<'m> {
    plan: &'m BoundPlan,
    secrets: &'m Secrets,
    fetch: &'m Fetch,
}

/// A request, or all that it lacks.
type Made = Result<Request, Vec<RequestError>>;

impl RequestBuilder<'_> {
    fn request(&self, request: &program::Request) -> Result<Made, RunError> {
        let mut missing = Vec::new();
        let auth = request.auth.as_ref().and_then(|auth| self.auth(auth, &mut missing));
        let mut headers = Vec::new();
        for (name, value) in &request.headers {
            match value {
                HeaderValue::Credential(credential) => {
                    headers.extend(self.secret(credential, &mut missing).map(|secret| (name, Header::Secret(secret))));
                }
                HeaderValue::Computed(expr) => headers.push((name, Header::Plain(self.value(expr)?.raw()))),
            }
        }
        if !missing.is_empty() {
            return Ok(Err(missing));
        }
        let invalid = |why| vec![self.error(RequestCause::Invalid(why))];
        let made = Request::new(request.method, &address(&request.address)).and_then(|mut made| {
            if let Some(auth) = &auth {
                made = made.auth(auth)?;
            }
            headers.iter().try_fold(made, |made, (name, value)| match value {
                Header::Secret(secret) => made.secret_header(name, secret),
                Header::Plain(text) => made.header(name, text),
            })
        });
        let mut made = match made {
            Ok(made) => made,
            Err(why) => return Ok(Err(invalid(why))),
        };
        for (name, expr) in &request.query {
            made = made.query(name, &self.value(expr)?.raw());
        }
        if let Some(body) = &request.body {
            made = made.json(self.json(body)?);
        }
        Ok(Ok(made))
    }

    fn auth(&self, auth: &program::Auth, missing: &mut Vec<RequestError>) -> Option<Auth> {
        Some(match auth {
            program::Auth::Bearer(token) => Auth::Bearer(self.secret(token, missing)?),
            program::Auth::Basic { user, password } => {
                let (user, password) = (self.secret(user, missing), self.secret(password, missing));
                Auth::Basic(user?, password?)
            }
        })
    }

    fn secret(&self, credential: &Credential, missing: &mut Vec<RequestError>) -> Option<Secret> {
        match credential {
            Credential::Plain(text) => Some(Secret::new(text.clone())),
            Credential::Secret(name) => match self.secrets.find(name) {
                Ok(secret) => Some(secret),
                Err(why) => {
                    missing.push(self.error(RequestCause::Secret { name: name.clone(), why }));
                    None
                }
            },
        }
    }

    fn error(&self, cause: RequestCause) -> RequestError {
        RequestError { at: self.fetch.path_span, cause }
    }

    /// The value of a constant, in the window that the plan is bound to.
    fn value(&self, expr: &Expr) -> Result<Value, RunError> {
        let bound = self.plan.bound(expr.clone())?;
        let mut values = constants(&[bound], &self.plan.program().timezone)?;
        match values.pop() {
            Some(value) if !value.is_unknown() => Ok(value),
            // `100 / 0`: it would be sent as nothing.
            _ => Err(RunError::Request(vec![RequestError { at: expr.span, cause: RequestCause::Unknown }])),
        }
    }

    /// The object that is sent: numbers and amounts as numbers, with their digits.
    fn json(&self, members: &[(String, Expr)]) -> Result<Vec<u8>, RunError> {
        let mut object = serde_json::Map::new();
        for (name, expr) in members {
            let value = self.value(expr)?;
            object.insert(name.clone(), json(&value));
        }
        Ok(serde_json::Value::Object(object).to_string().into_bytes())
    }
}

/// The value of a header.
enum Header {
    Secret(Secret),
    Plain(String),
}

/// The address of a fetch, in which no holes are.
fn address(pieces: &[Piece]) -> String {
    let letters = pieces.iter().map(|piece| match piece {
        Piece::Letters(letters) => letters.as_str(),
        Piece::Hole(_) => unreachable!("a fetch's address has no holes"),
    });
    letters.collect()
}

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
