//! All of a ledger is verified; copies of it, and putting one back.

use std::{
    fmt,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use rusqlite::OpenFlags;
use tempfile::TempDir;

use crate::{
    error::LedgerError,
    head::{FileStamp, Head, HeadFile},
    ledger::Ledger,
    lock::{RunLock, lock},
    reader::{self, LedgerReader},
    rows::{Pause, PauseState},
};

/// The files of a ledger.
const DATABASE: &str = "ledger.db";
const HEAD: &str = "ledger.head";

/// What is known of the time since a copy was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restored {
    /// The ledger ended where the copy does: nothing is lost.
    Whole,
    /// The ledger went on: rows are lost, so many where its head says so. Nothing is sent until somebody says so.
    Behind {
        /// How many rows are lost.
        lost: Option<i64>,
    },
}

/// Why a copy is not made, or not put back. Nothing was changed then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackupError {
    /// There is something in the folder already.
    NotEmpty,
    /// There is no ledger.
    NoLedger,
    /// The ledger in its place is sound, and the copy is not newer.
    NotNeeded {
        /// How many rows it has more than the copy.
        more: i64,
    },
    /// The ledger in its place is, or was, another one.
    OtherLedger,
    /// The copy, or the ledger, can't be used.
    Ledger(LedgerError),
}

impl fmt::Display for BackupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotEmpty => f.write_str("there is something in it already: a copy is made in a new folder"),
            Self::NoLedger => f.write_str("there is no ledger"),
            Self::NotNeeded { more: 0 } => f.write_str("the ledger is sound, and the same as the copy"),
            Self::NotNeeded { more } => {
                write!(f, "the ledger is sound, and {more} rows newer than the copy: they would be forgotten")
            }
            Self::OtherLedger => f.write_str("it is a copy of another ledger than the one in its place"),
            Self::Ledger(error) => error.fmt(f),
        }
    }
}

impl<E: Into<LedgerError>> From<E> for BackupError {
    fn from(error: E) -> Self {
        Self::Ledger(error.into())
    }
}

/// Copies the ledger in a folder, all of it verified, into a new folder: how many rows it has.
///
/// # Errors
/// Where there is none, one of its rows is not what was written, or the system refuses.
pub fn back_up(folder: &Path, to: &Path) -> Result<i64, BackupError> {
    if fs::read_dir(to).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(BackupError::NotEmpty);
    }
    let ledger = LedgerReader::open(folder)?.ok_or(BackupError::NoLedger)?;
    // Nobody writes meanwhile.
    let _lock = lock(folder)?;
    ledger.verify()?;
    fs::create_dir_all(to)?;
    let copied = copy(&ledger, to);
    if copied.is_err() {
        let _nothing_stays = fs::remove_file(reader::file(to)).and_then(|()| fs::remove_dir(to));
    }
    copied
}

/// Verifies all of the ledger in a folder: how many rows it has; none where there never was one.
///
/// # Errors
/// Where something of it is not what was written.
pub fn verify(folder: &Path) -> Result<Option<i64>, LedgerError> {
    let Some(ledger) = LedgerReader::open(folder)? else { return Ok(None) };
    // Nobody writes meanwhile; where the system lets nobody write there, that is so anyway.
    let _lock = lock(folder).ok();
    ledger.verify()?;
    Ok(Some(ledger.end()?.serial))
}

/// Copies a ledger that nobody writes to; the head, which makes it one, comes last.
fn copy(ledger: &LedgerReader, to: &Path) -> Result<i64, BackupError> {
    let (lineage, tip) = ledger.tip()?;
    let file = reader::file(to);
    ledger.connection.execute("vacuum into ?1", [file.to_string_lossy()])?;
    File::open(&file)?.sync_all()?;
    HeadFile::of(to).write(&Head::of(lineage, tip.clone(), FileStamp::of(&file)))?;
    let copied = LedgerReader::existing(to, OpenFlags::SQLITE_OPEN_READ_ONLY)?.ok_or(BackupError::NoLedger)?;
    copied.verify()?;
    Ok(tip.serial)
}

/// Puts a copy back where the ledger is gone or damaged; what is there is moved aside, and named. A ledger that went on
/// since the copy was made has done more than it says: its workspace is paused then. `now` is in microseconds since 1970.
///
/// # Errors
/// Where the copy is none, or that of a workspace with another name, a ledger that is sound or another one is in its place, or
/// a pipeline runs.
pub fn restore(
    from: &Path,
    (folder, workspace): (&Path, Option<&str>),
    now: i64,
) -> Result<(Restored, Vec<PathBuf>), BackupError> {
    let (source, _newest_tables) = source(from)?;
    source.check_workspace(workspace)?;
    let (lineage, tip) = source.tip()?;
    let _running = RunLock::take_all(folder)?;
    let lock = lock(folder)?;
    if let Ok(Some(ledger)) = LedgerReader::existing(folder, OpenFlags::SQLITE_OPEN_READ_WRITE) {
        let (of, end) = ledger.tip()?;
        if of != lineage {
            return Err(BackupError::OtherLedger);
        }
        if end.serial >= tip.serial && ledger.verify().is_ok() {
            return Err(BackupError::NotNeeded { more: end.serial - tip.serial });
        }
    }
    // A head that can't be read says nothing.
    let head = HeadFile::of(folder).read().ok().flatten();
    if head.as_ref().is_some_and(|head| head.lineage != lineage) {
        return Err(BackupError::OtherLedger);
    }
    let restored = match &head {
        Some(head) if head.after == tip => Restored::Whole,
        Some(head) => Restored::Behind { lost: Some(head.after.serial - tip.serial).filter(|lost| *lost > 0) },
        None => Restored::Behind { lost: None },
    };
    // Made whole elsewhere: what is in its place stays until the new one is there, head last.
    let made = tempfile::tempdir_in(folder)?;
    copy(&source, made.path())?;
    if restored != Restored::Whole {
        pause(made.path(), now)?;
    }
    let aside = put(made.path(), folder)?;
    drop(lock);
    Ok((restored, aside))
}

/// A copy that is to be put back, all of it verified. One by an older version gets the tables of this one elsewhere: the copy
/// stays as it is.
fn source(from: &Path) -> Result<(LedgerReader, Option<TempDir>), BackupError> {
    let (ledger, elsewhere) = match LedgerReader::existing(from, OpenFlags::SQLITE_OPEN_READ_ONLY) {
        Err(LedgerError::Older) => {
            let elsewhere = tempfile::tempdir()?;
            for name in [DATABASE, HEAD] {
                fs::copy(from.join(name), elsewhere.path().join(name))?;
            }
            (LedgerReader::existing(elsewhere.path(), OpenFlags::SQLITE_OPEN_READ_WRITE)?, Some(elsewhere))
        }
        found => (found?, None),
    };
    let ledger = ledger.ok_or(BackupError::NoLedger)?;
    ledger.verify()?;
    Ok((ledger, elsewhere))
}

/// Nothing is sent from a ledger that went on since its copy was made.
fn pause(folder: &Path, now: i64) -> Result<(), LedgerError> {
    let mut ledger = Ledger::open(folder)?;
    let mut transaction = ledger.begin()?;
    let why = Some("a copy of the ledger was put back: what was sent since is not known".to_owned());
    let (pipeline, state, by) = (None, PauseState::Paused, "cpl restore".to_owned());
    transaction.add(&Pause { pipeline, state, by, why, at: now })?;
    transaction.commit()
}

/// Puts a ledger in the place of another one, which gets another name: while it is under way there is a head, and the
/// ledger is refused.
fn put(made: &Path, folder: &Path) -> io::Result<Vec<PathBuf>> {
    let number = (1..10_000).find(|n| !folder.join(format!("replaced.{n}")).exists()).unwrap_or(10_000);
    let aside = folder.join(format!("replaced.{number}"));
    fs::create_dir(&aside)?;
    // A journal belongs to the file next to it.
    for name in [DATABASE, "ledger.db-journal"] {
        if folder.join(name).exists() {
            fs::rename(folder.join(name), aside.join(name))?;
        }
    }
    if folder.join(HEAD).exists() {
        fs::copy(folder.join(HEAD), aside.join(HEAD))?;
    }
    for name in [DATABASE, HEAD] {
        fs::rename(made.join(name), folder.join(name))?;
    }
    File::open(folder)?.sync_all()?;
    Ok(if fs::read_dir(&aside)?.next().is_some() {
        vec![aside]
    } else {
        fs::remove_dir(&aside).map(|()| Vec::new())?
    })
}
