//! What is asked of a ledger.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Params, params};

use crate::{
    error::LedgerError,
    reader::LedgerReader,
    rows::{
        Decision, Effect, EffectState, LoggedEffect, Observation, Pause, PauseState, Program, RecordedDecision, Redo,
        Row, Run, Step, StoredEffect, Verdict,
    },
    window::Window,
};

/// Whether an effect changed something, or may have.
const COUNTS: &str = "coalesce((select state from steps where effect = effects.serial order by serial desc limit 1), \
                      'recorded') in ('recorded', 'sent', 'confirmed', 'uncertain', 'drifted', 'undone')";

impl LedgerReader {
    /// The effects of a decision, with their states.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn states(&self, decision: &str) -> Result<Vec<StoredEffect>, LedgerError> {
        self.stored("where decision_id = ?1 order by position", [decision])
    }

    /// What became of an effect, by its number.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn steps(&self, effect: i64) -> Result<Vec<Step>, LedgerError> {
        let found = self.rows::<Step>("where effect = ?1 order by serial", [effect])?;
        Ok(found.into_iter().map(|(_, step)| step).collect())
    }

    /// The state of an effect, by its number.
    pub(crate) fn state(&self, effect: i64) -> Result<EffectState, LedgerError> {
        Ok(self.steps(effect)?.last().map_or(EffectState::Recorded, |step| step.state))
    }

    /// Whether effects of a decision were recorded.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn is_recorded(&self, decision: &str) -> Result<bool, LedgerError> {
        let found = self.rows::<Effect>("where decision_id = ?1 order by position limit 1", [decision])?;
        Ok(!found.is_empty())
    }

    /// Whether a person wants a decision taken anew.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn is_redone(&self, decision: &str) -> Result<bool, LedgerError> {
        Ok(!self.rows::<Redo>("where decision_id = ?1 limit 1", [decision])?.is_empty())
    }

    /// The effect that an effect takes back.
    pub(crate) fn undone_by(&self, effect: i64) -> Result<Option<i64>, LedgerError> {
        let sql = "where (decision_id, position) in (select decisions.undoes, effects.position from effects \
                   join decisions on decisions.serial = effects.decision where effects.serial = ?1)";
        Ok(self.rows::<Effect>(sql, [effect])?.pop().map(|(serial, _)| serial))
    }

    /// The decision that takes a decision back, the last one where several were needed.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn undoing(&self, decision: &str) -> Result<Option<Decision>, LedgerError> {
        let found = self.rows::<Decision>("where undoes = ?1 order by serial desc limit 1", [decision])?.pop();
        Ok(found.map(|(_, decision)| decision))
    }

    /// A run, by its number.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn run(&self, serial: i64) -> Result<Option<Run>, LedgerError> {
        Ok(self.rows::<Run>("where serial = ?1", [serial])?.pop().map(|(_, run)| run))
    }

    /// The workspace whose ledger it is; none where no run was recorded that knew its own.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn workspace(&self) -> Result<Option<String>, LedgerError> {
        let found = self.rows::<Run>("where workspace is not null order by serial desc limit 1", [])?.pop();
        Ok(found.and_then(|(_, run)| run.workspace))
    }

    /// Whether it is the ledger of a workspace that has this name; one without a name may have any.
    ///
    /// # Errors
    /// Where it is another one's, or can't be read.
    pub fn check_workspace(&self, named: Option<&str>) -> Result<(), LedgerError> {
        match (self.workspace()?, named) {
            (Some(of), Some(wanted)) if of != wanted => {
                Err(LedgerError::OtherWorkspace { of, wanted: wanted.to_owned() })
            }
            _ => Ok(()),
        }
    }

    /// The run of a pipeline that was recorded last of its newest window.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn newest_run(&self, pipeline: &str) -> Result<Option<Run>, LedgerError> {
        let sql = "where pipeline = ?1 order by window_start desc, serial desc limit 1";
        Ok(self.rows::<Run>(sql, [pipeline])?.pop().map(|(_, run)| run))
    }

    /// The number of the run of a pipeline that was recorded last; 0 where none was.
    ///
    /// # Errors
    /// Where the ledger can't be read.
    pub fn epoch(&self, pipeline: &str) -> Result<i64, LedgerError> {
        let sql = "select coalesce(max(serial), 0) from runs where pipeline = ?1";
        Ok(self.connection.prepare_cached(sql)?.query_row([pipeline], |row| row.get(0))?)
    }

    /// What a run decided to carry out, in the order in which it was recorded.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn decisions_of(&self, run: i64) -> Result<Vec<Decision>, LedgerError> {
        let sql = "where run = ?1 and (state is null or state = 'acts') order by serial";
        Ok(self.rows::<Decision>(sql, [run])?.into_iter().map(|(_, decision)| decision).collect())
    }

    /// The effects on a resource, in windows that began between two moments (in microseconds since 1970, neither of them
    /// included), in the order in which they were recorded: a window of the past may be run after a later one.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn changes(&self, resource: &str, (after, before): (i64, i64)) -> Result<Vec<LoggedEffect>, LedgerError> {
        let sql = "where resource = ?1 and window_start > ?2 and window_start < ?3 order by serial";
        let mut found = self.stored(sql, params![resource, after, before])?;
        found.retain(|stored| stored.state.counts());
        self.logged(found)
    }

    /// What a rule of a pipeline did in windows that began between two moments (in microseconds since 1970, neither of them
    /// included), where it was carried out or may have been, and was not taken back.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn applied(
        &self,
        pipeline: &str,
        rule: &str,
        (after, before): (i64, i64),
    ) -> Result<Vec<StoredEffect>, LedgerError> {
        let sql = "where decision in (select serial from decisions where rule = ?2 and undoes is null and run in \
                   (select serial from runs where pipeline = ?1 and window_start > ?3 and window_start < ?4)) \
                   order by serial";
        let mut found = self.stored(sql, params![pipeline, rule, after, before])?;
        found.retain(|stored| stored.state.counts() && stored.state != EffectState::Undone);
        Ok(found)
    }

    /// The effect on a resource of its newest window, or the one that was recorded last on one setting of it, in windows that
    /// began before a moment.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn last_change(
        &self,
        resource: &str,
        setting: Option<&str>,
        before: i64,
    ) -> Result<Option<LoggedEffect>, LedgerError> {
        if let Some(setting) = setting {
            return Ok(self.last_changes(&[(resource, setting)], before, &Window::default())?.pop().flatten());
        }
        // It has an index in its order: the first that counts is the last one.
        let sql = format!(
            "where resource = ?1 and window_start < ?2 and {COUNTS} order by window_start desc, serial desc limit 1"
        );
        Ok(self.logged(self.stored(&sql, params![resource, before])?)?.pop())
    }

    /// The effects that were recorded last on settings of resources, in windows that began before a moment, one for each.
    /// What is known of a window, which must have been read in the same transaction or snapshot, is not read again.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn last_changes(
        &self,
        settings: &[(&str, &str)],
        before: i64,
        window: &Window,
    ) -> Result<Vec<Option<LoggedEffect>>, LedgerError> {
        if settings.is_empty() {
            return Ok(Vec::new());
        }
        // A plus keeps the other index from being used. Effects of the first version name their setting by the column.
        let sql = format!(
            "select (select serial from effects where resource = wanted.value ->> 0 \
             and coalesce(setting, name) = wanted.value ->> 1 and +window_start < ?2 and {COUNTS} \
             order by serial desc limit 1) from json_each(?1) wanted order by wanted.key"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let wanted = params![serde_json::json!(settings).to_string(), before];
        let last = statement.query_map(wanted, |row| row.get(0))?.collect::<Result<Vec<Option<i64>>, _>>()?;
        let serials: BTreeSet<i64> = last.iter().flatten().copied().collect();
        let (known, others): (BTreeSet<i64>, BTreeSet<i64>) =
            serials.into_iter().partition(|serial| window.effect(*serial).is_some());
        let mut stored = self.stored("where serial in (select value from json_each(?1))", [list(&others)])?;
        stored.extend(known.into_iter().filter_map(|serial| window.effect(serial).cloned()));
        let serials: Vec<i64> = stored.iter().map(|one| one.serial).collect();
        let logged: BTreeMap<i64, LoggedEffect> = serials.into_iter().zip(self.logged_with(stored, window)?).collect();
        Ok(last.into_iter().map(|serial| logged.get(&serial?).cloned()).collect())
    }

    /// What changed the setting of an effect, or may have, since the effect was recorded: another decision of any pipeline that
    /// was taken, or sent, after it.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn changed_after(&self, one: &StoredEffect) -> Result<Option<LoggedEffect>, LedgerError> {
        let Effect { resource, setting, name, decision_id, .. } = &one.effect;
        let sql = format!(
            "where resource = ?1 and coalesce(setting, name) = ?2 and decision_id <> ?4 and {COUNTS} \
             and (serial > ?3 or exists (select 1 from steps where effect = effects.serial and steps.serial > ?3 \
             and state = 'sent')) order by serial desc limit 1"
        );
        let found =
            self.stored(&sql, params![resource, setting.as_ref().or(name.as_ref()), one.serial, decision_id])?;
        Ok(self.logged(found)?.pop())
    }

    /// The newest value of a setting that somebody else was seen to have left, in windows that began before a moment.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn observed(&self, resource: &str, setting: &str, before: i64) -> Result<Option<Observation>, LedgerError> {
        let sql = "where resource = ?1 and setting = ?2 and window_start < ?3 \
                   order by window_start desc, serial desc limit 1";
        Ok(self.rows::<Observation>(sql, params![resource, setting, before])?.pop().map(|(_, found)| found))
    }

    /// The newest value of a setting that somebody else was seen to have left after a row was recorded, by its number.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn observed_after(
        &self,
        resource: &str,
        setting: &str,
        serial: i64,
    ) -> Result<Option<Observation>, LedgerError> {
        let sql = "where resource = ?1 and setting = ?2 and serial > ?3 order by serial desc limit 1";
        Ok(self.rows::<Observation>(sql, params![resource, setting, serial])?.pop().map(|(_, found)| found))
    }

    /// The newest window whose effects are at a place, by its start, and its name.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn newest_at(&self, place: &str) -> Result<Option<(i64, String)>, LedgerError> {
        let sql = "where serial = (select decisions.run from effects join decisions on decisions.serial = effects.decision \
                   join runs on runs.serial = decisions.run where effects.place = ?1 \
                   order by runs.window_start desc, effects.serial desc limit 1)";
        Ok(self.rows::<Run>(sql, [place])?.pop().map(|(_, run)| (run.window_start, run.window)))
    }

    /// What was said last of a decision that awaits an approval.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn verdict(&self, decision: &str) -> Result<Option<Verdict>, LedgerError> {
        let found = self.rows::<Verdict>("where decision_id = ?1 order by serial desc limit 1", [decision])?;
        Ok(found.into_iter().next().map(|(_, verdict)| verdict))
    }

    /// What a decision was when it was recorded last.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn decision(&self, id: &str) -> Result<Option<Decision>, LedgerError> {
        let found = self.rows::<Decision>("where id = ?1 order by serial desc limit 1", [id])?;
        Ok(found.into_iter().next().map(|(_, decision)| decision))
    }

    /// The identities of decisions that begin so, at most some of them.
    ///
    /// # Errors
    /// Where the ledger can't be read.
    pub fn decisions_like(&self, prefix: &str) -> Result<Vec<String>, LedgerError> {
        let sql = "select distinct id from decisions where id >= ?1 and id < ?1 || 'g' limit 10";
        self.texts(sql, [prefix])
    }

    /// The identities of the decisions that were recorded last.
    ///
    /// # Errors
    /// Where the ledger can't be read.
    pub fn newest_decisions(&self, limit: u32) -> Result<Vec<String>, LedgerError> {
        self.texts("select id from decisions order by serial desc limit ?1", [limit])
    }

    /// What a decision was in each run that recorded it, the first one first.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn history(&self, id: &str) -> Result<Vec<RecordedDecision>, LedgerError> {
        self.recorded(self.rows::<Decision>("where id = ?1 order by serial", [id])?)
    }

    /// What was said of a decision that awaits an approval, the first first.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn verdicts(&self, decision: &str) -> Result<Vec<Verdict>, LedgerError> {
        let found = self.rows::<Verdict>("where decision_id = ?1 order by serial", [decision])?;
        Ok(found.into_iter().map(|(_, verdict)| verdict).collect())
    }

    /// The effects of a decision, each with its steps.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn effects_of_decision(&self, id: &str) -> Result<Vec<(Effect, Vec<Step>)>, LedgerError> {
        let with_steps = |(serial, effect)| {
            let steps = self.rows::<Step>("where effect = ?1 order by serial", [serial])?;
            Ok((effect, steps.into_iter().map(|(_, step)| step).collect()))
        };
        self.rows::<Effect>("where decision_id = ?1 order by position", [id])?.into_iter().map(with_steps).collect()
    }

    /// The text of a pipeline, by its SHA-256.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn program(&self, sha256: &str) -> Result<Option<String>, LedgerError> {
        let found = self.rows::<Program>("where sha256 = ?1", [sha256])?.pop();
        Ok(found.map(|(_, program)| program.text))
    }

    /// The names of the pipelines that ran.
    ///
    /// # Errors
    /// Where the ledger can't be read.
    pub fn pipelines(&self) -> Result<Vec<String>, LedgerError> {
        self.texts("select distinct pipeline from runs order by pipeline", [])
    }

    /// The names of the rules that decided something.
    ///
    /// # Errors
    /// Where the ledger can't be read.
    pub fn rules(&self) -> Result<Vec<String>, LedgerError> {
        self.texts("select distinct rule from decisions order by rule", [])
    }

    /// The pause under way of a pipeline, or of all.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn pause(&self, pipeline: &str) -> Result<Option<Pause>, LedgerError> {
        for of in [None, Some(pipeline)] {
            if let Some(pause) = self.last_pause(of)?.filter(|pause| pause.state == PauseState::Paused) {
                return Ok(Some(pause));
            }
        }
        Ok(None)
    }

    /// The last pause, or the end of one: of a pipeline, or of all.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn last_pause(&self, pipeline: Option<&str>) -> Result<Option<Pause>, LedgerError> {
        let found = self.rows::<Pause>("where pipeline is ?1 order by serial desc limit 1", [pipeline])?;
        Ok(found.into_iter().next().map(|(_, pause)| pause))
    }

    /// The effects of a window at a place, of all pipelines, in the order in which they were recorded.
    ///
    /// # Errors
    /// Where the ledger can't be read, or is not what was written.
    pub fn effects_at(&self, place: &str, window: &str) -> Result<Vec<StoredEffect>, LedgerError> {
        self.stored("where place = ?1 and window = ?2 order by serial", [place, window])
    }

    /// The texts of a column.
    pub(crate) fn texts(&self, sql: &str, parameters: impl Params) -> Result<Vec<String>, LedgerError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let found = statement.query_map(parameters, |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(found)
    }

    /// Decisions with their runs.
    pub(crate) fn recorded(&self, found: Vec<(i64, Decision)>) -> Result<Vec<RecordedDecision>, LedgerError> {
        let mut runs = BTreeMap::new();
        let recorded = |(_, decision): (i64, Decision)| {
            let run = self.once(&mut runs, decision.run)?;
            Ok(RecordedDecision { run, decision })
        };
        found.into_iter().map(recorded).collect()
    }

    /// Effects with their decisions and their runs.
    pub(crate) fn logged(&self, stored: Vec<StoredEffect>) -> Result<Vec<LoggedEffect>, LedgerError> {
        self.logged_with(stored, &Window::default())
    }

    /// The same, where a window is known.
    fn logged_with(&self, stored: Vec<StoredEffect>, window: &Window) -> Result<Vec<LoggedEffect>, LedgerError> {
        let others = stored.iter().map(|one| one.effect.decision).filter(|serial| window.numbered(*serial).is_none());
        let wanted = [list(&others.collect())];
        let others = self.rows::<Decision>("where serial in (select value from json_each(?1))", wanted)?;
        let others: BTreeMap<i64, Decision> = others.into_iter().collect();
        let mut runs = BTreeMap::new();
        let logged = |one: StoredEffect| {
            let serial = one.effect.decision;
            let decision = window.numbered(serial).or(others.get(&serial));
            let decision = decision.ok_or(LedgerError::Damaged { table: Decision::TABLE, serial })?.clone();
            let run: Run = self.once(&mut runs, decision.run)?;
            Ok(LoggedEffect { run, decision, effect: one.effect, state: one.state })
        };
        stored.into_iter().map(logged).collect()
    }

    /// A row, which is read once.
    pub(crate) fn once<R: Row + Clone>(&self, known: &mut BTreeMap<i64, R>, serial: i64) -> Result<R, LedgerError> {
        if let Some(row) = known.get(&serial) {
            return Ok(row.clone());
        }
        let found = self.rows("where serial = ?1", [serial])?.pop();
        let (_, row): (i64, R) = found.ok_or(LedgerError::Damaged { table: R::TABLE, serial })?;
        known.insert(serial, row.clone());
        Ok(row)
    }

    pub(crate) fn stored(&self, which: &str, parameters: impl Params) -> Result<Vec<StoredEffect>, LedgerError> {
        let effects: Vec<(i64, Effect)> = self.rows(which, parameters)?;
        if effects.is_empty() {
            return Ok(Vec::new());
        }
        let states = self.states_of(&effects.iter().map(|(serial, _)| *serial).collect())?;
        let with_state = |(serial, effect)| {
            let state = states.get(&serial).copied().unwrap_or(EffectState::Recorded);
            StoredEffect { serial, effect, state }
        };
        Ok(effects.into_iter().map(with_state).collect())
    }

    /// The states of effects that have steps, by their numbers.
    fn states_of(&self, effects: &BTreeSet<i64>) -> Result<BTreeMap<i64, EffectState>, LedgerError> {
        let sql = "where effect in (select value from json_each(?1)) order by serial";
        let found = self.rows::<Step>(sql, [list(effects)])?;
        Ok(found.into_iter().map(|(_, step)| (step.effect, step.state)).collect())
    }
}

/// Numbers, as a parameter.
fn list(numbers: &BTreeSet<i64>) -> String {
    serde_json::json!(numbers).to_string()
}
