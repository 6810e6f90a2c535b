//! Versions of a pipeline, and its past, by the program as a process.

#![expect(clippy::expect_used, reason = "a test that can't go on fails")]

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn cpl(args: &[&str], folder: &Path) -> (Option<i32>, String, String) {
    let called = Command::new(env!("CARGO_BIN_EXE_cpl")).args(args).current_dir(folder).output();
    let Output { status, stdout, stderr } = called.expect("the program starts");
    (status.code(), String::from_utf8(stdout).expect("UTF-8"), String::from_utf8(stderr).expect("UTF-8"))
}

/// `--against HEAD`: the file as git knows it, in the folder where it is now.
#[test]
fn a_version_of_git_is_compared() {
    let folder = tempfile::tempdir().expect("a folder");
    let there = folder.path();
    let pipeline = |step: &str| {
        format!(
            "pipeline p {{ retire 2099-01-01 }}\n\
             fetch c from csv(\"c.csv\") {{ columns {{ ch: text, budget: money }}  key ch }}\n\
             target t = file(\"t.jsonl\")\n\
             decide raise for each ch in c {{\n  when  budget > $1\n  then  change budget by +{step} via t\n  \
             keep  budget at most $2_000\n}}\n"
        )
    };
    std::fs::write(there.join("c.csv"), "ch,budget\ngoogle,100\n").expect("written");
    std::fs::write(there.join("main.cpl"), pipeline("10%")).expect("written");
    let git = |args: &[&str]| {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"];
        let status = Command::new("git").arg("-C").arg(there).args(identity).args(args).output().expect("git starts");
        assert!(status.status.success(), "{status:?}");
    };
    git(&["init", "-q"]);
    git(&["add", "main.cpl"]);
    git(&["commit", "-q", "-m", "first"]);
    std::fs::write(there.join("main.cpl"), pipeline("20%")).expect("written");
    let plan = |revision: &str| cpl(&["plan", "main.cpl", "--against", revision], there);
    let (code, out, err) = plan("HEAD");
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    assert!(
        out.contains(
            "~ raise google  budget $100.00 → $120.00 (+20%) via t\n    was budget $100.00 → $110.00 (+10%) via t\n"
        ),
        "{out}"
    );
    assert!(out.contains("budget: +$20.00, was +$10.00 (+$10.00)"), "{out}");
    for wrong in ["HEAD~9", "--output=x", "nothing.cpl"] {
        let (code, _, err) = plan(wrong);
        assert_eq!(code, Some(2), "{wrong}: {err}");
    }
}

/// Every pipeline of the tree that reads files: what a window decided, the ledger's text of the pipeline decides again on the same data.
#[test]
fn a_recorded_window_is_decided_again_as_it_was() {
    let pipelines = std::fs::read_dir(root().join("pipelines")).expect("they are there").flatten();
    let mut decided = 0;
    for pipeline in pipelines.filter(|entry| entry.path().is_dir()) {
        if pipeline.path().join("servers.py").exists() {
            eprintln!("skipped: {} asks servers, which its README starts", pipeline.path().display());
            continue;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let copied = Command::new("cp").arg("-r").arg(pipeline.path().join(".")).arg(folder.path()).status();
        assert!(copied.expect("cp starts").success());
        let _no_ledger_before = std::fs::remove_dir_all(folder.path().join(".cpl"));
        let call = |args: &[&str]| cpl(args, folder.path());
        let (code, out, err) = call(&["run", "main.cpl", "--act", "--as-of", "2026-11-20", "--format", "json"]);
        assert_eq!(code, Some(0), "{out}{err}");
        let run: serde_json::Value = serde_json::from_str(&out).expect("JSON");
        let acting = |one: &&serde_json::Value| one["state"] == "fires";
        let acted = run["decisions"].as_array().expect("a list").iter().filter(acting).count();
        let (code, out, err) = call(&["report", "main.cpl", "--format", "json"]);
        assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
        let report: serde_json::Value = serde_json::from_str(&out).expect("JSON");
        let again = report["again"].as_array().expect("a list");
        assert_eq!(again.len(), acted, "{out}");
        assert!(again.iter().all(|one| one["verdict"] == "yes"), "{out}");
        decided += acted;
    }
    assert!(decided > 0, "no pipeline decides");
}
