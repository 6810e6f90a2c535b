//! Runs pages of Markdown: files are written, commands are called, what they print is compared.
//!
//! A page is a list of `## ` cases. In a case, a fenced block whose first line is "```LANGUAGE PATH"
//! is a file; a "```rows PATH" block is a file made of repeated lines; a "```console" block holds
//! commands (`$ …`) and what they print. `UPDATE=1` writes what they print into the page. Beside the
//! pages of `tests/suite`, the READMEs of `pipelines/` and `examples/` are pages: each case starts
//! with a copy of the README's folder.

pub mod case;
pub mod command;
pub mod page;
pub mod real;
