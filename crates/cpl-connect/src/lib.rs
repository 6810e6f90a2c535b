//! Requests of HTTP (RFC 9110) and their answers: secrets, limits, repeats, and what can go wrong on the way.
//!
//! It knows nothing of pipelines: a request is whole when it comes here. A read may be sent again; what was asked by whom
//! is never shown: errors name an address without its query, and secrets are struck out of what a server says.

mod answer;
mod client;
mod limits;
mod redirect;
mod request;
mod retry;
mod secret;

#[cfg(test)]
mod tests;

pub use client::{Connections, Pending};
pub use limits::Limits;
pub use request::{Auth, InvalidRequest, Request};
pub use secret::{Secret, SecretError, Secrets};
