//! A ledger that is read: it has no means of writing.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, OptionalExtension, Params, params, types::Value as Sql};
use serde_json::{Map, Value};

use crate::{
    chain::{self, ChainTip},
    error::LedgerError,
    head::HeadFile,
    rows::{Decision, Effect, EffectState, LoggedEffect, Program, Row, Run, Step, StoredEffect},
    schema,
};

/// How long a commit of another process is waited for.
const BUSY_TIMEOUT: Duration = Duration::from_mins(1);

/// How many rows are verified whenever a ledger is opened: guards mostly ask for the newest.
const NEWEST: i64 = 2_000;

/// A ledger that is open to be read.
pub struct LedgerReader {
    pub(crate) connection: Connection,
    pub(crate) head: HeadFile,
    pub(crate) folder: PathBuf,
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
        match Self::existing(folder, OpenFlags::SQLITE_OPEN_READ_ONLY) {
            // A run that was killed while it wrote left a journal: only a writer takes it back.
            Err(LedgerError::Refused { .. }) => {
                Self::existing(folder, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
                Self::existing(folder, OpenFlags::SQLITE_OPEN_READ_ONLY)
            }
            opened => opened,
        }
    }

    /// The ledger in a folder, which is sound; none where there never was one.
    pub(crate) fn existing(folder: &Path, flags: OpenFlags) -> Result<Option<Self>, LedgerError> {
        let length = match fs::metadata(file(folder)) {
            Ok(found) => found.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error.into()),
        };
        match (length, HeadFile::of(folder).read()?) {
            // One that is being made is empty, and has no head.
            (0, None) => Ok(None),
            (0, Some(_)) if file(folder).exists() => Err(LedgerError::Empty),
            (0, Some(_)) => Err(LedgerError::Missing),
            _ => {
                let ledger = Self::connect(folder, flags)?;
                ledger.check()?;
                Ok(Some(ledger))
            }
        }
    }

    pub(crate) fn connect(folder: &Path, flags: OpenFlags) -> Result<Self, LedgerError> {
        let connection = Connection::open_with_flags(file(folder), flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        // A log beside the file would lose committed rows in silence where it is damaged or removed.
        connection.pragma_update(None, "journal_mode", "delete")?;
        connection.pragma_update(None, "synchronous", "extra")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        Ok(Self { connection, head: HeadFile::of(folder), folder: folder.to_owned() })
    }

    /// Whether it is a ledger, ends where its head says, and lacks no row.
    pub(crate) fn check(&self) -> Result<(), LedgerError> {
        schema::check(&self.connection)?;
        // Nobody commits while this reads: the head holds this end, and at most the next one.
        self.connection.execute_batch("begin")?;
        let checked = self.tip().and_then(|(_, tip)| self.check_rows(&tip));
        self.connection.execute_batch("rollback")?;
        checked
    }

    /// No row is missing, and the newest are what was written; all of them are verified where a transaction was cut off.
    fn check_rows(&self, tip: &ChainTip) -> Result<(), LedgerError> {
        let count = |table: &str| {
            self.connection.query_row(&format!("select count(*) from {table}"), [], |row| row.get::<_, i64>(0))
        };
        let mut rows = 0;
        for table in [Program::TABLE, Run::TABLE, Decision::TABLE, Effect::TABLE, Step::TABLE] {
            rows += count(table)?;
        }
        if rows != tip.serial || count("chain")? != tip.serial {
            return Err(LedgerError::RowsMissing);
        }
        let was_cut_off = self.head.read()?.is_some_and(|head| head.before != head.after);
        if was_cut_off { self.verify() } else { self.verify_from(tip.serial - NEWEST) }
    }

    /// Verifies all rows, and the indexes.
    fn verify(&self) -> Result<(), LedgerError> {
        self.verify_from(0)?;
        let sound: String = self.connection.query_row("pragma integrity_check(1)", [], |row| row.get(0))?;
        if sound == "ok" { Ok(()) } else { Err(LedgerError::Refused { why: sound }) }
    }

    /// Verifies the rows from a number on.
    fn verify_from(&self, serial: i64) -> Result<(), LedgerError> {
        self.rows::<Program>("where serial >= ?1", [serial])?;
        self.rows::<Run>("where serial >= ?1", [serial])?;
        self.rows::<Decision>("where serial >= ?1", [serial])?;
        self.rows::<Effect>("where serial >= ?1", [serial])?;
        self.rows::<Step>("where serial >= ?1", [serial])?;
        Ok(())
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

    /// Whether effects of a decision were recorded.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn is_recorded(&self, decision: &str) -> Result<bool, LedgerError> {
        let found = self.rows::<Effect>("where decision_id = ?1 order by position limit 1", [decision])?;
        Ok(!found.is_empty())
    }

    /// How many decisions of a rule were recorded in a window of its pipeline, by its start.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn decided(&self, pipeline: &str, window_start: i64, rule: &str) -> Result<usize, LedgerError> {
        let sql = "where rule = ?3 and run in (select serial from runs where pipeline = ?1 and window_start = ?2)";
        Ok(self.rows::<Decision>(sql, params![pipeline, window_start, rule])?.len())
    }

    /// The newest effect on a resource, in windows that began before a moment (in microseconds since 1970).
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn last_change(&self, resource: &str, before: i64) -> Result<Option<Effect>, LedgerError> {
        let sql = "where resource = ?1 and window_start < ?2 order by window_start desc limit 1";
        Ok(self.rows::<Effect>(sql, params![resource, before])?.pop().map(|(_, effect)| effect))
    }

    /// The effects of a window at a place, of all pipelines, in the order in which they were recorded.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn effects_at(&self, place: &str, window: &str) -> Result<Vec<StoredEffect>, LedgerError> {
        self.stored("where place = ?1 and window = ?2 order by serial", [place, window])
    }

    /// The effects of a pipeline's window, by its start, in the order in which they were recorded.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn effects_of(&self, pipeline: &str, window_start: i64) -> Result<Vec<StoredEffect>, LedgerError> {
        let sql = "where decision in (select serial from decisions where run in \
                   (select serial from runs where pipeline = ?1 and window_start = ?2)) order by serial";
        self.stored(sql, params![pipeline, window_start])
    }

    /// The effects of a pipeline's last window before one, by its start, that are still only recorded. Those of earlier
    /// windows were dealt with by the runs of later ones.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn unconfirmed_before(&self, pipeline: &str, window_start: i64) -> Result<Vec<StoredEffect>, LedgerError> {
        let sql = "select max(window_start) from runs where pipeline = ?1 and window_start < ?2";
        let last =
            self.connection.query_row(sql, params![pipeline, window_start], |row| row.get::<_, Option<i64>>(0))?;
        let mut effects = last.map_or_else(|| Ok(Vec::new()), |last| self.effects_of(pipeline, last))?;
        effects.retain(|stored| stored.state == EffectState::Recorded);
        Ok(effects)
    }

    /// The newest effects, at most so many, the newest first: of one pipeline, or of all.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn log(&self, pipeline: Option<&str>, limit: u32) -> Result<Vec<LoggedEffect>, LedgerError> {
        let sql = "where ?1 is null or decision in (select serial from decisions where run in \
                   (select serial from runs where pipeline = ?1)) order by serial desc limit ?2";
        let (mut runs, mut decisions) = (BTreeMap::new(), BTreeMap::new());
        let mut logged = Vec::new();
        for StoredEffect { effect, state, .. } in self.stored(sql, params![pipeline, limit])? {
            let decision: Decision = self.once(&mut decisions, effect.decision)?;
            let run: Run = self.once(&mut runs, decision.run)?;
            logged.push(LoggedEffect { run, decision, effect, state });
        }
        Ok(logged)
    }

    /// A row, which is read once.
    fn once<R: Row + Clone>(&self, known: &mut BTreeMap<i64, R>, serial: i64) -> Result<R, LedgerError> {
        if let Some(row) = known.get(&serial) {
            return Ok(row.clone());
        }
        let found = self.rows("where serial = ?1", [serial])?.pop();
        let (_, row): (i64, R) = found.ok_or(LedgerError::Damaged { table: R::TABLE, serial })?;
        known.insert(serial, row.clone());
        Ok(row)
    }

    fn stored(&self, which: &str, parameters: impl Params) -> Result<Vec<StoredEffect>, LedgerError> {
        let with_state = |(serial, effect)| {
            let steps = self.rows::<Step>("where effect = ?1 order by serial", [serial])?;
            let state = steps.last().map_or(EffectState::Recorded, |(_, step)| step.state);
            Ok(StoredEffect { serial, effect, state })
        };
        self.rows(which, parameters)?.into_iter().map(with_state).collect()
    }

    /// Whether a program's text is recorded.
    pub(crate) fn has_program(&self, sha256: &str) -> Result<bool, LedgerError> {
        Ok(!self.rows::<Program>("where sha256 = ?1", [sha256])?.is_empty())
    }

    /// Rows of a table, each of which is what was written.
    fn rows<R: Row>(&self, which: &str, parameters: impl Params) -> Result<Vec<(i64, R)>, LedgerError> {
        let mut statement = self.connection.prepare_cached(&format!("select * from {} {which}", R::TABLE))?;
        let names: Vec<String> = statement.column_names().skip(1).map(str::to_owned).collect();
        let mut found = statement.query(parameters)?;
        let mut rows = Vec::new();
        while let Some(row) = found.next()? {
            let serial: i64 = row.get(0)?;
            let damaged = LedgerError::Damaged { table: R::TABLE, serial };
            let mut fields = Map::new();
            for (at, name) in names.iter().enumerate() {
                let value = match row.get(at + 1)? {
                    Sql::Null => Value::Null,
                    Sql::Integer(number) => number.into(),
                    Sql::Text(text) => text.into(),
                    Sql::Real(_) | Sql::Blob(_) => return Err(damaged),
                };
                fields.insert(name.clone(), value);
            }
            if !self.is_written(R::TABLE, serial, &fields)? {
                return Err(damaged);
            }
            rows.push((serial, serde_json::from_value(Value::Object(fields)).map_err(|_| damaged)?));
        }
        Ok(rows)
    }

    fn is_written(&self, table: &str, serial: i64, fields: &Map<String, Value>) -> Result<bool, LedgerError> {
        let mut hash = self.connection.prepare_cached("select hash from chain where serial = ?1")?;
        let mut at = |serial: i64| hash.query_row([serial], |row| row.get::<_, String>(0)).optional();
        let before = match serial {
            1 => Some(ChainTip::genesis(&self.lineage()?).hash),
            _ => at(serial - 1)?,
        };
        let wanted = before.map(|before| chain::hash(&before, table, serial, fields));
        Ok(wanted.is_some() && wanted == at(serial)?)
    }

    fn lineage(&self) -> Result<String, LedgerError> {
        Ok(self.connection.query_row("select lineage from ledger", [], |row| row.get(0))?)
    }
}
