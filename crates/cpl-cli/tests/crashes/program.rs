//! The program in a workspace of its own, with faults that are injected.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};

use tempfile::TempDir;

/// What goes wrong at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The process ends before it.
    Killed,
    /// What changes a file fails, once.
    DiskFails,
    /// Files no longer grow, and none is made.
    DiskIsFull,
}

impl Fault {
    fn word(self) -> &'static str {
        match self {
            Self::Killed => "kill",
            Self::DiskFails => "eio",
            Self::DiskIsFull => "full",
        }
    }
}

/// An effect, as `cpl log` shows it.
#[derive(Debug)]
pub struct Logged {
    /// The row's id.
    pub id: String,
    pub target: String,
    pub state: String,
    /// It takes another one back.
    pub is_undo: bool,
}

/// The library that injects faults; none where the machine has no compiler of C.
fn library() -> Option<&'static Path> {
    static LIBRARY: OnceLock<Option<(TempDir, PathBuf)>> = OnceLock::new();
    let built = LIBRARY.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let (from, to) =
            (Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/crashes/faults.c"), folder.path().join("faults.so"));
        let gcc = Command::new("gcc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&to).arg(from).arg("-ldl").status();
        gcc.is_ok_and(|status| status.success()).then_some((folder, to))
    });
    built.as_ref().map(|(_, path)| path.as_path())
}

/// Whether faults can be injected here; a machine that lacks what it takes is told, or fails.
pub fn can_inject() -> bool {
    let can = library().is_some();
    if !can {
        assert!(std::env::var_os("CPL_SKIP_NOTHING").is_none(), "there is no gcc");
        eprintln!("skipped: there is no gcc, which makes the library that injects faults");
    }
    can
}

/// A folder with pipelines.
pub struct Workspace(TempDir);

/// What a program said.
pub struct Said {
    /// None where it was killed.
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Workspace {
    pub fn with(files: &[(&str, String)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("it is in the folder")).expect("made");
            std::fs::write(path, text).expect("written");
        }
        Self(folder)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cpl"));
        command.args(arguments.split(' ')).current_dir(self.0.path());
        command
    }

    /// The program, undisturbed.
    pub fn cpl(&self, arguments: &str) -> Said {
        said(self.command(arguments))
    }

    /// The program with a fault at a step; none where it had fewer steps.
    pub fn cpl_with(&self, fault: Fault, step: u32, arguments: &str) -> Option<Said> {
        let met = self.path("fault_was_met");
        let mut command = self.command(arguments);
        command.env("LD_PRELOAD", library().expect("it is built")).env("FAULT", fault.word());
        command.env("FAULT_AT", step.to_string()).env("FAULT_FOLDER", self.0.path()).env("FAULT_MET", &met);
        let said = said(command);
        std::fs::remove_file(met).is_ok().then_some(said)
    }

    /// All effects, as `cpl log` has them.
    pub fn states(&self) -> Vec<Logged> {
        let Said { code, out, err } = self.cpl("log --format json --limit 1000");
        assert_eq!(code, Some(0), "{err}");
        let rows: Vec<serde_json::Value> = serde_json::from_str(&out).expect("JSON");
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let logged = |row: &serde_json::Value| Logged {
            id: text(&row["key"]["id"]),
            target: text(&row["target"]),
            state: text(&row["state"]),
            is_undo: !row["undoes"].is_null(),
        };
        rows.iter().map(logged).collect()
    }
}

fn said(mut command: Command) -> Said {
    said_by(command.output().expect("the program starts"))
}

/// What a program said that has ended.
pub fn said_by(Output { status, stdout, stderr }: Output) -> Said {
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let said = Said { code: status.code(), out: text(stdout), err: text(stderr) };
    assert!(!said.err.contains("panicked"), "{}", said.err);
    said
}
