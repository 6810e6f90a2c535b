//! The structure of the crates: no file depends on itself through others (the `use` lines of all files are a graph), and
//! none is long.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use libtest_mimic::{Failed, Trial};
use walkdir::WalkDir;

use crate::page;

/// A module's path in its crate: `["engine", "collect"]`; the crate itself is empty.
type Module = Vec<String>;

/// The files of a crate, by their modules.
struct Crate {
    files: BTreeMap<Module, File>,
}

/// What a file says of others.
#[derive(Default)]
struct File {
    children: BTreeSet<String>,
    /// The paths of its `use` lines.
    uses: Vec<String>,
    /// Names that it hands on, and where they are from.
    exports: BTreeMap<String, String>,
}

/// The circles of all crates in a folder: each as the modules that are in it.
///
/// # Errors
/// Where a file can't be read.
fn circles(crates: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(crates)? {
        let folder = entry?.path();
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let all = Crate::read(&folder.join("src"))?;
        found.extend(all.circles().into_iter().map(|circle| format!("{name}: {}", circle.join(" → "))));
    }
    found.sort();
    Ok(found)
}

impl Crate {
    fn read(src: &Path) -> io::Result<Self> {
        let mut files = BTreeMap::new();
        for entry in WalkDir::new(src) {
            let entry = entry?;
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == "rs") && path != src.join("main.rs") {
                files.insert(module(path.strip_prefix(src).unwrap_or(path)), File::of(&fs::read_to_string(path)?));
            }
        }
        Ok(Self { files })
    }

    /// The module in which a path of a file's `use` line ends: names that are handed on are followed.
    fn resolve(&self, from: &Module, path: &str, followed: usize) -> Option<Module> {
        let mut parts = path.split("::").peekable();
        let mut at = match *parts.peek()? {
            "crate" => Module::new(),
            "self" | "super" => from.clone(),
            first if self.files[from].children.contains(first) => from.clone(),
            _ => return None,
        };
        while let Some(word) = parts.next_if(|word| ["crate", "self", "super"].contains(word)) {
            if word == "super" {
                at.pop();
            }
        }
        for name in parts {
            let child: Module = at.iter().cloned().chain([name.to_owned()]).collect();
            if self.files.contains_key(&child) {
                at = child;
                continue;
            }
            let export = self.files.get(&at)?.exports.get(name).filter(|_| followed < 8);
            return export.and_then(|path| self.resolve(&at, path, followed + 1)).or(Some(at));
        }
        Some(at)
    }

    fn depends_on(&self, module: &Module) -> BTreeSet<Module> {
        let uses = self.files[module].uses.iter().filter_map(|path| self.resolve(module, path, 0));
        uses.filter(|other| other != module && self.files.contains_key(other)).collect()
    }

    /// One circle for each file that is in one and was in none before.
    fn circles(&self) -> Vec<Vec<String>> {
        let (mut done, mut found) = (BTreeSet::new(), Vec::new());
        for module in self.files.keys() {
            self.walk(module, &mut Vec::new(), &mut done, &mut found);
        }
        found
    }

    fn walk(&self, module: &Module, path: &mut Vec<Module>, done: &mut BTreeSet<Module>, found: &mut Vec<Vec<String>>) {
        if let Some(start) = path.iter().position(|before| before == module) {
            found.push(path[start..].iter().chain([module]).map(shown).collect());
            return;
        }
        if done.contains(module) {
            return;
        }
        path.push(module.clone());
        for other in self.depends_on(module) {
            self.walk(&other, path, done, found);
        }
        path.pop();
        done.insert(module.clone());
    }
}

impl File {
    fn of(text: &str) -> Self {
        let mut file = Self::default();
        // What a file's own tests use is no part of it.
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
        for statement in statements(text) {
            let public = statement.starts_with("pub");
            let statement = statement.trim_start_matches("pub(crate) ").trim_start_matches("pub(super) ");
            let statement = statement.trim_start_matches("pub ");
            if let Some(name) = statement.strip_prefix("mod ") {
                file.children.insert(name.trim().to_owned());
            } else if let Some(path) = statement.strip_prefix("use ") {
                for path in expanded(path.trim()) {
                    let name = path.rsplit("::").next().unwrap_or_default().to_owned();
                    if public {
                        file.exports.insert(name, path);
                    } else {
                        file.uses.push(path);
                    }
                }
            }
        }
        file.uses.extend(written_out(text));
        file
    }
}

/// The paths `crate::a::b` that stand in the code itself, behind no `use`.
fn written_out(text: &str) -> Vec<String> {
    let is_code = |line: &&str| {
        !["//", "use ", "pub use ", "pub(crate) use ", "pub(super) use "].iter().any(|begin| line.starts_with(begin))
    };
    let of_line = |line: &str| {
        let ends = line.match_indices("crate::").map(|(at, _)| {
            let rest = &line[at..];
            let end = rest.find(|letter: char| !(letter.is_alphanumeric() || "_:".contains(letter)));
            rest[..end.unwrap_or(rest.len())].trim_end_matches(':').to_owned()
        });
        ends.collect::<Vec<_>>()
    };
    text.lines().map(str::trim).filter(is_code).flat_map(of_line).collect()
}

/// The `mod x;` and `use …;` of a text.
fn statements(text: &str) -> Vec<String> {
    let (mut found, mut open) = (Vec::new(), String::new());
    for line in text.lines() {
        let line = line.trim();
        let begins = ["mod ", "use ", "pub mod ", "pub use ", "pub(crate) mod ", "pub(crate) use ", "pub(super) use "];
        if !open.is_empty() || begins.iter().any(|begin| line.starts_with(begin)) {
            open.push_str(line);
            open.push(' ');
            if let Some(statement) = open.trim_end().strip_suffix(';') {
                found.push(statement.to_owned());
                open.clear();
            } else if open.contains('{') && open.starts_with("mod ") {
                open.clear();
            }
        }
    }
    found
}

/// `a::{b, c::{d, e}}` as `a::b`, `a::c::d`, `a::c::e`.
fn expanded(path: &str) -> Vec<String> {
    let path = path.split(" as ").next().unwrap_or(path).trim();
    let Some((before, inside)) = path.split_once('{') else { return vec![path.replace(' ', "")] };
    let inside = inside.strip_suffix('}').unwrap_or(inside);
    let (mut parts, mut depth, mut part) = (Vec::new(), 0, String::new());
    for letter in inside.chars() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            _ => {}
        }
        part.push(letter);
    }
    parts.push(part);
    let parts = parts.iter().filter(|part| !part.trim().is_empty());
    parts.flat_map(|part| expanded(part)).map(|rest| format!("{}{rest}", before.trim())).collect()
}

fn module(path: &Path) -> Module {
    let path: PathBuf = path.with_extension("");
    let mut parts: Module = path.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if parts.last().is_some_and(|last| ["mod", "lib"].contains(&last.as_str())) {
        parts.pop();
    }
    parts
}

fn shown(module: &Module) -> String {
    if module.is_empty() { "lib".to_owned() } else { module.join("/") }
}

/// The structure of the crates: no circle of files, no file of more than 600 lines.
#[must_use]
pub fn trials() -> Vec<Trial> {
    let crates = || page::root().join("crates");
    let circles = move || match circles(&crates())?.as_slice() {
        [] => Ok(()),
        found => Err(Failed::from(found.join("\n"))),
    };
    let long = || match long_files(&["crates", "tests"].map(|folder| page::root().join(folder)))?.as_slice() {
        [] => Ok(()),
        found => Err(Failed::from(found.join("\n"))),
    };
    vec![
        Trial::test("crates: no circle of files", circles),
        Trial::test("crates: a circle would be found", finds_a_circle),
        Trial::test("crates and tests: no file of more than 600 lines", long),
    ]
}

/// The fewest files of Rust that there are: of fewer, some were not looked at.
const FEWEST_FILES: usize = 277;

/// The most lines of a file.
const MOST_LINES: usize = 600;

fn long_files(folders: &[PathBuf]) -> io::Result<Vec<String>> {
    let (mut long, mut files) = (Vec::new(), 0);
    for entry in folders.iter().flat_map(WalkDir::new) {
        let entry = entry?;
        if entry.path().extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        files += 1;
        let lines = fs::read_to_string(entry.path())?.lines().count();
        if lines > MOST_LINES {
            long.push(format!("{}: {lines}", entry.path().display()));
        }
    }
    if files < FEWEST_FILES {
        long.push(format!("{files} files are there, and {FEWEST_FILES} there were"));
    }
    Ok(long)
}

/// A circle is found through names that are handed on, and none where there is none.
fn finds_a_circle() -> Result<(), Failed> {
    let of = |files: &[(&str, &str)]| {
        let files = files.iter().map(|(path, text)| (module(Path::new(path)), File::of(text)));
        Crate { files: files.collect() }.circles()
    };
    let lib = ("lib.rs", "mod a;\nmod b;\n");
    let (a, b) = (("a/mod.rs", "mod c;\npub use c::C;"), ("b.rs", "use crate::a::C;"));
    let right = of(&[lib, a, b, ("a/c.rs", "")]);
    let wrong = of(&[lib, a, b, ("a/c.rs", "use crate::{\n    b::B,\n};")]);
    let written_out = of(&[lib, a, b, ("a/c.rs", "fn f() {\n    crate::b::g();\n}")]);
    let expected = [["a/c", "b", "a/c"]];
    if right.is_empty() && wrong == expected && written_out == expected {
        Ok(())
    } else {
        Err(Failed::from(format!("{right:?}, {wrong:?} and {written_out:?}")))
    }
}
