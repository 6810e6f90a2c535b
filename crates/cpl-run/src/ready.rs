//! A run that is ready to let its effects leave: to files, then to servers.

use std::{collections::BTreeSet, path::PathBuf, time::Instant};

use cpl_connect::{Network, Secrets};
use cpl_effects::{FileEffects, Paid, QuarantineFile, ServerEffect, prepare, write_quarantine};
use cpl_ledger::{Effect, EffectState, Ledger, LoggedEffect, Run, RunLock, Step, StoredEffect};
use cpl_model::report::RunReport;
use cpl_rules::{parsed_decimal, short};
use jiff::Timestamp;

use crate::{
    RunError,
    sending::{KnownEffect, Sending},
};

/// A run whose report is there and whose decisions are recorded; its effects are ready to leave.
pub struct ReadyRun {
    /// The report of it.
    pub report: RunReport,
    pub(crate) files: Vec<FileEffects>,
    pub(crate) quarantine: Vec<QuarantineFile>,
    pub(crate) stem: String,
    pub(crate) folder: PathBuf,
    /// None where the pipeline decides nothing.
    pub(crate) recorded: Option<Recorded>,
}

/// A ledger, and the effects whose states are known when the run ends.
pub struct Recorded {
    pub ledger: Ledger,
    pub run: Run,
    /// When the run began, by a clock that is never put back.
    pub since: Instant,
    /// Those that the report shows.
    pub printed: Vec<i64>,
    /// Those of earlier runs that are not sent again.
    pub uncertain: Vec<i64>,
    pub secrets: Secrets,
    pub network: Network,
    /// Where tokens are kept.
    pub tokens: PathBuf,
    /// Until all of it left.
    pub lock: RunLock,
    /// The decisions whose effects are sent; none for all that are open.
    pub only: Option<BTreeSet<String>>,
}

/// Effects that are recorded, and ready to leave.
pub struct ReadyEffects {
    pub(crate) recorded: Recorded,
    pub(crate) files: Vec<FileEffects>,
}

impl ReadyEffects {
    /// Lets them out: what servers made of them.
    ///
    /// # Errors
    /// What the system refuses, and which effects servers did not carry out.
    pub fn send(self) -> Result<Delivered, RunError> {
        self.recorded.send(self.files)
    }
}

/// What servers made of effects.
#[derive(Clone, Copy, Debug, Default)]
pub struct Delivered {
    /// How many they carried out.
    pub carried_out: usize,
    /// How many were of things that were no longer as the rule saw them.
    pub superseded: usize,
}

impl ReadyRun {
    /// Lets the effects out: what servers made of them.
    ///
    /// # Errors
    /// What the system refuses, and which effects servers did not carry out; the error says what was sent.
    pub fn send(self) -> Result<Delivered, RunError> {
        write_quarantine(&self.stem, &self.folder, self.quarantine)?;
        match self.recorded {
            Some(recorded) => recorded.send(self.files),
            None => {
                prepare(self.files)?.put()?;
                Ok(Delivered::default())
            }
        }
    }
}

impl Recorded {
    /// Lets all effects out: to files, then to servers.
    pub fn send(mut self, files: Vec<FileEffects>) -> Result<Delivered, RunError> {
        self.write(files)?;
        let effects = self.effects()?;
        let moment = |micros| Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH);
        let started_at = moment(self.run.started_at);
        let sending = Sending {
            ledger: &mut self.ledger,
            pipeline: &self.run.pipeline,
            secrets: &self.secrets,
            tokens: &self.tokens,
            network: self.network,
            window_end: self.run.window_end.map_or(started_at, moment),
            started_at,
            since: self.since,
        };
        let (carried_out, failed) = sending.send(&effects)?;
        drop(self.lock);
        // What was no longer as the rule saw it asks for nothing: the next window decides anew.
        let superseded = failed.iter().filter(|one| one.state == EffectState::Superseded).count();
        if superseded < failed.len() {
            return Err(RunError::NotCarriedOut { of: carried_out + failed.len(), failed });
        }
        Ok(Delivered { carried_out, superseded })
    }

    /// Writes all effects of the window to the files, and records that they are there. Nobody else of the workspace writes one
    /// of the files meanwhile.
    fn write(&mut self, mut files: Vec<FileEffects>) -> Result<(), RunError> {
        let mut transaction = self.ledger.begin()?;
        let mut sent = std::mem::take(&mut self.printed);
        for file in &mut files {
            let effects = transaction.effects_at(&file.place, &self.run.window)?;
            sent.extend(effects.iter().filter(|one| one.state == EffectState::Recorded).map(|one| one.serial));
            file.lines = effects.into_iter().map(|one| one.effect.payload).collect();
        }
        // Somebody may have said so since it was decided.
        match transaction.pause(&self.run.pipeline)? {
            Some(_) if sent.is_empty() => return Ok(()),
            Some(pause) => return Err(RunError::paused(&pause)),
            None => prepare(files)?.put()?,
        }
        let confirmed = sent.into_iter().map(|effect| (effect, EffectState::Confirmed));
        let uncertain = std::mem::take(&mut self.uncertain).into_iter().map(|effect| (effect, EffectState::Uncertain));
        for (effect, state) in confirmed.chain(uncertain) {
            let step = Step { effect, state, at: self.run.started_at, why: None };
            transaction.add_step(&step).map_err(RunError::NotConfirmed)?;
        }
        transaction.commit().map_err(RunError::NotConfirmed)
    }

    /// The effects on servers: those of this window, and of those before that are open. What has ended is not sent, and says
    /// whether a rise is paid for.
    fn effects(&self) -> Result<Vec<KnownEffect>, RunError> {
        let of = self.run.window_id();
        let before = self.ledger.open_before(of)?;
        // What has ended only says whether a rise is paid for, and there is none to be sent.
        if before.is_empty() && !self.ledger.has_pending(of)? {
            return Ok(Vec::new());
        }
        let window = self.ledger.window(of)?;
        let all = before.iter().map(|one| (one, true)).chain(window.effects().iter().map(|one| (one, false)));
        let mut effects: Vec<KnownEffect> = Vec::new();
        let is_wanted = |id: &String| self.only.as_ref().is_none_or(|only| only.contains(id));
        for (stored, is_before) in all.filter(|(one, _)| is_wanted(&one.effect.decision_id)) {
            let Some(effect) = ServerEffect::of(&stored.effect.payload) else { continue };
            let id = &stored.effect.decision_id;
            let (is_redone, decision) = if is_before {
                (self.ledger.is_redone(id)?, self.ledger.decision(id)?)
            } else {
                (window.is_redone(id), window.decision(id).cloned())
            };
            // Another decision has taken its place.
            if is_redone {
                continue;
            }
            // What is named is sent, or said.
            let is_over = is_before && self.only.is_none();
            let is_undo = decision.as_ref().is_some_and(|decision| decision.undoes.is_some());
            let rule = decision.map(|decision| decision.rule).unwrap_or_default();
            let (stored, changed_since, needs) = (stored.clone(), self.changed_since(stored)?, Vec::new());
            effects.push(KnownEffect { stored, effect, rule, is_undo, is_over, changed_since, needs });
        }
        for at in 0..effects.len() {
            effects[at].needs = paying(at, &effects);
        }
        Ok(effects)
    }

    /// Which decision changed the thing of an effect since it was recorded, where it was never sent: what it saw is no longer so.
    fn changed_since(&self, one: &StoredEffect) -> Result<Option<String>, RunError> {
        if !matches!(one.state, EffectState::Recorded | EffectState::Held) {
            return Ok(None);
        }
        let by = self.ledger.changed_after(one)?;
        Ok(by.map(|LoggedEffect { run, decision, .. }| {
            format!("{} of {} was decided or sent since: {}", decision.rule, run.pipeline, short(&decision.id))
        }))
    }
}

/// The cuts that pay for a rise, by their places: money may be left unspent for a while, and is never spent twice.
fn paying(at: usize, effects: &[KnownEffect]) -> Vec<usize> {
    let rise = &effects[at];
    let pays = |other: &KnownEffect| {
        let Effect { decision_id, before, after, .. } = &other.stored.effect;
        let is_cut = parsed_decimal(after).zip(parsed_decimal(before)).is_some_and(|(after, before)| after < before);
        let is_of = match rise.effect.paid {
            Paid::ByNone => false,
            Paid::ByDecision => *decision_id == rise.stored.effect.decision_id,
            Paid::ByRule => other.rule == rise.rule,
        };
        // What was taken back pays for nothing, and taking back is not paid for by what rules cut.
        let is_there = other.stored.state != EffectState::Undone && other.is_undo == rise.is_undo;
        is_cut && is_of && is_there && other.stored.effect.window == rise.stored.effect.window
    };
    if rise.effect.paid.is_by_none() {
        return Vec::new();
    }
    (0..effects.len()).filter(|other| pays(&effects[*other])).collect()
}
