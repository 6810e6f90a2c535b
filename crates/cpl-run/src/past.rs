//! The past of a workspace, from its ledger.

use std::cell::RefCell;

use cpl_effects::Places;
use cpl_ledger::{LedgerError, LedgerReader};
use cpl_rules::{Past, Resource};
use jiff::Timestamp;

/// What a run asks its ledger while it decides; without one there is no past.
pub struct LedgerPast<'l> {
    pub ledger: Option<&'l LedgerReader>,
    pub places: &'l Places,
    pub pipeline: &'l str,
    /// In microseconds since 1970.
    pub window_start: i64,
    /// A replay sees what was changed before its window, and nothing of the window itself.
    pub is_replay: bool,
    /// Why the ledger can't be read: then nothing of the report counts.
    pub failed: RefCell<Option<LedgerError>>,
}

impl LedgerPast<'_> {
    /// Whether all questions were answered.
    ///
    /// # Errors
    /// Why one was not.
    pub fn end(self) -> Result<(), LedgerError> {
        self.failed.into_inner().map_or(Ok(()), Err)
    }

    fn ask<T>(&self, question: impl FnOnce(&LedgerReader) -> Result<T, LedgerError>) -> Option<T> {
        match question(self.ledger?) {
            Ok(found) => Some(found),
            Err(error) => {
                self.failed.borrow_mut().get_or_insert(error);
                None
            }
        }
    }

    /// The same of the window itself.
    fn ask_window<T>(&self, question: impl FnOnce(&LedgerReader) -> Result<T, LedgerError>) -> Option<T> {
        if self.is_replay { None } else { self.ask(question) }
    }
}

impl Past for LedgerPast<'_> {
    fn is_done(&self, decision: &str) -> bool {
        self.ask_window(|ledger| ledger.is_recorded(decision)).unwrap_or(false)
    }

    fn done(&self, rule: &str) -> usize {
        self.ask_window(|ledger| ledger.decided(self.pipeline, self.window_start, rule)).unwrap_or(0)
    }

    fn last_change(&self, resource: &Resource) -> Option<Timestamp> {
        let name = resource.name_at(self.places.place(resource.target()));
        let before = if self.is_replay { self.window_start } else { i64::MAX };
        let effect = self.ask(|ledger| ledger.last_change(&name, before))??;
        Timestamp::from_microsecond(effect.window_start).ok()
    }
}
