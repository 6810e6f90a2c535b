//! Bytes of a ledger, of its head, and of the journal that a crash left, are changed or lost: what is asked of it is answered as
//! before, or it is refused.

use std::{fs, path::Path};

use tempfile::TempDir;

use super::{decision, effect, folder, run, window};
use crate::{
    EffectState, Ledger, LedgerError, LedgerReader, Pause, PauseState, Step, Verdict, VerdictKind,
    head::{Head, HeadFile},
};

/// How many decisions the ledger holds.
const DECISIONS: i64 = 300;
/// How many resources take turns.
const RESOURCES: i64 = 25;
/// The bytes of a page of SQLite, and those of its record in a journal.
const PAGE: usize = 4_096;
const RECORD: usize = PAGE + 8;
/// The bytes of a journal before its first record.
const JOURNAL_HEADER: usize = 512;

const DATABASE: &str = "ledger.db";
const JOURNAL: &str = "ledger.db-journal";
const HEAD: &str = "ledger.head";

/// Adds decisions, each in a window of its own.
fn add(ledger: &mut Ledger, windows: std::ops::Range<i64>) -> Result<(), LedgerError> {
    let mut transaction = ledger.begin()?;
    fill(&mut transaction, windows)?;
    transaction.commit()
}

fn fill(transaction: &mut crate::Transaction<'_>, windows: std::ops::Range<i64>) -> Result<(), LedgerError> {
    let program = transaction.add_program("text")?;
    for at in windows {
        let run = transaction.add(&crate::Run { workspace: Some("w".to_owned()), ..run(at, program.clone()) })?;
        let number = transaction.add(&decision(run, &id(at)))?;
        let serial = transaction.add(&crate::Effect { resource: resource(at), ..effect(number, &id(at), at) })?;
        let (by, why) = ("ann".to_owned(), None);
        if at % 7 == 0 {
            let (decision_id, changes, sends) = (id(at), "[]".to_owned(), None);
            let (by, why, verdict) = (by.clone(), why.clone(), VerdictKind::Rejected);
            transaction.add(&Verdict { decision_id, changes, verdict, by, why, at, sends })?;
        }
        if at % 60 == 0 {
            let state = if at % 120 == 0 { PauseState::Paused } else { PauseState::Resumed };
            transaction.add(&Pause { pipeline: None, state, by, why, at })?;
        }
        for state in [EffectState::Sent, EffectState::Confirmed] {
            transaction.add(&Step { effect: serial, state, at, why: None })?;
        }
    }
    Ok(())
}

fn id(window: i64) -> String {
    crate::chain::sha256(window.to_string())
}

fn resource(at: i64) -> String {
    format!("campaign {}", at % RESOURCES)
}

/// What runs ask, each answer as a text.
fn answers(ledger: &LedgerReader) -> Result<Vec<String>, LedgerError> {
    let mut answers = Vec::new();
    for at in (0..DECISIONS).step_by(9) {
        answers.push(format!("{:?}", ledger.states(&id(at))?));
        answers.push(format!("{:?}", ledger.decision(&id(at))?));
        answers.push(format!("{:?}", ledger.verdict(&id(at))?));
        answers.push(format!("{:?}", ledger.window(window("p", at, &at.to_string()))?));
    }
    for of in (0..RESOURCES).map(resource) {
        answers.push(format!("{:?}", ledger.last_change(&of, None, i64::MAX)?));
        answers.push(format!("{:?}", ledger.last_change(&of, Some("budget"), i64::MAX)?));
        answers.push(format!("{:?}", ledger.changes(&of, (100, 250))?));
    }
    answers.push(format!("{:?}", ledger.open_before(window("p", DECISIONS, "now"))?));
    answers.push(format!("{:?}", (ledger.pause("p")?, ledger.workspace()?)));
    Ok(answers)
}

/// A ledger's files, as they are to be damaged.
struct Files(Vec<(&'static str, Vec<u8>)>);

impl Files {
    fn of(folder: &Path) -> Result<Self, LedgerError> {
        let found = [DATABASE, JOURNAL, HEAD].into_iter().filter(|name| folder.join(name).exists());
        Ok(Self(found.map(|name| Ok((name, fs::read(folder.join(name))?))).collect::<Result<_, LedgerError>>()?))
    }

    fn bytes(&self, name: &str) -> &[u8] {
        self.0.iter().find(|(file, _)| *file == name).map(|(_, bytes)| bytes.as_slice()).unwrap_or_default()
    }

    /// The files with one of them damaged, in a folder of their own.
    fn damaged(&self, name: &str, damage: impl FnOnce(&mut Vec<u8>)) -> Result<TempDir, LedgerError> {
        let copy = folder();
        let mut damage = Some(damage);
        for (file, bytes) in &self.0 {
            let mut bytes = bytes.clone();
            if let Some(damage) = damage.take_if(|_| *file == name) {
                damage(&mut bytes);
            }
            fs::write(copy.path().join(file), bytes)?;
        }
        Ok(copy)
    }
}

/// A byte of `name` at each of the places is changed, then the file is cut off at each of them: no answer is another than one
/// of `right`. How often the ledger was refused.
fn damage(
    files: &Files,
    name: &str,
    places: impl Iterator<Item = usize> + Clone,
    right: &[Vec<String>],
) -> Result<usize, LedgerError> {
    let mut refused = 0;
    for (nth, at) in places.enumerate() {
        let flipped = files.damaged(name, |bytes| bytes[at] ^= 1 << (nth % 8))?;
        let cut = files.damaged(name, |bytes| bytes.truncate(at))?;
        for (what, folder) in [("changed", flipped), ("cut off", cut)] {
            match Ledger::open(folder.path()).and_then(|ledger| answers(&ledger)) {
                Err(_) => refused += 1,
                Ok(answers) => assert!(right.contains(&answers), "{name} {what} at {at}"),
            }
        }
    }
    Ok(refused)
}

/// One place in each block of a file, now here, now there in it.
fn in_each(block: usize, bytes: usize) -> impl Iterator<Item = usize> + Clone {
    (0..bytes / block).map(move |nth| nth * block + nth * 2_654_435_761 % block)
}

#[test]
fn pages_are_damaged() -> Result<(), LedgerError> {
    let folder = folder();
    let mut ledger = Ledger::open(folder.path())?;
    add(&mut ledger, 0..DECISIONS)?;
    let right = answers(&ledger)?;
    let files = Files::of(folder.path())?;
    let bytes = files.bytes(DATABASE).len();
    let refused = damage(&files, DATABASE, in_each(PAGE, bytes), std::slice::from_ref(&right))?;
    assert!(refused > bytes / PAGE, "{refused} of {}", bytes / PAGE);
    // Cut off between two pages.
    let between = (0..bytes / PAGE).map(|page| page * PAGE);
    damage(&files, DATABASE, between, &[right])?;
    Ok(())
}

#[test]
fn a_head_is_damaged() -> Result<(), LedgerError> {
    let folder = folder();
    let mut ledger = Ledger::open(folder.path())?;
    add(&mut ledger, 0..3)?;
    let right = answers(&ledger)?;
    let files = Files::of(folder.path())?;
    damage(&files, HEAD, 0..files.bytes(HEAD).len(), &[right])?;
    Ok(())
}

/// A run is killed while its transaction goes to the disk: the journal takes it back, or the ledger is refused.
#[test]
fn the_journal_of_a_crash_is_damaged() -> Result<(), LedgerError> {
    let folder = folder();
    let mut ledger = Ledger::open(folder.path())?;
    add(&mut ledger, 0..DECISIONS - 150)?;
    let before = answers(&ledger)?;
    // What does not fit goes to the disk before the commit.
    ledger.connection.pragma_update(None, "cache_size", 10)?;
    let mut transaction = ledger.begin()?;
    fill(&mut transaction, DECISIONS - 150..DECISIONS)?;
    let file = HeadFile::of(folder.path());
    let head = file.read()?.ok_or(LedgerError::HeadMissing)?;
    file.write(&Head { after: transaction.tip.clone(), file: None, ..head })?;
    let files = Files::of(folder.path())?;
    transaction.commit()?;
    let right = [before, answers(&ledger)?];
    let bytes = files.bytes(JOURNAL).len();
    assert!(bytes > JOURNAL_HEADER + 20 * RECORD, "{bytes} bytes of a journal");
    let records = in_each(RECORD, bytes - JOURNAL_HEADER).map(|at| JOURNAL_HEADER + at);
    let refused = damage(&files, JOURNAL, (0..JOURNAL_HEADER).step_by(7).chain(records), &right)?;
    assert!(refused > 0);
    let whole = files.damaged(JOURNAL, |_| ())?;
    assert_eq!(answers(&*Ledger::open(whole.path())?)?, right[0]);
    Ok(())
}
