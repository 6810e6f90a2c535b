//! A connector file as it is written: the shape of its YAML. Its JSON Schema is made from these types.

use std::num::NonZeroU32;

use cpl_model::method::Method;
use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

use crate::scalars::{
    AccountAddress, Credential, FixedLength, JsonPath, Length, OptionalPath, Rate, Scalar, Size, one_or_many,
};

/// Derives what every part of a YAML file has: it is read strictly, and has a schema.
macro_rules! raw {
    ($($(#[$meta:meta])* $vis:vis struct $name:ident { $($fields:tt)* })*) => { $(
        $(#[$meta])*
        #[derive(Clone, Debug, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(deny_unknown_fields)]
        $vis struct $name { $($fields)* }
    )* };
}

pub(crate) use raw;

/// The same of a part that is a request: its method and path, and what goes with them.
macro_rules! raw_request {
    ($($(#[$meta:meta])* $vis:vis struct $name:ident { $($fields:tt)* })*) => { $(
        raw! {
            $(#[$meta])*
            $vis struct $name {
                /// The path after `base_url`, requested by GET.
                pub get: Option<String>,
                /// The path after `base_url`, requested by POST.
                pub post: Option<String>,
                /// The path after `base_url`, requested by PUT.
                pub put: Option<String>,
                /// The path after `base_url`, requested by PATCH.
                pub patch: Option<String>,
                /// The path after `base_url`, requested by DELETE.
                pub delete: Option<String>,
                /// What follows the `?`.
                #[serde(default)]
                pub query: IndexMap<String, Value>,
                /// Headers in addition to those of `auth`.
                #[serde(default)]
                pub headers: IndexMap<String, String>,
                /// What is sent as JSON; of a text that is one hole and nothing else the value keeps its JSON type.
                pub body: Option<Value>,
                $($fields)*
            }
        }
        impl RawRequest for $name {
            fn methods(&self) -> [(&'static str, Method, Option<&String>); 5] {
                [
                    ("get", Method::Get, self.get.as_ref()),
                    ("post", Method::Post, self.post.as_ref()),
                    ("put", Method::Put, self.put.as_ref()),
                    ("patch", Method::Patch, self.patch.as_ref()),
                    ("delete", Method::Delete, self.delete.as_ref()),
                ]
            }
            fn rest(&self) -> (&IndexMap<String, Value>, &IndexMap<String, String>, Option<&Value>) {
                (&self.query, &self.headers, self.body.as_ref())
            }
        }
    )* };
}

/// A part that is a request.
pub trait RawRequest {
    /// Each method's word and path, where it is the one.
    fn methods(&self) -> [(&'static str, Method, Option<&String>); 5];
    /// What goes with it: query, headers, body.
    fn rest(&self) -> (&IndexMap<String, Value>, &IndexMap<String, String>, Option<&Value>);
}

raw! {
    /// One API: how it is talked to, what is read from it, what can be done there.
    pub struct RawConnector {
        /// The name by which pipelines call it: the file's, without `.yaml`.
        #[cfg_attr(feature = "schema", schemars(required))]
        pub connector: Option<String>,
        /// What it is, for people.
        pub title: Option<String>,
        /// Where the API is described.
        pub docs: Option<String>,
        /// What comes before every request's path.
        #[cfg_attr(feature = "schema", schemars(required))]
        pub base_url: Option<AccountAddress>,
        /// Credentials, or a list of them where an API wants several.
        #[serde(default, deserialize_with = "one_or_many")]
        #[cfg_attr(feature = "schema", schemars(schema_with = "crate::scalars::one_or_many_schema::<Auth>"))]
        pub auth: Vec<Auth>,
        /// What its days and its money mean; without it, what the pipeline's do.
        #[serde(default)]
        pub account: Account,
        /// How many requests may be sent to it.
        #[serde(default)]
        pub limits: Limits,
        /// Errors inside answers whose status is a success.
        #[serde(default)]
        pub errors: Vec<ErrorInside>,
        /// What a `fetch` reads: `NAME.ENDPOINT(…)`.
        #[serde(default)]
        pub endpoints: IndexMap<String, Endpoint>,
        /// What a rule does: `via NAME.ACTION { … }`.
        #[serde(default)]
        pub actions: IndexMap<String, Action>,
    }

    /// What an account's days and money mean.
    #[derive(Default)]
    pub struct Account {
        /// Where its days begin and end: `America/New_York`.
        pub timezone: Option<String>,
        /// What its money is: `USD`.
        pub currency: Option<String>,
        /// Digits behind the point that its amounts in minor units have, where they are not those of ISO 4217: `ISK: 2`.
        #[serde(default)]
        pub minor_units: IndexMap<String, u32>,
    }

    /// How many requests may be sent to an API.
    #[derive(Default)]
    pub struct Limits {
        /// `10 per second`.
        pub rate: Option<Rate>,
        /// Requests under way at once.
        pub concurrent: Option<NonZeroU32>,
        /// How long an answer may take: `30 seconds`.
        pub timeout: Option<FixedLength>,
        /// How large an answer may be: `64 MB`.
        pub body: Option<Size>,
        /// How many pages a fetch may read.
        pub pages: Option<NonZeroU32>,
    }

    /// An error inside an answer whose status is a success.
    pub struct ErrorInside {
        /// Where it is: what is there makes the answer an error.
        pub at: JsonPath,
        /// The values that make the answer an error; without them any that is something.
        #[serde(default, rename = "in")]
        pub values: Option<Vec<ErrorCode>>,
        /// Where its text is.
        pub message: Option<JsonPath>,
        /// Where its code is.
        pub code: Option<JsonPath>,
        /// The codes after which the same request may be sent again.
        #[serde(default)]
        pub retry: Vec<ErrorCode>,
        /// How long is waited before that: `10 minutes`.
        pub wait: Option<FixedLength>,
    }

    /// How an answer goes on: one of `cursor`, `next`, `number`, `offset`, `link`, `last`, `only`.
    pub struct Pages {
        /// Where the answer holds the next page's cursor.
        pub cursor: Option<JsonPath>,
        /// Where the answer holds the next page's address; on the same host only.
        pub next: Option<JsonPath>,
        /// The parameter that counts pages.
        pub number: Option<String>,
        /// The parameter that counts records.
        pub offset: Option<String>,
        /// The next page's address stands in the header `Link` (RFC 8288).
        pub link: Option<LinkIn>,
        /// The path, in each record, of what the next page begins after: the last record's is sent.
        pub last: Option<JsonPath>,
        /// The first page is all that is wanted, whatever follows.
        pub only: Option<OnlyPage>,
        /// The parameter by which a `cursor` or a `last` is sent.
        #[serde(rename = "as")]
        pub sent_as: Option<String>,
        /// Where the parameter goes: the query, without this.
        #[serde(rename = "in")]
        pub sent_in: Option<SentIn>,
        /// The first page's number.
        pub from: Option<u32>,
        /// How many records a page holds, by which `offset` grows.
        pub limit: Option<NonZeroU32>,
        /// Where the answer says whether there is more.
        #[serde(rename = "while")]
        pub more: Option<JsonPath>,
        /// Where the answer has the number of all records. `$.count optional`: an answer without records may lack it.
        pub total: Option<OptionalPath>,
    }

    /// A long report: started, polled until it is ready, downloaded.
    pub struct Job {
        /// Begins it.
        pub start: JobStart,
        /// Asks how far it is; the path may hold `{job}`.
        pub poll: JobPoll,
        /// When it is there.
        pub done: JobState,
        /// When it has failed.
        pub failed: Option<JobState>,
        /// What is read then.
        pub result: JobResult,
    }

    /// How far a long report is.
    pub struct JobState {
        /// Where the answer has it.
        pub at: JsonPath,
        /// The values that mean so.
        #[serde(rename = "in")]
        pub is: Vec<ErrorCode>,
    }

    /// A thing is changed once, however often the request arrives: what the API does for that.
    pub struct DedupeByKey {
        /// The header in which the idempotency key goes.
        pub key: String,
        /// How long the API remembers it.
        #[serde(rename = "for")]
        pub remembers: Length,
    }

    /// After a doubtful answer the current value is read and compared.
    pub struct DedupeByLookup {
        /// Yes.
        pub lookup: bool,
    }

    /// A request that is checked by the API and changes nothing: the action's own, with this added.
    pub struct Validate {
        /// What follows the `?` too.
        #[serde(default)]
        pub query: IndexMap<String, Value>,
        /// More headers.
        #[serde(default)]
        pub headers: IndexMap<String, String>,
        /// More members of the body.
        #[serde(default)]
        pub body: IndexMap<String, Value>,
    }
}

raw_request! {
    /// What a `fetch` reads.
    pub struct Endpoint {
        /// What its rows are, for people.
        pub title: Option<String>,
        /// What a pipeline says when it calls it: `window`, `text`, `count?`.
        #[serde(default)]
        pub arguments: IndexMap<String, String>,
        /// Where the answer holds its records; without it, it is a list of them. `$.rows optional`: an answer without records
        /// may lack the list.
        pub records: Option<OptionalPath>,
        /// How an answer goes on.
        pub pages: Option<Pages>,
        /// A long report, in the place of one request.
        pub job: Option<Job>,
        /// What a record holds: `date from "$.day"`, `money in micros`, `text? personal`.
        #[serde(default)]
        #[cfg_attr(feature = "schema", schemars(required))]
        pub columns: IndexMap<String, String>,
        /// The columns that are unique together.
        #[serde(default)]
        pub key: Vec<String>,
        /// The column that names the currency of all amounts: another one than the pipeline's is a bad value.
        pub currency: Option<String>,
        /// The column that dates a row, where that is not plain.
        pub time: Option<String>,
        /// The texts that stand for no value, such as `-`, in columns that may be missing.
        #[serde(default)]
        pub missing: Vec<String>,
        /// When a day's figures are there: what `fresh` is without a word of the pipeline.
        pub late: Option<Length>,
        /// How long a day's figures still move afterwards.
        pub restated: Option<Length>,
    }

    /// What a rule does.
    pub struct Action {
        /// What it changes, for people.
        pub title: Option<String>,
        /// What a rule hands on: `money`, `text key` where it names the thing that is changed.
        #[serde(default)]
        pub arguments: IndexMap<String, String>,
        /// The statuses that mean it is done; without it 200 to 299.
        #[serde(default)]
        pub success: Vec<u16>,
        /// What the API does so that a request which comes twice acts once.
        pub dedupe: Option<Dedupe>,
        /// How the current value is read.
        pub read: Option<Read>,
        /// What confirms a success: `read`, the value that is read back.
        pub confirm: Option<Confirm>,
        /// The smallest step of the value: `$0.01`, `1`.
        pub unit: Option<Scalar>,
        /// How the API validates it without doing it.
        pub validate: Option<Validate>,
        /// What the platform learns anew after a change.
        pub learning: Option<Learning>,
    }

    /// How the current value of what an action changes is read.
    pub struct Read {
        /// Where the answer holds it.
        pub value: JsonPath,
        /// How it is written there: `money in micros`.
        #[serde(rename = "as")]
        pub stored: String,
    }

    /// Begins a long report.
    pub struct JobStart {
        /// Where the answer holds its name, which `{job}` stands for afterwards.
        pub id: JsonPath,
    }

    /// Asks how far a long report is.
    pub struct JobPoll {
        /// How long is waited between two times.
        pub every: Option<FixedLength>,
    }

    /// What is read of a long report that is there.
    pub struct JobResult {
        /// Where the last answer holds the address of the result, in the place of a path. `$.url optional`: a report without
        /// rows may have none.
        pub url: Option<OptionalPath>,
        /// How the result is written: as one document of JSON, without this.
        pub format: Option<ResultFormat>,
    }
}

raw! {
    /// A platform that learns anew after a change: until it has, figures say little.
    pub struct Learning {
        /// How many events it needs for that.
        pub events: Option<NonZeroU32>,
        /// How long that takes: `7 days`. A cooldown is as long.
        pub within: Length,
        /// The share of a value above which a change begins it: `20%`. Without it, any change does.
        pub restarts_above: Option<Scalar>,
        /// Whose figures these are.
        pub source: String,
    }
}

/// What confirms a success.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Confirm {
    /// The value that is read back.
    Read,
}

/// How the result of a long report is written.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ResultFormat {
    /// One document.
    Json,
    /// A record of JSON a line.
    Ndjson,
    /// Text with a header.
    Csv,
}

/// One kind of credentials.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Auth {
    /// `Authorization: Bearer …` (RFC 6750).
    Bearer(Credential),
    /// `Authorization: Basic …` (RFC 7617).
    Basic {
        /// The user.
        user: Credential,
        /// The password; none where the user is all.
        password: Option<Credential>,
    },
    /// Headers of one's own.
    Header(IndexMap<String, Credential>),
    /// Parameters of the query.
    Query(IndexMap<String, Credential>),
    /// A token that is requested first (RFC 6749): by a refresh token, else by the client's own credentials.
    Oauth2 {
        /// Where it is requested.
        token_url: AccountAddress,
        /// The client.
        client_id: Credential,
        /// Its secret; none where a refresh token is all that it needs.
        client_secret: Option<Credential>,
        /// The refresh token.
        refresh_token: Option<Credential>,
        /// What is requested.
        #[serde(default)]
        scopes: Vec<String>,
        /// The header in which the token goes: `Authorization: Bearer`, without this.
        header: Option<String>,
    },
    /// A service account of Google Cloud.
    GoogleServiceAccount {
        /// Its key file.
        key: Credential,
        /// What is requested.
        #[serde(default)]
        scopes: Vec<String>,
    },
}

/// What an API does so that a request which comes twice acts once.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "wanted: `{ key: HEADER, for: 24 hours }`, `{ lookup: true }` or `none`")]
pub enum Dedupe {
    /// It knows a key again.
    Key(DedupeByKey),
    /// It gives the current value.
    Lookup(DedupeByLookup),
    /// Nothing.
    Nothing(Nothing),
}

/// `none`
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Nothing {
    /// `none`
    None,
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bool(truth) => truth.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

/// A code or a state.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "wanted: a whole number, a text, `true` or `false`")]
pub enum ErrorCode {
    /// True or false.
    Bool(bool),
    /// A number.
    Number(i64),
    /// A text.
    Text(String),
}

/// Where a parameter goes.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SentIn {
    /// After the `?`.
    Query,
    /// Among the members of the body.
    Body,
}

/// The page that is read, where only one is wanted.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnlyPage {
    /// The first one.
    First,
}

/// Where a link stands.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum LinkIn {
    /// In a header.
    Header,
}
