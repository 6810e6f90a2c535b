//! A recording is read: a source for each of its fetches.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use cpl_batch::{Batch, BatchSink, Field, Problem, ReadError, Source, SourceStats};

use crate::{
    file,
    head::{FILE, FORMAT, Head, RecordedColumn, RecordedFetch},
};

/// A recording.
#[derive(Debug)]
pub struct Recording {
    folder: PathBuf,
    /// What it says of itself.
    pub head: Head,
}

/// Why a folder is no recording.
#[derive(Debug)]
pub enum NoRecording {
    /// It lacks the file that is written last.
    Unfinished,
    /// The system refuses to read that file.
    Io(io::Error),
    /// That file is damaged.
    Damaged(serde_json::Error),
    /// It is of another form: of a program that came before or after this one.
    Format(u32),
}

/// Why a recording has no rows for a fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// It has none of that name.
    NoFetch {
        /// Those that it has.
        found: Vec<String>,
    },
    /// It is of another request.
    Request {
        /// The first line that differs, as it was recorded; none where there was none.
        recorded: Option<String>,
        /// The same line now.
        now: Option<String>,
    },
    /// It lacks a column, which nothing read then.
    NoColumn(String),
    /// Its personal values were hashed with another salt than those of this machine's files, so that none would be equal.
    Salt,
    /// A column was declared otherwise.
    Declared {
        /// The column.
        column: String,
        /// How it was declared.
        recorded: String,
        /// How it is declared.
        now: String,
    },
}

impl Recording {
    /// The recording in a folder.
    ///
    /// # Errors
    /// Why there is none.
    pub fn open(folder: &Path) -> Result<Self, NoRecording> {
        let text = fs::read_to_string(folder.join(FILE)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound if folder.is_dir() => NoRecording::Unfinished,
            _ => NoRecording::Io(error),
        })?;
        // Another form may hold anything else.
        let format = serde_json::from_str::<serde_json::Value>(&text).map_err(NoRecording::Damaged)?["format"].as_u64();
        match format.and_then(|format| u32::try_from(format).ok()) {
            Some(FORMAT) | None => {}
            Some(other) => return Err(NoRecording::Format(other)),
        }
        let head = serde_json::from_str(&text).map_err(NoRecording::Damaged)?;
        Ok(Self { folder: folder.to_owned(), head })
    }

    /// The rows of a fetch that requests the same, in those of its columns; `fields` say what values they hold.
    ///
    /// # Errors
    /// Where the recording is of something else.
    pub fn source(
        &self,
        name: &str,
        wanted: &RecordedFetch,
        fields: Vec<Field>,
    ) -> Result<Box<dyn Source + 'static>, Mismatch> {
        let fetches = &self.head.fetches;
        let no_fetch = || Mismatch::NoFetch { found: fetches.keys().cloned().collect() };
        let recorded = fetches.get(name).ok_or_else(no_fetch)?;
        if recorded.request != wanted.request {
            return Err(differing(&recorded.request, &wanted.request));
        }
        if let (Some(salt), Some(now)) = (&recorded.salt, &wanted.salt)
            && salt != now
        {
            return Err(Mismatch::Salt);
        }
        let places = wanted.columns.iter().map(|column| place(column, &recorded.columns)).collect::<Result<_, _>>()?;
        let path = file::path(&self.folder, name);
        Ok(Box::new(Replayed { path, places, fields, width: recorded.columns.len(), stats: recorded.stats.clone() }))
    }
}

/// The first line in which two texts differ.
fn differing(recorded: &str, now: &str) -> Mismatch {
    let (mut recorded, mut now) = (recorded.lines(), now.lines());
    loop {
        match (recorded.next(), now.next()) {
            (Some(one), Some(other)) if one == other => {}
            (one, other) => {
                return Mismatch::Request { recorded: one.map(str::to_owned), now: other.map(str::to_owned) };
            }
        }
    }
}

/// The place of a column among those that were recorded.
fn place(wanted: &RecordedColumn, recorded: &[RecordedColumn]) -> Result<usize, Mismatch> {
    let RecordedColumn { name, declared } = wanted;
    let at = recorded.iter().position(|column| column.name == *name);
    let at = at.ok_or_else(|| Mismatch::NoColumn(name.clone()))?;
    if recorded[at].declared == *declared {
        return Ok(at);
    }
    Err(Mismatch::Declared { column: name.clone(), recorded: recorded[at].declared.clone(), now: declared.clone() })
}

/// The rows of a recording.
struct Replayed {
    path: PathBuf,
    /// The place of each wanted column in a line.
    places: Vec<usize>,
    fields: Vec<Field>,
    /// The columns of a line.
    width: usize,
    stats: SourceStats,
}

impl Replayed {
    fn failed(&self, why: &dyn ToString) -> ReadError {
        ReadError { file: self.path.display().to_string(), problem: Problem::Unreadable(why.to_string()) }
    }

    /// The wanted columns of a batch; why there are none, where it is not what was recorded.
    fn wanted(&self, batch: Batch) -> Result<Batch, &'static str> {
        const OTHER: &str = "a line is not what was recorded";
        if !batch.bad.is_empty() && self.places.len() < self.width {
            return Err(
                "a row was rejected that may be right without the columns that are no longer read: record the run again",
            );
        }
        self.columns_of(batch).filter(|batch| batch.is_of(&self.fields)).ok_or(OTHER)
    }

    fn columns_of(&self, batch: Batch) -> Option<Batch> {
        if batch.columns.len() != self.width {
            return None;
        }
        let mut columns: Vec<_> = batch.columns.into_iter().map(Some).collect();
        // Whether texts come as numbers of a dictionary depends on what a plan does with them.
        let columns = self.places.iter().map(|at| columns[*at].take()?.spelled_out()).collect::<Option<_>>()?;
        let bad = batch.bad.into_iter().map(|mut row| {
            row.cells = self.places.iter().map(|at| row.cells.get_mut(*at).and_then(Option::take)).collect();
            row
        });
        Some(Batch { rows: batch.rows, columns, bad: bad.collect() })
    }
}

impl Source for Replayed {
    fn start(&mut self) -> Result<(), ReadError> {
        self.path.metadata().map(drop).map_err(|error| self.failed(&error))
    }

    fn read(&mut self, sink: &mut BatchSink<'_>) -> Result<SourceStats, ReadError> {
        let mut rows = 0;
        for line in file::lines(&self.path).map_err(|error| self.failed(&error))? {
            let line = line.map_err(|error| self.failed(&error))?;
            rows += (line.batch.rows + line.batch.bad.len()) as u64;
            let batch = self.wanted(line.batch).map_err(|why| self.failed(&why))?;
            if sink(&line.from, batch).is_break() {
                return Ok(self.stats.clone());
            }
        }
        if rows != self.stats.rows {
            return Err(self.failed(&format!("it has {rows} rows, and {} were recorded", self.stats.rows)));
        }
        Ok(self.stats.clone())
    }
}
