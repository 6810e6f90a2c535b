//! The commands a page may call: `cpl`, and a few to look at files.

use std::{
    cell::RefCell,
    ffi::OsString,
    fmt::Write as _,
    fs,
    io::{self, Write},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    rc::Rc,
};

use cpl_cli::Io;
use jiff::Timestamp;

use crate::schema::Schema;

/// When every case plays, unless it says otherwise: 20 November 2026, noon UTC.
const NOW: i64 = 1_795_176_000;

/// The exit code of a program that panicked.
const PANICKED: u8 = 101;

/// Both streams of a program, as one text.
#[derive(Clone, Default)]
struct Both(Rc<RefCell<Vec<u8>>>);

impl Write for Both {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Calls a command in a folder; what it prints, and its exit code where that is not 0.
///
/// # Panics
/// Where the page asks for a command that is none.
#[must_use]
pub fn call(line: &str, folder: &Path) -> String {
    call_in_parts(line, folder, None)
}

/// The same, where about so many rows of a source are taken at once.
///
/// # Panics
/// Where the page asks for a command that is none.
#[must_use]
pub fn call_in_parts(line: &str, folder: &Path, part_rows: Option<usize>) -> String {
    let words = shell_words::split(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    match words.first().map(String::as_str) {
        Some("cpl") => program(&words, folder, false, part_rows),
        Some("terminal") => program(&words[1..], folder, true, part_rows),
        Some("cat") => shown(&folder.join(&words[1])),
        Some("ls") => listed(&folder.join(words.get(1).map_or(".", String::as_str))),
        Some("mkdir") => fs::create_dir_all(folder.join(&words[1])).map_or_else(|e| e.to_string(), |()| String::new()),
        Some("cp") => copied(&folder.join(&words[1]), &folder.join(&words[2])),
        Some("same") => same(&folder.join(&words[1]), &folder.join(&words[2])),
        Some("valid") => valid(&folder.join(&words[1])),
        _ => panic!("{line}: a page knows cpl, terminal, cat, cp, ls, mkdir, same and valid"),
    }
}

/// `cpl …`, in this process; `< FILE` is handed in, and `> FILE` takes what goes to standard output. On a terminal it is coloured: `⟨31⟩` is
/// the sign that makes what follows red.
fn program(words: &[String], folder: &Path, colour: bool, part_rows: Option<usize>) -> String {
    let behind = |sign: &str| words.iter().position(|word| word == sign).and_then(|at| words.get(at + 1));
    let (input, file) = (behind("<"), behind(">"));
    let end = words.iter().position(|word| word == "<" || word == ">").unwrap_or(words.len());
    let args = &words[..end];
    let input = input
        .map_or_else(Vec::new, |file| fs::read(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}")));
    let (mut out, mut err) = (Both::default(), Both::default());
    if file.is_none() {
        err = out.clone();
    }
    let mut io = Io {
        input: &mut input.as_slice(),
        out: &mut out.clone(),
        err: &mut err.clone(),
        width: Some(80),
        colour,
        colour_err: colour,
        progress: false,
        now: Timestamp::from_second(NOW).unwrap_or(Timestamp::UNIX_EPOCH),
        folder: folder.to_owned(),
        part_rows,
    };
    // A panic is a wrong answer like any other: the page shows it.
    let called = AssertUnwindSafe(|| cpl_cli::main(args.iter().map(OsString::from), &mut io));
    let code = catch_unwind(called).unwrap_or(PANICKED);
    if let Some(file) = file {
        let bytes = out.0.borrow().clone();
        let bytes = str::from_utf8(&bytes).map_or_else(|_| bytes.clone(), |text| (timeless(text) + "\n").into_bytes());
        fs::write(folder.join(file), bytes).unwrap_or_else(|error| panic!("{file}: {error}"));
        out = err;
    }
    let text = String::from_utf8_lossy(&out.0.borrow()).into_owned();
    let text = text.replace("\u{1b}[", "⟨").replace('\u{1b}', "ESC");
    let text = if colour { closed(&text) } else { text };
    let mut text = timeless(&text).replace(&format!("{}/", folder.display()), "");
    text = text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    let text = text.trim_end();
    match code {
        0 => text.to_owned(),
        code => format!("{text}\nexit {code}").trim_start().to_owned(),
    }
}

/// `⟨31m` as `⟨31⟩`.
fn closed(text: &str) -> String {
    let mut parts = text.split('⟨');
    let mut closed = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        closed.push('⟨');
        closed.push_str(&part.replacen('m', "⟩", 1));
    }
    closed
}

/// How long a run took is left out.
fn timeless(text: &str) -> String {
    let line = |line: &str| {
        let trimmed = line.trim_start();
        let faint = if line.starts_with("⟨2⟩") { "⟨2⟩" } else { "" };
        if let Some((digits, rest)) = line[faint.len()..].split_once(" ms")
            && !digits.is_empty()
            && digits.bytes().all(|byte| byte.is_ascii_digit())
        {
            return format!("{faint}… ms{rest}");
        }
        if trimmed.starts_with("\"took_ms\":") { "  \"took_ms\": 0,".to_owned() } else { line.to_owned() }
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// The text of a file, unpacked where it is packed.
fn shown(path: &Path) -> String {
    if path.extension().is_some_and(|extension| extension == "gz") {
        let unpacked = fs::File::open(path).and_then(|file| io::read_to_string(flate2::read::GzDecoder::new(file)));
        return unpacked.unwrap_or_else(|error| error.to_string());
    }
    fs::read_to_string(path).unwrap_or_else(|error| error.to_string())
}

fn copied(from: &Path, to: &Path) -> String {
    fs::copy(from, to).map_or_else(|error| error.to_string(), |_| String::new())
}

fn listed(path: &Path) -> String {
    let mut names: Vec<String> = fs::read_dir(path).map_or_else(
        |error| vec![error.to_string()],
        |entries| entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect(),
    );
    names.sort();
    names.join("\n")
}

/// `same A B`: how many lines two files share; else the first that differ. A file that can't be read, or holds nothing,
/// is the same as none.
fn same(left: &Path, right: &Path) -> String {
    let text = |path: &Path| fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()));
    let (left, right) = match (text(left), text(right)) {
        (Ok(left), Ok(right)) if !left.is_empty() && !right.is_empty() => (left, right),
        (Ok(_), Ok(_)) => return "nothing is held against nothing".to_owned(),
        (left, right) => return left.err().into_iter().chain(right.err()).collect::<Vec<_>>().join("\n"),
    };
    let mut out = String::new();
    for (at, (a, b)) in left.lines().zip(right.lines()).enumerate().filter(|(_, (a, b))| !alike(a, b)).take(5) {
        let _ = writeln!(out, "line {}: {a} ≠ {b}", at + 1);
    }
    let (a, b) = (left.lines().count(), right.lines().count());
    if a == b && out.is_empty() { format!("the same {a} lines") } else { format!("{out}{a} lines, {b} lines") }
}

/// Whether two lines are the same, their floats to one part in a billion; amounts have all their digits in both.
fn alike(left: &str, right: &str) -> bool {
    let float = |cell: &str| cell.parse::<f64>().ok().filter(|_| cell.len() > 12);
    let near = |a: &str, b: &str| match (float(a), float(b)) {
        (Some(x), Some(y)) => (x - y).abs() <= 1e-9 * x.abs().max(y.abs()),
        _ => a == b,
    };
    left.split(',').count() == right.split(',').count()
        && left.split(',').zip(right.split(',')).all(|(a, b)| a == b || near(a, b))
}

/// `valid FILE`: whether a report fits its schema.
fn valid(path: &Path) -> String {
    let parse = |text: &str| serde_json::from_str(text).unwrap_or_else(|error| panic!("no JSON: {error}"));
    let schema: serde_json::Value = parse(cpl_report::SCHEMA);
    let report: serde_json::Value = parse(&shown(path));
    Schema::of(schema).mismatch(&report).unwrap_or_else(|| "valid".to_owned())
}
