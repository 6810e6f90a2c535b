//! Runs pages of Markdown: files are written, commands are called, what they print is compared.
//!
//! A page is a list of `## ` cases. In a case, a fenced block headed `LANGUAGE PATH` is a file, one
//! headed `rows PATH` a file of repeated lines, one headed `bytes PATH` a file of escaped bytes; one
//! headed `console` holds commands (`$ …`) and what they print. `UPDATE=1` writes what they print into the page. Next to the
//! pages of `tests/suite`, the READMEs of `pipelines/` and `examples/` are pages: each case starts
//! with a copy of the README's folder.

pub mod case;
pub mod command;
pub mod compare;
pub mod connectors;
pub mod generated;
pub mod mutated;
pub mod oracle;
pub mod page;
pub mod proven;
pub mod real;
pub mod real_server;
pub mod schema;
pub mod script_server;
pub mod secrets_kept;
pub mod server;
pub mod structure;
