use std::{fs, path::Path};

use rusqlite::Connection;

use crate::{
    Decision, Effect, EffectState, Ledger, LedgerError, Run, RunLock, Step,
    head::{Head, HeadFile},
};

fn run(window: &str) -> Run {
    Run { pipeline: "p".to_owned(), window: window.to_owned(), now: 1_000, began: 1_500, program: "text".to_owned() }
}

fn decision(run: i64, id: &str) -> Decision {
    let (id, key) = (id.to_owned(), "{}".to_owned());
    let (rule, state, because) = ("r".to_owned(), "fires".to_owned(), "[]".to_owned());
    Decision { run, id, rule, key, state, reason: None, because }
}

fn effect(decision: i64, id: &str, at: i64) -> Effect {
    let text = str::to_owned;
    Effect {
        decision,
        decision_id: text(id),
        position: 0,
        at,
        target: text("t"),
        place: text("file:a"),
        thing: text("google"),
        key: text("{}"),
        name: Some(text("budget")),
        before: text("100"),
        after: text("120"),
        payload: text("{}"),
    }
}

/// A decision of one effect; the effect's number.
fn record(folder: &Path, window: &str, id: &str, at: i64) -> Result<i64, LedgerError> {
    let mut ledger = Ledger::open(folder)?;
    let mut transaction = ledger.begin()?;
    let run = transaction.add(&run(window))?;
    let decision = transaction.add(&decision(run, id))?;
    let effect = transaction.add(&effect(decision, id, at))?;
    transaction.commit()?;
    Ok(effect)
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"))
}

fn raw(folder: &Path) -> Connection {
    Connection::open(folder.join("ledger.db")).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn what_was_recorded_is_found_by_another_process() -> Result<(), LedgerError> {
    let folder = folder();
    assert!(Ledger::read(folder.path())?.is_none(), "there was none yet");
    let effect = record(folder.path(), "monday", "one", 10)?;
    record(folder.path(), "tuesday", "two", 20)?;
    let mut ledger = Ledger::open(folder.path())?;
    assert!(ledger.is_recorded("one")? && ledger.is_recorded("two")? && !ledger.is_recorded("three")?);
    let last = |before| Ok::<_, LedgerError>(ledger.last_change("google", before)?.map(|effect| effect.at));
    assert_eq!([last(i64::MAX)?, last(20)?, last(10)?], [Some(20), Some(10), None]);
    assert_eq!(ledger.last_change("meta", i64::MAX)?, None);
    assert_eq!(ledger.effects_of("p", "monday")?.len(), 1);
    assert_eq!(ledger.left_behind("p", "tuesday")?.iter().map(|(at, ..)| *at).collect::<Vec<_>>(), [effect]);
    let mut transaction = ledger.begin()?;
    transaction.add(&Step { effect, state: EffectState::Expired, at: 30 })?;
    transaction.commit()?;
    assert!(ledger.left_behind("p", "tuesday")?.is_empty());
    let logged = ledger.log(None, 10)?;
    assert_eq!(
        logged.iter().map(|one| (one.run.window.as_str(), one.state.word())).collect::<Vec<_>>(),
        [("tuesday", "recorded"), ("monday", "expired")]
    );
    assert!(ledger.log(Some("other"), 10)?.is_empty());
    Ok(())
}

#[test]
fn what_expired_changed_nothing() -> Result<(), LedgerError> {
    let folder = folder();
    let effect = record(folder.path(), "monday", "one", 10)?;
    let mut ledger = Ledger::open(folder.path())?;
    let mut transaction = ledger.begin()?;
    transaction.add(&Step { effect, state: EffectState::Expired, at: 30 })?;
    transaction.commit()?;
    assert_eq!(ledger.last_change("google", i64::MAX)?, None);
    Ok(())
}

#[test]
fn a_transaction_that_is_not_committed_leaves_nothing() -> Result<(), LedgerError> {
    let folder = folder();
    let mut ledger = Ledger::open(folder.path())?;
    let mut transaction = ledger.begin()?;
    transaction.add(&run("monday"))?;
    drop(transaction);
    record(folder.path(), "monday", "one", 10)?;
    assert_eq!(ledger.log(None, 10)?.len(), 1);
    Ok(())
}

#[test]
fn an_effect_is_recorded_once() -> Result<(), LedgerError> {
    let folder = folder();
    record(folder.path(), "monday", "one", 10)?;
    assert!(matches!(record(folder.path(), "monday", "one", 10), Err(LedgerError::Refused { .. })));
    assert_eq!(Ledger::open(folder.path())?.log(None, 10)?.len(), 1);
    Ok(())
}

/// Each cell of each row: its change is seen where the row is read.
#[test]
fn a_value_that_was_changed_is_seen() -> Result<(), LedgerError> {
    let columns = [
        ("runs", "pipeline window now began program"),
        ("decisions", "run id rule key state reason because"),
        ("effects", "decision decision_id position at target place thing key name before after payload"),
        ("steps", "effect state at"),
    ];
    for (table, column) in columns.iter().flat_map(|(table, names)| names.split(' ').map(move |name| (table, name))) {
        let folder = folder();
        let effect = record(folder.path(), "monday", "one", 10)?;
        let mut ledger = Ledger::open(folder.path())?;
        let mut transaction = ledger.begin()?;
        transaction.add(&Step { effect, state: EffectState::Confirmed, at: 30 })?;
        transaction.commit()?;
        let raw = raw(folder.path());
        raw.pragma_update(None, "foreign_keys", false)?;
        // What leads from row to row leads to none then.
        let is_number = ["run", "decision", "position", "at", "now", "began", "effect"].contains(&column);
        let value = if is_number { "77" } else { "'else'" };
        raw.execute(&format!("update {table} set {column} = {value}"), [])?;
        let read = ledger.log(None, 10);
        let is_seen = matches!(read, Err(LedgerError::Damaged { .. }));
        // A step that belongs to no effect is not read: all steps are, where all of the ledger is verified.
        assert!(is_seen || (*table, column) == ("steps", "effect"), "{table}.{column}: {read:?}");
    }
    Ok(())
}

#[test]
fn a_file_that_is_not_the_one_that_was_written_is_refused() -> Result<(), LedgerError> {
    /// What happens to the folder.
    type Happening = fn(&Path, &Path) -> std::io::Result<()>;
    let happenings: [(&str, Happening, LedgerError); 5] = [
        ("removed", |db, _| fs::remove_file(db), LedgerError::Vanished),
        ("emptied", |db, _| fs::write(db, ""), LedgerError::Empty),
        ("another", |db, _| fs::write(db, "x".repeat(4_096)), LedgerError::Foreign),
        ("without its head", |_, head| fs::remove_file(head), LedgerError::NoHead),
        ("another head", |_, head| fs::write(head, "{}"), LedgerError::OtherEnd),
    ];
    for (name, happening, wanted) in happenings {
        let folder = folder();
        record(folder.path(), "monday", "one", 10)?;
        happening(&folder.path().join("ledger.db"), &folder.path().join("ledger.head"))?;
        for _ in 0..2 {
            assert_eq!(Ledger::open(folder.path()).err(), Some(wanted.clone()), "{name}");
            assert_eq!(Ledger::read(folder.path()).err(), Some(wanted.clone()), "{name}");
        }
    }
    Ok(())
}

#[test]
fn an_old_copy_is_refused() -> Result<(), LedgerError> {
    let folder = folder();
    let (db, copy) = (folder.path().join("ledger.db"), folder.path().join("copy"));
    record(folder.path(), "monday", "one", 10)?;
    fs::copy(&db, &copy)?;
    record(folder.path(), "tuesday", "two", 20)?;
    fs::copy(&copy, &db)?;
    assert_eq!(Ledger::open(folder.path()).err(), Some(LedgerError::OtherEnd));
    Ok(())
}

#[test]
fn a_newer_one_is_refused() -> Result<(), LedgerError> {
    let folder = folder();
    record(folder.path(), "monday", "one", 10)?;
    raw(folder.path()).pragma_update(None, "user_version", 9)?;
    assert_eq!(Ledger::open(folder.path()).err(), Some(LedgerError::Newer { version: 9 }));
    Ok(())
}

/// Power is lost between the head and the commit, and between the commit and the head.
#[test]
fn a_head_of_two_ends_is_no_damage() -> Result<(), LedgerError> {
    for is_committed in [false, true] {
        let folder = folder();
        let (db, copy) = (folder.path().join("ledger.db"), folder.path().join("copy"));
        record(folder.path(), "monday", "one", 10)?;
        let file = HeadFile::of(folder.path());
        let ends = || file.read().map(|head| head.unwrap_or_else(|| panic!("there is a head")));
        let monday = ends()?;
        fs::copy(&db, &copy)?;
        record(folder.path(), "tuesday", "two", 20)?;
        file.write(&Head { before: monday.after, ..ends()? })?;
        if !is_committed {
            fs::copy(&copy, &db)?;
        }
        record(folder.path(), "wednesday", "three", 30)?;
        assert_eq!(Ledger::open(folder.path())?.log(None, 10)?.len(), if is_committed { 3 } else { 2 });
    }
    Ok(())
}

#[test]
fn a_new_ledger_without_a_row_needs_no_head() -> Result<(), LedgerError> {
    let folder = folder();
    Ledger::open(folder.path())?;
    record(folder.path(), "monday", "one", 10)?;
    assert_eq!(Ledger::open(folder.path())?.log(None, 10)?.len(), 1);
    Ok(())
}

#[test]
fn two_processes_write_one_after_the_other() -> Result<(), LedgerError> {
    let folder = folder();
    Ledger::open(folder.path())?;
    std::thread::scope(|scope| {
        let each = |thread: i64| {
            let path = folder.path();
            scope.spawn(move || {
                for one in 0..10 {
                    record(path, "monday", &format!("{thread}.{one}"), one)
                        .unwrap_or_else(|error| panic!("{thread}.{one}: {error}"));
                }
            })
        };
        for thread in (0..4).map(each).collect::<Vec<_>>() {
            assert!(thread.join().is_ok());
        }
    });
    assert_eq!(Ledger::open(folder.path())?.log(None, 100)?.len(), 40);
    Ok(())
}

#[test]
fn a_pipeline_runs_once_at_a_time() -> Result<(), LedgerError> {
    let folder = folder();
    let first = RunLock::take(folder.path(), "p")?;
    assert_eq!(RunLock::take(folder.path(), "p").err(), Some(LedgerError::UnderWay { pipeline: "p".to_owned() }));
    RunLock::take(folder.path(), "q")?;
    drop(first);
    RunLock::take(folder.path(), "p")?;
    Ok(())
}
