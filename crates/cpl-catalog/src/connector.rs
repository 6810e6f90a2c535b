//! A connector as pipelines see it: its texts are parsed as cpl, and every part has its span.

use std::time::Duration;

use cpl_model::{
    method::Method,
    program::{ConnectorLimits, ErrorInside, JobState, Paging, ResultFormat},
    types::MinorDigits,
};
use cpl_syntax::{
    Name, Span, Spanned,
    tree::{ArgumentType, Column, ColumnType, Expr, Text},
};

use crate::{raw::Auth, scalars::RecordsAt};

/// One API.
#[derive(Clone, Debug)]
pub struct Connector {
    /// Its name.
    pub name: Name,
    /// What it is, for people.
    pub title: Option<String>,
    /// Where the API is described.
    pub docs: Option<String>,
    /// The prefix of every request's path.
    pub base_url: Text,
    /// Authentication.
    pub auth: Vec<Auth>,
    /// Where tokens are requested, where there are any.
    pub token_url: Option<Text>,
    /// Its time zone, if declared.
    pub timezone: Option<Name>,
    /// Its currency, if declared.
    pub currency: Option<Name>,
    /// Digits behind the point that its amounts in minor units have, where they are not those of ISO 4217.
    pub minor_digits: MinorDigits,
    /// Its limits.
    pub limits: ConnectorLimits,
    /// Errors inside responses with a success status.
    pub errors: Vec<ErrorInside>,
    /// What a fetch reads.
    pub endpoints: Vec<Endpoint>,
    /// What a rule does.
    pub actions: Vec<Action>,
}

/// What a fetch reads.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Its name.
    pub name: Name,
    /// What its rows are, for people.
    pub title: Option<String>,
    /// The arguments of a call, in order.
    pub arguments: Vec<Argument>,
    /// How it is requested.
    pub source: Retrieval,
    /// Where the answer holds its records.
    pub records: Option<RecordsAt>,
    /// What a record holds.
    pub columns: Vec<Column>,
    /// The columns that are unique together.
    pub key: Vec<Name>,
    /// The column that names the currency of all amounts, if declared.
    pub currency: Option<Name>,
    /// The time column, if declared.
    pub time: Option<Name>,
    /// The texts that stand for no value.
    pub missing: Vec<Name>,
    /// When a day's figures are there.
    pub late: Option<Expr>,
    /// How long a day's figures still move afterwards.
    pub restated: Option<Expr>,
}

/// How the records of an endpoint are retrieved.
#[derive(Clone, Debug)]
pub enum Retrieval {
    /// Page by page.
    Pages(Box<Request>, Option<Paging>),
    /// By a long report, its result page by page.
    Job(Box<Job>, Option<Paging>),
}

/// A long report.
#[derive(Clone, Debug)]
pub struct Job {
    /// Begins it.
    pub start: Request,
    /// Where the answer holds its name.
    pub id: String,
    /// Polls its state.
    pub poll: Request,
    /// How long is waited between two times.
    pub every: Option<Duration>,
    /// When it is there.
    pub done: JobState,
    /// When it has failed.
    pub failed: Option<JobState>,
    /// What is read then.
    pub result: JobResult,
    /// How the result is written.
    pub format: ResultFormat,
}

/// What is read of a long report that is there.
#[derive(Clone, Debug)]
pub enum JobResult {
    /// What is at the address that the last answer holds there; a report without rows may have none.
    Url(RecordsAt),
    /// What this answers.
    Request(Request),
}

/// What a rule does.
#[derive(Clone, Debug)]
pub struct Action {
    /// Its name.
    pub name: Name,
    /// What it changes, for people.
    pub title: Option<String>,
    /// What a rule hands on.
    pub arguments: Vec<Argument>,
    /// What is sent.
    pub request: Request,
    /// The statuses that mean it is done; without one 200 to 299.
    pub success: Vec<u16>,
    /// What the API does so that a request which comes twice acts once.
    pub dedupe: Dedupe,
    /// How the current value is read.
    pub read: Option<Read>,
    /// The value is read back behind a success.
    pub confirms: bool,
    /// The smallest step of the value.
    pub unit: Option<Expr>,
    /// The parts that turn the request into a dry run.
    pub validate: Option<RequestParts>,
    /// What the platform learns anew after a change.
    pub learning: Option<Learning>,
}

/// A platform that learns anew after a change.
#[derive(Clone, Debug)]
pub struct Learning {
    /// How many events it needs for that.
    pub events: Option<u32>,
    /// How long that takes.
    pub within: Expr,
    /// The share of a value above which a change begins it; none where any change does.
    pub restarts_above: Option<Expr>,
    /// Whose figures these are.
    pub source: String,
}

/// What an API does so that a request which comes twice acts once.
#[derive(Clone, Debug)]
pub enum Dedupe {
    /// The API remembers the idempotency key in this header, for this long.
    Key(String, Expr),
    /// The current value can be read back.
    Lookup,
    /// Nothing.
    Nothing,
}

/// How the current value of what an action changes is read.
#[derive(Clone, Debug)]
pub struct Read {
    /// The request that reads it.
    pub request: Request,
    /// Where the answer holds it.
    pub value: String,
    /// How it is written there.
    pub stored: Spanned<ColumnType>,
}

/// What a pipeline hands on.
#[derive(Clone, Debug)]
pub struct Argument {
    /// Its name.
    pub name: Name,
    /// What it may be.
    pub ty: ArgumentType,
    /// The span of its type.
    pub span: Span,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Request {
    /// How it is requested.
    pub method: Method,
    /// The path, relative to `base_url`.
    pub path: Text,
    /// The span of the path.
    pub span: Span,
    /// Its query, headers and body.
    pub request_parts: RequestParts,
}

/// The query, headers and body of a request.
#[derive(Clone, Debug, Default)]
pub struct RequestParts {
    /// The query parameters.
    pub query: Vec<(String, Json)>,
    /// Headers.
    pub headers: Vec<(String, Text)>,
    /// What is sent as JSON.
    pub body: Option<Json>,
}

impl Request {
    /// The request with further parts: they stand in the place of those of the same names.
    #[must_use]
    pub fn with(&self, parts: &RequestParts) -> Self {
        let mut request = self.clone();
        let own = &mut request.request_parts;
        for (name, value) in &parts.query {
            own.query.retain(|(known, _)| known != name);
            own.query.push((name.clone(), value.clone()));
        }
        for (name, value) in &parts.headers {
            own.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            own.headers.push((name.clone(), value.clone()));
        }
        own.body = match (own.body.take(), &parts.body) {
            (Some(Json::Map(mut members)), Some(Json::Map(more))) => {
                members.retain(|(known, _)| !more.iter().any(|(name, _)| name == known));
                members.extend(more.iter().cloned());
                Some(Json::Map(members))
            }
            (own, more) => more.clone().or(own),
        };
        request
    }
}

/// JSON whose texts have holes.
#[derive(Clone, Debug)]
pub enum Json {
    /// Null, a number, true or false.
    Plain(serde_json::Value),
    /// A text. A text that is a single hole keeps the type of its value.
    Text(Text),
    /// A list.
    List(Vec<Json>),
    /// Names and values.
    Map(Vec<(String, Json)>),
}

impl Json {
    /// The texts in it.
    #[must_use]
    pub fn texts(&self) -> Vec<&Text> {
        match self {
            Self::Plain(_) => Vec::new(),
            Self::Text(text) => vec![text],
            Self::List(all) => all.iter().flat_map(Self::texts).collect(),
            Self::Map(all) => all.iter().flat_map(|(_, value)| value.texts()).collect(),
        }
    }
}

impl RequestParts {
    /// The texts in it.
    #[must_use]
    pub fn texts(&self) -> Vec<&Text> {
        let query = self.query.iter().flat_map(|(_, value)| value.texts());
        let headers = self.headers.iter().map(|(_, value)| value);
        query.chain(headers).chain(self.body.iter().flat_map(Json::texts)).collect()
    }
}

impl Request {
    /// The texts in it.
    #[must_use]
    pub fn texts(&self) -> Vec<&Text> {
        std::iter::once(&self.path).chain(self.request_parts.texts()).collect()
    }
}

impl Connector {
    /// The endpoint of that name.
    #[must_use]
    pub fn endpoint(&self, name: &str) -> Option<&Endpoint> {
        self.endpoints.iter().find(|endpoint| endpoint.name.value == name)
    }

    /// The action of that name.
    #[must_use]
    pub fn action(&self, name: &str) -> Option<&Action> {
        self.actions.iter().find(|action| action.name.value == name)
    }
}
