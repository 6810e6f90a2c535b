//! The program `cpl`.

use std::{
    io::{self, BufWriter, Write, stderr, stdout},
    path::PathBuf,
    process::ExitCode,
};

use cpl_cli::{Io, WRONG};
use jiff::Timestamp;

/// The columns of each chunk of a file are allocated and freed. The system's allocator returns their pages and requests
/// them again, which is a fifth of a run over a large file.
#[cfg(feature = "run")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let (out, err) = (console::Term::stdout(), console::Term::stderr());
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let mut to_out = BufWriter::new(Remembers { to: stdout().lock(), failed: None });
    let mut to_err = stderr();
    let code = cpl_cli::main(
        std::env::args_os(),
        &mut Io {
            input: &mut std::io::stdin(),
            out: &mut to_out,
            err: &mut to_err,
            width: out.size_checked().map(|(_, columns)| usize::from(columns)),
            colour: out.is_term() && !no_color,
            colour_err: err.is_term() && !no_color,
            progress: err.is_term(),
            now: Timestamp::now(),
            folder: PathBuf::new(),
            part_rows: None,
        },
    );
    let _ = to_out.flush();
    match to_out.get_ref().failed.as_ref() {
        // A reader that has seen enough is no error.
        None => ExitCode::from(code),
        Some(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::from(code),
        Some(error) => {
            let _ = writeln!(to_err, "the output can't be written: {error}");
            ExitCode::from(WRONG)
        }
    }
}

/// A writer that keeps the first error, so that callers can ignore errors.
struct Remembers<W> {
    to: W,
    failed: Option<io::Error>,
}

impl<W> Remembers<W> {
    fn keep<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|error| {
            let kind = error.kind();
            if kind != io::ErrorKind::Interrupted {
                self.failed.get_or_insert(error);
            }
            kind.into()
        })
    }
}

impl<W: Write> Write for Remembers<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.to.write(bytes);
        self.keep(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.to.flush();
        self.keep(result)
    }
}
