//! Connector files and `cpl.yaml`: the schemas that editors use, and files that break off.

use std::{
    fs,
    path::{Path, PathBuf},
};

use cpl_catalog::{Catalogue, ConnectorFile};
use cpl_check::check_connector;
use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::{
    page::{self, root},
    schema::Schema,
};

/// The trials.
#[must_use]
pub fn trials() -> Vec<Trial> {
    let schema =
        Trial::test("the schemas of connector files and `cpl.yaml` are those of their types", schemas_are_true);
    let fits = Trial::test("right connector files fit the schema, wrong names do not", files_fit);
    let workspaces = Trial::test("a `cpl.yaml` fits its schema where it is right", workspaces_fit);
    [schema, fits, workspaces].into_iter().chain(page::connectors().into_iter().map(broken_off)).collect()
}

/// The schemas, and where each is kept.
fn schemas() -> [(PathBuf, Value); 2] {
    let kept = |name: &str| root().join("crates/cpl-catalog/schema").join(name);
    [
        (kept("connector.schema.json"), cpl_catalog::schema()),
        (kept("workspace.schema.json"), cpl_catalog::workspace_schema()),
    ]
}

/// Writes the schemas anew.
///
/// # Panics
/// Where a file can't be written.
pub fn update() {
    for (path, schema) in schemas() {
        fs::write(&path, format!("{schema:#}\n")).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

fn schemas_are_true() -> Result<(), Failed> {
    for (path, schema) in schemas() {
        let kept: Value = serde_json::from_str(&fs::read_to_string(&path)?)?;
        if kept != schema {
            return Err(format!("{}: UPDATE=1 writes it anew", path.display()).into());
        }
    }
    Ok(())
}

fn workspaces_fit() -> Result<(), Failed> {
    let schema = Schema::of(cpl_catalog::workspace_schema());
    let (mut right, mut wrong) = (0, 0);
    for block in
        page::pages().iter().flat_map(|page| page::blocks(page)).filter(|block| block.info.ends_with("cpl.yaml"))
    {
        let text = block.lines.join("\n");
        let Some(value) = value_of(&text).filter(|value| !value.is_null()) else { continue };
        let is_right = cpl_catalog::workspace_of(&text).1.is_empty();
        if let Some(why) = schema.mismatch(&value).filter(|_| is_right) {
            return Err(format!("a `cpl.yaml` is right, and the schema refuses it: {why}\n{text}").into());
        }
        right += usize::from(is_right);
        wrong += usize::from(!is_right);
    }
    if right >= 3 && wrong >= 3 { Ok(()) } else { Err(format!("{right} are right, {wrong} wrong: too few").into()) }
}

fn files_fit() -> Result<(), Failed> {
    let schema = Schema::of(cpl_catalog::schema());
    let (mut right, mut wrong) = (0, 0);
    for (name, text) in texts() {
        let value = value_of(&text);
        let stem = Path::new(&name).file_stem().and_then(|stem| stem.to_str());
        let told = check_connector(&ConnectorFile::of(name.clone(), text, stem));
        let Some(value) = value else {
            if told.is_empty() {
                return Err(format!("{name} is no YAML that has a like in JSON, and nothing is told of it").into());
            }
            continue;
        };
        let mismatch = schema.mismatch(&value);
        let nobody_reads = told.iter().any(|told| told.message.contains("is nothing that a connector file has here"));
        if let Some(why) = mismatch.as_ref().filter(|_| told.is_empty()) {
            return Err(format!("{name} is right, and the schema refuses it: {why}").into());
        }
        if nobody_reads && mismatch.is_none() {
            return Err(format!("{name} holds a name that nobody reads, and fits the schema").into());
        }
        right += usize::from(told.is_empty());
        wrong += usize::from(nobody_reads);
    }
    let enough = right >= FEWEST_RIGHT && wrong >= FEWEST_WRONG;
    if enough { Ok(()) } else { Err(format!("{right} are right, {wrong} wrong: too few").into()) }
}

/// The fewest connector files that are right, of the tree and of the pages. The first run tells how many there are.
const FEWEST_RIGHT: usize = 6;

/// The fewest that hold a name that nobody reads.
const FEWEST_WRONG: usize = 2;

/// A text of YAML as JSON, where it is any.
fn value_of(text: &str) -> Option<Value> {
    let mut value = serde_yaml::from_str::<serde_yaml::Value>(text).ok()?;
    value.apply_merge().ok()?;
    serde_json::to_value(value).ok()
}

/// Connector files of the tree, and of the suite's pages.
fn texts() -> Vec<(String, String)> {
    let files = page::connectors().into_iter();
    let files = files.map(|path| (path.display().to_string(), read(&path)));
    let blocks = page::pages().into_iter().flat_map(|page| page::blocks(&page));
    let blocks = blocks.filter_map(|block| {
        let path = block.info.strip_prefix("yaml ")?;
        path.contains("connectors/").then(|| (path.to_owned(), block.lines.join("\n") + "\n"))
    });
    files.chain(blocks).collect()
}

/// The text of a file of the tree.
fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The connectors that a pipeline of the tree names.
///
/// # Errors
/// Where one of them is not there: the pipeline would mean nothing.
pub fn catalogue_of(pipeline: &Path, text: &str) -> Result<Catalogue, String> {
    let (file, _) = cpl_syntax::parse(text);
    let folder = pipeline.parent().unwrap_or(Path::new(".")).join("connectors");
    let one = |name: &str| {
        let path = folder.join(format!("{name}.yaml"));
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok((name.to_owned(), ConnectorFile::of(path.display().to_string(), text, Some(name))))
    };
    file.connectors().into_iter().map(one).collect()
}

/// A file that breaks off anywhere, or lacks a letter anywhere, is reported or right, and never a panic.
fn broken_off(path: PathBuf) -> Trial {
    let name = path.strip_prefix(root()).unwrap_or(&path).display().to_string();
    Trial::test(format!("{name}: broken off, and with letters gone"), move || {
        let text = fs::read_to_string(&path)?;
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let untouched = check_connector(&ConnectorFile::of(name.clone(), text.clone(), stem));
        if let Some(told) = untouched.first() {
            return Err(format!("unchanged it is told already: {}", told.message).into());
        }
        for (at, letter) in text.char_indices() {
            let gone = format!("{}{}", &text[..at], &text[at + letter.len_utf8()..]);
            for wrong in [text[..at].to_owned(), gone] {
                let told = check_connector(&ConnectorFile::of(name.clone(), wrong.clone(), None));
                let labels = told.iter().flat_map(|diagnostic| &diagnostic.labels).map(|label| label.span);
                let fixes = told.iter().flat_map(|diagnostic| &diagnostic.fixes).map(|fix| fix.span);
                if let Some(span) = labels.chain(fixes).find(|span| wrong.get(span.range()).is_none()) {
                    return Err(format!("{span:?} is no place of the text around {at}").into());
                }
            }
        }
        Ok(())
    })
}
