//! The program `cpl`.

use std::{
    io::{BufWriter, Write, stderr, stdout},
    path::PathBuf,
    process::ExitCode,
};

use cpl_cli::Io;
use jiff::Timestamp;

fn main() -> ExitCode {
    let (out, err) = (console::Term::stdout(), console::Term::stderr());
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let mut to_out = BufWriter::new(stdout().lock());
    let mut to_err = stderr();
    let code = cpl_cli::main(
        std::env::args_os(),
        &mut Io {
            out: &mut to_out,
            err: &mut to_err,
            width: out.size_checked().map(|(_, columns)| usize::from(columns)),
            colour: out.is_term() && !no_color,
            colour_err: err.is_term() && !no_color,
            progress: err.is_term(),
            now: Timestamp::now(),
            folder: PathBuf::new(),
        },
    );
    // A reader that has seen enough is no error.
    match to_out.flush() {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => ExitCode::from(code),
    }
}
