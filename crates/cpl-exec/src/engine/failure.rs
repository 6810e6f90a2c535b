//! How the engine's work fails: errors of our own kernels are told apart by their type, never by their text.

use std::{
    cell::Cell,
    fmt, io,
    panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook},
    sync::{Arc, Once},
};

use polars::prelude::PolarsError;

use crate::error::ExecError;

/// What a kernel of ours found; it travels inside the engine's error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// A value grew too large.
    TooLarge,
    /// A date or a moment lies outside the calendar.
    OutsideCalendar,
    /// A stored value does not fit its declared column; it is located by reading the file again.
    BadValue,
    /// The engine panicked: mostly at a damaged file.
    Panic(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => f.write_str("a value is too large"),
            Self::OutsideCalendar => f.write_str("a date lies outside the calendar"),
            Self::BadValue => f.write_str("a value does not fit its column"),
            Self::Panic(words) => f.write_str(words),
        }
    }
}

impl std::error::Error for Failure {}

/// A failure as an error of the engine.
pub fn raise(failure: Failure) -> PolarsError {
    PolarsError::IO { error: Arc::new(io::Error::other(failure)), msg: None }
}

/// The failure inside an error of the engine, if it is one of ours.
fn failure_of(error: &PolarsError) -> Option<&Failure> {
    match error {
        PolarsError::IO { error, .. } => error.get_ref()?.downcast_ref(),
        PolarsError::Context { error, .. } | PolarsError::ExprContext { error, .. } => failure_of(error),
        _ => None,
    }
}

/// Whether a kernel of ours found that a value is too large or outside the calendar: no file is at fault then.
pub fn is_ours(error: &PolarsError) -> bool {
    matches!(failure_of(error), Some(Failure::TooLarge | Failure::OutsideCalendar))
}

/// An error of the engine. Values were checked as they were read, and casts that may fail are kernels of ours, so what
/// its own computations refuse is size: sums and products of amounts.
#[expect(clippy::needless_pass_by_value, reason = "used with map_err")]
pub fn classify(error: PolarsError) -> ExecError {
    match failure_of(&error) {
        Some(Failure::TooLarge) => return ExecError::TooLarge { computed_for: None, engine: None },
        Some(Failure::OutsideCalendar) => return ExecError::OutsideCalendar { computed_for: None },
        Some(failure) => return ExecError::Engine(failure.to_string()),
        None => {}
    }
    match innermost(&error) {
        PolarsError::ComputeError(words) => ExecError::TooLarge { computed_for: None, engine: Some(first_line(words)) },
        other => ExecError::Engine(first_line(&other.to_string())),
    }
}

/// What an error of the engine says first; further lines show its plan.
pub fn first_line(words: &str) -> String {
    words.lines().next().unwrap_or_default().to_owned()
}

fn innermost(error: &PolarsError) -> &PolarsError {
    match error {
        PolarsError::Context { error, .. } | PolarsError::ExprContext { error, .. } => innermost(error),
        other => other,
    }
}

thread_local! {
    /// Whether this thread is inside `catch_panic`.
    static CATCHING: Cell<bool> = const { Cell::new(false) };
}

/// The engine's own threads, by how it names them.
const ENGINE_THREADS: &[&str] = &["polars-", "async-executor", "tokio-"];

/// What `act` gives; where the engine panics, what it said. Panics of the engine are not printed: they are reported as
/// errors. Panics of all other threads are printed as ever.
pub fn catch_panic<T>(act: impl FnOnce() -> T) -> Result<T, Failure> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let print = take_hook();
        set_hook(Box::new(move |panic| {
            let thread = std::thread::current();
            let of_engine =
                thread.name().is_some_and(|name| ENGINE_THREADS.iter().any(|prefix| name.starts_with(prefix)));
            if !of_engine && !CATCHING.get() {
                print(panic);
            }
        }));
    });
    let outer = CATCHING.replace(true);
    let result = catch_unwind(AssertUnwindSafe(act));
    CATCHING.set(outer);
    result.map_err(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        Failure::Panic(words.unwrap_or("it gave up").to_owned())
    })
}
