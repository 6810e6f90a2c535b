//! What a run asks of its window, and of those before it.

use super::{decision, effect, folder, raw, record, run, step, window};
use crate::{Decision, DecisionState, Effect, EffectState, Ledger, LedgerError, Run, StoredEffect, window::PENDING};

/// What is noted as pending is what may still become something, step by step; and where that is not so, the ledger is refused.
#[test]
fn what_has_not_ended_is_pending() -> Result<(), LedgerError> {
    for state in EffectState::ALL {
        let folder = folder();
        let effect = record(folder.path(), 10, "one")?;
        let ledger = Ledger::open(folder.path())?;
        assert!(ledger.has_pending(window("p", 10, "10"))?, "it is recorded");
        step(folder.path(), effect, state)?;
        let is_pending = state.may_become(EffectState::Confirmed);
        // Where its pipeline got another time of day, it has another start.
        for start in [10, 11] {
            assert_eq!(ledger.has_pending(window("p", start, "10"))?, is_pending, "{state:?}");
        }
        assert!(!ledger.has_pending(window("p", 10, "20"))? && !ledger.has_pending(window("q", 10, "10"))?);
        ledger.verify()?;
        let raw = raw(folder.path());
        raw.execute_batch("pragma foreign_keys = false")?;
        for damage in [
            format!(
                "delete from pending_effects; insert into pending_effects select {effect} where {};",
                !state.may_become(EffectState::Confirmed)
            ),
            "insert into pending_effects values (1000)".to_owned(),
        ] {
            raw.execute_batch(&damage)?;
            assert!(matches!(ledger.verify(), Err(LedgerError::IndexDamaged { .. })), "{state:?} {damage}");
        }
    }
    Ok(())
}

/// The effects that are asked for are found by those that are pending, however many there were.
#[test]
fn what_is_pending_is_not_looked_for_among_all() -> Result<(), LedgerError> {
    let folder = folder();
    record(folder.path(), 10, "one")?;
    let raw = raw(folder.path());
    let mut statement = raw.prepare(&format!("explain query plan {PENDING}"))?;
    let steps = statement.query_map(["p", "10"], |row| row.get::<_, String>(3))?.collect::<Result<Vec<_>, _>>()?;
    let wanted = [
        "SCAN pending_effects",
        "SEARCH effects USING INTEGER PRIMARY KEY (rowid=?)",
        "SEARCH decisions USING INTEGER PRIMARY KEY (rowid=?)",
        "SEARCH runs USING INTEGER PRIMARY KEY (rowid=?)",
    ];
    assert_eq!(steps, wanted);
    Ok(())
}

/// A pipeline that gets another time zone, or another time of day, goes on with its window: it has the same name, and another
/// start. Windows before it have other names.
#[test]
fn a_window_is_known_by_its_name() -> Result<(), LedgerError> {
    let folder = folder();
    record(folder.path(), 100, "one")?;
    let ledger = Ledger::open(folder.path())?;
    for (name, start, of_window, before) in [
        ("100", 100, 1, 0),
        ("100", 0, 1, 0),
        ("100", 200, 1, 0),
        ("200", 200, 0, 1),
        ("200", 100, 0, 0),
        ("0", 0, 0, 0),
    ] {
        let of = window("p", start, name);
        let (found, before_it) = (ledger.window(of)?, ledger.open_before(of)?);
        assert_eq!((found.effects().len(), before_it.len()), (of_window, before), "{name} {start}");
    }
    Ok(())
}

/// What still awaits an approval in the last window has ended with it; what awaits one in this window, by another start, has not.
#[test]
fn approvals_end_with_their_window() -> Result<(), LedgerError> {
    let folder = folder();
    let mut ledger = Ledger::open(folder.path())?;
    let mut transaction = ledger.begin()?;
    let program = transaction.add_program("text")?;
    let run = transaction.add(&run(100, program))?;
    transaction.add(&Decision { state: Some(DecisionState::AwaitsApproval), ..decision(run, "one") })?;
    transaction.commit()?;
    for (name, start, ended) in [("100", 100, 0), ("100", 200, 0), ("200", 200, 1), ("200", 100, 0)] {
        assert_eq!(ledger.unapproved_before(window("p", start, name))?.len(), ended, "{name} {start}");
    }
    Ok(())
}

/// Decisions that are held are recorded once a run where they change: the last one counts. What acted is done.
#[test]
fn a_window_knows_its_decisions_as_they_were_recorded_last() -> Result<(), LedgerError> {
    let folder = folder();
    let mut ledger = Ledger::open(folder.path())?;
    let mut transaction = ledger.begin()?;
    let program = transaction.add_program("text")?;
    for (start, state) in [(100, DecisionState::Held), (101, DecisionState::Acts)] {
        let of_window = Run { window: "100".to_owned(), ..run(start, program.clone()) };
        let run = transaction.add(&of_window)?;
        let serial = transaction.add(&Decision { state: Some(state), ..decision(run, "one") })?;
        if state == DecisionState::Acts {
            transaction.add(&effect(serial, "one", start))?;
        }
    }
    let found = transaction.window(window("p", 101, "100"))?;
    assert_eq!(found.decision("one").map(Decision::state), Some(DecisionState::Acts));
    assert_eq!((found.acting("r"), found.acting("s"), found.effects_of("one").count()), (1, 0, 1));
    Ok(())
}

/// The last changes of many settings at once are those that are found one by one, whether a window is known or not.
#[test]
fn last_changes_are_found_together_as_one_by_one() -> Result<(), LedgerError> {
    let folder = folder();
    let mut ledger = Ledger::open(folder.path())?;
    let mut transaction = ledger.begin()?;
    let program = transaction.add_program("text")?;
    let named = |at: usize, of: &str| format!("{of} {}", at % 3);
    for (at, state) in EffectState::ALL.into_iter().cycle().take(60).enumerate() {
        let start = 100 * (1 + i64::try_from(at).unwrap_or_default() / 10);
        let run = transaction.add(&run(start, program.clone()))?;
        let id = format!("d{at}");
        let decision = transaction.add(&decision(run, &id))?;
        // Those of the first version have no setting, and are named by the column.
        let setting = (at % 2 == 0).then(|| named(at, "budget"));
        let (name, resource) = (Some(named(at, "budget")), named(at / 3, "campaign"));
        let effect = Effect { resource, name, setting, ..effect(decision, &id, start) };
        let effect = transaction.add(&effect)?;
        transaction.add(&crate::Step { effect, state, at: start, why: None })?;
    }
    let settings: Vec<(String, String)> =
        (0..12).map(|at| (named(at / 4, "campaign"), format!("budget {}", at % 4))).collect();
    let mut wanted: Vec<(&str, &str)> = settings.iter().map(|(of, setting)| (of.as_str(), setting.as_str())).collect();
    wanted.push(wanted[0]);
    for before in [150, 400, 1_000] {
        for known in ["100", "300", "600"] {
            let known = transaction.window(window("p", 0, known))?;
            let together = transaction.last_changes(&wanted, before, &known)?;
            for ((of, setting), found) in wanted.iter().zip(together) {
                let alone = transaction.last_change(of, Some(setting), before)?;
                assert_eq!(found, alone, "{of} {setting} before {before}");
            }
        }
    }
    assert!(transaction.last_changes(&[], 1_000, &crate::Window::default())?.is_empty());
    let numbers = |found: &[StoredEffect]| found.iter().map(|one| one.serial).collect::<Vec<_>>();
    let found = transaction.window(window("p", 0, "300"))?;
    let found = numbers(found.effects());
    assert!(found.is_sorted() && found.len() == 10, "{found:?}");
    Ok(())
}

/// What was decided after an effect changed its setting; so did what was decided before it and sent after it.
#[test]
fn what_came_after_an_effect_is_found() -> Result<(), LedgerError> {
    let folder = folder();
    let first = record(folder.path(), 10, "first")?;
    let second = record(folder.path(), 20, "second")?;
    let after = |of: i64| {
        let ledger = Ledger::open(folder.path())?;
        let stored = ["first", "second"].map(|id| ledger.states(id));
        let stored = stored.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
        let one = stored.into_iter().find(|one| one.serial == of).ok_or(LedgerError::Missing)?;
        Ok::<_, LedgerError>(ledger.changed_after(&one)?.map(|found| found.decision.id))
    };
    assert_eq!((after(first)?.as_deref(), after(second)?), (Some("second"), None));
    step(folder.path(), second, EffectState::Held)?;
    assert_eq!((after(first)?, after(second)?), (None, None));
    step(folder.path(), first, EffectState::Sent)?;
    assert_eq!(after(second)?.as_deref(), Some("first"));
    step(folder.path(), first, EffectState::Refused)?;
    assert_eq!(after(second)?, None);
    Ok(())
}
