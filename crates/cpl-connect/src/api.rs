//! What is known of an API, whatever is asked of it.

use crate::{error_inside::ErrorsInside, limits::Limits, throttle::Throttle};

/// An API: all reads of it share its turns.
#[derive(Default)]
pub struct Api {
    /// Its limits.
    pub limits: Limits,
    /// Errors inside its answers.
    pub errors: ErrorsInside,
    /// The turns of its requests.
    pub throttle: Throttle,
}
