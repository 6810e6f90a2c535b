//! How an effect reaches a server once, or is known not to have: a state machine without input and output.
//!
//! What a run sends may be lost on its way there, or its answer on the way back, and the process may end at any moment. Nothing
//! makes a request that is carried out exactly once without the server's help, so this says what is done with each kind of
//! server, and when a person must look:
//!
//! | what happens | what follows |
//! |---|---|
//! | no connection could be made | nothing left: it is tried again for about a minute, and by the next run of the window |
//! | a timeout, a broken connection, a 5xx, or the process ended while it was under way | it may have been carried out: a server that knows keys gets the same request again, of one that can be read the value is looked up, of any other a person must |
//! | a lookup finds the new value | it was carried out |
//! | the value before | it was not: it is sent again, once the request's own time is over |
//! | another one | somebody else changed it: a person must look |
//! | success | where it is read back, only the new value confirms it |
//! | 409 of a key, 425, 429, 503 | later, until the window ends |
//! | 412, or the value is no longer the one that the rule saw | superseded: the next window decides anew |
//! | another 4xx, a redirect | refused |
//!
//! Whatever follows a request that may have been carried out, a refusal is none any more: only a success or a lookup says what
//! became of it.

mod answer;
mod deliver;
mod delivery;
mod state;
#[cfg(test)]
mod tests;

pub use answer::{Answer, Found};
pub use deliver::{Call, Clock, Lane, Outcome, Random, Store, Wire, World, deliver};
pub use delivery::{Dedupe, Delivery, Move, Policy, Recorded, Step};
pub use state::State;
