//! A ledger that is added to, in transactions.

use std::{fmt::Write as _, fs::File, ops::Deref, path::Path};

use rusqlite::{OpenFlags, ToSql, params, types::Value as Sql};
use serde_json::Value;

use crate::{
    chain::{ChainTip, sha256},
    error::LedgerError,
    head::{FileStamp, Head},
    lock::{lock, make_folder},
    reader::{self, LedgerReader},
    rows::{EffectState, Program, Row, Step},
    schema,
};

/// A ledger that can be added to.
pub struct Ledger(LedgerReader);

/// Rows that are written together, or not at all: dropped, it leaves nothing. Nobody else writes meanwhile.
pub struct Transaction<'l> {
    ledger: &'l mut Ledger,
    lineage: String,
    /// Where the chain ended when it began.
    before: ChainTip,
    pub(crate) tip: ChainTip,
    is_over: bool,
    /// Until the head, too, is written.
    _lock: File,
}

impl Ledger {
    /// The ledger in a folder, `.cpl` of a workspace; a new one where there was none.
    ///
    /// # Errors
    /// Where it can't be used.
    pub fn open(folder: &Path) -> Result<Self, LedgerError> {
        make_folder(folder)?;
        let _lock = lock(folder)?;
        if let Some(ledger) = LedgerReader::sound(folder, OpenFlags::SQLITE_OPEN_READ_WRITE)? {
            return Ok(Self(ledger));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let ledger = LedgerReader::connect(folder, flags)?;
        ledger.connection.execute_batch("begin immediate")?;
        schema::make(&ledger.connection, &new_lineage()?)?;
        ledger.connection.execute_batch("commit")?;
        ledger.check()?;
        Ok(Self(ledger))
    }

    /// The ledger in a folder, whose folder is there; none where there never was one.
    ///
    /// # Errors
    /// Where it can't be used.
    pub fn existing(folder: &Path) -> Result<Option<Self>, LedgerError> {
        let _lock = lock(folder)?;
        Ok(LedgerReader::sound(folder, OpenFlags::SQLITE_OPEN_READ_WRITE)?.map(Self))
    }

    /// Begins a transaction: nobody else writes until it is over.
    ///
    /// # Errors
    /// Where the ledger can't be used.
    pub fn begin(&mut self) -> Result<Transaction<'_>, LedgerError> {
        let lock = lock(&self.0.folder)?;
        if !self.0.is_in_place() {
            return Err(LedgerError::Missing);
        }
        self.0.connection.execute_batch("begin immediate")?;
        // What somebody else did to the file since it was opened would be taken for ours at the commit.
        match self.0.tip().and_then(|found| self.0.check_file().map(|()| found)) {
            Ok((lineage, tip)) => {
                Ok(Transaction { ledger: self, lineage, before: tip.clone(), tip, is_over: false, _lock: lock })
            }
            Err(error) => {
                self.0.connection.execute_batch("rollback")?;
                Err(error)
            }
        }
    }
}

impl AsRef<LedgerReader> for Ledger {
    fn as_ref(&self) -> &LedgerReader {
        &self.0
    }
}

impl Deref for Ledger {
    type Target = LedgerReader;

    fn deref(&self) -> &LedgerReader {
        &self.0
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
        let tip = self.tip.append(R::TABLE, &fields);
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
        let values: Vec<Sql> = [Sql::Integer(tip.serial)].into_iter().chain(values).collect();
        let values: Vec<&dyn ToSql> = values.iter().map(|value| value as &dyn ToSql).collect();
        let connection = &self.ledger.0.connection;
        connection.prepare_cached(&format!("{sql})"))?.execute(values.as_slice())?;
        connection.prepare_cached("insert into chain values (?1, ?2)")?.execute(params![tip.serial, tip.hash])?;
        self.tip = tip;
        Ok(self.tip.serial)
    }

    /// Adds the text of a pipeline, once; its name.
    ///
    /// # Errors
    /// What SQLite refuses.
    pub fn add_program(&mut self, text: &str) -> Result<String, LedgerError> {
        let sha256 = sha256(text);
        if !self.has_program(&sha256)? {
            self.add(&Program { sha256: sha256.clone(), text: text.to_owned() })?;
        }
        Ok(sha256)
    }

    /// Adds what became of an effect. What takes another one back, once it is carried out, makes that one undone.
    ///
    /// # Errors
    /// A step that can't follow; what SQLite refuses, or where the ledger is not what was written.
    pub fn add_step(&mut self, step: &Step) -> Result<(), LedgerError> {
        self.add_possible(step)?;
        if step.state != EffectState::Confirmed {
            return Ok(());
        }
        if let Some(undone) = self.undone_by(step.effect)? {
            self.add_possible(&Step { effect: undone, state: EffectState::Undone, at: step.at, why: None })?;
        }
        Ok(())
    }

    fn add_possible(&mut self, step: &Step) -> Result<(), LedgerError> {
        let (effect, from, to) = (step.effect, self.state(step.effect)?, step.state);
        if !from.may_become(to) {
            return Err(LedgerError::ImpossibleStep { effect, from, to });
        }
        self.add(step).map(drop)
    }

    /// Writes all of it, to the disk.
    ///
    /// # Errors
    /// What the system refuses: nothing is written then.
    pub fn commit(mut self) -> Result<(), LedgerError> {
        if self.tip == self.before {
            return Ok(());
        }
        let under_way =
            Head { lineage: self.lineage.clone(), before: self.before.clone(), after: self.tip.clone(), file: None };
        self.ledger.0.head.write(&under_way)?;
        self.ledger.0.connection.execute_batch("commit")?;
        self.is_over = true;
        // From now on a copy of the ledger as it was is an old one. A head of two ends is right too: all is written.
        let left = FileStamp::of(&reader::file(&self.ledger.0.folder));
        let over = Head::of(self.lineage.clone(), self.tip.clone(), left);
        let _closed_by_the_next = self.ledger.0.head.write(&over);
        Ok(())
    }
}

impl Deref for Transaction<'_> {
    type Target = LedgerReader;

    fn deref(&self) -> &LedgerReader {
        &self.ledger.0
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            let _nothing_was_written = self.ledger.0.connection.execute_batch("rollback");
        }
    }
}

/// A random name for a new ledger.
fn new_lineage() -> Result<String, LedgerError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| LedgerError::Refused { why: error.to_string() })?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}
