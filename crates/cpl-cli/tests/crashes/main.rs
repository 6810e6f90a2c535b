//! The program is killed at every step of a run, of an undo and of a restore, or its disk is full from there on; at every step of a run
//! its disk fails. It is begun again, and what came of it is held against what a server and a file really hold. A loss of power
//! is not played: what the system was told is not forgotten. A step is whatever changes a file or moves bytes through
//! a socket: `faults.c` counts them. `CPL_STEPS_APART=1` takes every step, else one of several is taken.

#![cfg(target_os = "linux")]
#![expect(clippy::expect_used, reason = "a test that can't go on fails")]

mod program;
mod server;
mod together;

use program::{Fault, Logged, Said, Workspace, can_inject};
use server::Server;

const CONNECTOR: &str = "connector: ads
title: An API of the tests
base_url: http://127.0.0.1:PORT
limits: { timeout: 1 second, concurrent: 2 }
actions:
  keyed:
    arguments: { campaign: text key, budget: money }
    post: /keyed/{campaign}
    body: { budget: \"{micros(budget)}\" }
    dedupe: { key: Idempotency-Key, for: 24 hours }
    read: { get: \"/keyed/{campaign}\", value: $.budget, as: money in micros }
  looked_up:
    arguments: { campaign: text key, budget: money }
    post: /looked_up/{campaign}
    body: { budget: \"{micros(budget)}\" }
    dedupe: { lookup: true }
    read: { get: \"/looked_up/{campaign}\", value: $.budget, as: money in micros }
    confirm: read
  blind:
    arguments: { campaign: text key, budget: money }
    post: /blind/{campaign}
    body: { budget: \"{micros(budget)}\" }
";

/// Each kind of target, and money that is moved.
const PIPELINE: &str = "pipeline p { retire 2027-01-31 }
fetch c from csv(\"c.csv\") { columns { id: text, cac: money, budget: money }  key id }
fetch m from csv(\"m.csv\") { columns { id: text, cac: money, budget: money }  key id }
target out = file(\"out.jsonl\")
decide to_file   for each id in c { when cac > $1  then change budget by +20% via out }
decide by_key    for each id in c { when cac > $1  then change budget by +20% via ads.keyed { campaign = id } }
decide by_lookup for each id in c { when cac > $1  then change budget by +20% via ads.looked_up { campaign = id } }
decide blind     for each id in c { when cac > $1  then change budget by +20% via ads.blind { campaign = id } }
decide move      for each id in m { when cac > $1  then move $10 of budget from highest cac to lowest cac via ads.keyed { campaign = id } }
";

const RUN: &str = "run main.cpl --act --as-of 2026-11-20";
const UNDO: &str = "undo r2 --by ann";
/// How many effects a run has.
const EFFECTS: usize = 6;

fn workspace(server: &Server) -> Workspace {
    server.reset();
    Workspace::with(&[
        ("main.cpl", PIPELINE.to_owned()),
        ("connectors/ads.yaml", CONNECTOR.replace("PORT", &server.port.to_string())),
        ("c.csv", "id,cac,budget\na,41,100\n".to_owned()),
        ("m.csv", "id,cac,budget\ncheap,20,100\ndear,60,100\n".to_owned()),
    ])
}

/// How far apart the steps of a run are at which it fails.
fn stride() -> usize {
    std::env::var("CPL_STEPS_APART").ok().and_then(|steps| steps.parse().ok()).unwrap_or(13)
}

/// A fault at each step, or at one of so many, as long as there are steps: each in a workspace of its own. `one` says whether the
/// fault was met.
fn at_every_step(fault: Fault, stride: usize, what: &str, one: impl Fn(&Workspace, &Server, u32, &str) -> bool) {
    if !can_inject() {
        return;
    }
    let server = Server::begin();
    let steps = (1..10_000).step_by(stride);
    let met = steps
        .take_while(|step| one(&workspace(&server), &server, *step, &format!("{fault:?} at step {step} of {what}")));
    let met = met.count();
    println!("{fault:?}: met {met} times");
    assert!(met > 5, "{fault:?} was met {met} times only");
}

/// What a server and a file hold is what the ledger says, or the ledger says that nobody knows.
fn agree(workspace: &Workspace, server: &Server, context: &str) {
    for Logged { id, target, state, .. } in &workspace.states() {
        let (_, action) = target.split_once('.').unwrap_or(("", "out"));
        let applied = match action {
            "out" => lines(workspace).iter().filter(|line| line["key"]["id"] == id.as_str()).count(),
            _ => server.applied(&format!("/{action}/{id}")) as usize,
        };
        let right = match state.as_str() {
            "confirmed" => applied == 1,
            "uncertain" => applied <= 1 && action == "blind",
            _ => applied == 0,
        };
        assert!(right, "{context}: {id} via {target} is {state}, and was applied {applied} times");
    }
    // Money that is moved is cut first.
    let raised = server.applied("/keyed/cheap") > 0;
    assert!(!raised || server.applied("/keyed/dear") == 1, "{context}: raised, and nothing was cut");
}

fn lines(workspace: &Workspace) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(workspace.path("out.jsonl")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("a whole line of JSON")).collect()
}

/// What was not killed says what was wrong.
fn told(said: &Said, fault: Fault, context: &str) {
    match said.code {
        None => assert!(fault == Fault::Killed, "{context}: it was killed"),
        Some(0) => {}
        Some(code) => assert!(code == 1 && !said.err.is_empty(), "{context}: exit {code}, and nothing is said"),
    }
}

/// A run that meets the fault at each step, and is begun again.
fn runs(fault: Fault) {
    at_every_step(fault, stride(), "a run", |workspace, server, step, context| {
        let Some(first) = workspace.cpl_with(fault, step, RUN) else { return false };
        told(&first, fault, context);
        if first.code == Some(0) {
            agree(workspace, server, &format!("{context}, at its end"));
        }
        let second = workspace.cpl(RUN);
        agree(workspace, server, &format!("{context}, begun again"));
        let states = workspace.states();
        assert_eq!(states.len(), EFFECTS, "{context}: {states:?}\n{}", second.err);
        left_to_a_person(&states, &second, context);
        true
    });
}

/// Only a target that can't be asked leaves something to a person, and that is said.
fn left_to_a_person(states: &[Logged], said: &Said, context: &str) {
    let unknown: Vec<_> = states.iter().filter(|one| !matches!(one.state.as_str(), "confirmed" | "undone")).collect();
    assert!(unknown.iter().all(|one| one.target == "ads.blind"), "{context}: {unknown:?}\n{}", said.err);
    assert_eq!(said.code, Some(i32::from(!unknown.is_empty())), "{context}: {unknown:?}\n{}", said.err);
}

#[test]
fn a_run_is_killed_at_every_step() {
    runs(Fault::Killed);
}

#[test]
fn the_disk_fails_once_at_every_step_of_a_run() {
    runs(Fault::DiskFails);
}

#[test]
fn the_disk_is_full_from_every_step_of_a_run_on() {
    runs(Fault::DiskIsFull);
}

/// What is taken back has its value again, once; or it is known that nobody knows.
fn undos(fault: Fault) {
    at_every_step(fault, stride(), "an undo", |workspace, server, step, context| {
        assert_eq!(workspace.cpl(RUN).code, Some(0));
        let Some(first) = workspace.cpl_with(fault, step, UNDO) else { return false };
        told(&first, fault, context);
        let second = workspace.cpl(UNDO);
        let states = workspace.states();
        let is_unknown = |one: &Logged| one.is_undo && one.target == "ads.blind" && one.state == "uncertain";
        for one in states.iter().filter(|one| !one.is_undo && one.target != "out") {
            let path = format!("/{}/{}", one.target.trim_start_matches("ads."), one.id);
            let (applied, value) = (server.applied(&path), server.value(&path));
            let is_back = match one.state.as_str() {
                "undone" => applied == 2 && value == server::FIRST,
                _ => applied <= 2 && one.target == "ads.blind" && states.iter().any(is_unknown),
            };
            assert!(is_back, "{context}: {one:?} is {value}, changed {applied} times\n{}", second.err);
        }
        assert_eq!(states.iter().filter(|one| !one.is_undo).count(), EFFECTS, "{context}: {states:?}");
        let file = lines(workspace);
        assert!(file.len() == 2 && file[1]["to"] == file[0]["from"], "{context}: {file:?}");
        true
    });
}

#[test]
fn an_undo_is_killed_at_every_step() {
    undos(Fault::Killed);
}

#[test]
fn the_disk_is_full_from_every_step_of_an_undo_on() {
    undos(Fault::DiskIsFull);
}

/// A ledger that is damaged is put back whole, or stays as it is; what was done stays done.
fn restores(fault: Fault) {
    // There are few.
    at_every_step(fault, 1, "a restore", |workspace, server, step, context| {
        assert_eq!(workspace.cpl(RUN).code, Some(0));
        assert_eq!(workspace.cpl("backup copy").code, Some(0));
        std::fs::write(workspace.path(".cpl/ledger.db"), "damaged").expect("written");
        let Some(first) = workspace.cpl_with(fault, step, "restore copy") else { return false };
        told(&first, fault, context);
        let again = workspace.cpl("restore copy");
        // What is whole is not replaced.
        assert!(
            first.code == Some(0) || again.code == Some(0) || again.err.contains("the ledger is sound"),
            "{context}: {}",
            again.err
        );
        let second = workspace.cpl(RUN);
        assert_eq!(second.code, Some(0), "{context}: {}", second.err);
        assert_eq!(workspace.states().len(), EFFECTS, "{context}");
        agree(workspace, server, context);
        true
    });
}

#[test]
fn a_restore_is_killed_at_every_step() {
    restores(Fault::Killed);
}

#[test]
fn the_disk_is_full_from_every_step_of_a_restore_on() {
    restores(Fault::DiskIsFull);
}
