//! What keeps a run from being finished.

use std::path::PathBuf;

use cpl_connect::{InvalidRequest, NetworkError, SecretError};
use cpl_database::InvalidAddress;
use cpl_effects::EffectError;
use cpl_exec::ExecError;
use cpl_ledger::{Effect, EffectState, LedgerError, Pause};
use cpl_plan::bind::BindError;
use cpl_recording::Mismatch;
use cpl_rules::short;
use cpl_syntax::{Code, Diagnostic, Span};

/// An effect on a server that was not carried out, or of which nobody knows.
#[derive(Clone, Debug)]
pub struct NotCarriedOut {
    /// The effect.
    pub effect: Effect,
    /// What became of it.
    pub state: EffectState,
    /// Why.
    pub why: Option<String>,
    /// It takes another one back.
    pub is_undo: bool,
}

/// Why a run was not finished.
#[derive(Debug)]
pub enum RunError {
    /// The plan can't be bound to the window.
    Bind(BindError),
    /// A source or the engine failed; nothing was changed.
    Exec(ExecError),
    /// An effect can't be sent; the error says what was sent.
    Effect(EffectError),
    /// The ledger of the workspace can't be used; no effect was sent.
    Ledger(LedgerError),
    /// The effects were sent, and the ledger can't be told so.
    NotConfirmed(LedgerError),
    /// The pipeline was paused while it ran: what is recorded was not sent.
    Paused {
        /// By whom, and why.
        text: String,
    },
    /// Sending ended before all was sent.
    Stopped {
        /// By a pause, or the ledger.
        by: Box<RunError>,
        /// How many effects were carried out before.
        carried_out: usize,
        /// Those that were sent, and not carried out, or nobody knows.
        failed: Vec<NotCarriedOut>,
    },
    /// Servers did not carry out some effects, or nobody knows; the ledger holds what became of each.
    NotCarriedOut {
        /// Those effects.
        failed: Vec<NotCarriedOut>,
        /// Of how many.
        of: usize,
    },
    /// A test gives rows that are no rows of the fetch.
    Given(GivenError),
    /// Requests that can't be made; nothing was sent, and nothing read.
    Request(Vec<RequestError>),
}

impl RunError {
    /// Of a pause, where something is recorded and ready to be sent.
    pub(crate) fn paused(pause: &Pause) -> Self {
        let why = pause.why.as_ref().map_or_else(String::new, |why| format!(" ({why})"));
        Self::Paused { text: format!("{} paused it{why}", pause.by) }
    }

    /// What is said of it; at least one diagnostic.
    #[must_use]
    pub fn diagnostics(self) -> Vec<Diagnostic> {
        match self {
            Self::Bind(error) => error.diagnostics(),
            Self::Exec(error) => vec![error.diagnostic()],
            Self::Effect(error) => vec![error.diagnostic()],
            Self::Ledger(error) => vec![ledger_diagnostic(&error)],
            Self::NotConfirmed(error) => vec![not_confirmed(&error)],
            Self::Paused { text } => vec![paused(&text, 0)],
            Self::Stopped { by, carried_out, failed } => stopped(*by, carried_out, &failed),
            Self::NotCarriedOut { failed, of } => vec![not_carried_out(&failed, of)],
            Self::Given(error) => vec![error.diagnostic()],
            Self::Request(errors) => errors.iter().map(RequestError::diagnostic).collect(),
        }
    }
}

impl From<BindError> for RunError {
    fn from(error: BindError) -> Self {
        Self::Bind(error)
    }
}

impl From<ExecError> for RunError {
    fn from(error: ExecError) -> Self {
        Self::Exec(error)
    }
}

impl From<LedgerError> for RunError {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

/// The most effects that are named.
const NAMED: usize = 5;

/// What is said of effects that servers did not carry out.
fn not_carried_out(failed: &[NotCarriedOut], of: usize) -> Diagnostic {
    let effects = if of == 1 { "1 effect was".to_owned() } else { format!("{of} effects were") };
    let mut text = format!("{} of {effects} not carried out, or nobody knows", failed.len());
    for NotCarriedOut { effect, state, why, .. } in failed.iter().take(NAMED) {
        let why = why.as_ref().map_or_else(String::new, |why| format!(", {why}"));
        let what = match &effect.name {
            Some(name) => format!("{name} {} → {}", effect.before, effect.after),
            None => "a call".to_owned(),
        };
        let state = if *state == EffectState::Recorded { "not sent" } else { state.word() };
        text.extend(["\n", short(&effect.decision_id), ": ", &what, " via ", &effect.target, ": ", state, &why]);
    }
    if failed.len() > NAMED {
        text.extend(["\nand ", &(failed.len() - NAMED).to_string(), " more"]);
    }
    let help = if failed.iter().any(|one| one.state.needs_person()) {
        "`cpl explain DECISION` tells of each; what is uncertain or drifted is looked up by a person, and settled by `cpl \
         settle DECISION confirmed|refused`"
    } else if failed.iter().any(|one| one.state == EffectState::Recorded) {
        "what was not sent is sent by the next run of this window"
    } else if failed.iter().all(|one| one.is_undo) {
        "`cpl explain DECISION` tells of each; `cpl undo` of the same decision tries again"
    } else {
        "`cpl explain DECISION` tells of each; the next window decides anew"
    };
    Diagnostic::new(Code::E1107, text).help(help)
}

/// What is said where a pause keeps what is recorded from being sent.
fn paused(text: &str, carried_out: usize) -> Diagnostic {
    let message = format!("nothing more was sent: {text}; {}", carried_out_before(carried_out));
    Diagnostic::new(Code::E1106, message)
        .help("`cpl log` tells what was sent; after `cpl resume`, a run of the same window sends what is recorded")
}

fn carried_out_before(effects: usize) -> String {
    match effects {
        0 => "no effect was carried out before".to_owned(),
        1 => "1 effect was carried out before".to_owned(),
        _ => format!("{effects} effects were carried out before"),
    }
}

/// What is said where sending ended in the middle: why, and what was sent before and not carried out.
fn stopped(by: RunError, carried_out: usize, failed: &[NotCarriedOut]) -> Vec<Diagnostic> {
    let mut said = match by {
        RunError::Paused { text } => vec![paused(&text, carried_out)],
        RunError::Ledger(error @ LedgerError::Overtaken { .. }) => {
            let message = format!("nothing more was sent: {error}; {}", carried_out_before(carried_out));
            let help = "the lock of a run, `.cpl/PIPELINE.run.lock`, was removed while it was held: leave it there";
            vec![Diagnostic::new(Code::E1106, message).help(help)]
        }
        RunError::Ledger(error) => {
            let before = carried_out_before(carried_out);
            let message =
                format!("nothing more was sent: the ledger `.cpl/ledger.db` can't be used: {error}; {before}");
            let help = "once it can be, a run of the same window finds out what the ledger does not know, and sends what is left";
            vec![Diagnostic::new(Code::E1106, message).help(help)]
        }
        other => other.diagnostics(),
    };
    if !failed.is_empty() {
        said.push(not_carried_out(failed, carried_out + failed.len()));
    }
    said
}

/// What is said where effects were sent, and the ledger does not say so.
fn not_confirmed(error: &LedgerError) -> Diagnostic {
    let message = format!("all effects were sent, and the ledger `.cpl/ledger.db` can't say so: {error}");
    Diagnostic::new(Code::E1106, message).help("run again: what is recorded is not decided again")
}

/// What is said of a ledger that can't be used, and what to do.
fn ledger_diagnostic(error: &LedgerError) -> Diagnostic {
    let help = match error {
        LedgerError::AlreadyRunning { .. } => {
            return Diagnostic::new(Code::E1106, error.to_string()).help("wait for its end, and run again");
        }
        LedgerError::Newer { .. } => "run it by that version",
        LedgerError::FolderMissing => "mount what holds it, or make the folder where this is the first run",
        LedgerError::ImpossibleStep { .. } => {
            "nothing of it was recorded: this is a fault of cpl, which its makers want to know"
        }
        LedgerError::OtherWorkspace { of, .. } => &format!(
            "write `workspace: {of}` there, and its windows go on; only where what was done before does not matter, move \
             `.cpl` away: a new ledger begins, and knows of no change"
        ),
        LedgerError::Refused { .. } | LedgerError::Older | LedgerError::Overtaken { .. } => "no effect was sent",
        LedgerError::Missing
        | LedgerError::HeadMissing
        | LedgerError::Empty
        | LedgerError::Foreign
        | LedgerError::HeadMismatch
        | LedgerError::RowsMissing
        | LedgerError::Damaged { .. }
        | LedgerError::IndexDamaged { .. } => {
            "put a copy back that `cpl backup` made: `cpl restore FOLDER`; only where what was done before does not matter, \
             move `ledger.db` and `ledger.head` away: a new ledger begins, and knows of no change"
        }
    };
    Diagnostic::new(Code::E1106, format!("the ledger `.cpl/ledger.db` can't be used: {error}")).help(help)
}

impl From<EffectError> for RunError {
    fn from(error: EffectError) -> Self {
        Self::Effect(error)
    }
}

/// Why a request can't be made.
#[derive(Debug)]
pub struct RequestError {
    /// Where the fetch names the address.
    pub at: Span,
    /// Why.
    pub cause: RequestCause,
}

/// What a request lacks.
#[derive(Debug)]
pub enum RequestCause {
    /// The value of a secret.
    Secret {
        /// Its name.
        name: String,
        /// Why there is none.
        why: SecretError,
    },
    /// An address, or a header, that can be sent.
    Invalid(InvalidRequest),
    /// A value of it, such as one that is divided by zero.
    Unknown,
    /// A part of its path that would name another thing.
    Segment(String),
    /// A salt for personal columns: why it can't be kept.
    NoSalt(String),
    /// A name of its host that is none.
    HostName(String),
    /// The certificates that the workspace names.
    NoCertificates {
        /// Their file.
        file: PathBuf,
        /// Why they can't be read.
        why: String,
    },
    /// The address of a database.
    Database(InvalidAddress),
    /// A network by which servers can be reached.
    Network(NetworkError),
    /// A store that can be opened: why it can't.
    Store(String),
    /// The address of a store, under that name, which is encrypted or this machine's.
    OpenStore(&'static str),
    /// Rows that can be recorded: Parquet is read by the engine itself.
    ParquetRecorded,
    /// Rows for it in a recording.
    Recording {
        /// The fetch.
        fetch: String,
        /// Why there are none.
        mismatch: Mismatch,
    },
}

impl RequestError {
    /// The diagnostic.
    #[must_use]
    pub fn diagnostic(&self) -> Diagnostic {
        match &self.cause {
            RequestCause::Secret { name, why } => {
                let (message, help) = no_secret(name, why);
                Diagnostic::new(Code::E1011, message).at(self.at, "used in this request").help(help)
            }
            RequestCause::Unknown => Diagnostic::new(Code::E1104, "this value is not known, and can't be sent")
                .at(self.at, "divided by zero, or computed from what is not there"),
            RequestCause::Segment(segment) => {
                Diagnostic::new(Code::E0603, format!("`{segment}` can't be a part of an address"))
                    .at(self.at, "requested here")
                    .help("an argument that stands in the path is neither empty, `.` nor `..`")
            }
            RequestCause::NoSalt(why) => {
                let message = format!("a salt for personal values can't be kept in `.cpl/salt`: {why}");
                let help = "name a secret for it in `cpl.yaml`: `personal: { salt: { secret: NAME } }`";
                Diagnostic::new(Code::E1011, message).at(self.at, "hashed with it").help(help)
            }
            RequestCause::Network(error) => network_problem(error, self.at),
            RequestCause::Database(error) => invalid_address(error, self.at),
            RequestCause::Invalid(error) => invalid_request(error, self.at),
            RequestCause::NoCertificates { file, why } => {
                let message = format!("the certificates in {} can't be read: {why}", file.display());
                network_error(
                    message,
                    self.at,
                    "`certificates` of `cpl.yaml` is a PEM file, and relative to its folder",
                )
            }
            RequestCause::Store(why) => Diagnostic::new(Code::E1008, format!("the store can't be opened: {why}"))
                .at(self.at, "read from there")
                .help("are the credentials and the store's settings written as its provider gave them?"),
            RequestCause::OpenStore(name) => {
                let message =
                    format!("credentials would be sent where others can read them: `{name}` is not encrypted");
                Diagnostic::new(Code::E0504, message)
                    .at(self.at, "read from there")
                    .help("wanted: an address that begins with `https://`, or one of this machine")
            }
            RequestCause::ParquetRecorded => {
                Diagnostic::new(Code::E1014, "Parquet of an object store is not recorded, and not replayed")
                    .at(self.at, "read from there")
                    .help("copy the file to a folder, and read that")
            }
            RequestCause::Recording { fetch, mismatch } => {
                let (message, help) = other_recording(fetch, mismatch);
                Diagnostic::new(Code::E1014, message).at(self.at, "requested here").help(help)
            }
            RequestCause::HostName(name) => {
                Diagnostic::new(Code::E0603, format!("`{name}` can't be a name in an address"))
                    .at(self.at, "requested here")
                    .help("wanted: letters, digits and `-`, such as the `acme` of `https://acme.example.com`")
            }
        }
    }
}

/// Why a secret has no value, and what to do.
fn no_secret(name: &str, why: &SecretError) -> (String, String) {
    let set = || format!("set it in the environment, or write `{name}=…` into a file `.env` that git ignores");
    match why {
        SecretError::Missing => (format!("the secret {name} is not set"), set()),
        SecretError::Empty => (format!("the secret {name} is empty"), set()),
        SecretError::Command { program, why } => (
            format!("the secret {name} does not come from `{program}`, the command in `cpl.yaml`: {why}"),
            "run the command yourself: does it print this secret? Or set the secret in the environment".to_owned(),
        ),
        SecretError::Unreadable { file, why } => (
            format!("the secret {name} can't be read from {}: {why}", file.display()),
            "mend that file, or set the secret in the environment".to_owned(),
        ),
    }
}

/// Why the network can't be used.
fn network_problem(error: &NetworkError, at: Span) -> Diagnostic {
    match error {
        NetworkError::Certificates(why) => {
            let message = format!("the certificates of the workspace are none: {why}");
            network_error(message, at, "`certificates` of `cpl.yaml` is a PEM file: `-----BEGIN CERTIFICATE-----`")
        }
        NetworkError::Proxy => network_error(
            "the workspace's proxy has no address".to_owned(),
            at,
            "wanted in `cpl.yaml`, or in the secret that it names: `http://proxy.example.com:3128`",
        ),
        NetworkError::Client(why) => {
            let message = format!("this machine lets no connection be made: {why}");
            network_error(message, at, "may this program open connections, and are there any left?")
        }
    }
}

/// Why an address is none of a database.
fn invalid_address(error: &InvalidAddress, at: Span) -> Diagnostic {
    match error {
        InvalidAddress::None(why) => {
            let help = "wanted: one such as `postgres://user:password@db.example.com/shop`";
            Diagnostic::new(Code::E1011, format!("this is not the address of a database: {why}"))
                .at(at, "requested here")
                .help(help)
        }
        InvalidAddress::Option(known) => {
            let help = match known {
                [] => "the address of a file of SQLite has no options".to_owned(),
                known => format!("there are {}; in a password a `?` is written as `%3F`", known.join(", ")),
            };
            Diagnostic::new(Code::E1011, "the address of a database has an option behind its `?` that is not known")
                .at(at, "requested here")
                .help(help)
        }
        InvalidAddress::Open => {
            Diagnostic::new(Code::E0504, "what a database answers could be read by others on its way")
                .at(at, "connects without encryption")
                .help("take `sslmode=disable` out of its address; `sslmode=require` encrypts, whoever answers")
        }
    }
}

/// Why a request can't be sent.
fn invalid_request(error: &InvalidRequest, at: Span) -> Diagnostic {
    match error {
        InvalidRequest::Address(why) => {
            Diagnostic::new(Code::E1008, format!("that is no address: {why}")).at(at, "requested here")
        }
        InvalidRequest::Open => Diagnostic::new(Code::E0504, "a secret could be read by others on its way")
            .at(at, "requested by `http://`")
            .help("is the secret right? A token is requested by `https://`"),
        InvalidRequest::Key(why) => {
            let help = "wanted: the text of the key file that Google Cloud gives for a service account";
            Diagnostic::new(Code::E1011, format!("a secret is no key of a service account: {why}"))
                .at(at, "used in this request")
                .help(help)
        }
        InvalidRequest::Header(name) => {
            let message = format!("the header `{name}` holds signs that can't be sent");
            let help = "a header is one line of ASCII: does its secret end with a line break?";
            Diagnostic::new(Code::E1011, message).at(at, "used in this request").help(help)
        }
    }
}

/// What is said of a recording that has no rows for a fetch, and what to do.
fn other_recording(fetch: &str, mismatch: &Mismatch) -> (String, String) {
    const AGAIN: &str = "record the run again: `cpl run --record DIR`";
    match mismatch {
        Mismatch::NoFetch { found } => {
            let message = format!("the recording has no rows of `{fetch}`");
            let found = if found.is_empty() { "no fetch".to_owned() } else { found.join(", ") };
            (message, format!("it has those of {found}; {AGAIN}"))
        }
        Mismatch::Request { recorded, now } => {
            let line = |line: &Option<String>| line.as_ref().map_or("nothing".to_owned(), |line| format!("`{line}`"));
            let message = format!("`{fetch}` requests something else than was recorded");
            (message, format!("recorded: {}; now: {}; {AGAIN}", line(recorded), line(now)))
        }
        Mismatch::NoColumn(column) => {
            let message = format!("the recording of `{fetch}` lacks the column `{column}`, which nothing read then");
            (message, AGAIN.to_owned())
        }
        Mismatch::Salt => (
            format!("the personal values of `{fetch}` were hashed with another salt than those of the files"),
            "use the salt of the recorded run: its secret in `cpl.yaml`, or its `.cpl/salt`".to_owned(),
        ),
        Mismatch::Declared { column, recorded, now } => {
            let message = format!("`{column}` of `{fetch}` is declared otherwise than when it was recorded");
            (message, format!("recorded: {recorded}; now: {now}; {AGAIN}"))
        }
    }
}

fn network_error(message: String, at: Span, help: &str) -> Diagnostic {
    Diagnostic::new(Code::E1008, message).at(at, "requested here").help(help)
}

/// Why the file of a test gives no rows.
#[derive(Debug)]
pub struct GivenError {
    /// Where the test names the file.
    pub at: Span,
    /// The file, as it is written.
    pub path: String,
    /// What is wrong with it.
    pub cause: GivenCause,
}

/// What is wrong with the file of a test.
#[derive(Debug)]
pub enum GivenCause {
    /// It can't be read.
    Unreadable(csv::Error),
    /// Two columns of one name.
    ColumnTwice(String),
    /// A column that the fetch does not have.
    NoColumn {
        /// The fetch's table.
        table: String,
        /// The column of the file.
        column: String,
    },
    /// A value that is none of its column.
    Value {
        /// The row, from 1 without the header.
        row: usize,
        /// The column.
        column: String,
        /// The value.
        value: String,
    },
}

impl GivenError {
    /// The diagnostic.
    #[must_use]
    pub fn diagnostic(&self) -> Diagnostic {
        let path = &self.path;
        let (code, message) = match &self.cause {
            GivenCause::Unreadable(error) => (Code::E1002, format!("{path} can't be read: {error}")),
            GivenCause::ColumnTwice(column) => (Code::E1004, format!("{path}: there are two columns named `{column}`")),
            GivenCause::NoColumn { table, column } => {
                (Code::E1003, format!("{path}: `{table}` has no column named `{column}`"))
            }
            GivenCause::Value { row, column, value } => {
                (Code::E1005, format!("{path}, row {row}: `{value}` is no value of `{column}`"))
            }
        };
        Diagnostic::new(code, message).at(self.at, "its rows stand there")
    }
}
