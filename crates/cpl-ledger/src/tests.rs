mod damage;
mod versions;
mod windows;

use std::{fs, path::Path};

use rusqlite::Connection;

use crate::{
    Decision, DecisionState, Effect, EffectState, Ledger, LedgerError, LedgerReader, LogFilter, Run, RunLock, Step,
    WindowId,
    chain::ChainTip,
    head::{FileStamp, Head, HeadFile},
};

fn run(start: i64, program: String) -> Run {
    let (pipeline, window) = ("p".to_owned(), start.to_string());
    Run {
        pipeline,
        window,
        window_start: start,
        started_at: start + 5,
        program,
        window_end: Some(start + 10),
        inputs: None,
        settings: None,
        checks: None,
        workspace: None,
    }
}

fn decision(run: i64, id: &str) -> Decision {
    let text = str::to_owned;
    Decision {
        run,
        id: text(id),
        rule: text("r"),
        key: text("{}"),
        reason: Some(text("why")),
        because: text("[]"),
        state: Some(DecisionState::Acts),
        changes: Some(text("[]")),
        conditions: Some(text("[]")),
        undoes: None,
        sends: None,
    }
}

fn effect(decision: i64, id: &str, start: i64) -> Effect {
    let text = str::to_owned;
    Effect {
        decision,
        decision_id: text(id),
        position: 0,
        window: start.to_string(),
        window_start: start,
        target: text("t"),
        place: text("file:a"),
        resource: text("google"),
        key: text("{}"),
        name: Some(text("budget")),
        before: text("100"),
        after: text("120"),
        payload: text("{}"),
        setting: Some(text("budget")),
        unit: Some(text("USD")),
        reverse: Some(text("{}")),
    }
}

/// A decision of one effect, in the window that starts then; the effect's number.
fn record(folder: &Path, start: i64, id: &str) -> Result<i64, LedgerError> {
    let mut ledger = Ledger::open(folder)?;
    let mut transaction = ledger.begin()?;
    let program = transaction.add_program("text")?;
    let run = transaction.add(&run(start, program))?;
    let decision = transaction.add(&decision(run, id))?;
    let effect = transaction.add(&effect(decision, id, start))?;
    transaction.commit()?;
    Ok(effect)
}

fn step(folder: &Path, effect: i64, state: EffectState) -> Result<(), LedgerError> {
    let mut ledger = Ledger::open(folder)?;
    let mut transaction = ledger.begin()?;
    transaction.add(&Step { effect, state, at: 30, why: None })?;
    transaction.commit()
}

fn all() -> LogFilter {
    LogFilter { pipeline: None, rule: None, value: None, state: None, since: i64::MIN, until: i64::MAX, limit: 10 }
}

fn window<'w>(pipeline: &'w str, start: i64, name: &'w str) -> WindowId<'w> {
    WindowId { pipeline, name, start }
}

/// How many decisions of a rule act in a window.
fn acting(ledger: &LedgerReader, pipeline: &str, start: i64, rule: &str) -> usize {
    ledger.window(window(pipeline, start, &start.to_string())).unwrap_or_else(|error| panic!("{error}")).acting(rule)
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
    assert!(LedgerReader::open(folder.path())?.is_none(), "there was none yet");
    let first = record(folder.path(), 10, "one")?;
    record(folder.path(), 20, "two")?;
    let ledger = Ledger::open(folder.path())?;
    assert!(ledger.is_recorded("one")? && ledger.is_recorded("two")? && !ledger.is_recorded("three")?);
    let last =
        |before| Ok::<_, LedgerError>(ledger.last_change("google", None, before)?.map(|last| last.run.window_start));
    assert_eq!([last(i64::MAX)?, last(20)?, last(10)?], [Some(20), Some(10), None]);
    assert_eq!(ledger.last_change("meta", None, i64::MAX)?, None);
    assert_eq!(
        [("p", 10, "r"), ("p", 10, "s"), ("p", 30, "r")].map(|(of, start, rule)| acting(&ledger, of, start, rule)),
        [1, 0, 0]
    );
    assert_eq!(
        [ledger.window(window("p", 10, "10"))?.effects().len(), ledger.effects_at("file:a", "20")?.len()],
        [1, 1]
    );
    let before = |start| {
        let found = ledger.open_before(window("p", start, "now"))?;
        Ok::<Vec<i64>, LedgerError>(found.iter().map(|one| one.serial).collect())
    };
    assert_eq!([before(20)?, before(10)?], [vec![first], Vec::new()]);
    step(folder.path(), first, EffectState::Uncertain)?;
    assert_eq!(before(20)?, vec![first], "nobody knows yet what became of it");
    let logged = ledger.log(&all())?;
    assert_eq!(
        logged.iter().map(|one| (one.run.window.as_str(), one.state.word())).collect::<Vec<_>>(),
        [("20", "recorded"), ("10", "uncertain")]
    );
    assert!(ledger.log(&LogFilter { pipeline: Some("other".to_owned()), ..all() })?.is_empty());
    Ok(())
}

/// What may have been sent counts as sent.
#[test]
fn what_is_uncertain_counts_as_a_change() -> Result<(), LedgerError> {
    let folder = folder();
    let effect = record(folder.path(), 10, "one")?;
    step(folder.path(), effect, EffectState::Uncertain)?;
    assert!(Ledger::open(folder.path())?.last_change("google", None, i64::MAX)?.is_some());
    Ok(())
}

#[test]
fn a_transaction_that_is_not_committed_leaves_nothing() -> Result<(), LedgerError> {
    let folder = folder();
    let mut ledger = Ledger::open(folder.path())?;
    let mut transaction = ledger.begin()?;
    transaction.add_program("text")?;
    drop(transaction);
    record(folder.path(), 10, "one")?;
    assert_eq!(ledger.log(&all())?.len(), 1);
    Ok(())
}

#[test]
fn an_effect_is_recorded_once() -> Result<(), LedgerError> {
    let folder = folder();
    record(folder.path(), 10, "one")?;
    assert!(matches!(record(folder.path(), 10, "one"), Err(LedgerError::Refused { .. })));
    assert_eq!(Ledger::open(folder.path())?.log(&all())?.len(), 1);
    Ok(())
}

/// Each cell of each row.
#[test]
fn a_value_that_was_changed_is_seen() -> Result<(), LedgerError> {
    let columns = [
        ("runs", "pipeline window window_start started_at program"),
        ("decisions", "run id rule key reason because"),
        (
            "effects",
            "decision decision_id position window window_start target place resource key name before after payload",
        ),
        ("steps", "effect state at"),
    ];
    for (table, column) in columns.iter().flat_map(|(table, names)| names.split(' ').map(move |name| (table, name))) {
        let folder = folder();
        let effect = record(folder.path(), 10, "one")?;
        step(folder.path(), effect, EffectState::Confirmed)?;
        let raw = raw(folder.path());
        raw.pragma_update(None, "foreign_keys", false)?;
        let is_number = ["run", "decision", "position", "at", "window_start", "started_at", "effect"].contains(&column);
        let value = if is_number { "77" } else { "'else'" };
        raw.execute(&format!("update {table} set {column} = {value}"), [])?;
        let opened = Ledger::open(folder.path());
        assert!(matches!(opened.err(), Some(LedgerError::Damaged { .. })), "{table}.{column}");
    }
    Ok(())
}

#[test]
fn a_file_that_is_not_the_one_that_was_written_is_refused() -> Result<(), LedgerError> {
    /// What happens to the folder.
    type Happening = fn(&Path, &Path) -> std::io::Result<()>;
    let happenings: [(&str, Happening, LedgerError); 5] = [
        ("removed", |db, _| fs::remove_file(db), LedgerError::Missing),
        ("emptied", |db, _| fs::write(db, ""), LedgerError::Empty),
        ("another", |db, _| fs::write(db, "x".repeat(4_096)), LedgerError::Foreign),
        ("without its head", |_, head| fs::remove_file(head), LedgerError::HeadMissing),
        ("another head", |_, head| fs::write(head, "{}"), LedgerError::HeadMismatch),
    ];
    for (name, happening, wanted) in happenings {
        let folder = folder();
        record(folder.path(), 10, "one")?;
        happening(&folder.path().join("ledger.db"), &folder.path().join("ledger.head"))?;
        for _ in 0..2 {
            assert_eq!(Ledger::open(folder.path()).err(), Some(wanted.clone()), "{name}");
            assert_eq!(LedgerReader::open(folder.path()).err(), Some(wanted.clone()), "{name}");
        }
    }
    Ok(())
}

#[cfg(unix)]
#[test]
fn a_link_leads_to_the_folder_of_a_ledger() -> Result<(), LedgerError> {
    let (volume, workspace) = (folder(), folder());
    let (kept, link) = (volume.path().join("kept"), workspace.path().join(".cpl"));
    std::os::unix::fs::symlink(&kept, &link)?;
    // As where the volume is not mounted: a new ledger would know of nothing that was done.
    assert_eq!(LedgerReader::open(&link).err(), Some(LedgerError::FolderMissing));
    assert_eq!(Ledger::open(&link).err(), Some(LedgerError::FolderMissing));
    assert_eq!(RunLock::take(&link, "p").err(), Some(LedgerError::FolderMissing));
    assert!(!kept.exists());
    fs::create_dir(&kept)?;
    assert!(LedgerReader::open(&link)?.is_none());
    record(&link, 10, "one")?;
    assert!(LedgerReader::open(&kept)?.is_some());
    fs::rename(&kept, volume.path().join("elsewhere"))?;
    assert_eq!(LedgerReader::open(&link).err(), Some(LedgerError::FolderMissing));
    Ok(())
}

#[test]
fn an_old_copy_is_refused() -> Result<(), LedgerError> {
    let folder = folder();
    let (db, copy) = (folder.path().join("ledger.db"), folder.path().join("copy"));
    record(folder.path(), 10, "one")?;
    fs::copy(&db, &copy)?;
    record(folder.path(), 20, "two")?;
    fs::copy(&copy, &db)?;
    assert_eq!(Ledger::open(folder.path()).err(), Some(LedgerError::HeadMismatch));
    Ok(())
}

#[test]
fn a_newer_one_is_refused() -> Result<(), LedgerError> {
    let folder = folder();
    record(folder.path(), 10, "one")?;
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
        record(folder.path(), 10, "one")?;
        let file = HeadFile::of(folder.path());
        let ends = || file.read().map(|head| head.unwrap_or_else(|| panic!("there is a head")));
        let monday = ends()?;
        fs::copy(&db, &copy)?;
        record(folder.path(), 20, "two")?;
        file.write(&Head { before: monday.after, ..ends()? })?;
        if !is_committed {
            fs::copy(&copy, &db)?;
        }
        record(folder.path(), 30, "three")?;
        assert_eq!(Ledger::open(folder.path())?.log(&all())?.len(), if is_committed { 3 } else { 2 });
    }
    Ok(())
}

#[test]
fn two_processes_write_one_after_the_other() -> Result<(), LedgerError> {
    // Each of them may be the one that makes it.
    let folder = folder();
    std::thread::scope(|scope| {
        let each = |thread: i64| {
            let path = folder.path();
            scope.spawn(move || {
                for one in 0..10 {
                    record(path, 10, &format!("{thread}.{one}"))
                        .unwrap_or_else(|error| panic!("{thread}.{one}: {error}"));
                }
            })
        };
        for thread in (0..4).map(each).collect::<Vec<_>>() {
            assert!(thread.join().is_ok());
        }
    });
    assert_eq!(Ledger::open(folder.path())?.log(&LogFilter { limit: 100, ..all() })?.len(), 40);
    Ok(())
}

#[test]
fn a_pipeline_runs_once_at_a_time() -> Result<(), LedgerError> {
    let folder = folder();
    let first = RunLock::take(folder.path(), "p")?;
    assert_eq!(RunLock::take(folder.path(), "p").err(), Some(LedgerError::AlreadyRunning { pipeline: "p".to_owned() }));
    RunLock::take(folder.path(), "q")?;
    drop(first);
    RunLock::take(folder.path(), "p")?;
    Ok(())
}

/// All rows are verified where somebody else touched the file, or a transaction was cut off; otherwise where they are read.
#[test]
fn a_row_that_was_changed_is_seen_where_it_is_read() -> Result<(), LedgerError> {
    let folder = folder();
    let effect = record(folder.path(), 10, "one")?;
    raw(folder.path()).execute("update effects set after = '999'", [])?;
    let damaged = LedgerError::Damaged { table: "effects", serial: effect };
    assert_eq!(Ledger::open(folder.path()).err(), Some(damaged.clone()));
    assert_eq!(LedgerReader::open(folder.path()).err(), Some(damaged.clone()));
    // A disk that forgets touches nothing.
    let file = HeadFile::of(folder.path());
    let head = file.read()?.unwrap_or_else(|| panic!("there is a head"));
    let stamp = FileStamp::of(&folder.path().join("ledger.db"));
    let untouched = Head::of(head.lineage, head.after, stamp);
    file.write(&untouched)?;
    let ledger = Ledger::open(folder.path())?;
    assert_eq!(ledger.last_change("google", None, i64::MAX).err(), Some(damaged.clone()));
    file.write(&Head { before: ChainTip { serial: 3, hash: String::new() }, ..untouched })?;
    assert_eq!(Ledger::open(folder.path()).err(), Some(damaged));
    Ok(())
}

/// What is done to the file while a run has it open is not taken for the run's own.
#[test]
fn what_somebody_else_removes_meanwhile_is_seen() -> Result<(), LedgerError> {
    let folder = folder();
    record(folder.path(), 10, "one")?;
    let mut ledger = Ledger::open(folder.path())?;
    raw(folder.path()).execute_batch("pragma foreign_keys = off; delete from effects")?;
    assert_eq!(ledger.begin().err(), Some(LedgerError::RowsMissing));
    assert_eq!(crate::verify(folder.path()).err(), Some(LedgerError::RowsMissing));
    Ok(())
}

#[test]
fn a_row_that_was_removed_is_seen() -> Result<(), LedgerError> {
    let missing = || LedgerError::RowsMissing;
    // A row that lacks its hash is not what was written.
    let damaged = LedgerError::Damaged { table: "programs", serial: 1 };
    let tables = [
        ("programs", missing()),
        ("runs", missing()),
        ("decisions", missing()),
        ("effects", missing()),
        ("chain", damaged),
    ];
    for (table, wanted) in tables {
        let folder = folder();
        record(folder.path(), 10, "one")?;
        let raw = raw(folder.path());
        raw.pragma_update(None, "foreign_keys", false)?;
        raw.execute(&format!("delete from {table} where serial = (select min(serial) from {table})"), [])?;
        assert_eq!(Ledger::open(folder.path()).err(), Some(wanted), "{table}");
    }
    Ok(())
}

/// A run was killed while it made the ledger, before or after its tables: nothing was lost.
#[test]
fn a_ledger_without_a_row_needs_no_head() -> Result<(), LedgerError> {
    let (empty, with_tables) = (folder(), folder());
    fs::write(empty.path().join("ledger.db"), "")?;
    assert!(LedgerReader::open(empty.path())?.is_none());
    Ledger::open(with_tables.path())?;
    for folder in [empty, with_tables] {
        record(folder.path(), 10, "one")?;
        assert_eq!(Ledger::open(folder.path())?.log(&all())?.len(), 1);
    }
    Ok(())
}

/// A process that is killed while its transaction is on the disk leaves a journal, which no reader may take back.
#[test]
fn a_journal_that_a_kill_left_is_taken_back() -> Result<(), LedgerError> {
    let folder = folder();
    record(folder.path(), 10, "one")?;
    let raw = raw(folder.path());
    raw.pragma_update(None, "cache_size", 2)?;
    raw.execute_batch("begin immediate")?;
    for row in 1_000..3_000 {
        raw.execute("insert into chain values (?1, ?2)", rusqlite::params![row, "x".repeat(64)])?;
    }
    // What a kill leaves: the file and its journal, as they are now.
    let copy = self::folder();
    for name in ["ledger.db", "ledger.db-journal", "ledger.head"] {
        fs::copy(folder.path().join(name), copy.path().join(name))?;
    }
    let reader = LedgerReader::open(copy.path())?.unwrap_or_else(|| panic!("it is there"));
    assert_eq!(reader.log(&all())?.len(), 1);
    Ok(())
}

/// What has ended stays as it is, but for what is taken back.
#[test]
fn an_impossible_step_is_refused() -> Result<(), LedgerError> {
    let open =
        [EffectState::Recorded, EffectState::Sent, EffectState::Uncertain, EffectState::Drifted, EffectState::Held];
    for from in EffectState::ALL {
        for to in EffectState::ALL {
            let folder = folder();
            let effect = record(folder.path(), 10, "one")?;
            step(folder.path(), effect, from)?;
            let mut ledger = Ledger::open(folder.path())?;
            let mut transaction = ledger.begin()?;
            let added = transaction.add_step(&Step { effect, state: to, at: 40, why: None });
            let is_possible = if open.contains(&from) {
                to != EffectState::Undone
            } else {
                from == EffectState::Confirmed && to == EffectState::Undone
            };
            let wanted = if is_possible { Ok(()) } else { Err(LedgerError::ImpossibleStep { effect, from, to }) };
            assert_eq!(added, wanted, "{from:?} → {to:?}");
        }
    }
    Ok(())
}

/// Effects stay open until it is known what became of them, however many windows there were since.
#[test]
fn what_is_open_is_not_forgotten() -> Result<(), LedgerError> {
    let folder = folder();
    let first = record(folder.path(), 10, "d1")?;
    for start in 2..30 {
        let effect = record(folder.path(), start * 10, &format!("d{start}"))?;
        step(folder.path(), effect, EffectState::Confirmed)?;
    }
    let ledger = Ledger::open(folder.path())?;
    let open: Vec<i64> = ledger.open_before(window("p", 300, "now"))?.iter().map(|one| one.serial).collect();
    assert_eq!(open, [first]);
    assert!(ledger.open_before(window("q", 300, "now"))?.is_empty());
    step(folder.path(), first, EffectState::Expired)?;
    assert!(ledger.open_before(window("p", 300, "now"))?.is_empty());
    Ok(())
}

/// A window of the past may be run after a later one: what was done last is what was recorded last; a cooldown counts from
/// the latest window all the same.
#[test]
fn changes_come_in_the_order_in_which_they_were_made() -> Result<(), LedgerError> {
    let folder = folder();
    for start in [20, 10] {
        record(folder.path(), start, &format!("d{start}"))?;
    }
    let ledger = Ledger::open(folder.path())?;
    let windows: Vec<i64> = ledger.changes("google", (0, 100))?.iter().map(|one| one.run.window_start).collect();
    assert_eq!(windows, [20, 10]);
    let last =
        |setting| Ok::<_, LedgerError>(ledger.last_change("google", setting, 100)?.map(|one| one.run.window_start));
    assert_eq!([last(Some("budget"))?, last(None)?], [Some(10), Some(20)]);
    Ok(())
}

/// What takes a change back is a change; what it took back is undone once it is carried out, and not before.
#[test]
fn what_is_carried_out_makes_what_it_takes_back_undone() -> Result<(), LedgerError> {
    let folder = folder();
    let first = record(folder.path(), 10, "d1")?;
    step(folder.path(), first, EffectState::Confirmed)?;
    let mut ledger = Ledger::open(folder.path())?;
    let mut transaction = ledger.begin()?;
    let program = transaction.add_program("text")?;
    let run = transaction.add(&run(20, program))?;
    let undo = Decision { undoes: Some("d1".to_owned()), ..decision(run, "u1") };
    let undo = transaction.add(&undo)?;
    let (before, after) = ("120".to_owned(), "100".to_owned());
    let back = transaction.add(&Effect { before, after, ..effect(undo, "u1", 20) })?;
    transaction.commit()?;
    for (state, wanted) in [(EffectState::Sent, EffectState::Confirmed), (EffectState::Confirmed, EffectState::Undone)]
    {
        let mut transaction = ledger.begin()?;
        transaction.add_step(&Step { effect: back, state, at: 30, why: None })?;
        transaction.commit()?;
        assert_eq!(ledger.states("d1")?.first().map(|one| one.state), Some(wanted), "{state:?}");
    }
    let last = ledger.last_change("google", Some("budget"), i64::MAX)?.map(|last| last.effect.after);
    assert_eq!(last.as_deref(), Some("100"));
    assert_eq!(ledger.changes("google", (0, 100))?.len(), 2);
    assert_eq!([10, 20].map(|start| acting(&ledger, "p", start, "r")), [1, 0]);
    Ok(())
}

/// What was not carried out changed nothing.
#[test]
fn a_refused_effect_is_no_change() -> Result<(), LedgerError> {
    for (state, counts) in [
        (EffectState::Refused, false),
        (EffectState::Superseded, false),
        (EffectState::Expired, false),
        (EffectState::Held, false),
        (EffectState::Sent, true),
        (EffectState::Uncertain, true),
        (EffectState::Drifted, true),
        (EffectState::Undone, true),
    ] {
        let folder = folder();
        let effect = record(folder.path(), 10, "d1")?;
        step(folder.path(), effect, state)?;
        let ledger = Ledger::open(folder.path())?;
        let found =
            (ledger.last_change("google", None, 100)?.is_some(), !ledger.changes("google", (0, 100))?.is_empty());
        assert_eq!(found, (counts, counts), "{state:?}");
    }
    Ok(())
}

/// What counts as done of a rule, by what became of it; what began at either end of the time does not.
#[test]
fn what_a_rule_did_is_what_was_carried_out_or_may_have_been() -> Result<(), LedgerError> {
    for state in EffectState::ALL {
        let counts = matches!(
            state,
            EffectState::Recorded
                | EffectState::Sent
                | EffectState::Confirmed
                | EffectState::Uncertain
                | EffectState::Drifted
        );
        let folder = folder();
        let effect = record(folder.path(), 10, "one")?;
        let mut ledger = Ledger::open(folder.path())?;
        let mut transaction = ledger.begin()?;
        transaction.add(&Step { effect, state, at: 11, why: None })?;
        transaction.commit()?;
        let found = |pipeline, rule, between| Ok::<_, LedgerError>(ledger.applied(pipeline, rule, between)?.len());
        assert_eq!(found("p", "r", (9, 11))?, usize::from(counts), "{state:?}");
        for (pipeline, rule, between) in
            [("p", "r", (10, 11)), ("p", "r", (9, 10)), ("q", "r", (9, 11)), ("p", "s", (9, 11))]
        {
            assert_eq!(found(pipeline, rule, between)?, 0, "{state:?} {pipeline} {rule} {between:?}");
        }
    }
    Ok(())
}

/// A ledger that is open takes nothing any more once it was removed, or another one is in its place.
#[test]
fn a_ledger_that_is_removed_while_it_is_open_takes_nothing() -> Result<(), LedgerError> {
    let folder = folder();
    record(folder.path(), 10, "one")?;
    let mut ledger = Ledger::open(folder.path())?;
    let file = folder.path().join("ledger.db");
    let copy = fs::read(&file)?;
    fs::remove_file(&file)?;
    assert_eq!(ledger.begin().err(), Some(LedgerError::Missing));
    fs::write(folder.path().join("another"), copy)?;
    fs::rename(folder.path().join("another"), &file)?;
    assert_eq!(ledger.begin().err(), Some(LedgerError::Missing));
    Ok(())
}
