//! Effects: values that are computed before anything leaves, and the writing of them. Knows no engine.

mod error;
mod file_targets;
mod places;
mod quarantine;
mod replace;
mod server_effect;

pub use error::EffectError;
pub use file_targets::{
    EffectLine, FileEffects, PreparedFiles, check_targets, deliveries, file_effects, line, prepare,
};
pub use places::Places;
pub use quarantine::{QuarantineFile, write as write_quarantine};
pub use server_effect::{Paid, ServerAuth, ServerEffect, ServerRead, ServerRequest};
