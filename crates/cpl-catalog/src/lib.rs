//! Connector files: YAML → typed definitions, which the front end reads as data.
//!
//! It knows how a file is written, and that what stands in it is cpl; it knows nothing of what that means (`cpl-plan`
//! types it), opens no file and asks no server.

mod catalogue;
mod connector;
mod marks;
mod method;
mod read;
mod words;
mod written;
mod written_to_connector;

pub use catalogue::{Catalogue, ConnectorFile};
pub use connector::{
    Action, Argument, Asked, Connector, Dedupe, Endpoint, Extra, Job, JobResult, Json, Limits, Read, Request,
};
use cpl_syntax::{Code, Diagnostic};
pub use method::Method;
pub use words::{Credential, NoServer, PerSeconds, Size, json_path, server};
pub use written::{Auth, ErrorCode, ErrorInside, JobState, LinkIn, Pages, ResultFormat, SentIn};
pub use written_to_connector::request::{is_credential, is_header};

/// What describes one API has some thousand bytes.
const MOST_BYTES: usize = 100_000;

/// The connector that a file's text holds, as far as it could be read, and what is wrong with the text; `stem` is the file's name without `.yaml`.
#[must_use]
pub fn connector_of(text: &str, stem: Option<&str>) -> (Option<Connector>, Vec<Diagnostic>) {
    if text.len() > MOST_BYTES {
        let message = format!("a connector's file has at most {MOST_BYTES} bytes, and this one {}", text.len());
        return (None, vec![Diagnostic::new(Code::E0109, message).help("one file is one API: is it the right file?")]);
    }
    match read::read(text) {
        Ok(reading) => written_to_connector::connector(text, reading, stem),
        Err(no_yaml) => (None, no_yaml),
    }
}

/// The JSON Schema of connector files, for editors; kept in `schema/`, where a test holds it against this.
#[cfg(feature = "schema")]
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(written::Written).to_value()
}
