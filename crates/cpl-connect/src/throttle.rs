//! The rate of requests to an API, and how many may be under way at once.

use std::{num::NonZeroU32, time::Duration};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Requests under way at once, where an API says nothing of it.
const CONCURRENT: u32 = 4;

/// The turns of requests to one API, which all its fetches share.
pub struct Throttle {
    concurrent: Semaphore,
    rate: Option<DefaultDirectRateLimiter>,
}

impl Default for Throttle {
    fn default() -> Self {
        Self::new(None, None)
    }
}

impl Throttle {
    /// At most so many requests at once, and in so long.
    #[must_use]
    pub fn new(concurrent: Option<u32>, rate: Option<(u64, Duration)>) -> Self {
        let rate = rate.and_then(|(count, per)| quota(count, per)).map(RateLimiter::direct);
        Self { concurrent: Semaphore::new(concurrent.unwrap_or(CONCURRENT) as usize), rate }
    }

    /// Waits until a request may be sent, which is over when the permit is dropped.
    pub async fn turn(&self) -> SemaphorePermit<'_> {
        let Ok(permit) = self.concurrent.acquire().await else { unreachable!("nobody closes it") };
        if let Some(rate) = &self.rate {
            rate.until_ready().await;
        }
        permit
    }
}

/// A quota that lets no more than so many through in any time of that length: a quarter of them may go at once, and the
/// others follow at equal distances (GCRA, ITU-T I.371).
fn quota(count: u64, per: Duration) -> Option<Quota> {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    let burst = (count / 4).max(1);
    Some(Quota::with_period(per / (count - burst + 1))?.allow_burst(NonZeroU32::new(burst)?))
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    /// How many of the requests that come each millisecond are let through in each second.
    fn let_through(count: u64, per: Duration) -> (usize, usize) {
        let clock = FakeRelativeClock::default();
        let quota = quota(count, per).unwrap_or_else(|| panic!("no quota"));
        let limiter = RateLimiter::direct_with_clock(quota, clock.clone());
        let mut times = Vec::new();
        for millisecond in 0..3 * per.as_millis() {
            if limiter.check().is_ok() {
                times.push(millisecond);
            }
            clock.advance(Duration::from_millis(1));
        }
        let within = |from: &u128| times.iter().filter(|time| (*from..*from + per.as_millis()).contains(time)).count();
        let busiest = times.iter().map(within).max().unwrap_or_default();
        (busiest, times.len())
    }

    #[test]
    fn no_second_has_more_requests_than_are_allowed() {
        for (count, in_three_seconds) in [(1, 3), (2, 6), (3, 9), (10, 28), (100, 252)] {
            assert_eq!(let_through(count, Duration::from_secs(1)).1, in_three_seconds, "{count} per second");
            assert!(let_through(count, Duration::from_secs(1)).0 <= usize::try_from(count).unwrap_or(0), "{count}");
        }
    }
}
