//! Any text that parses is checked and planned, or refused with a place: no panic.

#![no_main]

use cpl_model::clock::AsOf;
use cpl_check::tree_to_program;
use cpl_plan::{program_to_plan, Purpose};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (file, _) = cpl_syntax::parse(text);
    let as_of = AsOf::Date(jiff::civil::date(2026, 11, 20));
    if let (Some(program), _) = tree_to_program(text, &file, cpl_check::Setup::at(as_of)) {
        let (_, _) = program_to_plan(program, Purpose::Run);
    }
});
