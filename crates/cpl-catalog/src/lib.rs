//! The YAML files of a workspace, connectors and `cpl.yaml`: YAML → typed definitions, which the front end reads as data.
//!
//! It knows how a file is written and that its texts are cpl. It does not type them (`cpl-check` does), opens no file,
//! and sends no request.

mod catalogue;
mod connector;
mod raw;
mod raw_to_connector;
mod read;
mod scalars;
mod shipped;
mod source_map;
mod workspace;

pub use catalogue::{Catalogue, ConnectorFile};
pub use connector::{
    Action, Argument, Connector, Dedupe, Endpoint, Job, JobResult, Json, Learning, Read, Request, RequestParts,
    Retrieval,
};
use cpl_syntax::{Code, Diagnostic};
pub use raw::{Auth, ErrorCode};
pub use raw_to_connector::request::{is_credential, is_header};
use read::FileKind;
pub use scalars::{Credential, NoServer, RecordsAt, json_path, server};
pub use shipped::{new_connector, shipped, shipped_names};
pub use workspace::workspace_of;

/// What describes one API has some thousand bytes.
const MAX_BYTES: usize = 100_000;

/// What messages call a connector file.
const CONNECTOR_FILE: FileKind =
    FileKind {
        name: "a connector file", example: "`connector: NAME` and `base_url: https://…`", may_be_empty: false
    };

/// The connector that a file's text holds, as far as it could be read, and what is wrong with the text; `stem` is the file's name without `.yaml`.
#[must_use]
pub fn connector_of(text: &str, stem: Option<&str>) -> (Option<Connector>, Vec<Diagnostic>) {
    if text.len() > MAX_BYTES {
        let message = format!("a connector's file has at most {MAX_BYTES} bytes, and this one {}", text.len());
        return (None, vec![Diagnostic::new(Code::E0109, message).help("one file is one API: is it the right file?")]);
    }
    match read::read(text, CONNECTOR_FILE) {
        Ok(parsed) => raw_to_connector::connector(text, parsed, stem),
        Err(yaml_error) => (None, yaml_error),
    }
}

/// The JSON Schema of connector files, for editors; kept in `schema/`, where a test holds it against this.
#[cfg(feature = "schema")]
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(raw::RawConnector).to_value()
}

/// The JSON Schema of `cpl.yaml`; kept in `schema/` too.
#[cfg(feature = "schema")]
#[must_use]
pub fn workspace_schema() -> serde_json::Value {
    schemars::schema_for!(workspace::RawWorkspace).to_value()
}
