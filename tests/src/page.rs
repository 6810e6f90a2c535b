//! A page: its text, in which cases stand.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A fenced block.
#[derive(Clone, Debug)]
pub struct Block {
    /// What stands behind the opening fence: `cpl main.cpl`, `console`.
    pub info: String,
    /// The line of the page on which its body begins, counted from 0.
    pub first_line: usize,
    /// Its body's lines.
    pub lines: Vec<String>,
}

/// A case: a heading and the blocks under it.
#[derive(Clone, Debug)]
pub struct Case {
    /// The heading.
    pub title: String,
    /// The blocks, in order.
    pub blocks: Vec<Block>,
}

/// A page of cases.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its file.
    pub path: PathBuf,
    /// Its lines.
    pub lines: Vec<String>,
    /// Its cases.
    pub cases: Vec<Case>,
}

impl Page {
    /// Reads a page.
    ///
    /// # Panics
    /// Where it can't be read, or a fence is not closed: the page is wrong.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        let mut page = Self::read_all(path);
        page.cases.retain(|case| case.blocks.iter().any(|block| block.info == "console"));
        page
    }

    /// Reads a page with the cases that call nothing.
    fn read_all(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let mut cases: Vec<Case> = vec![Case { title: "the page".to_owned(), blocks: Vec::new() }];
        let mut at = 0;
        while at < lines.len() {
            if let Some(title) = lines[at].strip_prefix("## ") {
                cases.push(Case { title: title.to_owned(), blocks: Vec::new() });
            } else if let Some(info) = lines[at].strip_prefix("```") {
                let end = (at + 1..lines.len()).find(|line| lines[*line] == "```");
                let end = end.unwrap_or_else(|| panic!("{}:{}: a fence is not closed", path.display(), at + 1));
                let block = Block { info: info.to_owned(), first_line: at + 1, lines: lines[at + 1..end].to_vec() };
                if let Some(case) = cases.last_mut() {
                    case.blocks.push(block);
                }
                at = end;
            }
            at += 1;
        }
        Self { path: path.to_owned(), lines, cases }
    }
}

/// All blocks of a document.
///
/// # Panics
/// Where it can't be read.
#[must_use]
pub fn blocks(path: &Path) -> Vec<Block> {
    Page::read_all(path).cases.into_iter().flat_map(|case| case.blocks).collect()
}

/// The project's folder.
#[must_use]
pub fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_owned()
}

/// All pages, in the order of their names.
#[must_use]
pub fn pages() -> Vec<PathBuf> {
    let mut pages = in_folder(&root().join("tests/suite"), |path| path.extension().is_some_and(|e| e == "md"));
    pages.extend(codes());
    for folder in ["pipelines", "examples"] {
        let readmes = in_folder(&root().join(folder), Path::is_dir).into_iter().map(|path| path.join("README.md"));
        pages.extend(readmes.filter(|path| path.exists()));
    }
    pages
}

/// The pages of the codes, which `cpl explain` prints.
#[must_use]
pub fn codes() -> Vec<PathBuf> {
    in_folder(&root().join("grammar/codes"), |path| path.extension().is_some_and(|e| e == "md"))
}

fn in_folder(folder: &Path, wanted: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|p| wanted(p)).collect();
    paths.sort();
    paths
}

/// Every connector's file of the tree: those beside the pipelines of `examples/` and `pipelines/`.
#[must_use]
pub fn connectors() -> Vec<PathBuf> {
    let homes = ["pipelines", "examples"].into_iter().flat_map(|folder| in_folder(&root().join(folder), Path::is_dir));
    let files = homes.map(|home| home.join("connectors"));
    files.flat_map(|folder| in_folder(&folder, |path| path.extension().is_some_and(|e| e == "yaml"))).collect()
}

/// Every pipeline of the tree: those of `pipelines/`, `examples/` and `tests/real`.
#[must_use]
pub fn pipelines() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["pipelines", "examples"] {
        let homes = fs::read_dir(root().join(folder)).into_iter().flatten().flatten();
        found.extend(homes.map(|home| home.path().join("main.cpl")));
    }
    let real = fs::read_dir(root().join("tests/real")).into_iter().flatten().flatten().map(|entry| entry.path());
    found.extend(real.filter(|path| path.extension().is_some_and(|extension| extension == "cpl")));
    found.retain(|path| path.is_file());
    found.sort();
    found
}
