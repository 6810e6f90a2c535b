//! Rules on rows of which the truth is known, by the real program: each decision is the one that an implementation of its own takes.

use std::{path::Path, process::Command};

/// The tables that a script prints; none where there is no Python.
fn tables(script: &str, args: &[&str]) -> Option<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/simulation").join(script);
    let mut command = Command::new("python3");
    command.arg(script).args(args).args(["--cpl", env!("CARGO_BIN_EXE_cpl")]);
    let Ok(output) = command.output() else {
        assert!(std::env::var_os("CPL_SKIP_NOTHING").is_none(), "python3 is not there");
        println!("skipped for want of python3");
        return None;
    };
    let (tables, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{tables}{wrong}");
    Some(tables.into_owned())
}

#[test]
fn rules_decide_as_another_implementation_does() {
    // Who compares alone raises nearly each channel that is too dear; who asks to be sure of 28 days raises none.
    if let Some(tables) = tables("simulate.py", &["--channels", "25", "--customers", "40"]) {
        assert_eq!(tables, COSTS);
    }
}

#[test]
fn rates_and_patterns_are_judged_as_another_implementation_does() {
    if let Some(tables) = tables("alarms.py", &["--channels", "40"]) {
        assert_eq!(tables, ALARMS);
    }
}

const COSTS: &str = "\
| customers a week | rule | $38 | $47 | $52 | $56 |
|---|---|---|---|---|---|
| 40 | cac < $47, at least 30 customers, cooldown 3 days | 100%, 8.9 times | 100%, 5.7 times | 84%, 3.3 times | 68%, 1.6 times |
| 40 | cac is surely below $47, cooldown 7 days | 96%, 2.4 times | 44%, 0.5 times | 16%, 0.2 times | 8%, 0.1 times |
| 40 | the same of the last 28 days | 100%, 3.9 times | 28%, 0.4 times | 0%, 0.0 times | 0%, 0.0 times |
";

const ALARMS: &str = "\
| mails a day | rule | shifts volume on a look | in four looks at all |
|---|---|---|---|
| 200 | on_tuesday exceeds on_thursday by 15% | 8.8% | 22% |
| 200 | on_tuesday is surely above on_thursday | 7.5% | 22% |
| 1,000 | on_tuesday exceeds on_thursday by 15% | 0.0% | 0% |
| 1,000 | on_tuesday is surely above on_thursday | 3.1% | 8% |
| 5,000 | on_tuesday exceeds on_thursday by 15% | 0.0% | 0% |
| 5,000 | on_tuesday is surely above on_thursday | 12.5% | 22% |

| customers a day | days scatter | alerts a week of twelve channels |
|---|---|---|
| 40 | by chance | 0.08 |
| 40 | 20% more | 0.30 |
| 150 | by chance | 0.30 |
| 150 | 20% more | 0.08 |
| 400 | by chance | 0.15 |
| 400 | 20% more | 0.22 |
";
