//! Several programs in one workspace at once, and what people say while one of them runs.

use std::{
    process::{Child, Command, Stdio},
    sync::mpsc::{Sender, channel},
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

/// A run that has begun to send, and waits for an answer until it is let go on.
struct Begun {
    child: Child,
    go_on: Sender<()>,
}

impl Begun {
    fn run(workspace: &Workspace, server: &Server) -> Self {
        let (begun, has_begun) = channel();
        let (go_on, may_go_on) = channel();
        server.after(1, move || {
            let _ = begun.send(());
            // Whoever waits for this has failed, where nobody says so.
            let _ = may_go_on.recv();
        });
        let mut command = workspace.command(RUN);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
        has_begun.recv().expect("it sends");
        Self { child, go_on }
    }

    fn ends_well(mut self) {
        self.go_on.send(()).expect("it waits");
        assert!(self.child.wait().expect("it ends").success());
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let _ended_or_killed = self.child.kill();
    }
}

/// While a run sends, up to seven others of its window are told so; each effect arrives once.
#[test]
fn runs_of_one_window_at_once() {
    for others in [1, 3, 7] {
        let server = Server::begin();
        let workspace = workspace(&server);
        let first = Begun::run(&workspace, &server);
        for said in at_once(&workspace, &vec![RUN; others]) {
            assert_eq!(said.code, Some(1), "{others} others: {}", said.out);
            assert!(said.err.contains("another run of p is under way"), "{others} others: {}", said.err);
        }
        first.ends_well();
        assert_eq!(applied(&server), [1; ROWS], "{others} others");
        let states = workspace.states();
        assert_eq!(states.len(), ROWS, "{others} others: {states:?}");
        assert!(states.iter().all(|one| one.state == "confirmed"), "{others} others: {states:?}");
    }
}

/// Eight that begin at once, whoever is first: the others are told so, or find all of it done.
#[test]
fn runs_that_begin_at_once() {
    let server = Server::begin();
    let workspace = workspace(&server);
    let all = at_once(&workspace, &[RUN; 8]);
    for said in &all {
        let is_told = said.code == Some(1) && said.err.contains("another run of p is under way");
        assert!(said.code == Some(0) || is_told, "{:?}\n{}", said.code, said.err);
    }
    assert!(all.iter().any(|said| said.code == Some(0)), "none ran");
    assert_eq!(applied(&server), [1; ROWS]);
}

/// Two pipelines that raise the same campaigns: while the one sends, the other finds them cooling down.
#[test]
fn two_pipelines_at_once() {
    let server = Server::begin();
    let workspace = workspace(&server);
    let first = Begun::run(&workspace, &server);
    let second = workspace.cpl("run q.cpl --act --as-of 2026-11-20");
    assert_eq!(second.code, Some(0), "{}", second.err);
    assert_eq!(second.out.matches("cools down for 3 days").count(), ROWS, "{}", second.out);
    first.ends_well();
    assert_eq!(applied(&server), [1; ROWS]);
}

/// A pause in mid-run ends it between two effects: what was carried out before is said, and after it the rest is sent, once.
#[test]
fn a_pause_in_mid_run() {
    let server = Server::begin();
    let workspace = workspace(&server);
    let mut pause = workspace.command("pause . --by ann --why look");
    let (paused, is_paused) = channel();
    server.after(2, move || paused.send(pause.output()).expect("it is waited for"));
    let said = workspace.cpl(RUN);
    assert!(is_paused.recv().expect("it was paused").expect("it starts").status.success());
    assert_eq!(said.code, Some(1), "{}", said.err);
    let text = unfolded(&said.err);
    let told = "nothing more was sent: ann paused it (look); 2 effects were carried out before";
    assert!(text.contains(told), "{}", said.err);
    assert_eq!(applied(&server).iter().sum::<u32>(), 2);
    let plan = workspace.cpl("plan p.cpl --as-of 2026-11-20");
    let told = "6 of this window by an earlier run, 4 of which are not sent yet";
    assert!(unfolded(&plan.out).contains(told), "{}", plan.out);
    assert_eq!(workspace.cpl("resume . --by ann").code, Some(0));
    assert_eq!(workspace.cpl(RUN).code, Some(0));
    assert_eq!(applied(&server), [1; ROWS]);
}

/// A run of which two effects are sent, and the others are recorded: a pause ended it, and is over.
fn half_sent(workspace: &Workspace, server: &Server) {
    let mut pause = workspace.command("pause p.cpl --by ann");
    let (paused, is_paused) = channel();
    server.after(2, move || paused.send(pause.output()).expect("it is waited for"));
    assert_eq!(workspace.cpl(RUN).code, Some(1));
    assert!(is_paused.recv().expect("it was paused").expect("it starts").status.success());
    assert_eq!(workspace.cpl("resume p.cpl --by ann").code, Some(0));
    assert_eq!(applied(server).iter().sum::<u32>(), 2);
}

/// What another pipeline changed since it was recorded is not sent: it would put that change back, past all guards.
#[test]
fn what_is_not_sent_yet_is_superseded_by_a_later_change() {
    let server = Server::begin();
    let workspace = workspace(&server);
    half_sent(&workspace, &server);
    let cut = pipeline("r").replace("+20%", "-20%").replace("cooldown 3 days", "");
    std::fs::write(workspace.path("r.cpl"), cut).expect("written");
    let said = workspace.cpl("run r.cpl --act --as-of 2026-11-20");
    assert!(said.out.contains("sent: 4 effects carried out"), "{}{}", said.out, said.err);
    let said = workspace.cpl(RUN);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let told = "not sent: 4 effects, of what is no longer as the rule saw it";
    assert!(said.out.contains(told), "{}", said.out);
    assert_eq!(applied(&server), [1; ROWS]);
    let superseded = workspace.states().iter().filter(|one| one.state == "superseded").count();
    assert_eq!(superseded, 4);
}

/// A window goes on where the pipeline got another time of day since: what is not sent yet is sent once, by a run and by a plan.
#[test]
fn a_window_of_another_start_goes_on() {
    for commands in [&[RUN][..], &["plan p.cpl --as-of 2026-11-20 --out plan.json", "apply plan.json --act"]] {
        let server = Server::begin();
        let workspace = workspace(&server);
        let at = |hour: &str| pipeline("p").replace("retire", &format!("every day at {hour}  retire"));
        std::fs::write(workspace.path("p.cpl"), at("06:00")).expect("written");
        half_sent(&workspace, &server);
        std::fs::write(workspace.path("p.cpl"), at("21:00")).expect("written");
        for command in commands {
            let said = workspace.cpl(command);
            assert_eq!(said.code, Some(0), "{command}: {}", said.err);
        }
        assert_eq!(applied(&server), [1; ROWS], "{commands:?}");
        assert!(workspace.states().iter().all(|one| one.state == "confirmed"));
        let again = workspace.cpl(RUN);
        assert!(again.out.contains("done already in this window"), "{}", again.out);
    }
}

/// A run that the system has stopped still runs: nobody else does, and it goes on where it was.
#[test]
fn a_run_is_stopped_and_resumed() {
    let server = Server::begin();
    let workspace = workspace(&server);
    let first = Begun::run(&workspace, &server);
    let pid = first.child.id().to_string();
    let signal = |signal: &str| Command::new("kill").args([signal, &pid]).status().expect("it starts").success();
    assert!(signal("-STOP"));
    let second = workspace.cpl(RUN);
    assert_eq!(second.code, Some(1), "{}", second.out);
    assert!(second.err.contains("another run of p is under way"), "{}", second.err);
    assert!(signal("-CONT"));
    first.ends_well();
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

/// The lock of a run is removed while it sends, and another run of the pipeline begins: the first one sends no more.
#[test]
fn a_run_whose_lock_is_lost_is_overtaken() {
    let server = Server::begin();
    let workspace = workspace(&server);
    let lock = workspace.path(".cpl/p.run.lock");
    let mut second = workspace.command(RUN);
    let (overtaken, is_overtaken) = channel();
    server.after(2, move || {
        std::fs::remove_file(lock).expect("removed");
        overtaken.send(second.output()).expect("it is waited for");
    });
    let first = workspace.cpl(RUN);
    let second = said_by(is_overtaken.recv().expect("it ran").expect("it starts"));
    assert_eq!(second.code, Some(0), "{}", second.err);
    assert_eq!(first.code, Some(1), "{}", first.err);
    let told = "nothing more was sent: another run of p began since, which goes on with what is left";
    assert!(unfolded(&first.err).contains(told), "{}", first.err);
    assert_eq!(applied(&server), [1; ROWS]);
}
