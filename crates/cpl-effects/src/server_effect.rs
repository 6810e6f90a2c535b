//! What is sent to a server, as it is recorded: whole but for its secrets, which are named.

use cpl_model::{
    method::Method,
    program::{ConnectorLimits, Credential, Dedupe, ErrorInside},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An effect on a server. It is sent as it was recorded, whatever the pipeline and its connector say by then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerEffect {
    /// What is sent.
    pub request: ServerRequest,
    /// The same on every try, and on no other effect.
    pub idempotency_key: String,
    /// The statuses that mean it is done; without one 200 to 299.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub success: Vec<u16>,
    /// How a request that comes twice acts once.
    pub dedupe: Dedupe,
    /// How the current value is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<ServerRead>,
    /// What the server validates it by, without doing it: it is sent first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validate: Option<ServerRequest>,
    /// The value is read back behind a success.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub confirms: bool,
    /// What makes an answer an error, whatever its status.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ErrorInside>,
    /// The limits of the API.
    pub limits: ConnectorLimits,
    /// It raises what a cut pays for: it is sent once all cuts of these decisions are carried out.
    #[serde(default, skip_serializing_if = "Paid::is_by_none")]
    pub paid: Paid,
}

/// Which cuts pay for a rise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Paid {
    /// None.
    #[default]
    ByNone,
    /// Those of its own decision.
    ByDecision,
    /// Those of all decisions of its rule.
    ByRule,
}

impl Paid {
    /// Whether no cut pays for it.
    #[must_use]
    pub fn is_by_none(&self) -> bool {
        *self == Self::ByNone
    }
}

/// A request, without the values of its secrets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerRequest {
    /// The method.
    pub method: Method,
    /// The address: written, or a secret.
    pub address: Credential,
    /// What is added to its path, percent-encoded.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// The credentials.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub auth: Vec<ServerAuth>,
    /// The headers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, Credential)>,
    /// What follows the address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<(String, String)>,
    /// The JSON that is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// What it is signed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_with: Option<Credential>,
}

/// Credentials, by the names of their secrets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerAuth {
    /// `Authorization: Bearer`.
    Bearer(Credential),
    /// `Authorization: Basic`.
    Basic(Credential, Option<Credential>),
    /// A header of that name.
    Header(String, Credential),
    /// A parameter of the query.
    Query(String, Credential),
    /// A token that is requested first.
    OAuth2 {
        /// Where it is requested.
        token_url: String,
        /// The client.
        client_id: Credential,
        /// Its secret.
        client_secret: Option<Credential>,
        /// The refresh token.
        refresh_token: Option<Credential>,
        /// What is requested.
        scopes: Vec<String>,
        /// The header in which the token goes; none for that of bearers.
        header: Option<String>,
    },
    /// A token that is requested by a service account of Google Cloud.
    GoogleServiceAccount {
        /// Its key file.
        key: Credential,
        /// What is requested.
        scopes: Vec<String>,
    },
}

/// How the current value of what an effect changes is read, and what it is before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerRead {
    /// The request that reads it.
    pub request: ServerRequest,
    /// The path to it in the answer.
    pub value: String,
    /// So many of what stands there are one: a million for micros, a hundred for cents and percent.
    pub scale: u64,
    /// The value before, at full precision.
    pub before: String,
    /// The value after.
    pub after: String,
}

impl ServerEffect {
    /// As the ledger keeps it.
    #[must_use]
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|error| unreachable!("plain values: {error}"))
    }

    /// Of what a ledger keeps; none where that is no effect on a server.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}
