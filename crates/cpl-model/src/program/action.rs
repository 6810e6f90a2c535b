//! What a rule does by a connector.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{ConnectorCall, ConnectorLimits, Encoding, ErrorInside, Request};
use crate::types::Type;

/// A call of a connector's action, with its requests.
#[derive(Clone, Debug, PartialEq)]
pub struct ActionCall {
    /// The connector, the action and the arguments that the target gives.
    pub call: ConnectorCall,
    /// What a run requests.
    pub action: Arc<ServerAction>,
}

/// An action of a connector.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerAction {
    /// What is sent; its holes name the action's arguments, and `idempotency_key`.
    pub request: Request,
    /// The statuses that mean it is done; without one 200 to 299.
    pub success: Vec<u16>,
    /// How a request that comes twice acts once.
    pub dedupe: Dedupe,
    /// How the current value is read.
    pub read: Option<ActionRead>,
    /// What the API validates the request by, without doing it.
    pub validate: Option<Request>,
    /// The smallest step of the value.
    pub unit: Option<Decimal>,
    /// The value is read back behind a success.
    pub confirms: bool,
    /// What the platform learns anew after a change.
    pub learning: Option<Learning>,
    /// What makes an answer an error, whatever its status.
    pub errors: Vec<ErrorInside>,
    /// The limits of its connector.
    pub limits: ConnectorLimits,
}

/// A platform that learns anew after a change: until it has, figures say little.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Learning {
    /// How many events it needs for that.
    pub events: Option<u32>,
    /// How long that takes, in microseconds.
    pub within: i64,
    /// The share of a value above which a change begins it; none where any change does.
    pub restarts_above: Option<Decimal>,
    /// Whose figures these are.
    pub source: String,
}

/// How a request that comes twice acts once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dedupe {
    /// It does not.
    None,
    /// The API remembers the idempotency key in this header, so many microseconds.
    Key {
        /// The header.
        header: String,
        /// How long, in microseconds.
        life: i64,
    },
    /// The current value tells.
    Lookup,
}

/// How the current value of what an action changes is read.
#[derive(Clone, Debug, PartialEq)]
pub struct ActionRead {
    /// The request that reads it.
    pub request: Request,
    /// The path to it in the answer.
    pub value: String,
    /// How it is written there.
    pub stored: Encoding,
    /// What it is.
    pub ty: Type,
}
