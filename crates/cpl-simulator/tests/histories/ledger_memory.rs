//! A ledger on SQLite, as the memory of processes: each opens it anew.

use std::path::Path;

use cpl_ledger::{
    Decision, DecisionState, Effect, EffectState, Ledger, LedgerError, LedgerReader, Run, Step as StepRow, Transaction,
    WindowId,
};
use cpl_protocol::Step;
use cpl_simulator::{Fate, Known, Memory};
use jiff::Timestamp;
use tempfile::TempDir;

/// The ledger of a history, in a folder of its own.
pub struct LedgerMemory {
    folder: TempDir,
    /// The numbers of the effects.
    serials: Vec<i64>,
    /// The number of the run.
    run: i64,
}

impl LedgerMemory {
    /// With so many effects, none of which was sent yet.
    pub fn of(effects: usize) -> Self {
        // Nothing here is lost with the power: where the system has a disk in memory, it is as good.
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let folder = folder.unwrap_or_else(|error| panic!("a folder: {error}"));
        let (run, serials) = recorded(folder.path(), effects).unwrap_or_else(|error| panic!("{error}"));
        Self { folder, serials, run }
    }

    fn added(&self, undoes: Option<usize>) -> Result<i64, LedgerError> {
        let mut ledger = Ledger::open(self.folder.path())?;
        let mut transaction = ledger.begin()?;
        let undone = undoes.map(|at| at.to_string());
        let serial = decided(&mut transaction, self.run, &self.serials.len().to_string(), undone)?;
        transaction.commit()?;
        Ok(serial)
    }

    fn states(&self) -> Result<Vec<Known>, LedgerError> {
        let ledger = LedgerReader::open(self.folder.path())?.ok_or(LedgerError::Missing)?;
        let window = ledger.window(WindowId { pipeline: "p", name: "w", start: 0 })?;
        let stored = window.effects();
        assert_eq!(stored.iter().map(|one| one.serial).collect::<Vec<_>>(), self.serials, "no effect is lost");
        let known = |one: &cpl_ledger::StoredEffect| {
            let sent = ledger.steps(one.serial)?.into_iter().find(|step| step.state == EffectState::Sent);
            let first_sent = sent.and_then(|step| Timestamp::from_microsecond(step.at).ok());
            Ok(Known { state: one.state, first_sent })
        };
        stored.iter().map(known).collect()
    }

    fn record_steps(&self, steps: &[(usize, Step)], now: Timestamp, fate: Fate) -> Result<(), LedgerError> {
        let mut ledger = Ledger::open(self.folder.path())?;
        let mut transaction = ledger.begin()?;
        for (place, step) in steps {
            let (effect, at) = (self.serials[*place], now.as_microsecond());
            transaction.add_step(&StepRow { effect, state: step.state, at, why: step.why.clone() })?;
        }
        // What is not committed is taken back.
        if fate == Fate::KilledAmid { Ok(()) } else { transaction.commit() }
    }
}

impl Memory for LedgerMemory {
    fn known(&mut self) -> Vec<Known> {
        self.states().unwrap_or_else(|error| panic!("{error}"))
    }

    fn record(&mut self, steps: &[(usize, Step)], now: Timestamp, fate: Fate) {
        self.record_steps(steps, now, fate).unwrap_or_else(|error| panic!("{error}"));
    }

    fn add(&mut self, undoes: Option<usize>) {
        let serial = self.added(undoes).unwrap_or_else(|error| panic!("{error}"));
        self.serials.push(serial);
    }
}

/// Records effects, a decision each: the number of their run, and theirs.
fn recorded(folder: &Path, effects: usize) -> Result<(i64, Vec<i64>), LedgerError> {
    let text = str::to_owned;
    let mut ledger = Ledger::open(folder)?;
    let mut transaction = ledger.begin()?;
    let program = transaction.add_program("pipeline p { }")?;
    let run = transaction.add(&Run {
        pipeline: text("p"),
        window: text("w"),
        window_start: 0,
        started_at: 0,
        program,
        window_end: Some(1),
        inputs: None,
        settings: None,
        checks: None,
        workspace: None,
    })?;
    let mut serials = Vec::new();
    for id in (0..effects).map(|at| at.to_string()) {
        serials.push(decided(&mut transaction, run, &id, None)?);
    }
    transaction.commit()?;
    Ok((run, serials))
}

/// Records a decision of one effect: the effect's number.
fn decided(transaction: &mut Transaction<'_>, run: i64, id: &str, undoes: Option<String>) -> Result<i64, LedgerError> {
    let text = str::to_owned;
    let decision = transaction.add(&Decision {
        run,
        id: text(id),
        rule: text("r"),
        key: text("{}"),
        reason: None,
        because: text("[]"),
        state: Some(DecisionState::Acts),
        changes: Some(text("[]")),
        conditions: Some(text("[]")),
        undoes,
        sends: None,
    })?;
    transaction.add(&Effect {
        decision,
        decision_id: text(id),
        position: 0,
        window: text("w"),
        window_start: 0,
        target: text("t"),
        place: text("t"),
        resource: text(id),
        key: text("{}"),
        name: Some(text("budget")),
        before: text("100"),
        after: text("120"),
        payload: text("{}"),
        setting: Some(text("budget")),
        unit: Some(text("USD")),
        reverse: None,
    })
}
