//! The text of a `fetch`.

use std::fmt::Write;

use crate::{
    column_type::ColumnType,
    guess::Guessed,
    key::Key,
    names::of_table,
    sample::{Column, Found, Located, Sample, Table},
    words::says,
};

/// Rows of fewer than this are said to be few.
const FEW: usize = 20;

/// The fetch of a file; `written` is its path.
pub fn fetch(sample: &Sample, guessed: &Guessed, names: &[String], key: &Key, written: &str) -> String {
    let seen = match (sample.whole, sample.rows) {
        (_, 0) => "it has no rows, so the types are guesses".to_owned(),
        (true, 1) => "its one row was looked at".to_owned(),
        (true, rows) => format!("all {rows} rows were looked at"),
        (false, rows) => format!("the first {rows} rows were looked at"),
    };
    // The query of an address may hold a key.
    let shown = if written.contains("://") { written.split('?').next().unwrap_or_default() } else { written };
    let mut text = format!("# Made from {shown}: {seen}.\n# Take out the columns that the decision does not need.\n");
    for why in &sample.left_out {
        let _ = writeln!(text, "# Left out: {}", why.replace('\n', " "));
    }
    for doubt in &sample.doubts {
        let _ = writeln!(text, "# Not sure: {}", doubt.replace('\n', " "));
    }
    let _ = writeln!(
        text,
        "fetch {} from {} {{{}",
        of_table(shown),
        source(sample, guessed, written),
        encoding_doubt(sample)
    );
    if let Found::Json(Some(path)) | Found::Answer(Some(path)) = &sample.found {
        let _ = writeln!(text, "  records {}", quoted(path));
    }
    text.push_str("  columns {\n");
    for ((column, guess), name) in sample.columns.iter().zip(&guessed.columns).zip(names) {
        text.push_str(&declared(column, guess, name));
    }
    text.push_str("  }\n");
    text.push_str(&clauses(sample, guessed, key, names));
    text.push_str("}\n");
    text
}

/// What a connector's file says of the records of an endpoint, which `written` calls; `personal` are the columns, by their
/// names or paths, that it declares so already.
pub fn endpoint(
    sample: &Sample,
    guessed: &Guessed,
    names: &[String],
    key: &Key,
    (written, personal): (&str, &[String]),
) -> String {
    let mut text = format!("    # Made from the first page of {written}, with {} records.\n", sample.rows);
    for why in sample.left_out.iter().chain(&sample.doubts) {
        let _ = writeln!(text, "    # {}", why.replace('\n', " "));
    }
    if let Found::Answer(Some(path)) = &sample.found {
        let _ = writeln!(text, "    records: {path}");
    }
    text.push_str("    columns:\n");
    for ((column, guess), name) in sample.columns.iter().zip(&guessed.columns).zip(names) {
        let is_it = |known: &String| known == name || *known == column.name || column.place.is_at(known);
        let ty = column_type(column, guess, name, personal.iter().any(is_it));
        // A plain scalar of YAML ends at these.
        let ty = if ty.contains(": ") || ty.contains(" #") { format!("'{}'", ty.replace('\'', "''")) } else { ty };
        let _ = writeln!(text, "      {name}: {ty}{}", doubt(guess));
    }
    if let Key::Unique(set) = key {
        let set: Vec<&str> = set.iter().map(|at| names[*at].as_str()).collect();
        let _ = writeln!(text, "    key: [{}]", set.join(", "));
    }
    text
}

/// Bytes of one encoding of single bytes are letters in any other.
fn encoding_doubt(sample: &Sample) -> &'static str {
    match &sample.found {
        Found::Csv(Table { encoding: Some("windows-1252"), .. }) => "  # not sure: are the letters beyond ASCII right?",
        _ => "",
    }
}

/// `day: date "%d.%m.%Y" from "Tag"`
fn declared(column: &Column, guess: &ColumnType, name: &str) -> String {
    format!("    {name}: {}{}\n", column_type(column, guess, name, false), doubt(guess))
}

/// `date "%d.%m.%Y" from "Tag"`; what is personal is a text.
fn column_type(column: &Column, guess: &ColumnType, name: &str, is_personal: bool) -> String {
    let nullable = if guess.nullable { "?" } else { "" };
    let from = match &column.place {
        Located::Path(path) => format!(" from {}", quoted(path)),
        Located::Within(column, path) => format!(" from {} at {}", quoted(column), quoted(path)),
        Located::Named if column.name != name => format!(" from {}", quoted(&column.name)),
        Located::Named => String::new(),
    };
    if is_personal {
        return format!("text{nullable} personal{from}");
    }
    format!("{}{nullable}{from}", guess.written)
}

/// What of a type is only likely, as a comment.
fn doubt(guess: &ColumnType) -> String {
    guess.doubt.as_ref().map(|doubt| format!("  # not sure: {doubt}")).unwrap_or_default()
}

fn clauses(sample: &Sample, guessed: &Guessed, key: &Key, names: &[String]) -> String {
    let mut text = String::new();
    let listed = |set: &[usize]| set.iter().map(|at| names[*at].as_str()).collect::<Vec<_>>().join(", ");
    let mut dated = false;
    match key {
        Key::Unique(set) => {
            dated = set.iter().any(|at| guessed.columns[*at].is_time);
            let seen = if sample.whole { String::new() } else { " first".to_owned() };
            let few = !sample.whole || sample.rows < FEW;
            let doubt =
                if few { format!("  # not sure: unique in the{seen} {} rows", sample.rows) } else { String::new() };
            let _ = writeln!(text, "  key {}{doubt}", listed(set));
        }
        Key::None if sample.rows < 2 => text.push_str("  # too few rows to see what their `key` is\n"),
        Key::None => text.push_str("  # no columns name a row: without a `key` one that is there twice counts twice\n"),
    }
    let times: Vec<usize> = (0..names.len()).filter(|at| guessed.columns[*at].is_time).collect();
    if let ([first, _, ..], false) = (times.as_slice(), dated) {
        // One that a tool wrote down as it copied the row dates the copy.
        let of_row = |at: &&usize| !says(&sample.columns[**at].name, &["synced", "updated", "modified", "loaded"]);
        let at = times.iter().find(of_row).unwrap_or(first);
        let _ = writeln!(text, "  time {}  # not sure: what dates a row?", names[*at]);
    }
    if !guessed.missing.is_empty() {
        let missing: Vec<String> = guessed.missing.iter().map(|text| quoted(text)).collect();
        let _ = writeln!(text, "  missing {}", missing.join(", "));
    }
    let until = match &sample.found {
        Found::Csv(Table { until, .. }) | Found::Excel(_, _, until) => until.clone(),
        _ => None,
    };
    if let Some(until) = until {
        let _ = writeln!(text, "  rows until {}  # not sure: does the table end there?", quoted(&until));
    }
    text
}

/// The connector and its options.
fn source(sample: &Sample, guessed: &Guessed, written: &str) -> String {
    let path = quoted(written);
    let table = match &sample.found {
        Found::Csv(table) => table,
        Found::Excel(_, 0, _) => return format!("excel({path})"),
        Found::Excel(_, lines, _) => return format!("excel({path}, skip_lines={lines})"),
        Found::Ndjson => return format!("ndjson({path})"),
        Found::Json(_) => return format!("json({path})"),
        Found::Answer(_) => return format!("http({path})"),
        Found::Parquet => return format!("parquet({path})"),
    };
    let mut options = vec![path];
    match table.separator {
        ',' => {}
        '\t' => options.push("separator=\"\\t\"".to_owned()),
        other => options.push(format!("separator=\"{other}\"")),
    }
    if !table.header {
        options.push("header=false".to_owned());
    }
    if table.short_rows {
        options.push("short_rows=true".to_owned());
    }
    if table.skip_lines > 0 {
        options.push(format!("skip_lines={}", table.skip_lines));
    }
    if let Some((decimal, thousands)) = guessed.notation {
        if decimal != b'.' {
            options.push(format!("decimal=\"{}\"", char::from(decimal)));
        }
        options.extend(thousands.map(|sign| format!("thousands=\"{sign}\"")));
    }
    options.extend(table.encoding.map(|encoding| format!("encoding=\"{encoding}\"")));
    format!("csv({})", options.join(", "))
}

/// A text of the language.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '{' | '}' => quoted.extend([letter, letter]),
            letter if letter.is_control() => {
                let _ = write!(quoted, "\\u{{{:x}}}", u32::from(letter));
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}
