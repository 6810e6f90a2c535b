//! Several programs in one workspace at once, and what people say while one of them runs.

use std::{
    process::{Command, Stdio},
    sync::mpsc::channel,
    thread,
};

use crate::{
    CONNECTOR,
    program::{Said, Workspace, said_by},
    server::Server,
};

/// Rows that two pipelines change, by the same resources.
const ROWS: usize = 6;

/// One pipeline of several: all of them raise the same campaigns, which cool down.
fn pipeline(name: &str) -> String {
    format!(
        "pipeline {name} {{ retire 2027-01-31 }}
fetch c from csv(\"c.csv\") {{ columns {{ id: text, cac: money, budget: money }}  key id }}
decide raise for each id in c {{
  when cac > $1  then change budget by +20% via ads.keyed {{ campaign = id }}  cooldown 3 days
}}
"
    )
}

fn workspace(server: &Server) -> Workspace {
    let rows: Vec<String> = (0..ROWS).map(|row| format!("c{row},41,100\n")).collect();
    // One request after the other: what is said meanwhile comes between two of them.
    let connector = CONNECTOR.replace("PORT", &server.port.to_string()).replace("concurrent: 2", "concurrent: 1");
    Workspace::with(&[
        ("p.cpl", pipeline("p")),
        ("q.cpl", pipeline("q")),
        ("connectors/ads.yaml", connector),
        ("c.csv", format!("id,cac,budget\n{}", rows.concat())),
    ])
}

const RUN: &str = "run p.cpl --act --as-of 2026-11-20";

/// How often each campaign was changed.
fn applied(server: &Server) -> Vec<u32> {
    (0..ROWS).map(|row| server.applied(&format!("/keyed/c{row}"))).collect()
}

/// A text as one line.
fn unfolded(text: &str) -> String {
    text.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ")
}

/// Programs that begin at once, and what each of them said.
fn at_once(workspace: &Workspace, arguments: &[&str]) -> Vec<Said> {
    let start = |arguments: &&str| {
        let mut command = workspace.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
    };
    let children: Vec<_> = arguments.iter().map(start).collect();
    let waiting = children.into_iter().map(|child| thread::spawn(|| child.wait_with_output().expect("it ends")));
    let waiting: Vec<_> = waiting.collect();
    waiting.into_iter().map(|thread| said_by(thread.join().expect("it does not panic"))).collect()
}

/// Two to eight runs of one window: each effect arrives once, and whoever could not run says why.
#[test]
fn runs_of_one_window_at_once() {
    for programs in 2..=8 {
        let server = Server::begin();
        let workspace = workspace(&server);
        let all = at_once(&workspace, &vec![RUN; programs]);
        for said in &all {
            let is_told = said.code == Some(1) && said.err.contains("another run of p is under way");
            assert!(said.code == Some(0) || is_told, "{programs} at once: {:?}\n{}", said.code, said.err);
        }
        assert!(all.iter().any(|said| said.code == Some(0)), "{programs} at once: none ran");
        assert_eq!(applied(&server), [1; ROWS], "{programs} at once");
        let states = workspace.states();
        assert_eq!(states.len(), ROWS, "{programs} at once: {states:?}");
        assert!(states.iter().all(|one| one.state == "confirmed"), "{programs} at once: {states:?}");
    }
}

/// Two pipelines that raise the same campaigns: the second one finds them cooling down, whichever it is.
#[test]
fn two_pipelines_at_once() {
    for _ in 0..5 {
        let server = Server::begin();
        let workspace = workspace(&server);
        let all = at_once(&workspace, &[RUN, "run q.cpl --act --as-of 2026-11-20"]);
        assert!(all.iter().all(|said| said.code == Some(0)), "{}{}", all[0].err, all[1].err);
        assert!(all.iter().any(|said| said.out.contains("cools down for 3 days")), "{}{}", all[0].out, all[1].out);
        assert_eq!(applied(&server), [1; ROWS]);
    }
}

/// A pause in mid-run ends it between two effects: what was carried out before is said, and after it the rest is sent, once.
#[test]
fn a_pause_in_mid_run() {
    let server = Server::begin();
    let workspace = workspace(&server);
    let mut pause = workspace.command("pause . --by ann --why look");
    server.after(2, move || assert!(pause.output().expect("it starts").status.success()));
    let said = workspace.cpl(RUN);
    assert_eq!(said.code, Some(1), "{}", said.err);
    let text = unfolded(&said.err);
    let told =
        "nothing more was sent: ann paused it (look) while this run was under way; 2 effects were carried out before";
    assert!(text.contains(told), "{}", said.err);
    assert_eq!(applied(&server).iter().sum::<u32>(), 2);
    let plan = workspace.cpl("plan p.cpl --as-of 2026-11-20");
    let told = "6 of this window by an earlier run, 4 of which are not sent yet";
    assert!(unfolded(&plan.out).contains(told), "{}", plan.out);
    assert_eq!(workspace.cpl("resume . --by ann").code, Some(0));
    assert_eq!(workspace.cpl(RUN).code, Some(0));
    assert_eq!(applied(&server), [1; ROWS]);
}

/// A run that the system has stopped still runs: nobody else does, and it goes on where it was.
#[test]
fn a_run_is_stopped_and_resumed() {
    let server = Server::begin();
    let workspace = workspace(&server);
    let mut first = workspace.command(RUN).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let pid = first.id().to_string();
    let signal = move |signal: &str| Command::new("kill").args([signal, &pid]).status().expect("it starts").success();
    let (stopped, is_stopped) = channel();
    let stop = signal.clone();
    server.after(2, move || stopped.send(stop("-STOP")).expect("it is waited for"));
    assert!(is_stopped.recv().expect("it is stopped"));
    let second = workspace.cpl(RUN);
    assert_eq!(second.code, Some(1), "{}", second.out);
    assert!(second.err.contains("another run of p is under way"), "{}", second.err);
    assert!(signal("-CONT"));
    assert!(first.wait().expect("it ends").success());
    assert_eq!(applied(&server), [1; ROWS]);
    assert!(workspace.cpl(RUN).out.contains("done already in this window"));
}

/// The ledger is gone in mid-run: nothing more is sent, and that is said with what was sent before.
#[test]
fn the_ledger_is_removed_in_mid_run() {
    let server = Server::begin();
    let workspace = workspace(&server);
    let ledger = workspace.path(".cpl/ledger.db");
    let kept = workspace.path("kept.db");
    let (from, to) = (ledger.clone(), kept.clone());
    server.after(3, move || std::fs::rename(from, to).expect("moved"));
    let said = workspace.cpl(RUN);
    assert_eq!(said.code, Some(1), "{}", said.err);
    let text = unfolded(&said.err);
    assert!(text.contains("nothing more was sent: the ledger"), "{}", said.err);
    assert!(text.contains("3 effects were carried out before"), "{}", said.err);
    assert_eq!(applied(&server).iter().sum::<u32>(), 3);
    std::fs::rename(kept, ledger).expect("moved back");
    assert_eq!(workspace.cpl(RUN).code, Some(0));
    assert_eq!(applied(&server), [1; ROWS]);
}
