//! A connector as pipelines see it: its texts are parsed as cpl, and every part knows where it stands.

use cpl_syntax::{
    Name, Span, Spanned,
    tree::{ArgumentType, Column, ColumnType, Expr, Text},
};

use crate::{
    method::Method,
    words::{PerSeconds, Size},
    written::{Auth, ErrorInside, JobState, Pages, ResultFormat},
};

/// One API.
#[derive(Clone, Debug)]
pub struct Connector {
    /// Its name.
    pub name: Name,
    /// What it is, for people.
    pub title: Option<String>,
    /// Where the API is described.
    pub docs: Option<String>,
    /// What every request's path stands behind.
    pub base_url: String,
    /// Who asks.
    pub auth: Vec<Auth>,
    /// Where its days begin and end, where that is said.
    pub timezone: Option<Name>,
    /// What its money is, where that is said.
    pub currency: Option<Name>,
    /// How much may be asked of it.
    pub limits: Limits,
    /// Errors inside answers whose status tells of none.
    pub errors: Vec<ErrorInside>,
    /// What a fetch reads.
    pub endpoints: Vec<Endpoint>,
    /// What a rule does.
    pub actions: Vec<Action>,
}

/// How much may be asked of an API.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// How often.
    pub rate: Option<PerSeconds>,
    /// Requests under way at once.
    pub concurrent: Option<u32>,
    /// How long an answer may take.
    pub timeout: Option<Expr>,
    /// How large an answer may be.
    pub body: Option<Size>,
    /// How many pages a fetch may read.
    pub pages: Option<u32>,
}

/// What a fetch reads.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Its name.
    pub name: Name,
    /// What its rows are, for people.
    pub title: Option<String>,
    /// What a pipeline says when it calls it, in order.
    pub arguments: Vec<Argument>,
    /// How it is asked.
    pub source: Asked,
    /// Where the answer holds its records.
    pub records: Option<String>,
    /// What a record holds.
    pub columns: Vec<Column>,
    /// The columns that are unique together.
    pub key: Vec<Name>,
    /// The column that dates a row, where that is said.
    pub time: Option<Name>,
    /// When a day's figures are there.
    pub late: Option<Expr>,
    /// How long a day's figures still move afterwards.
    pub restated: Option<Expr>,
}

/// How an endpoint is asked.
#[derive(Clone, Debug)]
pub enum Asked {
    /// Page by page.
    Pages(Box<Request>, Option<Box<Pages>>),
    /// By a long report, its result page by page.
    Job(Box<Job>, Option<Box<Pages>>),
}

/// A long report.
#[derive(Clone, Debug)]
pub struct Job {
    /// Begins it.
    pub start: Request,
    /// Where the answer holds its name.
    pub id: String,
    /// Asks how far it is.
    pub poll: Request,
    /// How long is waited between two times.
    pub every: Option<Expr>,
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
    /// What is at the address that the last answer holds there.
    Url(String),
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
    /// The smallest step of the value.
    pub unit: Option<Expr>,
    /// What makes of the request one that changes nothing.
    pub validate: Option<Extra>,
}

/// What an API does so that a request which comes twice acts once.
#[derive(Clone, Debug)]
pub enum Dedupe {
    /// It knows the key in this header again, for so long.
    Key(String, Expr),
    /// It tells the current value.
    Lookup,
    /// Nothing.
    Nothing,
}

/// How the current value of what an action changes is read.
#[derive(Clone, Debug)]
pub struct Read {
    /// What is asked.
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
    /// Where its type stands.
    pub span: Span,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Request {
    /// How it is asked.
    pub method: Method,
    /// The path behind the base's.
    pub path: Text,
    /// Where the path stands.
    pub span: Span,
    /// What goes with it.
    pub extra: Extra,
}

/// What goes with a request.
#[derive(Clone, Debug, Default)]
pub struct Extra {
    /// What stands behind the `?`.
    pub query: Vec<(String, Json)>,
    /// Headers.
    pub headers: Vec<(String, Text)>,
    /// What is sent as JSON.
    pub body: Option<Json>,
}

/// JSON whose texts have holes.
#[derive(Clone, Debug)]
pub enum Json {
    /// Null, a number, true or false.
    Plain(serde_json::Value),
    /// A text; of one hole alone, its value.
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

impl Extra {
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
        std::iter::once(&self.path).chain(self.extra.texts()).collect()
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
