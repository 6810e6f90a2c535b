//! Tree → program: names are resolved, types and units are checked, every mistake is reported at once; and the
//! lints, which warn of what is right and goes wrong in practice.
//!
//! It opens no file and reads no clock; what it can't answer itself is handed to it.

mod check;
mod lint;

pub use check::{Analysis, CheckedFile, Definition, NameKind, Setting, Setup, check_connector, tree_to_program};
pub use lint::{checks_hold_nothing, rules as lint, unneeded};
