//! What is sent to servers: requests, queries of databases, and calls of connectors.

use cpl_syntax::tree::Window;
use serde::{Deserialize, Serialize};

use super::{Constant, Expr, ExprKind, Piece};
use crate::method::Method;

/// A text that may be kept out of the file: an address, a user, a password or a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Credential {
    /// As it is written.
    Plain(String),
    /// `secret("NAME")`: the name of a secret, whose value no program holds.
    Secret(String),
}

/// One request of HTTP (RFC 9110). In a fetch its expressions are constants; in a target they name the target's
/// parameters, and `idempotency_key`; in a connector its arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Its method.
    pub method: Method,
    /// The address; its holes follow the host, or stand for the first names of it.
    pub address: Vec<Piece>,
    /// Credentials: each of them is sent.
    pub auth: Vec<Auth>,
    /// The headers, by their names.
    pub headers: Vec<(String, HeaderValue)>,
    /// What is added to the address, by name; of a list, each element by itself.
    pub query: Vec<(String, Template)>,
    /// The JSON that is sent; none where nothing is.
    pub body: Option<Template>,
}

/// JSON with holes.
#[derive(Clone, Debug, PartialEq)]
pub enum Template {
    /// Null, a number, true or false, as JSON writes it.
    Literal(String),
    /// A text.
    Text(Vec<Piece>),
    /// A value, of its own JSON type.
    Value(Expr),
    /// A list.
    List(Vec<Template>),
    /// An object: names and values.
    Object(Vec<(String, Template)>),
}

/// Credentials of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Auth {
    /// `Authorization: Bearer` (RFC 6750).
    Bearer(Credential),
    /// `Authorization: Basic` (RFC 7617).
    Basic {
        /// The user.
        user: Credential,
        /// The password; none where the user is all.
        password: Option<Credential>,
    },
    /// A header of that name.
    Header(String, Credential),
    /// A parameter of the query.
    Query(String, Credential),
    /// A token that is requested first (RFC 6749): by a refresh token, else by the client's own credentials.
    OAuth2 {
        /// Where it is requested; its holes stand for names of its host.
        token_url: Vec<Piece>,
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
    /// A token that is requested by a service account of Google Cloud (RFC 7523).
    GoogleServiceAccount {
        /// Its key file.
        key: Credential,
        /// What is requested.
        scopes: Vec<String>,
    },
}

/// The value of a header.
#[derive(Clone, Debug, PartialEq)]
pub enum HeaderValue {
    /// A secret.
    Credential(Credential),
    /// Computed: not sent where it is one hole whose argument was left out.
    Computed(Template),
}

/// A query of a database.
#[derive(Clone, Debug, PartialEq)]
pub struct DatabaseQuery {
    /// The address of the database.
    pub address: Credential,
    /// The query: its SQL, and holes for values that are sent as parameters, never as part of its text.
    pub query: Vec<Piece>,
}

/// A call of a connector's endpoint or action.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectorCall {
    /// The connector.
    pub connector: String,
    /// Its endpoint or action.
    pub name: String,
    /// The arguments that are given, by the connector's names.
    pub arguments: Vec<(String, CallArgument)>,
}

/// An argument of such a call.
#[derive(Clone, Debug, PartialEq)]
pub enum CallArgument {
    /// The days that are wanted.
    Window(Window),
    /// A constant.
    Value(Expr),
}

impl CallArgument {
    /// The value as [`Value::raw`](crate::value::Value::raw) writes it; a window has none.
    #[must_use]
    pub fn raw(&self) -> Option<String> {
        let Self::Value(value) = self else { return None };
        Some(match (&value.kind, value.amount()) {
            (ExprKind::Constant(Constant::Text(text)), _) => text.clone(),
            (ExprKind::Constant(Constant::Bool(truth)), _) => truth.to_string(),
            (ExprKind::Constant(Constant::Date(day)), _) => day.to_string(),
            (_, Some(amount)) => amount.normalize().to_string(),
            // What no key is made of.
            (kind, None) => format!("{kind:?}"),
        })
    }
}

impl Request {
    /// The expressions that it is made of.
    #[must_use]
    pub fn exprs(&self) -> Vec<&Expr> {
        let headers = self.headers.iter().filter_map(|(_, value)| match value {
            HeaderValue::Credential(_) => None,
            HeaderValue::Computed(value) => Some(value),
        });
        let values = headers.chain(self.query.iter().map(|(_, value)| value)).chain(&self.body);
        let token_urls = self.auth.iter().flat_map(|auth| match auth {
            Auth::OAuth2 { token_url, .. } => token_url.as_slice(),
            _ => &[],
        });
        let addresses = self.address.iter().chain(token_urls).filter_map(Piece::hole);
        addresses.chain(values.flat_map(Template::exprs)).collect()
    }
}

impl Template {
    /// The expressions in it.
    #[must_use]
    pub fn exprs(&self) -> Vec<&Expr> {
        match self {
            Self::Literal(_) => Vec::new(),
            Self::Text(pieces) => pieces.iter().filter_map(Piece::hole).collect(),
            Self::Value(value) => vec![value],
            Self::List(all) => all.iter().flat_map(Self::exprs).collect(),
            Self::Object(all) => all.iter().flat_map(|(_, value)| value.exprs()).collect(),
        }
    }
}
