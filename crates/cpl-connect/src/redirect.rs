//! Where a server sends to: the library's own way would take custom headers, and the query as `Referer`, to other hosts.

use reqwest::{Method, Response, Url, header::LOCATION};

use crate::request::shown;

/// How often one request is sent on.
pub const MOST: usize = 5;

/// Where an answer sends a request.
pub enum Redirect {
    /// It answers by itself.
    None,
    /// To an address of the same server.
    Followed(Url),
    /// Elsewhere, or with what was handed in: there it is not followed. The address without its query.
    Refused(String),
}

impl Redirect {
    /// By the status and its `Location` (RFC 9110, 15.4).
    pub fn of(answer: &Response, method: &Method) -> Self {
        let from = answer.url();
        if !matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Self::None;
        }
        let location = answer.headers().get(LOCATION).and_then(|to| to.to_str().ok());
        let Some(to) = location.and_then(|to| from.join(to).ok()) else { return Self::None };
        if *method == Method::GET && to.origin() == from.origin() {
            return Self::Followed(to);
        }
        Self::Refused(shown(&to))
    }
}
