//! The rows of the tables: plain values. The names of the fields are those of the columns, in their order.

use std::collections::BTreeMap;

pub use cpl_protocol::State as EffectState;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A kind of row, and its table.
pub trait Row: Serialize + DeserializeOwned {
    /// The table's name.
    const TABLE: &'static str;
}

/// The text of a pipeline, as it was when it ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// What names it: the SHA-256 of the text.
    pub sha256: String,
    /// The text.
    pub text: String,
}

/// A run of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The pipeline's name.
    pub pipeline: String,
    /// The window, by its name.
    pub window: String,
    /// The window's start, in microseconds since 1970.
    pub window_start: i64,
    /// When the run began, in microseconds since 1970.
    pub started_at: i64,
    /// The pipeline's text, by its SHA-256.
    pub program: String,
    /// The start of the next window, in microseconds since 1970; none in rows of the first version.
    pub window_end: Option<i64>,
    /// What it read, as JSON: rows, the newest one, the sizes and times of files.
    pub inputs: Option<String>,
    /// Values of `let`s that the command line set, as JSON.
    pub settings: Option<String>,
    /// Checks of its data that did not hold, as JSON.
    pub checks: Option<String>,
    /// The workspace, by whose name decisions are counted; none in rows of older versions.
    pub workspace: Option<String>,
}

/// The constraint of a dashboard, or a driver of it, as a run saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricValue {
    /// The run's number.
    pub run: i64,
    /// The metric.
    pub name: String,
    /// Its value over the dashboard's window, at full precision; none where it is unknown.
    pub value: Option<String>,
    /// What the value counts: a currency, `ratio` or `number`; none for what is no amount.
    pub unit: Option<String>,
}

/// What an alert found in a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// The run's number.
    pub run: i64,
    /// The alert.
    pub alert: String,
    /// The row's key, as a JSON object.
    pub key: String,
    /// What became of it.
    pub state: AlertState,
    /// How grave it is: `critical`, `warning` or `info`.
    pub severity: String,
    /// What it says; where nothing is reported, why.
    pub text: String,
    /// The start of the window in which it was reported, in microseconds since 1970; none where it was not, and in rows of older versions.
    pub reported: Option<i64>,
}

/// What became of a row that an alert looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// It is reported.
    Fires,
    /// It was reported not long before, and is so still.
    Still,
    /// A value was unknown.
    Undecided,
    /// It is not reported.
    Suppressed,
    /// It was found by an earlier run of the window, and is so no longer.
    Over,
}

/// A row that a rule decided on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The run's number.
    pub run: i64,
    /// Its identity (SHA-256), the same in each run of the window.
    pub id: String,
    /// The rule.
    pub rule: String,
    /// The row's key, as a JSON object.
    pub key: String,
    /// How guards shortened it.
    pub reason: Option<String>,
    /// The values that the rule looked at, as JSON.
    pub because: String,
    /// What became of it; none in rows of the first version, which acted.
    pub state: Option<DecisionState>,
    /// What it changes, as JSON.
    pub changes: Option<String>,
    /// The conditions with their values, as a person reads them: a JSON list.
    pub conditions: Option<String>,
    /// The identity of the decision that this one takes back.
    pub undoes: Option<String>,
    /// What names all that leaves by it, whole: the SHA-256 of it.
    pub sends: Option<String>,
}

/// A window of a pipeline. It is known by its name: where the file got another time zone, or another time of day, the window
/// of the same name has another start.
#[derive(Clone, Copy, Debug)]
pub struct WindowId<'w> {
    /// The pipeline.
    pub pipeline: &'w str,
    /// The window's name.
    pub name: &'w str,
    /// Its start, in microseconds since 1970: windows before it are those that began earlier and have other names.
    pub start: i64,
}

/// A decision as a run recorded it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedDecision {
    /// The run.
    pub run: Run,
    /// The decision.
    pub decision: Decision,
}

/// What became of a row that a rule decided on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecisionState {
    /// It acts: its effects are recorded with it.
    Acts,
    /// A guard or broken data holds it.
    Held,
    /// It is held until a person approves it.
    AwaitsApproval,
    /// A value was unknown.
    Undecided,
}

/// One change, or one call, of a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// The decision's number.
    pub decision: i64,
    /// The decision's identity.
    pub decision_id: String,
    /// Which of the decision's effects it is, from 0 on.
    pub position: i64,
    /// The window, by its name.
    pub window: String,
    /// The window's start, in microseconds since 1970: cooldowns are counted from it.
    pub window_start: i64,
    /// The target, by its name in the pipeline.
    pub target: String,
    /// Where that is: the same for all pipelines of the workspace.
    pub place: String,
    /// What is changed: the same for all pipelines of the workspace.
    pub resource: String,
    /// The key of the row that is changed, as a JSON object.
    pub key: String,
    /// The column that is changed; none for a call.
    pub name: Option<String>,
    /// Its value before, at full precision.
    pub before: String,
    /// Its value after, at full precision.
    pub after: String,
    /// What is sent.
    pub payload: String,
    /// Which setting of the resource is changed; none for a call.
    pub setting: Option<String>,
    /// What the values count: a currency, `ratio` or `number`; none for a call.
    pub unit: Option<String>,
    /// What takes it back when it is sent; none for what nothing takes back.
    pub reverse: Option<String>,
}

/// A value of a setting that somebody else left, and that no run saw before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// Of what: the same for all pipelines of the workspace.
    pub resource: String,
    /// Which setting of it.
    pub setting: String,
    /// The value, at full precision.
    pub value: String,
    /// The start of the window that saw it first, in microseconds since 1970.
    pub window_start: i64,
}

/// What a person said of a decision that awaits an approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The decision's identity.
    pub decision_id: String,
    /// What it would change, as JSON: the verdict is of nothing else.
    pub changes: String,
    /// What was said.
    pub verdict: VerdictKind,
    /// Who said it.
    pub by: String,
    /// Why.
    pub why: Option<String>,
    /// When, in microseconds since 1970.
    pub at: i64,
    /// What leaves by the decision, as its row names it: the verdict is of nothing else.
    pub sends: Option<String>,
}

/// A person wants a decision taken anew, in its window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redo {
    /// The decision's identity: that of the next generation follows from it.
    pub decision_id: String,
    /// Who said so.
    pub by: String,
    /// Why.
    pub why: Option<String>,
    /// When, in microseconds since 1970.
    pub at: i64,
}

/// What a person says of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerdictKind {
    /// It may be carried out.
    Approved,
    /// It may not.
    Rejected,
}

/// From when on nothing is sent, or is sent again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Of which pipeline; none for all of the workspace.
    pub pipeline: Option<String>,
    /// Whether it begins or ends.
    pub state: PauseState,
    /// Who said so.
    pub by: String,
    /// Why.
    pub why: Option<String>,
    /// When, in microseconds since 1970.
    pub at: i64,
}

/// Whether a pause begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseState {
    /// Nothing is sent.
    Paused,
    /// What is decided is sent again.
    Resumed,
}

/// What became of an effect after it was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The effect's number.
    pub effect: i64,
    /// Its state from now on.
    pub state: EffectState,
    /// When that was found out, in microseconds since 1970.
    pub at: i64,
    /// What was found.
    pub why: Option<String>,
}

impl DecisionState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Acts, Self::Held, Self::AwaitsApproval, Self::Undecided];

    /// Its name.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Acts => "acts",
            Self::Held => "held",
            Self::AwaitsApproval => "awaits approval",
            Self::Undecided => "undecided",
        }
    }
}

impl AlertState {
    /// Its name.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Fires => "fires",
            Self::Still => "still",
            Self::Undecided => "undecided",
            Self::Suppressed => "suppressed",
            Self::Over => "over",
        }
    }
}

impl VerdictKind {
    /// Its name.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Rejected => "rejected",
        }
    }
}

impl Run {
    /// Its window.
    #[must_use]
    pub fn window_id(&self) -> WindowId<'_> {
        WindowId { pipeline: &self.pipeline, name: &self.window, start: self.window_start }
    }

    /// Values of `let`s that the command line set, by their names.
    #[must_use]
    pub fn set_values(&self) -> BTreeMap<String, String> {
        self.settings.as_deref().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
    }
}

impl Decision {
    /// What became of it: rows of the first version acted.
    #[must_use]
    pub fn state(&self) -> DecisionState {
        self.state.unwrap_or(DecisionState::Acts)
    }
}

/// An effect, its number and its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEffect {
    /// Its number.
    pub serial: i64,
    /// The effect.
    pub effect: Effect,
    /// Its state.
    pub state: EffectState,
}

/// An effect with its decision and its run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedEffect {
    /// The run.
    pub run: Run,
    /// The decision.
    pub decision: Decision,
    /// The effect.
    pub effect: Effect,
    /// Its state.
    pub state: EffectState,
}

/// A metric with the run that saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedMetric {
    /// The run.
    pub run: Run,
    /// The metric.
    pub metric: MetricValue,
}

/// An alert with the run that saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedAlert {
    /// The run.
    pub run: Run,
    /// The alert.
    pub alert: Alert,
}

/// A run, and how much it decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedRun {
    /// Its number.
    pub serial: i64,
    /// The run.
    pub run: Run,
    /// How many decisions it carried out, or began to.
    pub acting: u32,
    /// How many it held, or could not decide.
    pub held: u32,
    /// It took decisions back.
    pub is_undo: bool,
}

impl Row for Program {
    const TABLE: &'static str = "programs";
}

impl Row for Run {
    const TABLE: &'static str = "runs";
}

impl Row for MetricValue {
    const TABLE: &'static str = "metrics";
}

impl Row for Alert {
    const TABLE: &'static str = "alerts";
}

impl Row for Decision {
    const TABLE: &'static str = "decisions";
}

impl Row for Effect {
    const TABLE: &'static str = "effects";
}

impl Row for Observation {
    const TABLE: &'static str = "observations";
}

impl Row for Verdict {
    const TABLE: &'static str = "verdicts";
}

impl Row for Redo {
    const TABLE: &'static str = "redos";
}

impl Row for Pause {
    const TABLE: &'static str = "pauses";
}

impl Row for Step {
    const TABLE: &'static str = "steps";
}
