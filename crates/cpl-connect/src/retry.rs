//! Whether, and after how long, a request is sent again.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, fmt::rfc2822};
use reqwest::{
    Response, StatusCode,
    header::{HeaderMap, RETRY_AFTER},
};

use crate::limits::Limits;

/// What follows a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// It would fail again.
    Never,
    /// Another attempt, after a while that grows.
    Soon,
    /// Another one, after so long: the server says so.
    After(Duration),
}

impl Retry {
    /// By what an answer says: a server that is busy or in trouble may do it later (RFC 9110, RFC 6585).
    pub fn of(status: StatusCode, requested_wait: Option<Duration>) -> Self {
        let may_pass = matches!(
            status,
            StatusCode::REQUEST_TIMEOUT
                | StatusCode::TOO_EARLY
                | StatusCode::TOO_MANY_REQUESTS
                | StatusCode::INTERNAL_SERVER_ERROR
                | StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT
        );
        if !may_pass {
            return Self::Never;
        }
        requested_wait.map_or(Self::Soon, Self::After)
    }

    /// How long to wait before the next attempt; none where there is none.
    pub fn wait(self, attempts: u32, limits: &Limits) -> Option<Duration> {
        if attempts >= limits.attempts {
            return None;
        }
        match self {
            Self::Never => None,
            Self::After(wait) => Some(wait),
            Self::Soon => Some(backoff(attempts, limits.first_wait, fastrand::f64())),
        }
    }
}

/// Four times as long with each attempt, and between half of that and all of it: many that failed at once do not come
/// back at once. `random` is from 0 to 1.
fn backoff(attempts: u32, first: Duration, random: f64) -> Duration {
    let longest = first.saturating_mul(4_u32.saturating_pow(attempts.saturating_sub(1)));
    longest.mul_f64(f64::midpoint(1.0, random))
}

/// How long a server says to wait, whatever its status.
pub fn requested_wait(answer: &Response, now: Timestamp) -> Option<Duration> {
    retry_after(answer.headers(), now)
}

/// A day of the week that is another day's says nothing of the date.
const PARSER: rfc2822::DateTimeParser = rfc2822::DateTimeParser::new().relaxed_weekday(true);

/// `Retry-After`: seconds, or the date from which on to try again (RFC 9110, 10.2.3).
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let until: SignedDuration = PARSER.parse_zoned_datetime(text).ok()?.timestamp().duration_since(now);
    Some(until.try_into().unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_says_when_to_ask_again() {
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap_or_else(|error| panic!("{error}"));
        for (text, wanted) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("Fri, 20 Nov 2026 12:00:30 GMT", Some(30)),
            ("Fri, 20 Nov 2026 11:00:00 GMT", Some(0)),
            ("Mon, 20 Nov 2026 12:00:30 GMT", Some(30)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("soon", None),
            ("-5", None),
            ("1.5", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap_or_else(|_| panic!("{text}")));
            assert_eq!(retry_after(&headers, now), wanted.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn waits_grow_and_differ() {
        let first = Duration::from_millis(300);
        let waits = |random| [1, 2, 3].map(|attempts| backoff(attempts, first, random).as_millis());
        assert_eq!(waits(0.0), [150, 600, 2400]);
        assert_eq!(waits(1.0), [300, 1200, 4800]);
    }

    #[test]
    fn the_last_attempt_is_not_waited_for() {
        let limits = Limits { attempts: 3, ..Limits::default() };
        assert_eq!(Retry::Never.wait(1, &limits), None);
        assert!(Retry::Soon.wait(2, &limits).is_some());
        assert_eq!(Retry::Soon.wait(3, &limits), None);
        assert_eq!(Retry::After(Duration::from_secs(9)).wait(1, &limits), Some(Duration::from_secs(9)));
    }
}
