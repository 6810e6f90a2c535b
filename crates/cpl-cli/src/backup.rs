//! `cpl doctor`, `cpl backup`, `cpl restore`: a workspace's ledger is verified, and copied.

use cpl_run::{BackupError, Restored};
use cpl_syntax::{Code, Diagnostic};
use std::path::Path;

use crate::{
    CLEAN, Io, WRONG,
    args::{BackupArgs, DoctorArgs},
    ledger, render,
};

/// Copies the ledger into a new folder.
pub fn back_up(args: &BackupArgs, io: &mut Io<'_>) -> u8 {
    let workspace = match ledger::workspace_at(&args.path, io) {
        Ok(workspace) => workspace,
        Err(code) => return code,
    };
    match cpl_run::back_up(&workspace, &io.folder.join(&args.folder)) {
        Ok(rows) => {
            let (name, to) = (&workspace.name, args.folder.display());
            let _ = writeln!(io.out, "the ledger of {name}, {rows} rows, all verified, is kept in {to}");
            CLEAN
        }
        Err(error) => refused(&error, "no copy was made", args, io),
    }
}

/// Verifies all of the ledger.
pub fn doctor(args: &DoctorArgs, io: &mut Io<'_>) -> u8 {
    let workspace = match ledger::workspace_at(&args.path, io) {
        Ok(workspace) => workspace,
        Err(code) => return code,
    };
    match cpl_run::verify(&workspace) {
        Ok(Some(rows)) => {
            done(&format!("the ledger of {}: {rows} rows, each of them as it was written", workspace.name), io)
        }
        Ok(None) => done("there is no ledger yet: nothing was decided", io),
        Err(error) => ledger::refused(error, io),
    }
}

/// Puts a copy of the ledger back.
pub fn restore(args: &BackupArgs, io: &mut Io<'_>) -> u8 {
    let workspace = match ledger::workspace_at(&args.path, io) {
        Ok(workspace) => workspace,
        Err(code) => return code,
    };
    let (restored, aside) = match cpl_run::restore(&workspace, &io.folder.join(&args.folder), io.now) {
        Ok(done) => done,
        Err(error) => return refused(&error, "nothing was put back", args, io),
    };
    let workspace = cpl_run::as_recorded(workspace);
    let _ = writeln!(io.out, "the ledger of {} is put back from {}", workspace.name, args.folder.display());
    for path in aside {
        let path = path.strip_prefix(&workspace.root).unwrap_or(&path).display().to_string();
        let _ = writeln!(io.out, "what was there is kept: {path}");
    }
    let lost = match restored {
        Restored::Whole => return done("nothing is lost: it ended where the copy does", io),
        Restored::Behind { lost: Some(lost) } => format!("{lost} rows are lost that came after the copy"),
        Restored::Behind { lost: None } => "what came after the copy is lost".to_owned(),
    };
    done(&format!("{lost}: everything is paused. Look what the targets hold, then `cpl resume`"), io)
}

fn done(text: &str, io: &mut Io<'_>) -> u8 {
    let _ = writeln!(io.out, "{text}");
    CLEAN
}

fn refused(error: &BackupError, what: &str, args: &BackupArgs, io: &mut Io<'_>) -> u8 {
    let why = format!("{}: {what}: {error}", args.folder.display());
    match error {
        BackupError::Ledger(_) => {
            render::render(&[Diagnostic::new(Code::E1106, why)], Path::new(""), "", io);
            WRONG
        }
        _ => render::usage_error(&why, io),
    }
}
