//! What keeps a run from being finished, as a diagnostic.

use std::sync::{
    Once,
    atomic::{AtomicUsize, Ordering},
};

use cpl_syntax::{Code, Diagnostic, Span};
use polars::prelude::PolarsError;

/// Diagnostics of a run that could not be finished; at least one.
pub type Trouble = Vec<Diagnostic>;

/// Words by which an amount that grew too large is known in the engine's errors.
const TOO_LARGE: &[&str] = &["overflow", "conversion from", "too large"];

/// An error of the engine. Values were checked before, so what is left is mostly size.
#[expect(clippy::needless_pass_by_value, reason = "used with map_err")]
pub fn engine(error: PolarsError) -> Trouble {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    if TOO_LARGE.iter().any(|word| text.contains(word)) {
        return vec![Diagnostic::new(Code::E1104, "a value grew too large to compute with").help(
            "money holds 10^22 units in a sum, whole numbers 9 * 10^18, other numbers are summed up to 10^24 each: look at \
             the table before with `cpl show`",
        )];
    }
    vec![Diagnostic::new(Code::E1101, format!("the engine could not finish: {first}"))]
}

/// Names for whom a value that grew too large was computed, where nothing is named yet.
pub fn computed_for(mut trouble: Trouble, place: Span) -> Trouble {
    for told in trouble.iter_mut().filter(|told| told.code == Code::E1104 && told.labels.is_empty()) {
        *told = told.clone().at(place, "computed for this");
    }
    trouble
}

/// A window that no calendar holds.
#[expect(clippy::needless_pass_by_value, reason = "used with map_err")]
pub fn calendar(error: jiff::Error) -> Trouble {
    vec![Diagnostic::new(Code::E1101, format!("a window lies outside the calendar: {error}"))]
}

/// How many calls are guarded now: a panic is looked for, and not to be told. The engine's threads are its own.
static GUARDS: AtomicUsize = AtomicUsize::new(0);

/// What `act` gives; where the engine panics its words, of which nothing is printed.
pub fn guarded<T>(act: impl FnOnce() -> T) -> Result<T, String> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let told = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if GUARDS.load(Ordering::Relaxed) == 0 {
                told(panic);
            }
        }));
    });
    GUARDS.fetch_add(1, Ordering::Relaxed);
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(act));
    GUARDS.fetch_sub(1, Ordering::Relaxed);
    result.map_err(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        words.unwrap_or("it gave up").to_owned()
    })
}
