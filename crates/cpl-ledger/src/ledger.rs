//! The ledger: opened, read, and added to in transactions.

use std::{
    fmt::Write as _,
    fs::{self, File, TryLockError},
    io,
    ops::Deref,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, OpenFlags, OptionalExtension, Params, ToSql, params, types::Value as Sql};
use serde_json::{Map, Value};

use crate::{
    chain::{self, End},
    error::LedgerError,
    head::{Head, HeadFile},
    rows::{Decision, Effect, EffectState, LoggedEffect, Row, Run, Step},
    schema,
};

/// How long a transaction of another process is waited for.
const WAIT: Duration = Duration::from_secs(10);
/// How often it is looked whether that is over.
const LOOK: Duration = Duration::from_millis(5);

/// A ledger that is open.
pub struct Ledger {
    connection: Connection,
    head: HeadFile,
    folder: PathBuf,
}

/// Rows that are written together, or not at all: dropped, it leaves nothing.
pub struct Transaction<'l> {
    ledger: &'l mut Ledger,
    lineage: String,
    /// Where the chain ended when it began.
    before: End,
    end: End,
    is_over: bool,
    /// Until the head, too, is written.
    _lock: File,
}

/// Makes the folder of a ledger; git ignores what is in it.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let ignored = folder.join(".gitignore");
    if ignored.exists() { Ok(()) } else { fs::write(ignored, "*\n") }
}

/// A file that is there to be locked.
pub fn lock_file(path: &Path) -> io::Result<File> {
    File::options().create(true).truncate(false).write(true).open(path)
}

fn file(folder: &Path) -> PathBuf {
    folder.join("ledger.db")
}

impl Ledger {
    /// The ledger in a folder, `.cpl` of a workspace; a new one where there was none.
    ///
    /// # Errors
    /// Where it can't be used.
    pub fn open(folder: &Path) -> Result<Self, LedgerError> {
        if let Some(ledger) = Self::existing(folder, OpenFlags::SQLITE_OPEN_READ_WRITE)? {
            return Ok(ledger);
        }
        make_folder(folder)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let ledger = Self::connect(folder, flags)?;
        ledger.connection.execute_batch("begin immediate")?;
        // Another run may have made it meanwhile.
        if !ledger.has_tables()? {
            schema::make(&ledger.connection, &new_lineage()?)?;
        }
        ledger.connection.execute_batch("commit")?;
        ledger.check()?;
        Ok(ledger)
    }

    /// The ledger in a folder, to be read; none where there never was one.
    ///
    /// # Errors
    /// Where it can't be used.
    pub fn read(folder: &Path) -> Result<Option<Self>, LedgerError> {
        Self::existing(folder, OpenFlags::SQLITE_OPEN_READ_ONLY)
    }

    fn existing(folder: &Path, flags: OpenFlags) -> Result<Option<Self>, LedgerError> {
        match fs::metadata(file(folder)) {
            Ok(found) if found.len() == 0 => Err(LedgerError::Empty),
            Ok(_) => {
                let ledger = Self::connect(folder, flags)?;
                ledger.check()?;
                Ok(Some(ledger))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => match HeadFile::of(folder).read()? {
                Some(_) => Err(LedgerError::Vanished),
                None => Ok(None),
            },
            Err(error) => Err(error.into()),
        }
    }

    fn connect(folder: &Path, flags: OpenFlags) -> Result<Self, LedgerError> {
        let connection = Connection::open_with_flags(file(folder), flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(WAIT)?;
        // A log beside the file would lose committed rows in silence where it is damaged or removed.
        connection.pragma_update(None, "journal_mode", "delete")?;
        connection.pragma_update(None, "synchronous", "extra")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        Ok(Self { connection, head: HeadFile::of(folder), folder: folder.to_owned() })
    }

    fn has_tables(&self) -> Result<bool, LedgerError> {
        Ok(self.connection.query_row("select count(*) from sqlite_schema", [], |row| row.get::<_, i64>(0))? > 0)
    }

    /// Whether it is a ledger, and ends where its head says.
    fn check(&self) -> Result<(), LedgerError> {
        schema::check(&self.connection)?;
        // While it is read nobody commits: the head tells of this end, and of one to come at most.
        self.connection.execute_batch("begin")?;
        let checked = self.end().map(|_| ());
        self.connection.execute_batch("rollback")?;
        checked
    }

    /// Where the chain ends, as its head says too; and what tells the ledger from others.
    fn end(&self) -> Result<(String, End), LedgerError> {
        let lineage: String = self.connection.query_row("select lineage from ledger", [], |row| row.get(0))?;
        let sql = "select serial, hash from chain order by serial desc limit 1";
        let last = self.connection.query_row(sql, [], |row| Ok(End { serial: row.get(0)?, hash: row.get(1)? }));
        let end = last.optional()?.unwrap_or_else(|| End::of_lineage(&lineage));
        match self.head.read()? {
            Some(head) if head.lineage == lineage && (head.before == end || head.after == end) => Ok((lineage, end)),
            Some(_) => Err(LedgerError::OtherEnd),
            // Of a ledger without rows nothing was lost.
            None if end.serial == 0 => Ok((lineage, end)),
            None => Err(LedgerError::NoHead),
        }
    }

    /// Begins a transaction: nobody else writes until it is over.
    ///
    /// # Errors
    /// Where the ledger can't be used.
    pub fn begin(&mut self) -> Result<Transaction<'_>, LedgerError> {
        let lock = self.lock()?;
        self.connection.execute_batch("begin immediate")?;
        match self.end() {
            Ok((lineage, end)) => {
                Ok(Transaction { ledger: self, lineage, before: end.clone(), end, is_over: false, _lock: lock })
            }
            Err(error) => {
                self.connection.execute_batch("rollback")?;
                Err(error)
            }
        }
    }

    /// The lock of who writes.
    fn lock(&self) -> Result<File, LedgerError> {
        let file = lock_file(&self.folder.join("ledger.lock"))?;
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(error)) => return Err(error.into()),
                Err(TryLockError::WouldBlock) if begun.elapsed() > WAIT => {
                    return Err(LedgerError::Refused { why: "another run writes to it, and does not end".to_owned() });
                }
                Err(TryLockError::WouldBlock) => thread::sleep(LOOK),
            }
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

    /// How many decisions of a rule were recorded in a window of its pipeline.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn decided(&self, pipeline: &str, window: &str, rule: &str) -> Result<usize, LedgerError> {
        let sql = "where position = 0 and decision in (select serial from decisions where rule = ?3 and run in \
                   (select serial from runs where pipeline = ?1 and window = ?2))";
        Ok(self.rows::<Effect>(sql, [pipeline, window, rule])?.len())
    }

    /// The newest effect that changed a thing, or may have, in windows that began before a moment (in microseconds since 1970).
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn last_change(&self, thing: &str, before: i64) -> Result<Option<Effect>, LedgerError> {
        let sql = "where thing = ?1 and at < ?2 and not exists \
                   (select * from steps where effect = effects.serial and state = 'expired') order by at desc limit 1";
        Ok(self.rows::<Effect>(sql, params![thing, before])?.pop().map(|(_, effect)| effect))
    }

    /// The effects of a window of a pipeline, in the order in which they were recorded.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn effects_of(&self, pipeline: &str, window: &str) -> Result<Vec<(i64, Effect)>, LedgerError> {
        let sql = "where decision in (select serial from decisions where run in \
                   (select serial from runs where pipeline = ?1 and window = ?2)) order by serial";
        self.rows(sql, [pipeline, window])
    }

    /// The effects of a window of a pipeline that are recorded, and not known to have left.
    ///
    /// # Errors
    /// Where the ledger can't be read.
    pub fn on_their_way(&self, pipeline: &str, window: &str) -> Result<Vec<i64>, LedgerError> {
        let effects = self.effects_of(pipeline, window)?;
        let mut steps = self.connection.prepare_cached("select 1 from steps where effect = ?1")?;
        let mut serials = Vec::new();
        for (serial, _) in effects {
            if !steps.exists([serial])? {
                serials.push(serial);
            }
        }
        Ok(serials)
    }

    /// The effects of other windows of a pipeline that did not leave, with the name of their window.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn left_behind(&self, pipeline: &str, window: &str) -> Result<Vec<(i64, String, Effect)>, LedgerError> {
        let sql = "where not exists (select * from steps where effect = effects.serial) and decision in \
                   (select serial from decisions where run in \
                   (select serial from runs where pipeline = ?1 and window <> ?2)) order by serial";
        let effects = self.rows::<Effect>(sql, [pipeline, window])?;
        let with_window = |(serial, effect): (i64, Effect)| {
            let decision: Decision = self.row(effect.decision)?;
            let run: Run = self.row(decision.run)?;
            Ok((serial, run.window, effect))
        };
        effects.into_iter().map(with_window).collect()
    }

    /// The newest effects, at most so many, the newest first: of one pipeline, or of all.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn log(&self, pipeline: Option<&str>, limit: u32) -> Result<Vec<LoggedEffect>, LedgerError> {
        let sql = "where ?1 is null or decision in (select serial from decisions where run in \
                   (select serial from runs where pipeline = ?1)) order by serial desc limit ?2";
        let effects = self.rows::<Effect>(sql, params![pipeline, limit])?;
        effects.into_iter().map(|(serial, effect)| self.logged(serial, effect)).collect()
    }

    fn logged(&self, serial: i64, effect: Effect) -> Result<LoggedEffect, LedgerError> {
        let decision: Decision = self.row(effect.decision)?;
        let run: Run = self.row(decision.run)?;
        let steps = self.rows::<Step>("where effect = ?1 order by serial", [serial])?;
        let state = steps.last().map_or(EffectState::Recorded, |(_, step)| step.state);
        Ok(LoggedEffect { serial, run, decision, effect, state })
    }

    fn row<R: Row>(&self, serial: i64) -> Result<R, LedgerError> {
        let found = self.rows("where serial = ?1", [serial])?.pop();
        found.map(|(_, row)| row).ok_or(LedgerError::Damaged { table: R::TABLE, serial })
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
            1 => Some(End::of_lineage(&self.lineage()?).hash),
            _ => at(serial - 1)?,
        };
        let wanted = before.map(|before| chain::hash(&before, table, serial, fields));
        Ok(wanted.is_some() && wanted == at(serial)?)
    }

    fn lineage(&self) -> Result<String, LedgerError> {
        Ok(self.connection.query_row("select lineage from ledger", [], |row| row.get(0))?)
    }
}

impl Transaction<'_> {
    /// Adds a row; its number.
    ///
    /// # Errors
    /// What SQLite refuses.
    pub fn add<R: Row>(&mut self, row: &R) -> Result<i64, LedgerError> {
        let fields = match serde_json::to_value(row) {
            Ok(Value::Object(fields)) => fields,
            other => unreachable!("a row is an object: {other:?}"),
        };
        let end = self.end.and(R::TABLE, &fields);
        let mut sql = format!("insert into {} values (?", R::TABLE);
        for _ in &fields {
            let _ = write!(sql, ", ?");
        }
        let values = fields.values().map(|value| match value {
            Value::Null => Sql::Null,
            Value::Number(number) => Sql::Integer(number.as_i64().unwrap_or_else(|| unreachable!("a whole number"))),
            Value::String(text) => Sql::Text(text.clone()),
            other => unreachable!("no column holds {other}"),
        });
        let values: Vec<Sql> = [Sql::Integer(end.serial)].into_iter().chain(values).collect();
        let values: Vec<&dyn ToSql> = values.iter().map(|value| value as &dyn ToSql).collect();
        let connection = &self.ledger.connection;
        connection.prepare_cached(&format!("{sql})"))?.execute(values.as_slice())?;
        connection.prepare_cached("insert into chain values (?1, ?2)")?.execute(params![end.serial, end.hash])?;
        self.end = end;
        Ok(self.end.serial)
    }

    /// Writes all of it, to the disk.
    ///
    /// # Errors
    /// What the system refuses: nothing is written then.
    pub fn commit(mut self) -> Result<(), LedgerError> {
        if self.end == self.before {
            return Ok(());
        }
        self.write_head(self.before.clone())?;
        self.ledger.connection.execute_batch("commit")?;
        self.is_over = true;
        // From now on a copy of the ledger as it was is an old one.
        self.write_head(self.end.clone())
    }

    fn write_head(&self, before: End) -> Result<(), LedgerError> {
        self.ledger.head.write(&Head { lineage: self.lineage.clone(), before, after: self.end.clone() })
    }
}

impl Deref for Transaction<'_> {
    type Target = Ledger;

    fn deref(&self) -> &Ledger {
        self.ledger
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            let _nothing_was_written = self.ledger.connection.execute_batch("rollback");
        }
    }
}

/// What tells a ledger from all others.
fn new_lineage() -> Result<String, LedgerError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| LedgerError::Refused { why: error.to_string() })?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}
