//! What comes back of a rule's rows: those that fire and those that are undecided, however many are quiet.

use std::{fmt::Write, fs};

use cpl_check::{Setup, tree_to_program};
use cpl_model::clock::{AsOf, Clock};
use cpl_plan::{
    Purpose,
    backend::{Answer, Backend},
    bind::{PastCounts, bind},
    program_to_plan,
};

use crate::{Files, PART_ROWS, Polars};

const PIPELINE: &str = r#"
pipeline p { retire 2027-01-01 }
fetch ads from csv("ads.csv") { columns { ad: count, spend: money?, clicks: count }  key ad }
decide pause for each ad in ads { when spend > $100 and clicks > 5  then call print }
"#;

/// The answer about the one rule over those rows.
fn rule_answer(csv: &str) -> Answer {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    fs::write(folder.path().join("ads.csv"), csv).unwrap_or_else(|error| panic!("{error}"));
    let as_of = AsOf::Date(jiff::civil::date(2026, 11, 20));
    let checked = tree_to_program(PIPELINE, &cpl_syntax::parse(PIPELINE).0, Setup::at(as_of));
    let program = checked.program.unwrap_or_else(|| panic!("the pipeline is right"));
    let clock = Clock::at(program.every, &program.timezone, as_of).unwrap_or_else(|error| panic!("{error}"));
    let plan = bind(program_to_plan(program, Purpose::Run).0, clock, &PastCounts::new(), false)
        .unwrap_or_else(|_| panic!("it can be bound"));
    let inputs = Files { folder: folder.path(), threads: 2, progress: &|_| {} };
    let mut engine = Polars { inputs: &inputs, progress: &|_| {}, part_rows: PART_ROWS };
    let answers = engine.run(&plan).unwrap_or_else(|_| panic!("it runs"));
    answers.rows.into_values().max_by_key(|answer| answer.quiet + answer.rows.len()).unwrap_or_default()
}

#[test]
fn quiet_rows_do_not_come_back() {
    const ROWS: usize = 300_000;
    let mut csv = "ad,spend,clicks\n".to_owned();
    for ad in 0..ROWS {
        let _ = writeln!(csv, "{ad},{}.50,{}", ad % 100, ad % 9);
    }
    let answer = rule_answer(&csv);
    assert_eq!((answer.rows.len(), answer.quiet), (0, ROWS), "none fires");
    // Two that fire; one of which it is not known; one that is quiet, since its other condition is false.
    csv.push_str("900001,100.01,6\n900002,100.01,7\n900003,,8\n900004,,5\n");
    let answer = rule_answer(&csv);
    assert_eq!((answer.rows.len(), answer.quiet), (3, ROWS + 1), "two fire, and one is undecided");
}
