//! What is wrong with a file, as a diagnostic: file, row, column, value, and what was wanted.

use std::path::Path;

use cpl_batch::{FileKind, Oversized, Place, Problem};
use cpl_model::program::{ColumnLocator, Fetch, FetchColumn, SourceKind};
use cpl_syntax::{Code, Diagnostic, Span, nearest};

use super::{
    bad_value::bad_value,
    database_problem::database_problem,
    server_problem::server_problem,
    words::{column_span, row, shown},
};

/// The name of a file: its path from the pipeline's folder on.
pub fn name_of(file: &Path, folder: &Path) -> String {
    let name = file.strip_prefix(folder).unwrap_or(file);
    if name.as_os_str().is_empty() { ".".to_owned() } else { name.to_string_lossy().into_owned() }
}

/// The diagnostic for a problem of the file called `name`.
pub fn problem_to_diagnostic(problem: &Problem, name: &str, fetch: &Fetch) -> Diagnostic {
    let declared = |header: &str| fetch.columns.iter().find(|column| column.called() == header);
    match problem {
        Problem::Unreadable(why) => unreadable(name, why, fetch),
        Problem::NotParquet(why) => {
            in_file(Code::E1002, format!("{name} can't be read: {why}"), "is it a Parquet file, and whole?", fetch)
        }
        Problem::UnknownColumnType => unknown_column_type(name, fetch),
        Problem::StoredAs { header, stored, inside, wanted } => {
            let diagnostic = stored_as(name, header, stored, wanted, declared(header), fetch);
            match inside {
                Some(inside) => diagnostic.help(format!("a value inside is found by its path: `{inside}`")),
                None => diagnostic.help("declare the column by what it holds"),
            }
        }
        Problem::ColumnUnreadable { header, why } => {
            let help = "have the file written anew; decimals of more than 38 digits are not read";
            in_file(Code::E1002, format!("{name}: the values of `{header}` can't be read: {why}"), help, fetch)
        }
        Problem::Empty => {
            let message = format!("{name} is empty: not even a header");
            in_file(Code::E1007, message, "its first row must name the columns", fetch)
        }
        Problem::HeaderNotText => {
            let message = format!("the first row of {name} is no text in UTF-8");
            let help = "save the file as CSV in UTF-8, or say what it is: `csv(\"…\", encoding=\"windows-1252\")`";
            in_file(Code::E1002, message, help, fetch)
        }
        Problem::NoColumn { header, found, line } => no_column(name, header, found, *line, declared(header), fetch),
        Problem::NulBytes { place } => {
            let message = format!("{name}, line {}: NUL bytes, which are no text", place.line);
            let help = "was it cut off while it was written? One in UTF-16: `csv(\"…\", encoding=\"utf-16\")`";
            in_file(Code::E1002, message, help, fetch)
        }
        Problem::Server(problem) => server_problem(name, problem, fetch),
        Problem::Database(problem) => database_problem(name, problem, fetch),
        Problem::NotRecorded(why) => {
            let message = format!("what is fetched can't be recorded in {name}: {why}");
            in_file(
                Code::E1102,
                message,
                "nothing was changed: is there room in the folder for temporary files?",
                fetch,
            )
        }
        Problem::Changed => {
            let message = format!("{name} changed while it was read");
            in_file(Code::E1002, message, "nothing was changed: run again when it is written", fetch)
        }
        Problem::OtherKind(kind) => other_file(name, *kind, fetch),
        Problem::FewLines { lines } => {
            let message = format!("{name} has {}, and more are skipped", counted_lines(*lines));
            in_file(Code::E1007, message, "`skip_lines` counts the lines above the header", fetch)
        }
        Problem::ColumnTwice { header } => Diagnostic::new(Code::E1004, format!("{name} has two columns `{header}`"))
            .at(column_span(declared(header), fetch), "which of them?")
            .help("give one of them another name in the file"),
        Problem::Value { place, header, value, wanted } => {
            bad_value(name, *place, value.as_deref(), wanted, declared(header), fetch)
        }
        Problem::Fields { place, found, wanted } => wrong_fields(name, *place, *found, *wanted, fetch),
        Problem::NoJson { place, column, why } => no_json(name, *place, *column, why, fetch),
        Problem::NoRecord { place, found } => {
            let message = format!("{name}, {}: the record is no object: `{}`", row(*place), shown(found));
            in_file(Code::E1005, message, "columns are found in objects", fetch)
        }
        Problem::DuplicateMember { place, name: member } => {
            let at = if place.row == 0 { String::new() } else { format!(", {}", row(*place)) };
            let message = format!("{name}{at}: an object names `{}` twice", shown(member));
            in_file(Code::E1005, message, "which of the two is meant is not known: it may be there once", fetch)
        }
        Problem::NoRecords { found } => no_records(name, found, fetch),
        Problem::NoSheet { sheet, found } => {
            in_file(Code::E1003, format!("{name} has no sheet {sheet:?}"), format!("it has {}", ticked(found)), fetch)
        }
        Problem::NoVisibleSheet { found } => {
            let help = format!("name one: `sheet=\"…\"`; it has {}", ticked(found));
            in_file(Code::E1003, format!("each sheet of {name} is hidden"), help, fetch)
        }
        Problem::TooLarge { what, limit, place } => too_large(name, *what, *limit, *place, fetch),
        Problem::Quote { place, open } => {
            let what = if *open { "a quote opens and never closes" } else { "more stands behind a closing quote" };
            let help = "a quote inside a quoted field is written twice";
            in_file(Code::E1006, format!("{name}, {}: {what}", row(*place)), help, fetch)
        }
    }
}

/// The diagnostic for a problem of a file that no pipeline reads yet: it has no place but the file's.
#[must_use]
pub fn file_problem(problem: &Problem, name: &str) -> Diagnostic {
    let fetch = Fetch {
        kind: SourceKind::Parquet,
        path: name.to_owned(),
        path_span: Span::default(),
        columns: Vec::new(),
        future: false,
        skip_bad: None,
        until: None,
    };
    let mut diagnostic = problem_to_diagnostic(problem, name, &fetch);
    diagnostic.labels.clear();
    diagnostic
}

/// A diagnostic that points at the fetch's path.
fn in_file(code: Code, message: String, help: impl Into<String>, fetch: &Fetch) -> Diagnostic {
    Diagnostic::new(code, message).at(fetch.path_span, "read from here").help(help)
}

fn unreadable(name: &str, why: &str, fetch: &Fetch) -> Diagnostic {
    let diagnostic = Diagnostic::new(Code::E1002, format!("{name} can't be read: {why}"));
    let diagnostic = diagnostic.at(fetch.path_span, "read from here");
    let packed = Path::new(name).extension().is_some_and(|extension| extension == "gz");
    if packed { diagnostic.help("is it packed by gzip, and whole?") } else { diagnostic }
}

/// A file that is not what it is declared to be.
fn other_file(name: &str, kind: FileKind, fetch: &Fetch) -> Diagnostic {
    let (is, help) = match kind {
        FileKind::Archive => ("an archive or a workbook", "unpack it; a workbook is fetched by `excel(\"…\")`"),
        FileKind::OldWorkbook => ("a workbook", "fetch it by `excel(\"…\")`"),
        FileKind::LockFile => {
            ("what a program leaves next to a workbook that it has open", "close the workbook, or name its file")
        }
        FileKind::Gzip => ("packed by gzip", "unpack it, or let its name end with `.gz`"),
        FileKind::Parquet => ("a Parquet file", "fetch it by `parquet(\"…\")`"),
        FileKind::Pdf => ("a PDF", "have the table written as CSV"),
        FileKind::Markup => ("a page of HTML or XML", "is it an answer to a login? Have the table written as CSV"),
        FileKind::Text => ("a text", "a text table is fetched by `csv(\"…\")`, lines of JSON by `ndjson(\"…\")`"),
        FileKind::CarriageReturns => {
            ("a text whose lines end with a carriage return only", "save it with the line ends of Windows or Unix")
        }
    };
    in_file(Code::E1002, format!("{name} is {is}"), help, fetch)
}

fn unknown_column_type(name: &str, fetch: &Fetch) -> Diagnostic {
    let message = format!("{name} can't be read: it holds a column of a type that is not known here");
    let help = "leave out, as the file is written, what is a float of 16 bits, an interval, or a moment of an offset \
                without a zone's name";
    in_file(Code::E1002, message, help, fetch)
}

fn stored_as(
    name: &str,
    header: &str,
    stored: &str,
    wanted: &str,
    column: Option<&FetchColumn>,
    fetch: &Fetch,
) -> Diagnostic {
    Diagnostic::new(Code::E1005, format!("{name}: the column `{header}` is stored as {stored}"))
        .at(column_span(column, fetch), format!("wanted: {wanted}"))
}

fn wrong_fields(name: &str, place: Place, found: usize, wanted: usize, fetch: &Fetch) -> Diagnostic {
    let named = matches!(&fetch.kind, SourceKind::Csv(format) if format.header);
    let than = if named { "the header has" } else { "the fetch declares" };
    let message = format!("{name}, {}: {} where {than} {wanted}", row(place), fields(found));
    let is_csv = matches!(fetch.kind, SourceKind::Csv(_));
    let help = if is_csv && found < wanted {
        "where rows may lack fields at their end, write `csv(\"…\", short_rows=true)`; where the table ends here, `rows until \
         \"…\"` with what this line begins with"
            .to_owned()
    } else {
        format!("a field that holds the separator stands in quotes{}", thousands(found, wanted))
    };
    in_file(Code::E1006, message, help, fetch)
}

fn no_json(name: &str, place: Place, column: u64, why: &str, fetch: &Fetch) -> Diagnostic {
    let message = match place {
        Place { row: 0, line } => format!("{name}, line {line}, column {column}: no JSON: {why}"),
        place if column == 0 => format!("{name}, {}: no JSON: {why}", row(place)),
        place => format!("{name}, {}, column {column}: no JSON: {why}", row(place)),
    };
    let help = match fetch.kind {
        SourceKind::Ndjson => "a line holds one record; a document with several lines is fetched by `json`",
        _ => "mend the file; one with a record a line is fetched by `ndjson`",
    };
    in_file(Code::E1002, message, help, fetch)
}

fn no_records(name: &str, lists: &[String], fetch: &Fetch) -> Diagnostic {
    let message = format!("{name} has no list of records where they are looked for");
    let help = match lists {
        [] => "say where: `records \"$.path.to.the.list\"`".to_owned(),
        lists => format!("it has lists at {}: `records \"{}\"`", ticked(lists), lists[0]),
    };
    in_file(Code::E1003, message, help, fetch)
}

/// What is read whole and is larger than is read at once.
fn too_large(name: &str, what: Oversized, limit: u64, place: Place, fetch: &Fetch) -> Diagnostic {
    let limit = match limit {
        limit if limit % (1 << 30) == 0 => format!("{} GiB", limit >> 30),
        limit if limit % (1 << 20) == 0 => format!("{} MiB", limit >> 20),
        limit if limit % 1_000_000 == 0 => format!("{} MB", limit / 1_000_000),
        limit => format!("{limit} bytes"),
    };
    let (message, help) = match what {
        Oversized::Document => (
            format!("{name} is larger than {limit}, unpacked: a JSON document is read whole"),
            "write a record a line, and fetch the file by `ndjson`",
        ),
        Oversized::Answer => (
            format!("{name} answers more than {limit}, unpacked"),
            "request less: fewer days, fewer columns, or a page",
        ),
        Oversized::Line => (
            format!("{name}, line {}: the record is larger than {limit}", place.line),
            "a line holds one record: a document is fetched by `json`",
        ),
        Oversized::Workbook => (
            format!("{name} is larger than {limit}, unpacked: a workbook is read whole"),
            "save the sheet as CSV, and fetch it by `csv`",
        ),
        Oversized::Row => (
            format!("{name}: the row that begins in line {} is larger than {limit}", place.line),
            "is it a text table, with a line break behind each row?",
        ),
        Oversized::Unpacked => (format!("{name} unpacks to more than {limit}"), "split it into several files"),
    };
    in_file(Code::E1002, message, help, fetch)
}

fn counted_lines(lines: u64) -> String {
    if lines == 1 { "1 line".to_owned() } else { format!("{lines} lines") }
}

fn fields(n: usize) -> String {
    if n == 1 { "1 field".to_owned() } else { format!("{n} fields") }
}

fn thousands(found: usize, wanted: usize) -> &'static str {
    if found > wanted { ": `\"1,234.50\"`" } else { "" }
}

/// A declared column that a file does not have.
fn no_column(
    name: &str,
    header: &str,
    found: &[String],
    line: Option<u64>,
    declared: Option<&FetchColumn>,
    fetch: &Fetch,
) -> Diagnostic {
    let found: Vec<String> = found.iter().map(|name| plain(name)).collect();
    let diagnostic = Diagnostic::new(Code::E1003, format!("{name} has no column `{header}`"))
        .at(column_span(declared, fetch), "declared here");
    let alias = declared.map_or(header, |column| column.name.as_str());
    if let Some(line) = line {
        let (word, above) = (fetch.kind.word(), line - 1);
        let help = format!("the columns you declare are in line {line}: write `{word}(\"…\", skip_lines={above})`");
        return diagnostic.help(help);
    }
    if found.is_empty() {
        return diagnostic.help("`optional` allows some files to lack it, and none has it");
    }
    if let Some(help) = other_kind(&found).filter(|_| matches!(fetch.kind, SourceKind::Csv(_))) {
        return diagnostic.help(help);
    }
    // What differs only in its capitals is one column of several files, or the names of another tool.
    if let Some(other) = found.iter().find(|name| name.eq_ignore_ascii_case(header)) {
        let files = if fetch.path.contains('*') {
            "; where files write it differently, fetch those by themselves, and `stack` the two"
        } else {
            ""
        };
        let help = format!("the file writes it `{other}`: write `{alias}: … from \"{other}\"`{files}");
        return diagnostic.help(help);
    }
    if name.split('/').any(|folder| folder.strip_prefix(header).is_some_and(|rest| rest.starts_with('='))) {
        let help = "it stands in the name of a folder, which is no column: `file: text from file` is the file's path";
        return diagnostic.help(help);
    }
    let free = found.iter().filter(|name| !fetch.columns.iter().any(|column| column.header == **name));
    if let Some(near) = nearest(header, free.map(String::as_str)) {
        let from = match near.split_once(" at ").filter(|_| is_inside(declared)) {
            Some((column, path)) => format!("from \"{column}\" at \"{path}\""),
            None => format!("from \"{near}\""),
        };
        let holder = if fetch.kind.is_file() { "the file has" } else { "its records have" };
        return diagnostic.help(format!("{holder} `{near}`: write `{alias}: … {from}`"));
    }
    let optional =
        if fetch.path.contains('*') { "; where older files lack it, write `optional` behind its type" } else { "" };
    let holder = if fetch.kind.is_file() { "the file has" } else { "its records have" };
    diagnostic.help(format!("{holder} {}{optional}", ticked(&found)))
}

/// Whether a column is found by a path within another.
fn is_inside(declared: Option<&FetchColumn>) -> bool {
    declared.is_some_and(|column| matches!(column.locator, ColumnLocator::Embedded(_)))
}

/// The first of some names.
fn ticked(names: &[String]) -> String {
    const SHOWN: usize = 12;
    let listed: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    let more = if names.len() > SHOWN { format!(" and {} more", names.len() - SHOWN) } else { String::new() };
    format!("{}{more}", listed.join(", "))
}

/// What of a row does not fit, in a few words.
pub fn reason(problem: &Problem) -> String {
    match problem {
        Problem::Value { header, value: None, .. } => format!("{header} is missing"),
        Problem::Value { header, value: Some(value), wanted, .. } => {
            format!("{header} is {value:?}; wanted: {}", wanted.replace('`', "\""))
        }
        Problem::Fields { found, wanted, .. } => format!("{} where {wanted} are wanted", fields(*found)),
        Problem::NoJson { why, .. } => format!("no JSON: {why}"),
        Problem::NoRecord { found, .. } => format!("the record is no object: {found}"),
        Problem::DuplicateMember { name, .. } => format!("an object names {name:?} twice"),
        other => format!("{other:?}"),
    }
}

/// What the names of a header say of a file that is written otherwise than it is read.
fn other_kind(found: &[String]) -> Option<String> {
    if found.first().is_some_and(|first| first.starts_with("sep=")) {
        return Some("its first line, `sep=…`, is a note to a spreadsheet: take it out".to_owned());
    }
    let [only] = found else { return None };
    if only.starts_with("PK") {
        return Some("this is a spreadsheet or an archive: save it as CSV".to_owned());
    }
    let separator = [';', '\t', '|', ','].into_iter().find(|separator| only.contains(*separator))?;
    let written = if separator == '\t' { "\\t".to_owned() } else { separator.to_string() };
    Some(format!("the file's first row is `{only}`: write `csv(\"…\", separator=\"{written}\")`"))
}

/// A name as a text of the language holds it, without signs that would steer a terminal, and not without end.
fn plain(name: &str) -> String {
    const SHOWN: usize = 60;
    let letters = name.chars().filter(|c| !c.is_control() || matches!(c, '\t' | '\n')).take(SHOWN);
    letters.collect::<String>().replace('\n', "\\n")
}
