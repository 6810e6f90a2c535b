//! Requests of HTTP (RFC 9110) and their answers: secrets, limits, repeats, and what can go wrong on the way.
//!
//! It knows nothing of pipelines: a request is whole when it comes here. A read may be sent again; what was requested by whom
//! is never shown: errors name an address without its query, and secrets are struck out of what a server says.

mod answer;
mod api;
mod client;
mod error_inside;
mod failed_answer;
mod job;
mod limits;
mod link;
mod more_pages;
mod pager;
mod private_folder;
mod redirect;
mod request;
mod retry;
mod secret;
mod secret_command;
mod secrets;
mod send_once;
mod strike_out;
mod terms;
mod throttle;
mod token;
mod token_store;
mod unpack;

#[cfg(test)]
mod pager_tests;
#[cfg(test)]
mod tests;

pub use answer::{innermost, is_untrusted};
pub use api::Api;
pub use client::{Canceller, Connections, Network, NetworkError, Page, PagedRequest, Pages};
pub use error_inside::ErrorsInside;
pub use job::Job;
pub use limits::{LARGE_PAGE, Limits};
pub use pager::Pager;
pub use private_folder::PrivateFolder;
pub use request::{Auth, InvalidRequest, REPORT, Request, SEGMENT, is_private};
pub use secret::{Secret, SecretError};
pub use secrets::Secrets;
pub use send_once::{Answered, Sent, SingleRequest};
pub use strike_out::{SecretSearch, without_secrets};
pub use terms::Terms;
pub use throttle::Throttle;
pub use token::{Grant, ServiceAccount, Tokens};
pub use token_store::TokenStore;
