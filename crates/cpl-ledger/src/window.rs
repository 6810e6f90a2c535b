//! What is known of one window of a pipeline, and of those before it. A run reads its window at once, and asks it of each row.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::params;

use crate::{
    error::LedgerError,
    reader::LedgerReader,
    rows::{Alert, Decision, DecisionState, MetricValue, RecordedDecision, Redo, Row, StoredEffect, WindowId},
};

/// In so many windows before one it is looked whether something is open.
const WINDOWS: i64 = 31;

/// Whether a run is one of a window: parameters 1 and 2 are the pipeline and the window's name.
const IN_WINDOW: &str = "run in (select serial from runs where pipeline = ?1 and window = ?2)";

/// The effects of a window that have not ended, with the same parameters. The tables are gone through in this order: the effects
/// that have ended are many.
pub(crate) const PENDING: &str = "select 1 from pending_effects \
                                  cross join effects on effects.serial = pending_effects.effect \
                                  cross join decisions on decisions.serial = effects.decision \
                                  cross join runs on runs.serial = decisions.run \
                                  where +pipeline = ?1 and +runs.window = ?2";

/// What was decided in a window, and what became of it.
#[derive(Debug, Default)]
pub struct Window {
    /// In the order in which they were recorded.
    effects: Vec<StoredEffect>,
    /// The same, by their decisions.
    of_decision: BTreeMap<String, Vec<usize>>,
    /// By their numbers, each as it was recorded last.
    decisions: BTreeMap<i64, Decision>,
    /// Their numbers, by their identities.
    serials: BTreeMap<String, i64>,
    /// Those that a person wants taken anew.
    redone: BTreeSet<String>,
}

impl LedgerReader {
    /// What is known of a window.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn window(&self, of: WindowId<'_>) -> Result<Window, LedgerError> {
        let of = params![of.pipeline, of.name];
        let effects = format!("where decision in (select serial from decisions where {IN_WINDOW}) order by serial");
        let effects = self.stored(&effects, of)?;
        let redos = format!("where decision_id in (select id from decisions where {IN_WINDOW})");
        let redone = self.rows::<Redo>(&redos, of)?.into_iter().map(|(_, redo)| redo.decision_id).collect();
        // What acted is recorded once, and nothing more of it: so the last row is the one whose effects there are.
        let last = format!("where serial in (select max(serial) from decisions where {IN_WINDOW} group by id)");
        let decisions: BTreeMap<i64, Decision> = self.rows(&last, of)?.into_iter().collect();
        let serials = decisions.iter().map(|(serial, decision)| (decision.id.clone(), *serial)).collect();
        let mut of_decision: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (at, one) in effects.iter().enumerate() {
            of_decision.entry(one.effect.decision_id.clone()).or_default().push(at);
        }
        Ok(Window { effects, of_decision, decisions, serials, redone })
    }

    /// Whether some effect of a window has not ended.
    ///
    /// # Errors
    /// Where the ledger can't be read.
    pub fn has_pending(&self, of: WindowId<'_>) -> Result<bool, LedgerError> {
        let sql = format!("select exists ({PENDING})");
        Ok(self.connection.prepare_cached(&sql)?.query_row(params![of.pipeline, of.name], |row| row.get(0))?)
    }

    /// The effects of a pipeline's last windows before one of which nobody knows what became of them.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn open_before(&self, of: WindowId<'_>) -> Result<Vec<StoredEffect>, LedgerError> {
        let sql = "where serial in (select effect from pending_effects) \
                   and +decision in (select serial from decisions where run in \
                   (select serial from runs where pipeline = ?1 and window <> ?2 and window_start in \
                   (select distinct window_start from runs where pipeline = ?1 and window <> ?2 and window_start < ?3 \
                   order by window_start desc limit ?4))) order by serial";
        let mut found = self.stored(sql, params![of.pipeline, of.name, of.start, WINDOWS])?;
        found.retain(|stored| stored.state.is_open());
        Ok(found)
    }

    /// The decisions of a pipeline's last window before one that still await an approval: it has ended with their window.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn unapproved_before(&self, of: WindowId<'_>) -> Result<Vec<RecordedDecision>, LedgerError> {
        let sql = "where state = 'awaits_approval' \
                   and run in (select serial from runs where pipeline = ?1 and window <> ?2 and window_start = \
                   (select max(window_start) from runs where pipeline = ?1 and window <> ?2 and window_start < ?3)) \
                   and not exists (select 1 from decisions later where later.id = decisions.id \
                   and later.serial > decisions.serial) order by serial";
        self.recorded(self.rows::<Decision>(sql, params![of.pipeline, of.name, of.start])?)
    }

    /// What the dashboard showed last in a window: a value for each metric.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn metrics(&self, of: WindowId<'_>) -> Result<BTreeMap<String, MetricValue>, LedgerError> {
        let found: Vec<(i64, MetricValue)> = self.seen_in(of)?;
        Ok(found.into_iter().map(|(_, metric)| (metric.name.clone(), metric)).collect())
    }

    /// What alerts found last in a window: for each alert and row's key.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn alerts(&self, of: WindowId<'_>) -> Result<BTreeMap<(String, String), Alert>, LedgerError> {
        let found: Vec<(i64, Alert)> = self.seen_in(of)?;
        Ok(found.into_iter().map(|(_, alert)| ((alert.alert.clone(), alert.key.clone()), alert)).collect())
    }

    /// The newest of a pipeline's windows before one, by their names and starts, the newest first: as many as hours of two months.
    ///
    /// # Errors
    /// Where the ledger can't be read.
    pub fn windows_before(&self, of: WindowId<'_>) -> Result<Vec<(String, i64)>, LedgerError> {
        // A run that took decisions back looked at nothing.
        let sql = "select distinct window, window_start from runs where pipeline = ?1 and window <> ?2 and window_start < ?3 \
                   and inputs is not null order by window_start desc limit 1464";
        let mut statement = self.connection.prepare_cached(sql)?;
        let found =
            statement.query_map(params![of.pipeline, of.name, of.start], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// What runs of a window saw, in the order in which it was recorded.
    fn seen_in<R: Row>(&self, of: WindowId<'_>) -> Result<Vec<(i64, R)>, LedgerError> {
        self.rows(&format!("where {IN_WINDOW} order by serial"), params![of.pipeline, of.name])
    }
}

impl Window {
    /// Its effects, in the order in which they were recorded.
    #[must_use]
    pub fn effects(&self) -> &[StoredEffect] {
        &self.effects
    }

    /// The effects of a decision, by its identity.
    pub fn effects_of(&self, decision: &str) -> impl Iterator<Item = &StoredEffect> {
        self.of_decision.get(decision).into_iter().flatten().map(|at| &self.effects[*at])
    }

    /// A decision, by its identity, as it was recorded last.
    #[must_use]
    pub fn decision(&self, id: &str) -> Option<&Decision> {
        self.decisions.get(self.serials.get(id)?)
    }

    /// One of its effects, by its number.
    pub(crate) fn effect(&self, serial: i64) -> Option<&StoredEffect> {
        self.effects.binary_search_by_key(&serial, |one| one.serial).ok().map(|at| &self.effects[at])
    }

    /// One of its decisions, by its number.
    pub(crate) fn numbered(&self, serial: i64) -> Option<&Decision> {
        self.decisions.get(&serial)
    }

    /// Whether a person wants the decision of this identity taken anew, by another one.
    #[must_use]
    pub fn is_redone(&self, id: &str) -> bool {
        self.redone.contains(id)
    }

    /// How many decisions of a rule act: those that are taken anew do not count.
    #[must_use]
    pub fn acting(&self, rule: &str) -> usize {
        let acts = |one: &&Decision| {
            one.rule == rule && one.state() == DecisionState::Acts && one.undoes.is_none() && !self.is_redone(&one.id)
        };
        self.decisions.values().filter(acts).count()
    }
}
