//! `cpl infer`: the `fetch` of a file. What is written was checked and read the file.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use cpl_infer::{Column, DeclaredAnswer, Found, Sample};
use cpl_model::{
    program::{SheetFormat, SourceKind, TableSource},
    report::Source,
};
use cpl_plan::Plan;
use cpl_run::{Problem, other_kind, parquet_sample};
use cpl_syntax::{Code, Diagnostic};

use crate::{
    CLEAN, Io, WRONG,
    args::{InferArgs, WindowArgs},
    one_fetch::{TABLE, one_fetch},
    render,
    run::with_context,
};

/// The name of the pipeline that the fetch stands in while it is checked.
const PIPELINE: &str = "inferred.cpl";

/// The table whose first page is looked at.
const PLACEHOLDER: &str = "answer";

/// As many rows of a Parquet file are looked at.
const ROWS: usize = 100_000;

/// Writes the fetch of each file or address, and what a connector's file says of each endpoint.
pub fn infer(args: &InferArgs, io: &mut Io<'_>) -> u8 {
    let window = &WindowArgs { as_of: args.as_of, ..WindowArgs::default() };
    let each = |file: &PathBuf| match file.to_str() {
        Some(address) if ["http://", "https://"].iter().any(|scheme| address.starts_with(scheme)) => of_server(
            (&format!("http({})", quoted(address)), "{ columns { a: text } }"),
            window,
            |sample, _, io| {
                let shown = address.split('?').next().unwrap_or_default();
                print_proved(&cpl_infer::fetch(sample, address), shown, window, io)
            },
            io,
        ),
        Some(call) if is_call(call) && !io.folder.join(file).exists() => of_server(
            (call, ""),
            window,
            |sample, personal, io| {
                let _ = write!(io.out, "{}", cpl_infer::endpoint(sample, call, personal));
                CLEAN
            },
            io,
        ),
        _ => one(file, window, io),
    };
    args.files.iter().map(each).max().unwrap_or(CLEAN)
}

/// `crm.signups(last 7 days)`
fn is_call(text: &str) -> bool {
    text.ends_with(')') && text.split_once('(').is_some_and(|(name, _)| name.contains('.'))
}

/// Requests the first page of what `call` names; `print` writes what is found in it, and hears which columns are declared as
/// personal.
fn of_server(
    (call, columns): (&str, &str),
    window: &WindowArgs,
    print: impl Fn(&Sample, &[String], &mut Io<'_>) -> u8,
    io: &mut Io<'_>,
) -> u8 {
    let text = format!("pipeline inferred {{ retire 9998-12-31 }}\nfetch {PLACEHOLDER} from {call} {columns}\n");
    let answered = one_fetch(PIPELINE, &text, window, io).and_then(|(loaded, plan)| {
        let declared = Declared::of(&plan);
        match with_context(&plan.clone(), &loaded, window, io, |context| cpl_run::first_answer(plan, context)) {
            Ok(Ok(answer)) => Ok((answer.unwrap_or_default(), declared)),
            Ok(Err(error)) => Err(error.diagnostics()),
            Err(why) => Err(vec![Diagnostic::new(Code::E1105, why)]),
        }
    });
    let (answer, declared) = match answered {
        Ok(answered) => answered,
        Err(diagnostics) => {
            render::render(&diagnostics, Path::new(PIPELINE), &text, io);
            return WRONG;
        }
    };
    match sample_of_answer(&answer, declared.answer()) {
        Ok(sample) if sample.columns.is_empty() => {
            let _ = writeln!(io.err, "{call}: what it answers holds no column that a fetch could read");
            WRONG
        }
        Ok(sample) => print(&sample, &declared.personal, io),
        Err(problem) => {
            render::render(&[cpl_run::file_problem(&problem, call)], Path::new(PIPELINE), "", io);
            WRONG
        }
    }
}

/// What a connector's file declares already of what is looked at.
#[derive(Default)]
struct Declared {
    /// The personal columns, by their names and where they are found.
    personal: Vec<String>,
    /// The path to the records.
    records: Option<String>,
    /// How pages go on.
    has_pages: bool,
}

impl Declared {
    /// That of the only fetch.
    fn of(plan: &Plan) -> Self {
        let TableSource::Fetch(fetch) = &plan.program().table(TABLE).source else { return Self::default() };
        let personal = fetch.columns.iter().filter(|column| column.is_personal);
        let personal = personal.flat_map(|column| [column.name.clone(), column.header.clone()]).collect();
        match &fetch.kind {
            SourceKind::Endpoint(of) => {
                let (records, has_pages) = (of.endpoint.records.clone(), of.endpoint.paging.is_some());
                Self { personal, records, has_pages }
            }
            // The report of what is printed tells of further pages.
            _ => Self { personal, records: None, has_pages: true },
        }
    }

    fn answer(&self) -> DeclaredAnswer<'_> {
        DeclaredAnswer { records: self.records.as_deref(), has_pages: self.has_pages }
    }
}

/// What an answer holds, by way of a file that is gone afterwards.
fn sample_of_answer(answer: &[u8], declared: DeclaredAnswer<'_>) -> Result<Sample, Problem> {
    let unwritten = |error: std::io::Error| Problem::Unreadable(error.to_string());
    let mut file = tempfile::Builder::new().suffix(".json").tempfile().map_err(unwritten)?;
    file.write_all(answer).map_err(unwritten)?;
    cpl_infer::answer(file.path(), declared)
}

/// A text as a pipeline writes it.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('{', "{{").replace('}', "}}"))
}

fn one(file: &Path, window: &WindowArgs, io: &mut Io<'_>) -> u8 {
    let path = io.folder.join(file);
    let written = file.to_string_lossy();
    if written.contains('*') {
        let _ = writeln!(io.err, "{written}: in a pipeline `*` stands for any text: give the file another name");
        return WRONG;
    }
    let sample = match sample(&path) {
        Ok(sample) => sample,
        Err(problem) => {
            let diagnostic = cpl_run::file_problem(&problem, &written);
            render::render(&[diagnostic], file, "", io);
            return WRONG;
        }
    };
    if sample.columns.is_empty() {
        let what = sample.left_out.join("\n  ");
        let _ = writeln!(io.err, "{written}: it holds no column that a fetch could read\n  {what}");
        return WRONG;
    }
    print_proved(&cpl_infer::fetch(&sample, &written), &written, window, io)
}

/// Prints a fetch, and what is wrong with it: what is printed was checked, and reads all that it names.
fn print_proved(text: &str, written: &str, window: &WindowArgs, io: &mut Io<'_>) -> u8 {
    let _ = write!(io.out, "{text}");
    // What is printed makes a pipeline of its own here, whose lines are those that were printed.
    let text = format!("{text}pipeline inferred {{ }}\n");
    match proved(&text, window, io) {
        Ok(proof) => {
            for why in proof.notes.iter().chain(&proof.broken) {
                let _ = writeln!(io.err, "{written}: {why}");
            }
            if proof.broken.is_empty() { CLEAN } else { WRONG }
        }
        Err(diagnostics) => {
            let _ = writeln!(io.err, "this does not read the file yet:");
            render::render(&diagnostics, Path::new(PIPELINE), &text, io);
            WRONG
        }
    }
}

/// What was found as the whole file was read.
struct Proof {
    /// What a person should know of it.
    notes: Vec<String>,
    /// What of the fetch does not hold.
    broken: Vec<String>,
}

/// Checks the fetch, and reads the whole file by it.
fn proved(text: &str, window: &WindowArgs, io: &Io<'_>) -> Result<Proof, Vec<Diagnostic>> {
    let (loaded, plan) = one_fetch(PIPELINE, text, window, io)?;
    match with_context(&plan.clone(), &loaded, window, io, |context| cpl_run::show(plan, TABLE, context)) {
        Ok(Ok(shown)) => Ok(Proof {
            notes: shown.sources.iter().flat_map(Source::notes).collect(),
            broken: shown.broken.iter().map(|check| format!("{} ({})", check.text, check.check)).collect(),
        }),
        Err(why) => Ok(Proof { notes: Vec::new(), broken: vec![why] }),
        Ok(Err(error)) => Err(error.diagnostics()),
    }
}

/// What a file holds, by the ending of its name.
fn sample(path: &Path) -> Result<Sample, Problem> {
    let is_parquet = path.extension().is_some_and(|extension| extension == "parquet");
    let read_as = match (is_parquet, cpl_infer::is_workbook(path)) {
        (true, _) => SourceKind::Parquet,
        (_, true) => SourceKind::Excel(SheetFormat::default()),
        _ => SourceKind::Ndjson,
    };
    if let Some(kind) = other_kind(path, &read_as) {
        return Err(Problem::OtherKind(kind));
    }
    if is_parquet { parquet(path) } else { cpl_infer::sample(path) }
}

/// What a Parquet file stores.
fn parquet(file: &Path) -> Result<Sample, Problem> {
    let (columns, rows) = parquet_sample(file, ROWS)?;
    let mut sample = Sample { found: Found::Parquet, rows: rows.min(ROWS), whole: rows <= ROWS, ..Sample::default() };
    for column in columns {
        let (of, fields, has_missing) = (column.name, column.fields, column.missing > 0);
        match Column::stored(of, &fields, column.kind, column.values, has_missing) {
            Ok(column) => sample.columns.push(column),
            Err(why) => sample.left_out.push(why),
        }
    }
    Ok(sample)
}
