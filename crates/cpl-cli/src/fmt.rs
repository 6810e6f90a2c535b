//! `cpl fmt`.

use std::path::{Path, PathBuf};

use cpl_syntax::{format, has_errors, parse};

use crate::{
    CLEAN, Io, WRONG,
    args::FmtArgs,
    files::{FileKinds, files, replace, text_diff},
    load::pipeline_text,
    render,
    text::{Text, as_text},
};

/// Writes files in the one style; the worst decides the exit code. One that does not parse stays as it is.
pub fn fmt(args: &FmtArgs, io: &mut Io<'_>) -> u8 {
    if args.paths == [PathBuf::from("-")] {
        return from_input(args, io);
    }
    let files = match files(&args.paths, FileKinds::Pipelines, &io.folder) {
        Ok(files) => files,
        Err(why) => return render::usage_error(&why, io),
    };
    files.iter().map(|file| one(file, args, io)).max().unwrap_or(CLEAN)
}

fn from_input(args: &FmtArgs, io: &mut Io<'_>) -> u8 {
    let (name, mut bytes) = (Path::new("<stdin>"), Vec::new());
    if let Err(error) = io.input.read_to_end(&mut bytes) {
        return render::usage_error(&format!("the standard input can't be read: {error}"), io);
    }
    let text = match as_text(bytes) {
        Text::Right(text) => text,
        Text::Wrong(text, diagnostic) => {
            render::render(&[diagnostic], name, &text, io);
            return WRONG;
        }
    };
    match formatted(name, &text, io) {
        Err(code) => code,
        Ok(made) if args.check || args.diff => print_difference(name, &text, &made, args, io),
        Ok(made) => {
            let _ = write!(io.out, "{made}");
            CLEAN
        }
    }
}

fn one(file: &Path, args: &FmtArgs, io: &mut Io<'_>) -> u8 {
    let text = match pipeline_text(file, io) {
        Ok(Text::Right(text)) => text,
        Ok(Text::Wrong(text, diagnostic)) => {
            render::render(&[diagnostic], file, &text, io);
            return WRONG;
        }
        Err(why) => return render::usage_error(&why, io),
    };
    let made = match formatted(file, &text, io) {
        Ok(made) => made,
        Err(code) => return code,
    };
    if args.check || args.diff {
        return print_difference(file, &text, &made, args, io);
    }
    if made == text {
        return CLEAN;
    }
    match replace(&io.folder.join(file), &made) {
        Ok(()) => {
            let _ = writeln!(io.out, "{}: written anew", file.display());
            CLEAN
        }
        Err(error) => render::usage_error(&format!("{} can't be written: {error}", file.display()), io),
    }
}

/// The text in the one style; where it does not parse, why is drawn.
fn formatted(file: &Path, text: &str, io: &mut Io<'_>) -> Result<String, u8> {
    // What the parser mends to read on is not the formatter's to mend.
    let diagnostics = parse(text).1;
    format(text).filter(|_| !has_errors(&diagnostics)).ok_or_else(|| {
        render::render(&diagnostics, file, text, io);
        let _ = writeln!(io.err, "{}: left as it is", file.display());
        WRONG
    })
}

fn print_difference(file: &Path, text: &str, made: &str, args: &FmtArgs, io: &mut Io<'_>) -> u8 {
    if made == text {
        return CLEAN;
    }
    let _ = if args.diff {
        write!(io.out, "{}", text_diff(text, made, file))
    } else {
        writeln!(io.out, "{}: in another style", file.display())
    };
    if args.check { WRONG } else { CLEAN }
}
