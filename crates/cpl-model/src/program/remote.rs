//! What is sent to servers: requests, queries of databases, and calls of connectors. They are checked and kept whole;
//! this version sends none of them.

use cpl_syntax::tree::Window;

use super::{Expr, Piece};
use crate::method::Method;

/// A text that may be kept out of the file: an address, a user, a password or a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// As it is written.
    Plain(String),
    /// `secret("NAME")`: the name of a secret, whose value no program holds.
    Secret(String),
}

/// One request of HTTP (RFC 9110). In a fetch its expressions are constants; in a target they name the target's
/// parameters, and `idempotency_key`.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Its method.
    pub method: Method,
    /// The address; its holes follow the host.
    pub address: Vec<Piece>,
    /// Who asks.
    pub auth: Option<Auth>,
    /// The headers, by their names.
    pub headers: Vec<(String, HeaderValue)>,
    /// What is added to the address, by name.
    pub query: Vec<(String, Expr)>,
    /// The members of the JSON object that is sent; none where nothing is.
    pub body: Option<Vec<(String, Expr)>>,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// `Authorization: Bearer` (RFC 6750).
    Bearer(Credential),
    /// `Authorization: Basic` (RFC 7617).
    Basic {
        /// The user.
        user: Credential,
        /// The password.
        password: Credential,
    },
}

/// The value of a header.
#[derive(Clone, Debug, PartialEq)]
pub enum HeaderValue {
    /// A secret.
    Credential(Credential),
    /// Computed.
    Computed(Expr),
}

/// A query of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseQuery {
    /// The address of the database.
    pub address: Credential,
    /// The query, in its SQL.
    pub query: String,
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

impl Request {
    /// The expressions that it is made of.
    #[must_use]
    pub fn exprs(&self) -> Vec<&Expr> {
        let headers = self.headers.iter().filter_map(|(_, value)| match value {
            HeaderValue::Credential(_) => None,
            HeaderValue::Computed(value) => Some(value),
        });
        let named = self.query.iter().chain(self.body.iter().flatten()).map(|(_, value)| value);
        self.address.iter().filter_map(Piece::hole).chain(headers).chain(named).collect()
    }
}
