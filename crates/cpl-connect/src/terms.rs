//! On what terms an API is asked.

use crate::{error_inside::ErrorsInside, limits::Limits, throttle::Throttle};

/// The terms of an API: all that is asked of it shares its turns.
#[derive(Default)]
pub struct Terms {
    /// Its limits.
    pub limits: Limits,
    /// Errors inside its answers.
    pub errors: ErrorsInside,
    /// The turns of its requests.
    pub throttle: Throttle,
}
