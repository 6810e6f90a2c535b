//! Why a ledger can't be used.

use std::fmt;

use cpl_protocol::State as EffectState;

/// Why a ledger can't be used. Nothing was changed then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerError {
    /// It is expected, and not there.
    Missing,
    /// Its folder is a link, and what it leads to is not there.
    FolderMissing,
    /// It is there, and the file of its head is not.
    HeadMissing,
    /// It is empty.
    Empty,
    /// It is no ledger.
    Foreign,
    /// A newer version of the program made it.
    Newer {
        /// Its version.
        version: i64,
    },
    /// An older version of the program made it: opened to be written, it gets the tables of this one.
    Older,
    /// It is another workspace's.
    OtherWorkspace {
        /// Whose it is.
        of: String,
        /// Whose it should be.
        wanted: String,
    },
    /// Its end is another one than its head says: it was changed, or an old copy was put back.
    HeadMismatch,
    /// It lacks rows.
    RowsMissing,
    /// A row is not what was written.
    Damaged {
        /// The table.
        table: &'static str,
        /// The number of the row.
        serial: i64,
    },
    /// An index, or a page, is not what was written.
    IndexDamaged {
        /// What SQLite says.
        why: String,
    },
    /// A step that can't follow: the program is wrong.
    ImpossibleStep {
        /// The effect's number.
        effect: i64,
        /// Its state.
        from: EffectState,
        /// What it should become.
        to: EffectState,
    },
    /// Another run of the pipeline is under way.
    AlreadyRunning {
        /// The pipeline.
        pipeline: String,
    },
    /// Another run of the pipeline began while this one sent: its lock was lost.
    Overtaken {
        /// The pipeline.
        pipeline: String,
    },
    /// The system, or SQLite, refuses something.
    Refused {
        /// What it says.
        why: String,
    },
}

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("it is not there, and its head is"),
            Self::FolderMissing => f.write_str("`.cpl` is a link, and the folder that it leads to is not there"),
            Self::HeadMissing => f.write_str("the file of its head is not there"),
            Self::Empty => f.write_str("it is empty"),
            Self::Foreign => f.write_str("it is no ledger"),
            Self::Newer { version } => write!(f, "a newer version of cpl made it (version {version})"),
            Self::Older => f.write_str("an older version of cpl made it"),
            Self::OtherWorkspace { of, wanted } => {
                write!(f, "it is that of the workspace {of}, and `cpl.yaml` names this one {wanted}")
            }
            Self::HeadMismatch => f.write_str("its end is another one than its head says"),
            Self::RowsMissing => f.write_str("it lacks rows that were written"),
            Self::Damaged { table, serial } => write!(f, "row {serial} of {table} is not what was written"),
            Self::IndexDamaged { why } => write!(f, "a page of it is not what was written: {why}"),
            Self::ImpossibleStep { effect, from, to } => {
                write!(f, "effect {effect} is {} and can't become {}", from.word(), to.word())
            }
            Self::AlreadyRunning { pipeline } => write!(f, "another run of {pipeline} is under way"),
            Self::Overtaken { pipeline } => {
                write!(f, "another run of {pipeline} began since, which goes on with what is left")
            }
            Self::Refused { why } => f.write_str(why),
        }
    }
}

impl std::error::Error for LedgerError {}

impl From<rusqlite::Error> for LedgerError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase) => Self::Foreign,
            Some(rusqlite::ErrorCode::DatabaseCorrupt) => Self::IndexDamaged { why: error.to_string() },
            _ => Self::Refused { why: error.to_string() },
        }
    }
}

impl From<std::io::Error> for LedgerError {
    fn from(error: std::io::Error) -> Self {
        Self::Refused { why: error.to_string() }
    }
}
