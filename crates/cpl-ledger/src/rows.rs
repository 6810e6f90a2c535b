//! The rows of the tables: plain values. The names of the fields are those of the columns, in their order.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A kind of row, and its table.
pub trait Row: Serialize + DeserializeOwned {
    /// The table's name.
    const TABLE: &'static str;
}

/// A run that decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The pipeline's name.
    pub pipeline: String,
    /// The window, by its name.
    pub window: String,
    /// The window's start, in microseconds since 1970.
    pub now: i64,
    /// When the run recorded it, in microseconds since 1970.
    pub began: i64,
    /// The pipeline's text, as it was.
    pub program: String,
}

/// What became of a row that a rule looked at.
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
    /// What became of it: `fires`, `held`, `undecided`.
    pub state: String,
    /// Why, or how it was shortened.
    pub reason: Option<String>,
    /// The values that were looked at, as JSON.
    pub because: String,
}

/// One change, or one call, of a decision that fires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// The decision's number.
    pub decision: i64,
    /// The decision's identity.
    pub decision_id: String,
    /// Which of the decision's effects it is, from 0 on.
    pub position: i64,
    /// The start of the window, in microseconds since 1970: from it on cooldowns are counted.
    pub at: i64,
    /// The target, by its name in the pipeline.
    pub target: String,
    /// Where that is, for all pipelines of the workspace alike.
    pub place: String,
    /// The thing that is changed, for all pipelines of the workspace alike.
    pub thing: String,
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
}

/// What became of an effect behind its record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The effect's number.
    pub effect: i64,
    /// What it is from now on.
    pub state: EffectState,
    /// When, in microseconds since 1970.
    pub at: i64,
}

/// Where an effect is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectState {
    /// It is recorded, and has not left as far as is known.
    Recorded,
    /// It is where it should be.
    Confirmed,
    /// Its window was over before it left.
    Expired,
}

impl EffectState {
    /// Its name.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Confirmed => "confirmed",
            Self::Expired => "expired",
        }
    }
}

/// An effect with its decision, its run and its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedEffect {
    /// Its number.
    pub serial: i64,
    /// The run.
    pub run: Run,
    /// The decision.
    pub decision: Decision,
    /// The effect.
    pub effect: Effect,
    /// Where it is on its way.
    pub state: EffectState,
}

impl Row for Run {
    const TABLE: &'static str = "runs";
}

impl Row for Decision {
    const TABLE: &'static str = "decisions";
}

impl Row for Effect {
    const TABLE: &'static str = "effects";
}

impl Row for Step {
    const TABLE: &'static str = "steps";
}
