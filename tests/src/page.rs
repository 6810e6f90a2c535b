//! A page: its text, in which cases stand.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crate::{real_server, script_server::ScriptServers};

/// A fenced block.
#[derive(Clone, Debug)]
pub struct Block {
    /// What follows the opening fence: `cpl main.cpl`, `console`.
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

impl Case {
    /// Whether it calls a command.
    #[must_use]
    pub fn calls(&self) -> bool {
        self.blocks.iter().any(|block| block.info == CONSOLE)
    }
}

/// What is written after the fence of the commands.
pub const CONSOLE: &str = "console";

/// What is written after the fence of a file, before its path.
const FILES: &[&str] = &["cpl", "csv", "yaml", "json", "text", "rows", "bytes", "sparse", "xlsx", "sqlite", "parquet"];

/// What is written after the fence of a server's answers, which are given at that address.
pub const SERVER: &str = "server 127.0.0.1:54321";

/// What is written after the fence of the changes to a shipped connector, before its name.
pub const SHIPPED: &str = "shipped ";

/// What is written after the fences of a document for users.
const IN_DOCUMENTS: &[&str] = &["cpl", "yaml", "sh"];

impl Block {
    /// What is wrong with a block of a page: nobody would read it, or it calls nothing.
    fn fault(&self) -> Option<String> {
        let at = self.first_line;
        if self.info == CONSOLE {
            let calls = self.lines.iter().any(|line| line.starts_with("$ "));
            return (!calls).then(|| format!("line {at}: the block calls nothing"));
        }
        if self.info == SERVER
            || self.info.starts_with(SHIPPED)
            || real_server::Kind::of(&self.info).is_some()
            || ScriptServers::script(&self.info).is_some()
        {
            return None;
        }
        let path = FILES.iter().find_map(|kind| self.info.strip_prefix(kind)?.strip_prefix(' '));
        let named = path.is_some_and(|path| !path.is_empty() && path.trim() == path);
        (!named).then(|| format!("line {at}: nobody reads a block of `{}`", self.info))
    }
}

/// The blocks of a document for users that are of no kind it may show.
///
/// # Panics
/// Where it can't be read.
#[must_use]
pub fn unknown_blocks(path: &Path) -> Vec<String> {
    let page = Page::read_all(path);
    let blocks = page.cases.iter().flat_map(|case| &case.blocks);
    let unknown = blocks.filter(|block| !IN_DOCUMENTS.contains(&block.info.as_str()));
    let unknown = unknown.map(|block| format!("line {}: nobody reads a block of `{}`", block.first_line, block.info));
    page.stray_fences().chain(unknown).collect()
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
        page.cases.retain(Case::calls);
        page
    }

    /// What would take a case, a file or a call away without a word.
    ///
    /// # Panics
    /// Where the page can't be read, or a fence is not closed.
    #[must_use]
    pub fn faults(path: &Path) -> Vec<String> {
        let page = Self::read_all(path);
        let blocks = || page.cases.iter().flat_map(|case| &case.blocks);
        let mut faults: Vec<String> = page.stray_fences().chain(blocks().filter_map(Block::fault)).collect();
        let silent = page.cases.iter().filter(|case| !case.blocks.is_empty() && !case.calls());
        faults.extend(silent.map(|case| format!("`{}` has blocks and calls nothing", case.title)));
        let mut titles = BTreeSet::new();
        let again = page.cases.iter().filter(|case| !titles.insert(&case.title));
        faults.extend(again.map(|case| format!("two cases are called `{}`", case.title)));
        faults.into_iter().map(|fault| format!("{}: {fault}", path.display())).collect()
    }

    /// Lines that look like a fence and are none that opens or closes a block.
    fn stray_fences(&self) -> impl Iterator<Item = String> {
        let mut fences = BTreeSet::new();
        for block in self.cases.iter().flat_map(|case| &case.blocks) {
            fences.extend([block.first_line - 1, block.first_line + block.lines.len()]);
        }
        let looks = |line: &str| line.trim_start().starts_with("```") || line.trim_start().starts_with("~~~");
        let stray = self.lines.iter().enumerate().filter(move |(at, line)| looks(line) && !fences.contains(at));
        stray.map(|(at, line)| format!("line {}: `{line}` is no fence", at + 1))
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

/// Pages of one kind, and how few of them would be a sign that some were lost.
///
/// Raise the numbers with what is added: they are what there is, and nothing is taken away without a thought.
pub struct Kind {
    /// What they are.
    pub name: &'static str,
    /// Their files, in the order of their names.
    pub pages: fn() -> Vec<PathBuf>,
    /// The fewest pages, cases and calls.
    pub fewest: (usize, usize, usize),
}

/// All kinds of pages.
pub const KINDS: &[Kind] = &[
    Kind { name: "tests/suite", pages: suite, fewest: (35, 318, 718) },
    Kind { name: "grammar/codes", pages: codes, fewest: (63, 63, 64) },
    Kind { name: "grammar/connectors", pages: shipped, fewest: (7, 24, 36) },
    Kind { name: "pipelines", pages: || readmes("pipelines"), fewest: (3, 8, 17) },
    Kind { name: "examples", pages: || readmes("examples"), fewest: (7, 7, 19) },
];

/// The fewest pipelines of the tree: those of `pipelines/`, `examples/` and `tests/real`.
pub const FEWEST_PIPELINES: usize = 14;

/// The fewest connectors' files next to them.
pub const FEWEST_CONNECTORS: usize = 2;

impl Kind {
    /// What is missing, or stands where nobody reads it.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let pages = (self.pages)();
        let read: Vec<Page> = pages.iter().map(|path| Page::read(path)).collect();
        let blocks = read.iter().flat_map(|page| &page.cases).flat_map(|case| &case.blocks);
        let lines = blocks.filter(|block| block.info == CONSOLE).flat_map(|block| &block.lines);
        let calls = lines.filter(|line| line.starts_with("$ ")).count();
        let cases = read.iter().map(|page| page.cases.len()).sum();
        let (fewest_pages, fewest_cases, fewest_calls) = self.fewest;
        let found =
            [("pages", pages.len(), fewest_pages), ("cases", cases, fewest_cases), ("calls", calls, fewest_calls)];
        let few = found.into_iter().filter(|(_, found, fewest)| found < fewest);
        let few = few.map(|(what, found, fewest)| format!("{}: {found} {what}, and {fewest} there were", self.name));
        few.chain(pages.iter().flat_map(|path| Page::faults(path))).collect()
    }
}

/// All pages, in the order of their names.
#[must_use]
pub fn pages() -> Vec<PathBuf> {
    KINDS.iter().flat_map(|kind| (kind.pages)()).collect()
}

/// The pages of `tests/suite`.
fn suite() -> Vec<PathBuf> {
    in_folder(&root().join("tests/suite"), |path| path.extension().is_some_and(|e| e == "md"))
}

/// The pages of the codes, which `cpl explain` prints.
#[must_use]
pub fn codes() -> Vec<PathBuf> {
    in_folder(&root().join("grammar/codes"), |path| path.extension().is_some_and(|e| e == "md"))
}

/// The pages of the shipped connectors.
fn shipped() -> Vec<PathBuf> {
    in_folder(&root().join("grammar/connectors"), |path| path.extension().is_some_and(|e| e == "md"))
}

/// The pages of a folder's folders: each has one.
fn readmes(folder: &str) -> Vec<PathBuf> {
    in_folder(&root().join(folder), Path::is_dir).into_iter().map(|path| path.join("README.md")).collect()
}

/// A folder that is not there holds no tests: that is no way to pass them.
fn in_folder(folder: &Path, wanted: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let path = |entry: std::io::Result<fs::DirEntry>| match entry {
        Ok(entry) => entry.path(),
        Err(error) => panic!("{}: {error}", folder.display()),
    };
    let mut paths: Vec<PathBuf> = entries.map(path).filter(|path| wanted(path)).collect();
    paths.sort();
    paths
}

/// The folders of `pipelines/` and `examples/`.
fn homes() -> impl Iterator<Item = PathBuf> {
    ["pipelines", "examples"].into_iter().flat_map(|folder| in_folder(&root().join(folder), Path::is_dir))
}

/// Every connector's file of the tree: those next to the pipelines of `examples/` and `pipelines/`.
#[must_use]
pub fn connectors() -> Vec<PathBuf> {
    let folders = homes().map(|home| home.join("connectors")).filter(|folder| folder.is_dir());
    folders.flat_map(|folder| in_folder(&folder, |path| path.extension().is_some_and(|e| e == "yaml"))).collect()
}

/// Every pipeline of the tree: those of `pipelines/`, `examples/` and `tests/real`. Where one of them has none, reading
/// it fails.
#[must_use]
pub fn pipelines() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = homes().map(|home| home.join("main.cpl")).collect();
    found.extend(in_folder(&root().join("tests/real"), |path| path.extension().is_some_and(|e| e == "cpl")));
    found.sort();
    found
}
