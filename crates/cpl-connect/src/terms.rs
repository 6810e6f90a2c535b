//! The terms of requests to an API.

use crate::{error_inside::ErrorsInside, limits::Limits, throttle::Throttle};

/// The terms of an API: all requests to it share its turns.
#[derive(Default)]
pub struct Terms {
    /// Its limits.
    pub limits: Limits,
    /// Errors inside its answers.
    pub errors: ErrorsInside,
    /// The turns of its requests.
    pub throttle: Throttle,
}
