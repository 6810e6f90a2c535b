//! Diagnostics for machines.

use cpl_syntax::{Diagnostic, Label, Severity};
use serde_json::{Value, json};

use crate::{draw, load::Loaded};

/// A list of objects.
pub fn json(files: &[Loaded]) -> Value {
    each(files).map(|(loaded, diagnostic)| draw::as_json(diagnostic, &loaded.path, &loaded.text)).collect()
}

fn each(files: &[Loaded]) -> impl Iterator<Item = (&Loaded, &Diagnostic)> {
    files.iter().flat_map(|loaded| loaded.diagnostics.iter().map(move |diagnostic| (loaded, diagnostic)))
}

fn level(diagnostic: &Diagnostic) -> &'static str {
    match diagnostic.severity() {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// The message and, on lines of their own, what stands at its first place and what to do.
fn whole(diagnostic: &Diagnostic) -> String {
    let label = diagnostic.labels.first().map(|label| label.text.as_str()).filter(|text| *text != "here");
    let lines = [Some(diagnostic.message.as_str()), label, diagnostic.help.as_deref()];
    lines.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

/// The static analysis results interchange format, version 2.1.0 (OASIS).
pub fn sarif(files: &[Loaded]) -> Value {
    let mut codes: Vec<&str> = each(files).map(|(_, diagnostic)| diagnostic.code.as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    let rules: Vec<Value> = codes.iter().map(|code| json!({ "id": code })).collect();
    let results: Vec<Value> = each(files).map(|(loaded, diagnostic)| result(loaded, diagnostic)).collect();
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

fn result(loaded: &Loaded, diagnostic: &Diagnostic) -> Value {
    let uri = loaded.path.display().to_string().replace('\\', "/");
    let location = |label: &Label| {
        json!({
            "physicalLocation": { "artifactLocation": { "uri": uri }, "region": region(&loaded.text, label) },
            "message": { "text": label.text },
        })
    };
    let mut places = diagnostic.labels.iter().map(location);
    let first = places.next().unwrap_or_else(|| json!({ "physicalLocation": { "artifactLocation": { "uri": uri } } }));
    let mut result = json!({
        "ruleId": diagnostic.code.as_str(),
        "level": level(diagnostic),
        "message": { "text": whole(diagnostic) },
        "locations": [first],
    });
    let others: Vec<Value> = places.collect();
    if !others.is_empty() {
        result["relatedLocations"] = Value::from(others);
    }
    result
}

fn region(text: &str, label: &Label) -> Value {
    let (start, end) = (draw::place(text, label.span.start), draw::place(text, label.span.end));
    json!({ "startLine": start.0, "startColumn": start.1, "endLine": end.0, "endColumn": end.1 })
}

/// Commands of GitHub's workflows: `::error file=…,line=…::…`.
pub fn github(files: &[Loaded]) -> String {
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    let line = |(loaded, diagnostic): (&Loaded, &Diagnostic)| {
        let place = diagnostic.labels.first().map(|label| {
            let place = |at| draw::shown_place(&loaded.text, at);
            let (start, end) = (place(label.span.start), place(label.span.end));
            format!(",line={},endLine={},col={},endColumn={}", start.0, end.0, start.1, end.1)
        });
        let file = property(&loaded.path.display().to_string());
        let (place, code) = (place.unwrap_or_default(), diagnostic.code.as_str());
        let told = data(&whole(diagnostic));
        format!("::{} file={file}{place},title={code}::{told}\n", level(diagnostic))
    };
    each(files).map(line).collect()
}
