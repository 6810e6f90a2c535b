//! Guards with a memory: what was changed before, by any rule of any pipeline of the workspace, holds or shortens a change.

use std::cmp::Ordering;

use cpl_model::{
    clock::earlier,
    program::{Approval, Decision as Rule, Program, Step},
    report::{Pairs, State},
    resource::Resource,
    types::{Denomination, Type},
    value::Value,
};
use cpl_plan::rule::{CompiledApproval, CompiledKeepChange};
use jiff::{Timestamp, tz::TimeZone};
use rust_decimal::Decimal;

use super::{
    amount,
    change::{Leg, ProposedChange, changes_text},
    context::GuardContext,
    proposal::Proposal,
};
use crate::{
    identity::short,
    past::{Changed, PastChange},
};

/// What guards with a memory need to know.
pub struct Memory<'a> {
    pub rule: &'a Rule,
    pub program: &'a Program,
    pub context: &'a GuardContext<'a>,
}

/// One column that a proposal changes, and what of which resource that is.
pub struct Setting<'p> {
    resource: Resource,
    row: &'p Pairs,
    name: &'p str,
    leg: &'p Leg,
    ty: Type,
}

impl Proposal {
    /// What the proposal changes, a column each.
    fn settings(&self, program: &Program) -> Vec<Setting<'_>> {
        let each = |change| self.settings_of(change, program);
        self.changes.iter().flat_map(each).collect()
    }

    fn settings_of<'p>(&'p self, change: &'p ProposedChange, program: &Program) -> Vec<Setting<'p>> {
        let setting = |leg: &'p Leg| {
            let (row, resource) = self.changed(change, leg.partner.as_ref(), program);
            Setting { resource, row, name: change.setting(leg), leg, ty: change.ty }
        };
        change.legs.iter().map(setting).collect()
    }
}

impl Memory<'_> {
    /// A resource that was changed less than `cooldown` ago.
    pub fn cooling_down(&self, proposal: &Proposal) -> Option<String> {
        let cooldown = self.rule.cooldown?;
        let resources = proposal.resources_of_rows(self.program);
        let last = |(resource, row): (Resource, &Pairs)| {
            let change = self.context.past.last_change(Changed { resource: &resource, row }, None)?;
            Some((resource, change))
        };
        let (resource, last) = resources.into_iter().filter_map(last).max_by_key(|(_, last)| last.at)?;
        let length = Value::Duration(cooldown);
        self.is_within(cooldown, last.at)
            .then(|| format!("{resource} cools down for {length}: {} changed it on {}", last.by, self.day(last.at)))
    }

    /// A resource that another rule, or another row, changed in this very window: the data may not show it yet.
    pub fn changed_in_window(&self, proposal: &Proposal) -> Option<String> {
        proposal.resources_of_rows(self.program).into_iter().find_map(|(resource, row)| {
            let last = self.context.past.last_change(Changed { resource: &resource, row }, None)?;
            // What is taken anew changes what it changed before; what was taken back since the window began was just so.
            let is_in_it = last.at == self.context.now || (last.is_undo && last.at > self.context.now);
            let is_of_window = last.is_own && is_in_it && !proposal.generations.contains(&last.decision);
            is_of_window.then(|| format!("{} changed {resource} already in this window", last.by))
        })
    }

    /// A setting that was changed the other way less than `no reversal` ago.
    pub fn reverses(&self, proposal: &Proposal) -> Option<String> {
        let length = self.rule.no_reversal?;
        proposal.settings(self.program).into_iter().find_map(|setting| {
            let last = self.last(&setting)?;
            if !self.is_within(length, last.at) {
                return None;
            }
            if let Some(why) = incomparable(&last, &setting) {
                return Some(why);
            }
            let was_raised = match last.after?.cmp(&last.before?) {
                Ordering::Greater => true,
                Ordering::Less => false,
                Ordering::Equal => return None,
            };
            let (word, opposite) = if was_raised { ("raised", "cut") } else { ("cut", "rise") };
            (was_raised != setting.leg.rises).then(|| {
                let (length, day) = (Value::Duration(length), self.day(last.at));
                format!("no reversal within {length}: {} {word} {setting} on {day}, and this is a {opposite}", last.by)
            })
        })
    }

    /// Looks up the settings that are asked for in a moment, all of them at once.
    pub fn look_up<'p>(&self, proposals: impl Iterator<Item = &'p Proposal>) {
        let settings: Vec<Setting<'_>> = proposals.flat_map(|proposal| proposal.settings(self.program)).collect();
        let named: Vec<_> = settings.iter().map(|setting| (setting.changed(), setting.name)).collect();
        self.context.past.look_up_last_changes(&named);
    }

    /// A setting that somebody else changed since our last change of it; and notes whether this run is the first to see it.
    pub fn changed_by_others(&self, proposal: &mut Proposal) -> Option<String> {
        let mut first_seen = Vec::new();
        let mut held = None;
        for setting in proposal.settings(self.program) {
            let Some(last) = self.last(&setting) else {
                first_seen.push(false);
                continue;
            };
            let (why, is_first) = self.drift(&setting, &last);
            first_seen.push(is_first);
            held = held.or(why);
        }
        let legs = proposal.changes.iter_mut().flat_map(|change| &mut change.legs);
        for (leg, is_first) in legs.zip(first_seen) {
            leg.is_first_seen = is_first;
        }
        held
    }

    /// Why the setting is left to whoever changed it, and whether nobody saw that before.
    fn drift(&self, setting: &Setting<'_>, last: &PastChange) -> (Option<String>, bool) {
        let (Some(left), None) = (last.after, incomparable(last, setting)) else { return (None, false) };
        let from = setting.leg.from;
        // What was handed over and did not arrive left the value as it was.
        if from == left || (!last.is_applied && Some(from) == last.before) {
            return (None, false);
        }
        let seen = self.context.past.observed(setting.changed(), setting.name);
        let seen = seen.filter(|seen| seen.value == from && seen.at > last.at);
        // What a window reads may be from before its own change: that is nobody's hand.
        let is_older = last.at == self.context.now && Some(from) == last.before;
        let is_first = seen.is_none() && !is_older;
        let since = seen.map_or(self.context.now, |seen| seen.at);
        let is_held = self.rule.hands_off.map_or(since >= self.context.now, |length| self.is_within(length, since));
        let why = is_held.then(|| {
            let how_long = match self.rule.hands_off {
                Some(length) => format!("hands off for {}", Value::Duration(length)),
                None => "hands off in this window".to_owned(),
            };
            let (from, left) = (setting.shown(from), setting.shown(left));
            let day = self.day(last.at);
            format!("{how_long}: {} left {setting} at {left} on {day}, and somebody made it {from}", last.by)
        });
        (why, is_first)
    }

    /// `keep change within R per D`: all changes of a setting in that time together.
    pub fn keep_change(&self, proposal: &mut Proposal, keep: &CompiledKeepChange) {
        let (within, per) = (keep.within.value(&proposal.row), Value::Duration(keep.per));
        let Some(share) = amount::of(within) else {
            let why = keep.within.why_unknown(&proposal.row);
            return proposal.hold(format!("the largest change in {per}: {why}"));
        };
        let limit = format!("changed by at most {} in {per}", within.exact());
        let start = self.ago(keep.per);
        for at in 0..proposal.changes.len() {
            let mut room = None;
            for setting in proposal.settings_of(&proposal.changes[at], self.program) {
                match self.room(&setting, share, start) {
                    Ok(left) => room = Some(room.map_or(left, |room: Decimal| room.min(left))),
                    Err(why) => return proposal.hold(format!("{limit}: {why}")),
                }
            }
            if let Some(room) = room.filter(|room| *room < proposal.changes[at].amount) {
                proposal.changes[at].amount = room;
                if !proposal.reasons.contains(&limit) {
                    proposal.reasons.push(limit.clone());
                }
            }
        }
    }

    /// How far a setting may still move its way; else why it may not.
    fn room(&self, setting: &Setting<'_>, share: Decimal, start: Timestamp) -> Result<Decimal, String> {
        let changes = self.context.past.changes_since(setting.changed(), start);
        let first = changes.into_iter().find(|change| change.setting.as_deref() == Some(setting.name));
        let from = setting.leg.from;
        let base = match &first {
            None => from,
            Some(first) => match (incomparable(first, setting), first.before) {
                (Some(why), _) => return Err(why),
                (None, Some(before)) => before,
                (None, None) => return Err(format!("{setting} before {} is unknown", self.day(first.at))),
            },
        };
        if base.is_zero() {
            return Err(format!("{setting} was {}, of which nothing is a share", setting.shown(base)));
        }
        let most = base.abs().checked_mul(share).ok_or("the largest change is too large")?;
        let room = if setting.leg.rises { base + most - from } else { from - (base - most) };
        if room > Decimal::ZERO {
            return Ok(room);
        }
        let was = first.map(|first| format!("was {} before {} and ", setting.shown(base), self.day(first.at)));
        Err(format!("{setting} {}is {}", was.unwrap_or_default(), setting.shown(from)))
    }

    /// (6) What needs an approval waits for it.
    pub fn await_approval(&self, proposal: &mut Proposal, approval: &CompiledApproval) {
        let is_small = match (&self.rule.approval, &approval.above) {
            (Some(Approval { above: Some(step) }), Some(above)) => match amount::of(above.value(&proposal.row)) {
                Some(largest) => proposal.is_up_to(step, largest),
                None => return proposal.hold(above.why_unknown(&proposal.row)),
            },
            _ => false,
        };
        if is_small {
            return;
        }
        let own = || self.context.identity.decision(&self.rule.name, &proposal.key, self.context.past);
        let id = proposal.generations.last().cloned().unwrap_or_else(own);
        let changes = changes_text(&proposal.reported(self.program));
        let reason = match self.context.past.verdict(&id) {
            Some(verdict) if verdict.changes != changes => {
                format!("approval required: it was {} for another change", verdict.word())
            }
            Some(verdict) if verdict.is_approved => {
                proposal.reasons.push(format!("approved by {}", verdict.by));
                return;
            }
            Some(verdict) => {
                let why = verdict.why.map_or_else(String::new, |why| format!(": {why}"));
                return proposal.hold(format!("rejected by {}{why}", verdict.by));
            }
            None => "approval required".to_owned(),
        };
        let reason = format!("{reason}: `cpl approve {}`", short(&id));
        let shortened = std::mem::take(&mut proposal.reasons);
        proposal.hold([vec![reason], shortened].concat().join("; "));
        proposal.awaits_approval = true;
    }

    fn last(&self, setting: &Setting<'_>) -> Option<PastChange> {
        self.context.past.last_change(setting.changed(), Some(setting.name))
    }

    /// Whether a moment is less than a length of time ago, in microseconds.
    fn is_within(&self, length: i64, moment: Timestamp) -> bool {
        moment > self.ago(length)
    }

    /// The moment so many microseconds ago.
    fn ago(&self, length: i64) -> Timestamp {
        earlier(self.context.now, length, &self.program.timezone)
    }

    fn day(&self, moment: Timestamp) -> String {
        shown_moment(moment, &self.program.timezone)
    }
}

fn shown_moment(moment: Timestamp, zone: &TimeZone) -> String {
    moment.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
}

/// Amounts of two units say nothing of each other.
fn incomparable(change: &PastChange, setting: &Setting<'_>) -> Option<String> {
    let own = unit(&amount::value(Decimal::ZERO, setting.ty))?;
    let other = change.unit.as_ref().filter(|other| **other != own)?;
    Some(format!("{} changed {setting} in {other}, and here it is in {own}", change.by))
}

/// What an amount counts: a currency, `ratio` or `number`; none for what is no amount.
#[must_use]
pub fn unit(value: &Value) -> Option<String> {
    match value {
        Value::Money(_, Denomination::One(currency)) => Some(currency.code().to_owned()),
        Value::Ratio(_) => Some("ratio".to_owned()),
        Value::Integer(_) | Value::Number(_) => Some("number".to_owned()),
        _ => None,
    }
}

impl Setting<'_> {
    fn changed(&self) -> Changed<'_> {
        Changed { resource: &self.resource, row: self.row }
    }

    fn shown(&self, amount: Decimal) -> String {
        amount::value(amount, self.ty).exact()
    }
}

impl std::fmt::Display for Setting<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {}", self.name, self.resource)
    }
}

impl Proposal {
    /// Whether no change is larger: than an amount, or than a share of the value before.
    fn is_up_to(&self, step: &Step, largest: Decimal) -> bool {
        self.state == State::Fires
            && self.changes.iter().all(|change| {
                !change.legs.is_empty()
                    && change.legs.iter().all(|leg| match step {
                        Step::Share(_) => leg.from.abs().checked_mul(largest).is_some_and(|most| change.amount <= most),
                        Step::Amount(_) | Step::To(_) => change.amount <= largest,
                    })
            })
    }
}
