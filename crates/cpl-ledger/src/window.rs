//! All that is known of one window of a pipeline, read at once: a run asks it of each of its rows.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::params;

use crate::{
    error::LedgerError,
    reader::LedgerReader,
    rows::{Decision, DecisionState, Redo, StoredEffect},
};

/// The runs of a window: parameters 1 to 3 are the pipeline, the window's name and its start. Where the pipeline got another
/// time zone, a window of the same name began up to 26 hours earlier or later.
const RUNS: &str = "(select serial from runs where pipeline = ?1 \
                    and window_start between ?3 - 93600000000 and ?3 + 93600000000 \
                    and (window = ?2 or window_start = ?3))";

/// What was decided in a window, and what became of it.
#[derive(Debug, Default)]
pub struct Window {
    /// In the order in which they were recorded.
    effects: Vec<StoredEffect>,
    /// The same, by their decisions.
    of_decision: BTreeMap<String, Vec<usize>>,
    /// By their numbers: one that was held by several runs may stand several times.
    decisions: BTreeMap<i64, Decision>,
    /// The numbers of those that were recorded last.
    last: BTreeMap<String, i64>,
    /// Those that a person wants taken anew.
    redone: BTreeSet<String>,
}

impl LedgerReader {
    /// What is known of a window of a pipeline, by its name and its start in microseconds since 1970.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn window(&self, pipeline: &str, (name, start): (&str, i64)) -> Result<Window, LedgerError> {
        let of = params![pipeline, name, start];
        let decisions = format!("select serial from decisions where run in {RUNS}");
        let effects = self.stored(&format!("where decision in ({decisions}) order by serial"), of)?;
        let redos = format!("where decision_id in (select id from decisions where run in {RUNS})");
        let redone = self.rows::<Redo>(&redos, of)?.into_iter().map(|(_, redo)| redo.decision_id).collect();
        let decisions = self.rows::<Decision>(&format!("where run in {RUNS} order by serial"), of)?;
        let last = decisions.iter().map(|(serial, decision)| (decision.id.clone(), *serial)).collect();
        let mut of_decision: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (at, one) in effects.iter().enumerate() {
            of_decision.entry(one.effect.decision_id.clone()).or_default().push(at);
        }
        Ok(Window { effects, of_decision, decisions: decisions.into_iter().collect(), last, redone })
    }

    /// Whether some effect of a window of a pipeline has not ended.
    ///
    /// # Errors
    /// Where the ledger can't be read.
    pub fn has_pending(&self, pipeline: &str, (name, start): (&str, i64)) -> Result<bool, LedgerError> {
        let sql = format!(
            "select exists (select 1 from pending_effects join effects on effects.serial = pending_effects.effect \
             join decisions on decisions.serial = effects.decision where decisions.run in {RUNS})"
        );
        Ok(self.connection.prepare_cached(&sql)?.query_row(params![pipeline, name, start], |row| row.get(0))?)
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
        self.decisions.get(self.last.get(id)?)
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
