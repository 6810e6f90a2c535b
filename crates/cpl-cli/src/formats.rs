//! Machine-readable formats of diagnostics: JSON, SARIF, GitHub annotations.

use cpl_syntax::{Diagnostic, Label, Severity};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Value, json};

use crate::{
    load::Loaded,
    render::{self, Lines},
};

/// Characters that must be escaped in a URI's path (RFC 3986).
const NO_PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A list of objects.
pub fn json(files: &[Loaded]) -> Value {
    each(files, |loaded, lines, diagnostic| render::as_json(diagnostic, &loaded.path, lines)).collect()
}

/// Something of each diagnostic of each file.
fn each<'f, T: 'f>(
    files: &'f [Loaded],
    make: impl Fn(&Loaded, &Lines<'_>, &Diagnostic) -> T + 'f,
) -> impl Iterator<Item = T> + 'f {
    files.iter().flat_map(move |loaded| {
        let lines = Lines::of(&loaded.text);
        loaded.diagnostics.iter().map(|diagnostic| make(loaded, &lines, diagnostic)).collect::<Vec<T>>()
    })
}

/// The message, the first label and the help, each on its own line.
fn whole(diagnostic: &Diagnostic) -> String {
    let label = diagnostic.labels.first().map(|label| label.text.as_str()).filter(|text| *text != "here");
    let lines = [Some(diagnostic.message.as_str()), label, diagnostic.help.as_deref()];
    lines.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

/// The static analysis results interchange format, version 2.1.0 (OASIS).
pub fn sarif(files: &[Loaded]) -> Value {
    let mut codes: Vec<&str> = each(files, |_, _, diagnostic| diagnostic.code.as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    let rules: Vec<Value> = codes.iter().map(|code| json!({ "id": code })).collect();
    let results: Vec<Value> = each(files, result).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "cpl", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

/// How grave it is: errors and warnings have one name everywhere, hints that of the format.
fn level(diagnostic: &Diagnostic, hint: &'static str) -> &'static str {
    match diagnostic.severity() {
        Severity::Hint => hint,
        graver => graver.word(),
    }
}

fn result(loaded: &Loaded, lines: &Lines<'_>, diagnostic: &Diagnostic) -> Value {
    let path = loaded.path.display().to_string().replace('\\', "/");
    let uri = utf8_percent_encode(&path, NO_PATH).to_string();
    let location = |label: &Label| {
        json!({
            "physicalLocation": { "artifactLocation": { "uri": uri }, "region": region(lines, label) },
            "message": { "text": label.text },
        })
    };
    let mut places = diagnostic.labels.iter().map(location);
    let first = places.next().unwrap_or_else(|| json!({ "physicalLocation": { "artifactLocation": { "uri": uri } } }));
    let mut result = json!({
        "ruleId": diagnostic.code.as_str(),
        "level": level(diagnostic, "note"),
        "message": { "text": whole(diagnostic) },
        "locations": [first],
    });
    let others: Vec<Value> = places.collect();
    if !others.is_empty() {
        result["relatedLocations"] = Value::from(others);
    }
    result
}

fn region(lines: &Lines<'_>, label: &Label) -> Value {
    let (start, end) = (lines.points(label.span.start), lines.points(label.span.end));
    json!({ "startLine": start.0, "startColumn": start.1, "endLine": end.0, "endColumn": end.1 })
}

/// Commands of GitHub's workflows: `::error file=…,line=…::…`.
pub fn github(files: &[Loaded]) -> String {
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = move |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    let line = move |loaded: &Loaded, lines: &Lines<'_>, diagnostic: &Diagnostic| {
        let place = diagnostic.labels.first().map(|label| {
            let (start, end) = (lines.shown(label.span.start), lines.shown(label.span.end));
            format!(",line={},endLine={},col={},endColumn={}", start.0, end.0, start.1, end.1)
        });
        let file = property(&loaded.path.display().to_string());
        let (place, code) = (place.unwrap_or_default(), diagnostic.code.as_str());
        let message = data(&whole(diagnostic));
        format!("::{} file={file}{place},title={code}::{message}\n", level(diagnostic, "notice"))
    };
    each(files, line).collect()
}
