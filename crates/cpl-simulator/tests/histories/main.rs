//! Whatever happens, nothing is carried out twice, lost, or unknown without being known to be: on a model of the ledger, and on
//! the ledger itself.

mod ledger_memory;

use cpl_simulator::{ModelMemory, histories};
use ledger_memory::LedgerMemory;

/// How many histories are played: the environment may say another number.
fn count(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).ok().and_then(|number| number.parse().ok()).unwrap_or(usual)
}

#[test]
fn on_a_model() {
    histories(count("CPL_HISTORIES", 100_000), |effects| Box::new(ModelMemory::of(effects)));
}

#[test]
fn on_a_ledger() {
    let met = histories(count("CPL_LEDGER_HISTORIES", 400), |effects| Box::new(LedgerMemory::of(effects)));
    println!("{met:#?}");
}
