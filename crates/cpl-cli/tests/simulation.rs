//! Rules on channels of a known cost, by the real program: each decision is the one that an implementation of its own takes.

use std::{path::Path, process::Command};

#[test]
fn rules_decide_as_another_implementation_does() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/simulation/simulate.py");
    let mut command = Command::new("python3");
    command.arg(script).args(["--channels", "25", "--customers", "40", "--cpl", env!("CARGO_BIN_EXE_cpl")]);
    let Ok(output) = command.output() else {
        assert!(std::env::var_os("CPL_SKIP_NOTHING").is_none(), "python3 is not there");
        println!("skipped for want of python3");
        return;
    };
    let (table, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{table}{wrong}");
    // Who compares alone raises nearly each channel that is too dear; who asks to be sure of 28 days raises none.
    assert_eq!(table, TABLE, "{wrong}");
}

const TABLE: &str = "\
| customers a week | rule | $38 | $47 | $52 | $56 |
|---|---|---|---|---|---|
| 40 | cac < $47, at least 30 customers, cooldown 3 days | 100%, 8.9 times | 100%, 5.7 times | 84%, 3.3 times | 68%, 1.6 times |
| 40 | cac is surely below $47, cooldown 7 days | 96%, 2.4 times | 44%, 0.5 times | 16%, 0.2 times | 8%, 0.1 times |
| 40 | the same of the last 28 days | 100%, 3.9 times | 28%, 0.4 times | 0%, 0.0 times | 0%, 0.0 times |
";
