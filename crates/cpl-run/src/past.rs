//! The past of a workspace, as its ledger tells it.

use std::cell::RefCell;

use cpl_effects::place_of;
use cpl_ledger::{Ledger, LedgerError};
use cpl_model::program::Program;
use cpl_rules::{Past, Resource};
use jiff::Timestamp;

use crate::{Fetching, RunContext};

/// What a ledger tells while a run decides; without one there is no past.
pub struct LedgerPast<'l> {
    ledger: Option<&'l Ledger>,
    places: Places<'l>,
    window: &'l str,
    /// A replay sees what was changed before its window, and nothing of the window itself.
    is_replay: bool,
    /// Why the ledger can't be read: then nothing of the report counts.
    failed: RefCell<Option<LedgerError>>,
}

/// Where a pipeline's targets are, for all pipelines of the workspace alike.
#[derive(Clone, Copy)]
pub struct Places<'l> {
    pub program: &'l Program,
    pub context: &'l RunContext<'l>,
}

impl Places<'_> {
    /// Where a target is.
    pub fn of(&self, target: &str) -> String {
        let found = self.program.targets.iter().find(|other| other.name == target);
        let target = found.unwrap_or_else(|| unreachable!("a target of the pipeline"));
        place_of(target, &self.program.name, self.context.folder, &self.context.workspace.root)
    }
}

impl<'l> LedgerPast<'l> {
    pub fn new(ledger: Option<&'l Ledger>, window: &'l str, places: Places<'l>) -> Self {
        let is_replay = matches!(places.context.fetching, Fetching::Replayed(_));
        Self { ledger, window, places, is_replay, failed: RefCell::new(None) }
    }

    /// Whether all that was asked for was found out.
    ///
    /// # Errors
    /// Why it was not.
    pub fn end(self) -> Result<(), LedgerError> {
        self.failed.into_inner().map_or(Ok(()), Err)
    }

    fn ask<T>(&self, question: impl FnOnce(&Ledger) -> Result<T, LedgerError>) -> Option<T> {
        match question(self.ledger?) {
            Ok(found) => Some(found),
            Err(error) => {
                self.failed.borrow_mut().get_or_insert(error);
                None
            }
        }
    }
}

impl Past for LedgerPast<'_> {
    fn is_done(&self, decision: &str) -> bool {
        !self.is_replay && self.ask(|ledger| ledger.is_recorded(decision)).unwrap_or(false)
    }

    fn done(&self, rule: &str) -> usize {
        if self.is_replay {
            return 0;
        }
        self.ask(|ledger| ledger.decided(&self.places.program.name, self.window, rule)).unwrap_or(0)
    }

    fn last_change(&self, resource: &Resource) -> Option<Timestamp> {
        let thing = resource.name(&self.places.of(resource.target()));
        let now = self.places.context.clock.now.timestamp().as_microsecond();
        let before = if self.is_replay { now } else { i64::MAX };
        let effect = self.ask(|ledger| ledger.last_change(&thing, before))??;
        Timestamp::from_microsecond(effect.at).ok()
    }
}
