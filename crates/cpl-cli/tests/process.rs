//! The program as a process: what the suite, which calls it as a function, can't see.

#![expect(clippy::expect_used, reason = "a test that can't go on fails")]

use std::{
    fmt::Write,
    fs::File,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn cpl(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cpl"));
    command.args(args).current_dir(root().join("examples/02-a-decision"));
    command
}

fn output(mut command: Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().expect("the program starts");
    (status.code(), String::from_utf8(stdout).expect("UTF-8"), String::from_utf8(stderr).expect("UTF-8"))
}

#[test]
fn a_report_goes_to_stdout_and_what_is_wrong_to_stderr() {
    // A run leaves a ledger in the folder.
    let folder = tempfile::tempdir().expect("a folder");
    let example = root().join("examples/02-a-decision");
    for file in std::fs::read_dir(&example).expect("it is there").flatten().filter(|file| file.path().is_file()) {
        std::fs::copy(file.path(), folder.path().join(file.file_name())).expect("copied");
    }
    let mut command = cpl(&["run", "main.cpl", "--act", "--as-of", "2026-11-20"]);
    command.current_dir(folder.path());
    let (code, out, err) = output(command);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(out.starts_with("a_decision "), "{out}");
    assert!(!out.contains('\u{1b}'), "no colour where nobody looks: {out}");

    let wrong = folder.path().join("wrong.cpl");
    std::fs::write(&wrong, "pipeline p { retire 2027-01-01 }\nlet a = b\n").expect("written");
    let (code, out, err) = output(cpl(&["run", wrong.to_str().expect("UTF-8")]));
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(err.contains("wrong.cpl:2:"), "{err}");

    let (code, out, err) = output(cpl(&["run"]));
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(err.contains("Usage: cpl run"), "{err}");
}

/// `cpl show … | head -1`
#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let mut command = cpl(&["show", "main.cpl", "channels", "--as-of", "2026-11-20"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    drop(child.stdout.take());
    let Output { status, stderr, .. } = child.wait_with_output().expect("the program ends");
    assert_eq!((status.code(), String::from_utf8_lossy(&stderr).as_ref()), (Some(0), ""));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told() {
    let mut command = cpl(&["show", "main.cpl", "channels", "--as-of", "2026-11-20"]);
    command.stdout(File::create("/dev/full").expect("Linux has it"));
    let (code, _, err) = output(command);
    assert_eq!(code, Some(1));
    assert!(err.contains("can't be written") && err.contains("No space left on device"), "{err}");
}

/// An effect leaves once the report of its run is written: exit code 1 means that nothing left.
#[cfg(target_os = "linux")]
#[test]
fn where_the_report_can_not_be_written_nothing_leaves() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipeline = "pipeline p { retire 2027-01-31 }\nfetch a from csv(\"a.csv\") { columns { id: text }  key id }\n\
                    target out = file(\"out.jsonl\")\ndecide d for each id in a { when id != \"\"  then call out }\n";
    std::fs::write(folder.path().join("main.cpl"), pipeline).expect("written");
    std::fs::write(folder.path().join("a.csv"), "id\nx\n").expect("written");
    let call = |args: &[&str], out: Stdio| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cpl"));
        command.args(args).args(["main.cpl", "--as-of", "2026-11-20"]).current_dir(folder.path()).stdout(out);
        output(command).0
    };
    for args in [&["run", "--act"][..], &["run", "--act", "--format", "json"], &["plan"], &["plan", "--format", "json"]]
    {
        let full = Stdio::from(File::create("/dev/full").expect("Linux has it"));
        assert_eq!(call(args, full), Some(1), "{args:?}");
        let left = std::fs::read_dir(folder.path()).expect("it is there").flatten();
        let left: Vec<_> = left.map(|entry| entry.file_name()).filter(|name| name != ".cpl").collect();
        assert_eq!(left.len(), 2, "{args:?}: the pipeline and its data, and nothing half written: {left:?}");
    }
    // A window that is over.
    assert_eq!(call(&["run"], Stdio::null()), Some(0));
    assert!(!folder.path().join("out.jsonl").exists(), "nothing leaves without `--act`");
    assert_eq!(call(&["run", "--act"], Stdio::null()), Some(0));
    let sent = std::fs::read_to_string(folder.path().join("out.jsonl")).expect("it is written");
    assert_eq!(sent.lines().count(), 1, "what was recorded and could not leave leaves once: {sent}");
}

/// What was recorded by a run that could not go on is sent by the next run of its window, as it was recorded. In a later window
/// it is not: it may have been sent, so that guards count it, and the report says so.
#[cfg(target_os = "linux")]
#[test]
fn what_was_recorded_is_sent_in_its_window() {
    for (next, wanted, state) in [("2026-11-20", "100.00", "confirmed"), ("2026-11-21", "120.00", "uncertain")] {
        let folder = tempfile::tempdir().expect("a folder");
        let pipeline = "pipeline p { retire 2027-01-31 }\n\
                        fetch a from csv(\"a.csv\") { columns { id: text, budget: money }  key id }\n\
                        target out = file(\"out.jsonl\")\n\
                        decide d for each id in a { when id != \"\"  then change budget by +$20 via out }\n";
        std::fs::write(folder.path().join("main.cpl"), pipeline).expect("written");
        let with_budget = |budget: &str| {
            std::fs::write(folder.path().join("a.csv"), format!("id,budget\nx,{budget}\n")).expect("written");
        };
        let call = |args: &[&str], out: Stdio| {
            let mut command = cpl(args);
            command.current_dir(folder.path()).stdout(out);
            output(command)
        };
        with_budget("100.00");
        let full = Stdio::from(File::create("/dev/full").expect("Linux has it"));
        assert_eq!(call(&["run", "main.cpl", "--act", "--as-of", "2026-11-20"], full).0, Some(1));
        assert!(call(&["log"], Stdio::piped()).1.contains("recorded"));
        with_budget("120.00");
        let (code, report, _) = call(&["run", "main.cpl", "--act", "--as-of", next], Stdio::piped());
        assert_eq!(code, Some(0), "{report}");
        let is_told = report.contains("1 effect of window 2026-11-20 may not have reached out: see `cpl log`");
        assert_eq!(is_told, state == "uncertain", "{report}");
        let sent = std::fs::read_to_string(folder.path().join("out.jsonl")).expect("it is written");
        assert_eq!(sent.lines().count(), 1, "{sent}");
        assert!(sent.contains(&format!("\"from\":\"{wanted}\"")), "{sent}");
        let log = call(&["log"], Stdio::piped()).1;
        let first = log.lines().find(|line| line.contains(" 2026-11-20 ")).expect("it is logged");
        assert!(first.contains(&format!(" {state} ")), "{log}");
    }
}

/// A lock that another process holds: it ends with that process, however that ends.
#[test]
fn a_pipeline_runs_once_at_a_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipeline = "pipeline p { retire 2027-01-31 }\nfetch a from csv(\"a.csv\") { columns { id: text }  key id }\n\
                    decide d for each id in a { when id != \"\"  then call print }\n";
    std::fs::write(folder.path().join("main.cpl"), pipeline).expect("written");
    std::fs::write(folder.path().join("a.csv"), "id\nx\n").expect("written");
    std::fs::create_dir(folder.path().join(".cpl")).expect("made");
    let lock = File::create(folder.path().join(".cpl/p.run.lock")).expect("made");
    lock.lock().expect("nobody holds it");
    let run = || {
        let mut command = cpl(&["run", "main.cpl", "--act", "--as-of", "2026-11-20"]);
        command.current_dir(folder.path());
        output(command)
    };
    let (code, _, err) = run();
    assert_eq!(code, Some(1));
    assert!(err.contains("another run of p is under way"), "{err}");
    drop(lock);
    assert_eq!(run().0, Some(0));
}

/// What a run under way may be sending is not refused meanwhile.
#[test]
fn what_is_not_sent_is_rejected_while_no_run_is_under_way() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
    write("cpl.yaml", "workspace: w\nlimits: { run: 1 second }\n");
    write("a.csv", "id\nx\n");
    write(
        "main.cpl",
        "pipeline p { retire 2027-01-31 }\nfetch a from csv(\"a.csv\") { columns { id: text }  key id }\n\
         target t(id: text) = http(\"http://127.0.0.1:1/{id}\") { method POST }\n\
         decide d for each id in a { when id != \"\"  then call t { id = id } }\n",
    );
    let call = |args: &[&str]| {
        let mut command = cpl(args);
        command.current_dir(folder.path());
        output(command)
    };
    // Nobody listens there.
    assert_eq!(call(&["run", "main.cpl", "--act", "--as-of", "2026-11-20"]).0, Some(1));
    let log = call(&["log"]).1;
    assert!(log.contains("recorded"), "{log}");
    let id = log.split_whitespace().last().expect("its id ends the line").to_owned();
    let lock = File::options().write(true).open(folder.path().join(".cpl/p.run.lock")).expect("it is there");
    lock.lock().expect("nobody holds it");
    let (code, _, err) = call(&["reject", &id, "--by", "ann"]);
    assert!(code == Some(1) && err.contains("another run of p is under way"), "{err}");
    assert!(call(&["log"]).1.contains("recorded"));
    drop(lock);
    assert_eq!(call(&["reject", &id, "--by", "ann"]).0, Some(0));
    assert!(call(&["log"]).1.contains("refused"));
}

/// Each generator makes the very files that stand next to it.
#[test]
fn generators_make_the_data_that_is_committed() {
    for pipeline in ["pipelines/cac_efficiency", "pipelines/email_send_days", "examples/11-a-pattern"] {
        let home = root().join(pipeline);
        let folder = tempfile::tempdir().expect("a folder");
        let made = Command::new("python3").arg(home.join("generate.py")).arg(folder.path()).status();
        let Ok(status) = made else {
            println!("skipped for want of python3: {pipeline}");
            continue;
        };
        assert!(status.success(), "{pipeline}: {status}");
        let mut files = 0;
        for entry in std::fs::read_dir(home.join("data")).expect("a pipeline has data").flatten() {
            let made = std::fs::read(folder.path().join(entry.file_name())).expect("the generator makes each file");
            let committed = std::fs::read(entry.path()).expect("it is there");
            assert!(made == committed, "{}: differs from what generate.py makes", entry.path().display());
            files += 1;
        }
        assert!(files > 0, "{pipeline} has data");
    }
}

/// A chain of operators is a deep tree: too deep a one is refused and not built, however it comes about.
#[test]
fn an_endless_expression_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("long.cpl");
    let tells = |items: String, told: &str| {
        std::fs::write(&file, format!("pipeline p {{ retire 2027-01-01 }}\n{items}")).expect("written");
        let (code, _, err) = output(cpl(&["check", file.to_str().expect("UTF-8")]));
        assert_eq!(code, Some(1));
        assert!(err.contains(told), "{err:.300}");
    };
    let too_many = "more than 200 operators in one expression";
    for operator in [" + 1", " or true"] {
        tells(format!("let a = 1{}\n", operator.repeat(9_000)), too_many);
        tells(format!("let a = 1{}\n", operator.repeat(300_000)), "the text has 600014 words and signs");
    }
    // Just as many as may be, and one more.
    for (operator, first) in [(" + 1", "1"), (" and true", "true"), (" or true", "true")] {
        tells(format!("let a = {first}{}\nlet b = nope\n", operator.repeat(200)), "there is no constant named `nope`");
        tells(format!("let a = {first}{}\n", operator.repeat(201)), too_many);
    }
    // A line after a long one has columns of its own, wherever the long one ends.
    for letters in 5_118..5_122 {
        tells(format!("#{}\nlet a == 5\n", "x".repeat(letters)), "long.cpl:3:5]");
    }
    let brackets = (0..60).fold("1".to_owned(), |inner, _| format!("({inner}{})", " + 1".repeat(100)));
    tells(format!("let a = {brackets}\n"), too_many);
    let chain = " + 1".repeat(150);
    let each = |first: &str, word: &str| -> String {
        (1..40).fold(format!("{word} a0 = {first}\n"), |all, n| format!("{all}{word} a{n} = a{}{chain}\n", n - 1))
    };
    let too_deep = "the expression is more than 250 operators deep";
    tells(each("1", "let"), too_deep);
    let table = "fetch s from csv(\"s.csv\") { columns { id: text, n: count }  key id }\n\
                 transform t from s { group by id { a39 } }\n";
    tells(format!("{}{table}", each("sum(n)", "metric")), too_deep);
}

/// A link to the file that is meant stays a link.
#[cfg(unix)]
#[test]
fn a_target_behind_a_link_is_written_where_the_link_leads() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let text = "pipeline p { retire 2099-01-01 }\nfetch c from csv(\"c.csv\") { columns { ch: text, n: count }  key ch }\n\
                target t = file(\"link.jsonl\")\ndecide d for each ch in c { when n > 0  then change n by +1 via t }\n";
    std::fs::write(at("main.cpl"), text).expect("written");
    std::fs::write(at("c.csv"), "ch,n\na,1\n").expect("written");
    std::fs::write(at("real.jsonl"), "before").expect("written");
    std::fs::set_permissions(at("real.jsonl"), PermissionsExt::from_mode(0o664)).expect("it is ours");
    symlink("real.jsonl", at("link.jsonl")).expect("linked");
    let (code, _, err) = output(cpl(&["run", at("main.cpl").to_str().expect("UTF-8")]));
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(at("link.jsonl").is_symlink());
    assert!(std::fs::read_to_string(at("real.jsonl")).expect("it is there").contains("\"to\":2"));
    let mode = at("real.jsonl").metadata().expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o664);
}

#[test]
fn a_profile_tells_what_each_step_costs() {
    let (code, out, err) = output(cpl(&["profile", "main.cpl", "--as-of", "2026-11-20", "--format", "json"]));
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let told: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    let steps = told["steps"].as_array().expect("a list");
    let fetch = steps.iter().find(|step| step["step"].as_str().is_some_and(|name| name.starts_with("scan")));
    let fetch = fetch.expect("the pipeline scans a fetch");
    let columns = fetch["columns"].as_array().expect("a list").len() as u64;
    assert!(fetch["rows"].as_u64() > Some(0) && fetch["bytes"].as_u64() > Some(0), "{fetch}");
    assert!(columns > 0 && Some(columns) <= fetch["declared"].as_u64(), "{fetch}");
    let of_rules = steps.iter().filter(|step| step["step"].as_str().is_some_and(|name| name.starts_with("decide")));
    assert!(of_rules.count() > 0 && steps.iter().all(|step| step["took_ms"].as_f64() > Some(0.0)), "{out}");
    assert!(told["whole"]["took_ms"].as_f64() > Some(0.0), "{out}");

    let (code, out, _) = output(cpl(&["profile", "main.cpl", "--as-of", "2026-11-20"]));
    assert_eq!(code, Some(0));
    assert!(out.contains("columns read") && out.contains("as it runs"), "{out}");
}

/// Floats are summed exactly: how the rows were handed out is not seen.
#[test]
fn one_thread_and_two_give_the_same_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut text = "day,channel,x,spend\n".to_owned();
    // Values that floats can't hold exactly, by a generator of its own (Knuth's MMIX constants).
    let mut seed = 1u64;
    for _ in 0..200_000 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (day, channel, x) = (seed >> 60, (seed >> 50) % 7, (seed >> 33) % 1_000_003);
        let amounts = format_args!("{}.{:03},{}.{:02}", x / 7, x % 1000, x / 11, x % 100).to_string();
        writeln!(text, "2026-11-{:02},c{channel},{amounts}", day + 1).expect("in memory");
    }
    std::fs::write(folder.path().join("a.csv"), text).expect("written");
    let pipeline = "pipeline p { retire 2027-01-01 }\n\
        fetch a from csv(\"a.csv\") { columns { day: date, channel: text, x: number, spend: money } }\n\
        transform t from a { group by channel { s = sum(x), m = mean(x), d = std(x), q = quantile(spend, 37%), \
        sum = sum(spend), mean = mean(spend), last = last(x), n = count_distinct(x) } }\n\
        transform u from a { group by day, channel { s = sum(x) }  derive w = sum(s over 3 days), p = share(s) }\n";
    std::fs::write(folder.path().join("main.cpl"), pipeline).expect("written");
    for table in ["t", "u"] {
        let with = |threads: &str| {
            let mut command = cpl(&["show", "main.cpl", table, "--format", "csv", "--as-of", "2026-11-20"]);
            command.current_dir(folder.path()).env("POLARS_MAX_THREADS", threads);
            output(command)
        };
        let (one, two, again) = (with("1"), with("2"), with("2"));
        assert_eq!(one.0, Some(0), "{}", one.2);
        assert_eq!((&one, &two), (&two, &again));
    }
}

/// Texts that only name groups are handed out as numbers where few differ, and as texts where many do: what is grouped is
/// the same, whatever stretches of a file are like.
#[test]
fn groups_are_those_of_their_names_however_many_there_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut text, mut sums) = ("name,same,n\n".to_owned(), std::collections::BTreeMap::<String, u64>::new());
    for row in 0..400_000u64 {
        // Few names, then many, then few and missing ones, then quoted ones.
        let name = match row / 100_000 {
            0 => format!("few{}", row % 6),
            1 => format!("many{}", row % 50_021),
            2 if row % 5 == 0 => String::new(),
            2 => format!("few{}", row % 9),
            _ => format!("a \"\"quoted\"\" {}", row % 3),
        };
        let written = if row >= 300_000 { format!("\"{name}\"") } else { name.clone() };
        writeln!(text, "{written},{written},{}", row % 11).expect("in memory");
        *sums.entry(name.replace("\"\"", "\"")).or_default() += row % 11;
    }
    std::fs::write(folder.path().join("a.csv"), text).expect("written");
    let pipeline = "pipeline p { retire 2027-01-01 }\n\
        fetch a from csv(\"a.csv\") { columns { name: text?, same: text?, n: count } }\n\
        transform t from a { group by name { n = sum(n) } }\n\
        transform u from a { where same != \"-\" or same is unknown  group by same { n = sum(n) } }\n";
    std::fs::write(folder.path().join("main.cpl"), pipeline).expect("written");
    let shown = |table: &str| {
        let mut command = cpl(&["show", "main.cpl", table, "--format", "csv"]);
        command.current_dir(folder.path());
        let (code, out, err) = output(command);
        assert_eq!(code, Some(0), "{err}");
        out
    };
    let mut expected = "name,n\n".to_owned();
    // A group whose name is missing comes last.
    for (name, sum) in
        sums.iter().filter(|(name, _)| !name.is_empty()).chain(sums.iter().filter(|(name, _)| name.is_empty()))
    {
        let name = if name.contains('"') { format!("\"{}\"", name.replace('"', "\"\"")) } else { name.clone() };
        writeln!(expected, "{name},{sum}").expect("in memory");
    }
    assert_eq!(shown("t"), expected);
    assert_eq!(shown("u"), expected.replacen("name", "same", 1));
}

/// Names that are no text are read as others are, and a link to a folder around it shows nothing again.
#[cfg(unix)]
#[test]
fn a_pattern_finds_names_that_are_no_text_and_goes_round_in_no_circle() {
    use std::os::unix::{ffi::OsStrExt, fs::symlink};

    let folder = tempfile::tempdir().expect("a folder");
    let odd = folder.path().join("g").join(std::ffi::OsStr::from_bytes(b"odd\xe9"));
    std::fs::create_dir_all(&odd).expect("made");
    std::fs::write(odd.join("2.csv"), "id,n\nb,2\n").expect("written");
    std::fs::write(folder.path().join("g").join(std::ffi::OsStr::from_bytes(b"x\xe9.txt")), "").expect("written");
    std::fs::write(folder.path().join("g/1.csv"), "id,n\na,1\n").expect("written");
    symlink("1.csv", folder.path().join("g/again.csv")).expect("linked");
    symlink("..", folder.path().join("g/loop")).expect("linked");
    for (pattern, rows) in [("g/*.csv", "id,n\na,1\n"), ("g/**/*.csv", "id,n\na,1\nb,2\n")] {
        let pipeline = format!(
            "pipeline p {{ retire 2027-01-01 }}\nfetch a from csv(\"{pattern}\") {{ columns {{ id: text, n: count }} }}\n"
        );
        std::fs::write(folder.path().join("main.cpl"), pipeline).expect("written");
        let mut command = cpl(&["show", "main.cpl", "a", "--format", "csv"]);
        command.current_dir(folder.path());
        let (code, out, err) = output(command);
        assert_eq!((code, out.as_str()), (Some(0), rows), "{err}");
    }
}

/// A Parquet file of which any byte is another is read as it stands, or refused by its name; the program does not fall.
#[test]
fn a_damaged_parquet_file_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let mut rows = "v,m\n".to_owned();
    (0..200).for_each(|n| writeln!(rows, "{},{n}.25", n % 7).expect("in memory"));
    std::fs::write(at("a.csv"), rows).expect("written");
    let pipeline = |source: &str| {
        format!(
            "pipeline p {{ retire 2027-01-01 }}\nfetch a from {source} {{ columns {{ v: count, m: money }} }}\n\
                 transform t from a {{ group by v {{ m = sum(m), n = count() }} }}\n"
        )
    };
    std::fs::write(at("write.cpl"), pipeline("csv(\"a.csv\")")).expect("written");
    std::fs::write(at("main.cpl"), pipeline("parquet(\"a.parquet\")")).expect("written");
    let run = |args: &[&str]| {
        let mut command = cpl(args);
        command.current_dir(folder.path());
        command.output().expect("it runs")
    };
    let whole = run(&["show", "write.cpl", "a", "--format", "parquet"]).stdout;
    let mut refused = 0;
    // Bytes of the pages, and of what tells of them at the end.
    for (byte, value) in (0..whole.len()).step_by(37).flat_map(|byte| [(byte, 0xff), (byte, 0x01)]) {
        let mut damaged = whole.clone();
        damaged[byte] = value;
        std::fs::write(at("a.parquet"), damaged).expect("written");
        let told = run(&["show", "main.cpl", "t", "--format", "csv"]);
        let err = String::from_utf8_lossy(&told.stderr).into_owned();
        assert!(!err.contains("panicked"), "byte {byte} is {value}: {err}");
        // What asks for more memory than there is ends the process: the engine gives no way to hear of it before.
        match told.status.code() {
            Some(0) => {}
            Some(1) => {
                assert!(err.contains("a.parquet"), "byte {byte} is {value}: {err}");
                refused += 1;
            }
            code => assert!(err.contains("memory allocation"), "byte {byte} is {value}: {code:?} {err}"),
        }
    }
    assert!(refused > 10, "{refused}");
}

/// The salt, the names of decisions and the secrets' command are the workspace's, from wherever it is called.
#[test]
fn a_pipeline_is_of_its_workspace_however_it_is_called() {
    let folder = tempfile::tempdir().expect("a folder");
    let below = folder.path().join("growth/cac");
    std::fs::create_dir_all(&below).expect("made");
    std::fs::write(folder.path().join("cpl.yaml"), "workspace: acme\n").expect("written");
    std::fs::write(below.join("a.csv"), "email\nann@example.com\n").expect("written");
    let text = "pipeline p { retire 2027-01-01 }\nfetch a from csv(\"a.csv\") { columns { email: text personal } key email }\n\
                decide d for each email in a { when email is known  then call print { email = email } }\n";
    std::fs::write(below.join("m.cpl"), text).expect("written");
    let report = |folder: &Path, file: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cpl"));
        command.args(["plan", file, "--format", "json", "--as-of", "2026-11-20"]).current_dir(folder);
        let (code, out, err) = output(command);
        assert_eq!(code, Some(0), "{err}");
        out.lines().filter(|line| !line.contains("took_ms")).collect::<Vec<_>>().join("\n")
    };
    let whole = below.join("m.cpl");
    let first = report(&below, "m.cpl");
    assert!(!first.contains("ann@example.com"), "{first}");
    assert_eq!(report(&below, "./m.cpl"), first);
    assert_eq!(report(&below, whole.to_str().expect("UTF-8")), first);
    assert_eq!(report(folder.path(), "growth/cac/m.cpl"), first);
    assert!(folder.path().join(".cpl/salt/salt").exists() && !below.join(".cpl").exists());

    std::fs::write(folder.path().join("cpl.yaml"), "workspce: acme\n").expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_cpl"));
    command.args(["check", "m.cpl"]).current_dir(&below);
    let (code, _, err) = output(command);
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("has errors"), "{err}");
}

/// Ctrl-C while a server is waited for: the run ends at once, with the status that shells show as 130, and what its target
/// held is as it was.
#[cfg(unix)]
#[test]
fn an_interrupted_run_ends_at_once_and_leaves_nothing_half_written() {
    use std::{
        net::TcpListener,
        os::unix::process::ExitStatusExt as _,
        time::{Duration, Instant},
    };
    // It takes connections, and says nothing.
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = server.local_addr().expect("its address");
    let folder = tempfile::tempdir().expect("a folder");
    let pipeline = format!(
        "pipeline p {{ retire 2027-01-31 }}\nfetch a from http(\"http://{address}/a\") {{ columns {{ id: text }}  key id }}\n\
         target out = file(\"out.jsonl\")\ndecide d for each id in a {{ when id != \"\"  then call out }}\n"
    );
    std::fs::write(folder.path().join("main.cpl"), pipeline).expect("written");
    std::fs::write(folder.path().join("out.jsonl"), "before\n").expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_cpl"));
    command
        .args(["run", "main.cpl", "--act", "--as-of", "2026-11-20"])
        .current_dir(folder.path())
        .stdout(Stdio::piped());
    let running = command.stderr(Stdio::piped()).spawn().expect("the program starts");
    let (_waiting, _) = server.accept().expect("it asks");

    let interrupted = Instant::now();
    let sent = Command::new("kill").args(["-INT", &running.id().to_string()]).status().expect("a signal");
    assert!(sent.success());
    let Output { status, stdout, .. } = running.wait_with_output().expect("it ends");
    assert!(interrupted.elapsed() < Duration::from_secs(10), "it ends by itself only after half a minute");
    assert_eq!((status.signal(), stdout.as_slice()), (Some(2), &b""[..]), "{status}");
    assert_eq!(std::fs::read_to_string(folder.path().join("out.jsonl")).expect("readable"), "before\n");
    let left = std::fs::read_dir(folder.path()).expect("listed").flatten();
    let left: Vec<_> = left.map(|entry| entry.file_name()).filter(|name| name != ".cpl").collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

/// A run that is killed while a request is under way: the next one does not send it again, and says that nobody knows.
#[test]
fn what_a_killed_run_sent_is_not_sent_again() {
    use std::{
        io::Read as _,
        net::TcpListener,
        time::{Duration, Instant},
    };
    let folder = tempfile::tempdir().expect("a folder");
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = server.local_addr().expect("it is bound").port();
    let pipeline = format!(
        "pipeline p {{ retire 2027-01-31 }}\n\
         fetch a from csv(\"a.csv\") {{ columns {{ id: text, budget: money }}  key id }}\n\
         target api(budget: money) = http(\"http://127.0.0.1:{port}/budget\") {{ body {{ budget = budget }} }}\n\
         decide d for each id in a {{ when id != \"\"  then change budget by +$20 via api }}\n"
    );
    std::fs::write(folder.path().join("main.cpl"), pipeline).expect("written");
    std::fs::write(folder.path().join("a.csv"), "id,budget\nx,100.00\n").expect("written");
    let run = || {
        let mut command = cpl(&["run", "main.cpl", "--act", "--as-of", "2026-11-20"]);
        command.current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().expect("it begins")
    };
    let mut killed = run();
    let (mut request, _) = server.accept().expect("it is sent");
    let mut begun = [0; 4];
    request.read_exact(&mut begun).expect("it is read");
    assert_eq!(&begun, b"POST");
    killed.kill().expect("it is killed");
    killed.wait().expect("it ended");
    let again = run().wait_with_output().expect("it ended");
    assert_eq!(again.status.code(), Some(1));
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(said.contains("via api: uncertain, its run ended"), "{said}");
    // While a run may look it up, no person says what became of it.
    let id = said.split("nobody knows").nth(1).and_then(|rest| rest.split(':').next()).expect("it is named");
    let id = id.trim_matches(|c: char| !c.is_ascii_hexdigit());
    let settle = || {
        let mut command = cpl(&["settle", id, "refused", "--by", "ann"]);
        command.current_dir(folder.path());
        output(command)
    };
    let lock = File::options().write(true).open(folder.path().join(".cpl/p.run.lock")).expect("it is there");
    lock.lock().expect("nobody holds it");
    let (code, _, said) = settle();
    assert_eq!((code, said.contains("another run of p is under way")), (Some(1), true), "{said}");
    drop(lock);
    assert_eq!(settle().1, format!("settled: 1 effect of {id}, refused\n"));
    server.set_nonblocking(true).expect("it can be");
    let until = Instant::now() + Duration::from_millis(200);
    while Instant::now() < until {
        assert!(server.accept().is_err(), "it was sent again");
    }
}
