//! The grammar, as pest reads it.
#![allow(missing_docs, reason = "pest derives the rules' names")]

use pest_derive::Parser;

#[derive(Parser)]
#[grammar = "../../grammar/cpl.pest"]
pub(crate) struct Grammar;
