//! A report's decisions → what leaves by them, and what would take it back.

use std::collections::BTreeMap;

use cpl_effects::{Places, line};
use cpl_model::report::{Decision, RunReport, State};
use cpl_plan::bind::BoundPlan;
use cpl_rules::{reversed, sha256};

use crate::{RunError, server_effects::ServerEffects};

/// What leaves by an effect, as the ledger keeps it.
pub struct Payload {
    /// What leaves.
    pub text: String,
    /// What takes it back; none for a call, and where no request says the old value.
    pub reverse: Option<String>,
}

/// What leaves by the decisions of a report that act, or would once somebody approves: by a decision's id, an effect each.
pub struct Payloads(BTreeMap<String, Vec<Payload>>);

impl Payloads {
    /// Of a report.
    ///
    /// # Errors
    /// Where a value of a request can't be computed, or can't stand where it is sent.
    pub fn of(report: &RunReport, plan: &BoundPlan, window: &str) -> Result<Self, RunError> {
        let servers = ServerEffects::of(plan);
        let mut found = BTreeMap::new();
        for decision in report.decisions.iter().filter(|one| one.state == State::Fires || one.awaits_approval) {
            let (mut payloads, back) = (Vec::new(), reversed(decision));
            for (position, change) in decision.changes.iter().enumerate() {
                let text = |of: &Decision| {
                    let sent = servers.effect(of, position, report, window)?.map(|effect| effect.text());
                    let line = || line(of, position, &of.changes[position], report, window).text();
                    Ok::<_, RunError>(sent.unwrap_or_else(line))
                };
                // What can't be taken back is carried out all the same.
                let reverse = change.undo.as_ref().and_then(|_| text(&back).ok());
                payloads.push(Payload { text: text(decision)?, reverse });
            }
            found.insert(decision.id.clone(), payloads);
        }
        Ok(Self(found))
    }

    /// Of an effect of a decision that acts, by its place.
    pub fn effect(&self, decision: &str, position: usize) -> &Payload {
        let found = self.0.get(decision).and_then(|payloads| payloads.get(position));
        found.unwrap_or_else(|| unreachable!("an effect of a decision that acts"))
    }

    /// What names all that leaves by a decision, and where to; none where nothing does.
    pub fn name(&self, decision: &Decision, places: &Places) -> Option<String> {
        let payloads = self.0.get(&decision.id)?;
        let places = decision.changes.iter().map(|change| places.place(&change.target));
        let all: Vec<(&str, &str)> = places.zip(payloads.iter().map(|payload| payload.text.as_str())).collect();
        Some(sha256(&serde_json::json!(all).to_string()))
    }
}
