//! A ledger that is read: it has no means of writing.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, OptionalExtension, Params, config::DbConfig, types::Value as Sql};
use serde::{Deserialize, Serialize, de::value::MapDeserializer};
use serde_json::Value;

use crate::{
    chain::{self, ChainTip},
    error::LedgerError,
    head::{FileStamp, Head, HeadFile},
    lock::{check_link, lock},
    rows::{Alert, Decision, Effect, MetricValue, Observation, Pause, Program, Redo, Row, Run, Step, Verdict},
    schema,
};

/// How long a commit of another process is waited for.
const BUSY_TIMEOUT: Duration = Duration::from_mins(1);

/// How much of the file is kept in memory at most, in KiB (SQLite counts these below zero): a run asks for many rows.
const CACHE_KIB: i64 = -65_536;

/// The tables whose rows are chained.
const TABLES: [&str; 11] = [
    Program::TABLE,
    Run::TABLE,
    MetricValue::TABLE,
    Alert::TABLE,
    Decision::TABLE,
    Effect::TABLE,
    Step::TABLE,
    Observation::TABLE,
    Verdict::TABLE,
    Redo::TABLE,
    Pause::TABLE,
];

/// Where a ledger ends: what comes before is in the hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEnd {
    /// The ledger's random name.
    pub lineage: String,
    /// The number of its last row.
    pub serial: i64,
    /// The hash of that row.
    pub hash: String,
}

/// A ledger that is open to be read.
pub struct LedgerReader {
    pub(crate) connection: Connection,
    pub(crate) head: HeadFile,
    pub(crate) folder: PathBuf,
    /// Which file of the system it is.
    opened: Option<FileId>,
}

/// Rows that stay as they are.
pub struct Snapshot<'l>(&'l LedgerReader);

impl AsRef<Self> for LedgerReader {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        let _nothing_was_written = self.0.connection.execute_batch("rollback");
    }
}

/// The fields of a row, by their names.
type Fields<'n> = std::vec::IntoIter<(&'n str, Value)>;

/// What the system knows a file by, whatever it is called.
type FileId = (u64, u64);

#[cfg(unix)]
fn file_id(folder: &Path) -> Option<FileId> {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(file(folder)).ok().map(|found| (found.dev(), found.ino()))
}

#[cfg(not(unix))]
fn file_id(_: &Path) -> Option<FileId> {
    None
}

/// Whether the file of a ledger is as the last transaction left it, which was not cut off.
fn is_as_left(folder: &Path) -> Result<bool, LedgerError> {
    let Some(Head { before, after, file: left, .. }) = HeadFile::of(folder).read()? else { return Ok(false) };
    Ok(before == after && left.is_some() && left == FileStamp::of(&file(folder)))
}

/// The file of a ledger.
pub fn file(folder: &Path) -> PathBuf {
    folder.join("ledger.db")
}

impl LedgerReader {
    /// The ledger in a folder, `.cpl` of a workspace; none where there never was one.
    ///
    /// # Errors
    /// Where it can't be used.
    pub fn open(folder: &Path) -> Result<Option<Self>, LedgerError> {
        check_link(folder)?;
        // Who writes just now leaves it as it says; else all of it is verified, once, while nobody writes. Where the system lets
        // nobody write there, that is so anyway.
        let _lock = if is_as_left(folder)? || !file(folder).exists() { None } else { lock(folder).ok() };
        match Self::sound(folder, OpenFlags::SQLITE_OPEN_READ_ONLY) {
            // A run that was killed while it wrote left a journal, and an older version other tables: only a writer takes the
            // one back, and changes the others.
            Err(LedgerError::Refused { .. } | LedgerError::Older) => {
                Self::sound(folder, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
                Self::sound(folder, OpenFlags::SQLITE_OPEN_READ_ONLY)
            }
            opened => opened,
        }
    }

    /// The ledger in a folder; none where there never was one. What had to be verified is not verified by the next one again.
    pub(crate) fn sound(folder: &Path, flags: OpenFlags) -> Result<Option<Self>, LedgerError> {
        let left = FileStamp::of(&file(folder));
        let Some(ledger) = Self::existing(folder, flags)? else { return Ok(None) };
        let (lineage, tip) = ledger.tip()?;
        // Where its tables were changed, the next one verifies it.
        if tip.serial > 0 && !is_as_left(folder)? {
            let _else_the_next_one_verifies_it = ledger.head.write(&Head::of(lineage, tip, left));
        }
        Ok(Some(ledger))
    }

    /// The ledger in a folder, which is sound; none where there never was one.
    pub(crate) fn existing(folder: &Path, flags: OpenFlags) -> Result<Option<Self>, LedgerError> {
        let length = match fs::metadata(file(folder)) {
            Ok(found) => found.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error.into()),
        };
        let head = HeadFile::of(folder).read()?;
        match (length, &head) {
            // One that is being made is empty, and has no head.
            (0, None) => Ok(None),
            (0, Some(_)) if file(folder).exists() => Err(LedgerError::Empty),
            (0, Some(_)) => Err(LedgerError::Missing),
            _ => {
                let ledger = Self::connect(folder, flags)?;
                // So is one whose maker was killed, once what it had begun is taken back.
                if head.is_none() && ledger.is_empty()? {
                    return Ok(None);
                }
                if flags.contains(OpenFlags::SQLITE_OPEN_READ_WRITE) {
                    schema::upgrade(&ledger.connection)?;
                }
                ledger.check()?;
                Ok(Some(ledger))
            }
        }
    }

    /// Whether it is still the file in its place: one that was removed or replaced since takes what is written with it.
    pub(crate) fn is_in_place(&self) -> bool {
        self.opened.is_none_or(|opened| file_id(&self.folder) == Some(opened))
    }

    /// Whether it has no table.
    fn is_empty(&self) -> Result<bool, LedgerError> {
        Ok(self.connection.query_row("select count(*) = 0 from sqlite_master", [], |row| row.get(0))?)
    }

    pub(crate) fn connect(folder: &Path, flags: OpenFlags) -> Result<Self, LedgerError> {
        let connection = Connection::open_with_flags(file(folder), flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        // A log beside the file would lose committed rows in silence where it is damaged or removed.
        connection.pragma_update(None, "journal_mode", "delete")?;
        connection.pragma_update(None, "synchronous", "extra")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "cache_size", CACHE_KIB)?;
        // Else each question is planned anew whenever it is asked.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        Ok(Self { connection, head: HeadFile::of(folder), folder: folder.to_owned(), opened: file_id(folder) })
    }

    /// Whether it is a ledger, ends where its head says, and lacks no row.
    pub(crate) fn check(&self) -> Result<(), LedgerError> {
        // The names of columns are taken for texts, which a damaged one is not.
        self.texts("select coalesce(sql, '') from sqlite_master", [])?;
        if schema::is_older(&self.connection)? {
            return Err(LedgerError::Older);
        }
        // The head holds this end, and at most the next one.
        let _snapshot = self.snapshot()?;
        self.tip()?;
        self.check_file()
    }

    /// From here on, until it is dropped, all questions are answered from the same rows. Whoever commits meanwhile waits for it:
    /// it is held for a short time alone.
    ///
    /// # Errors
    /// Where the ledger can't be read.
    pub fn snapshot(&self) -> Result<Snapshot<'_>, LedgerError> {
        self.connection.execute_batch("begin")?;
        let snapshot = Snapshot(self);
        // It begins with the first question.
        self.lineage()?;
        Ok(snapshot)
    }

    /// Where somebody else touched its file, or a transaction was cut off, all of it is verified. Otherwise rows are verified
    /// where they are read.
    pub(crate) fn check_file(&self) -> Result<(), LedgerError> {
        if is_as_left(&self.folder)? { Ok(()) } else { self.verify() }
    }

    /// Verifies that no row is missing, that each is what was written, and the indexes.
    pub(crate) fn verify(&self) -> Result<(), LedgerError> {
        let mut rows = 0;
        for table in TABLES {
            let sql = format!("select count(*) from {table}");
            rows += self.connection.query_row(&sql, [], |row| row.get::<_, i64>(0))?;
        }
        // What lacks its hash is found below.
        if rows != self.tip()?.1.serial {
            return Err(LedgerError::RowsMissing);
        }
        for table in TABLES {
            self.each_row(table, "", [], |_, _| Some(()))?;
        }
        let sound: String = self.connection.query_row("pragma integrity_check(1)", [], |row| row.get(0))?;
        if sound != "ok" {
            return Err(LedgerError::IndexDamaged { why: sound });
        }
        if schema::knows_pending(&self.connection)? {
            return Ok(());
        }
        Err(LedgerError::IndexDamaged { why: "`pending_effects` lacks an effect, or has one too many".to_owned() })
    }

    /// The ledger's lineage, and the end of its chain, which is one of those in its head.
    pub(crate) fn tip(&self) -> Result<(String, ChainTip), LedgerError> {
        let lineage = self.lineage()?;
        let sql = "select serial, hash from chain order by serial desc limit 1";
        let last = self.connection.query_row(sql, [], |row| Ok(ChainTip { serial: row.get(0)?, hash: row.get(1)? }));
        let tip = last.optional()?.unwrap_or_else(|| ChainTip::genesis(&lineage));
        match self.head.read()? {
            Some(head) if head.lineage == lineage && (head.before == tip || head.after == tip) => Ok((lineage, tip)),
            Some(_) => Err(LedgerError::HeadMismatch),
            // Of a ledger without rows nothing was lost.
            None if tip.serial == 0 => Ok((lineage, tip)),
            None => Err(LedgerError::HeadMissing),
        }
    }

    /// Where it ends.
    ///
    /// # Errors
    /// Where it can't be read.
    pub fn end(&self) -> Result<LedgerEnd, LedgerError> {
        let (lineage, ChainTip { serial, hash }) = self.tip()?;
        Ok(LedgerEnd { lineage, serial, hash })
    }

    /// Whether a program's text is recorded.
    pub(crate) fn has_program(&self, sha256: &str) -> Result<bool, LedgerError> {
        Ok(!self.rows::<Program>("where sha256 = ?1", [sha256])?.is_empty())
    }

    /// Rows of a table, each of which is what was written.
    pub(crate) fn rows<R: Row>(&self, which: &str, parameters: impl Params) -> Result<Vec<(i64, R)>, LedgerError> {
        let mut rows = Vec::new();
        self.each_row(R::TABLE, which, parameters, |serial, fields| {
            let fields = MapDeserializer::<_, serde_json::Error>::new(fields);
            rows.push((serial, R::deserialize(fields).ok()?));
            Some(())
        })?;
        Ok(rows)
    }

    /// Takes the fields of each row, which is what was written; a row that is not taken is damaged too.
    fn each_row(
        &self,
        table: &'static str,
        which: &str,
        parameters: impl Params,
        mut take: impl FnMut(i64, Fields<'_>) -> Option<()>,
    ) -> Result<(), LedgerError> {
        let hash_of = |serial: &str| format!("(select hash from chain where serial = {serial})");
        let (before, own) = (hash_of(&format!("{table}.serial - 1")), hash_of(&format!("{table}.serial")));
        let sql = format!("select {before}, {own}, {table}.* from {table} {which}");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let names: Vec<String> = statement.column_names().skip(3).map(str::to_owned).collect();
        let mut found = statement.query(parameters)?;
        while let Some(row) = found.next()? {
            let serial: i64 = row.get(2)?;
            let damaged = LedgerError::Damaged { table, serial };
            let mut fields = Vec::with_capacity(names.len());
            for (at, name) in names.iter().enumerate() {
                let value = match row.get(at + 3)? {
                    Sql::Null => Value::Null,
                    Sql::Integer(number) => number.into(),
                    Sql::Text(text) => text.into(),
                    Sql::Real(_) | Sql::Blob(_) => return Err(damaged),
                };
                fields.push((name.as_str(), value));
            }
            let before = match serial {
                1 => Some(ChainTip::genesis(&self.lineage()?).hash),
                _ => row.get(0)?,
            };
            let expected = before.map(|before: String| {
                chain::hash(&before, table, serial, fields.iter().map(|(name, value)| (*name, value)))
            });
            if expected.is_none() || expected != row.get(1)? {
                return Err(damaged);
            }
            take(serial, fields.into_iter()).ok_or(damaged)?;
        }
        Ok(())
    }

    fn lineage(&self) -> Result<String, LedgerError> {
        Ok(self.connection.query_row("select lineage from ledger", [], |row| row.get(0))?)
    }
}
