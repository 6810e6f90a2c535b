//! A case: its files in a folder of its own, its commands one after the other.

use std::{
    collections::BTreeMap,
    fs,
    io::{Cursor, Read, Write},
    path::{Path, PathBuf},
};

use similar::TextDiff;

use crate::{
    command,
    page::{Block, CONSOLE, Case, Page, SERVER, SHIPPED, root},
    real,
    real_server::{self, RealServer},
    script_server::ScriptServers,
    server::{PORT, Server},
};

/// What became of a case.
pub enum Verdict {
    /// All commands print what the page says.
    Right,
    /// They print something else: the difference, and the page's lines as they should be.
    Wrong {
        /// What differs.
        difference: String,
        /// First line, how many lines, and what stands there instead.
        edits: Vec<(usize, usize, Vec<String>)>,
    },
    /// It needs data that is not here.
    Skipped(String),
}

/// Runs a case of a page.
///
/// # Panics
/// Where its files can't be written.
#[must_use]
pub fn run(page: &Page, case: &Case) -> Verdict {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("no folder for a case: {error}"));
    // The folder's name is a part of what decisions are named by: it is always the same.
    let folder = folder.path().join("case");
    fs::create_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    if page.path.ends_with("README.md") {
        copy(page.path.parent().unwrap_or(Path::new(".")), &folder);
    }
    if uses_real_data(case) {
        match real::data() {
            Some(data) => link(&data, &folder.join("real")),
            None => return Verdict::Skipped("real data".to_owned()),
        }
        copy(&root().join("tests/real"), &folder);
    }
    let (mut difference, mut edits) = (String::new(), Vec::new());
    let (mut servers, mut real_servers, mut scripts) = (Vec::new(), Vec::new(), Vec::new());
    for block in &case.blocks {
        if block.info == SERVER {
            servers.push(Server::start(&block.lines, &folder));
            continue;
        }
        if let Some(kind) = real_server::Kind::of(&block.info) {
            real_servers.push(RealServer::start(kind, &block.lines, &folder));
            continue;
        }
        let ports = ports(&servers, &real_servers, &scripts);
        let (to_real, to_page) = (
            |text: &str| ports.iter().fold(text.to_owned(), |text, (page, real)| text.replace(page, real)),
            |text: &str| ports.iter().fold(text.to_owned(), |text, (page, real)| text.replace(real, page)),
        );
        if let Some(script) = ScriptServers::script(&block.info) {
            let arguments: Vec<String> = block.lines.iter().map(|line| to_real(line)).collect();
            scripts.push(ScriptServers::start(script, &arguments, &folder));
            continue;
        }
        if let Some(name) = block.info.strip_prefix(SHIPPED) {
            let lines = shipped(name, &block.lines, &to_real(PORT));
            write_file(&Block { info: format!("yaml connectors/{name}.yaml"), lines, ..block.clone() }, &folder);
            continue;
        }
        if block.info != CONSOLE {
            let lines = block.lines.iter().map(|line| to_real(line)).collect();
            write_file(&Block { lines, ..block.clone() }, &folder);
            continue;
        }
        let found = console(block, &folder, to_real);
        let found: Vec<String> = found.iter().map(|line| to_page(line)).collect();
        if found != block.lines {
            let (expected, got) = (block.lines.join("\n") + "\n", found.join("\n") + "\n");
            let diff = TextDiff::from_lines(&expected, &got);
            difference.push_str(&diff.unified_diff().header("the page", "the program").to_string());
            edits.push((block.first_line, block.lines.len(), found));
        }
    }
    if edits.is_empty() { Verdict::Right } else { Verdict::Wrong { difference, edits } }
}

/// The ports that a page names, and those that stand in their place: of two servers at one, the one that was started last.
fn ports(servers: &[Server], real_servers: &[RealServer], scripts: &[ScriptServers]) -> Vec<(&'static str, String)> {
    let mut ports: BTreeMap<&'static str, String> = BTreeMap::new();
    ports.extend(scripts.last().into_iter().flat_map(|script| script.ports.clone()));
    ports.extend(real_servers.iter().map(|server| (server.page_port, server.port.clone())));
    ports.extend(servers.last().map(|server| (PORT, server.port.clone())));
    ports.into_iter().collect()
}

/// What the case needs, and is not here.
#[must_use]
pub fn missing(case: &Case) -> Option<&'static str> {
    if uses_real_data(case) && real::data().is_none() {
        return Some("real data");
    }
    let needs_python = case.blocks.iter().any(|block| ScriptServers::script(&block.info).is_some());
    if needs_python && real_server::on_path("python3").is_none() {
        return Some("python3");
    }
    let servers = case.blocks.iter().filter_map(|block| real_server::Kind::of(&block.info));
    servers.map(|(kind, _)| kind).filter(|kind| kind.program().is_none()).map(real_server::Kind::name).next()
}

fn uses_real_data(case: &Case) -> bool {
    case.title.starts_with("Real: ")
}

/// Calls the commands of a block; returns the block as it should be.
fn console(block: &Block, folder: &Path, to_real: impl Fn(&str) -> String) -> Vec<String> {
    let mut found = Vec::new();
    for line in block.lines.iter().filter(|line| line.starts_with("$ ")) {
        found.push(line.clone());
        found.extend(command::call(&to_real(&line[2..]), folder).lines().map(str::to_owned));
    }
    found
}

/// A shipped connector that asks the page's server, and is changed as the lines say: `1000 → 2`.
fn shipped(name: &str, changes: &[String], port: &str) -> Vec<String> {
    let Some(file) = cpl_catalog::shipped(name) else { panic!("no connector called {name} is shipped") };
    let at_server =
        |line: &str| match (line.find("https://"), line.contains("base_url:") || line.contains("token_url:")) {
            (Some(at), true) => {
                let host = &line[at + "https://".len()..];
                let end = host.find(['/', ' ']).unwrap_or(host.len());
                format!("{}http://127.0.0.1{port}{}", &line[..at], &host[end..])
            }
            _ => line.to_owned(),
        };
    let text = file.text.lines().map(at_server).collect::<Vec<_>>().join("\n");
    let written = changes.iter().fold(text, |text, change| {
        let Some((from, to)) = change.split_once(" → ") else { panic!("`{change}` changes nothing") };
        assert!(text.contains(from), "{name} has no `{from}`");
        text.replace(from, to)
    });
    written.lines().map(str::to_owned).collect()
}

/// Writes a block that names a file.
///
/// # Panics
/// Where it names none: nothing of a page is only for the reader.
fn write_file(block: &Block, folder: &Path) {
    let Some((language, path)) = block.info.split_once(' ') else { panic!("`{}` names no file", block.info) };
    let path = folder.join(path);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).unwrap_or_else(|error| panic!("{}: {error}", parent.display()));
    }
    let bytes = match language {
        "rows" => repeated(&block.lines),
        "bytes" => escaped(&block.lines),
        "sparse" => return sparse(&block.lines, &path),
        "xlsx" => workbook(&block.lines),
        "sqlite" => return sqlite(&block.lines, &path),
        "parquet" => made_by_others(&block.lines),
        "cpl" | "csv" | "yaml" | "json" | "text" => (block.lines.join("\n") + "\n").into_bytes(),
        _ => panic!("nobody knows a file of `{language}`"),
    };
    fs::write(&path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// A database of SQLite, by the SQL that fills it.
fn sqlite(lines: &[String], path: &Path) {
    let filled = rusqlite::Connection::open(path).and_then(|database| database.execute_batch(&lines.join("\n")));
    filled.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// The name of a file of `tests/parquet`, which another tool wrote.
fn made_by_others(lines: &[String]) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("parquet").join(lines.join(""));
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// `257 MiB`: a file of so many zero bytes, which take no room on the disk.
fn sparse(lines: &[String], path: &Path) {
    let size = lines.first().and_then(|line| line.strip_suffix(" MiB")?.parse::<u64>().ok());
    let size = size.unwrap_or_else(|| panic!("{}: wanted a size such as `257 MiB`", path.display()));
    let made = fs::File::create(path).and_then(|file| file.set_len(size << 20));
    made.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// `1000 × text` repeats a line; `900: text` puts another in its place, counted from 1 after the first line.
fn repeated(lines: &[String]) -> Vec<u8> {
    let mut made: Vec<&str> = Vec::new();
    for line in lines {
        let place = line.split_once(": ").and_then(|(at, text)| Some((at.parse::<usize>().ok()?, text)));
        let times = line.split_once(" × ").and_then(|(n, text)| Some((n.parse::<usize>().ok()?, text)));
        match (place, times) {
            (Some((at, text)), _) => made[at] = text,
            (_, Some((n, text))) => made.extend(std::iter::repeat_n(text, n)),
            _ => made.push(line),
        }
    }
    (made.join("\n") + "\n").into_bytes()
}

/// A workbook: `[Name]` begins a sheet, `[Name] hidden` one that is hidden; other lines are its rows, their cells set
/// apart by `|`. `merge A2:A4 TEXT` makes those cells one. A number, a date (`2026-11-20`), a moment (`2026-11-20T07:30`), `=A1/0` (an error) and `=A1+1 ?` (a
/// formula that nobody computed yet) are cells of that kind, all else is text.
fn workbook(lines: &[String]) -> Vec<u8> {
    let mut book = rust_xlsxwriter::Workbook::new();
    let mut row = 0;
    let mut edits = vec![(format!("<v>{NO_RESULT}</v>"), String::new())];
    for line in lines {
        if let Some((name, hidden)) = line.strip_prefix('[').and_then(|line| line.split_once(']')) {
            book.add_worksheet().set_name(name).unwrap_or_else(|error| panic!("{name}: {error}"));
            if hidden == " hidden" {
                // The writer hides no sheet that is the active one.
                let entry = format!("<sheet name=\"{name}\"");
                edits.push((entry.clone(), format!("{entry} state=\"hidden\"")));
            }
            row = 0;
            continue;
        }
        let last = book.worksheets().len() - 1;
        let sheet = &mut book.worksheets_mut()[last];
        if let Some((area, text)) = line.strip_prefix("merge ").and_then(|line| line.split_once(' ')) {
            merge(sheet, area, text).unwrap_or_else(|error| panic!("{area}: {error}"));
            continue;
        }
        for (column, cell) in (0..).zip(line.split('|').map(str::trim)) {
            write_cell(sheet, row, column, cell).unwrap_or_else(|error| panic!("{cell}: {error}"));
        }
        row += 1;
    }
    edited(&book.save_to_buffer().unwrap_or_else(|error| panic!("a workbook: {error}")), &edits)
        .unwrap_or_else(|error| panic!("a workbook: {error}"))
}

/// Merges the cells of an area such as `A2:A4`.
fn merge(sheet: &mut rust_xlsxwriter::Worksheet, area: &str, text: &str) -> Result<(), rust_xlsxwriter::XlsxError> {
    let place = |address: &str| {
        let row: u32 = address[1..].parse().unwrap_or_else(|_| panic!("no cell: {address}"));
        (row - 1, u16::from(address.as_bytes()[0] - b'A'))
    };
    let (first, last) = area.split_once(':').unwrap_or((area, area));
    let ((row, column), (last_row, last_column)) = (place(first), place(last));
    sheet.merge_range(row, column, last_row, last_column, text, &rust_xlsxwriter::Format::new()).map(drop)
}

/// The result of a formula that is to have none: the writer always writes one.
const NO_RESULT: &str = "424242";

/// The same workbook with texts in the place of others, in each of its parts.
fn edited(book: &[u8], edits: &[(String, String)]) -> zip::result::ZipResult<Vec<u8>> {
    let mut read = zip::ZipArchive::new(Cursor::new(book))?;
    let mut written = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for at in 0..read.len() {
        let mut text = String::new();
        let mut part = read.by_index(at)?;
        part.read_to_string(&mut text)?;
        written.start_file(part.name()?, zip::write::SimpleFileOptions::default())?;
        let text = edits.iter().fold(text, |text, (from, to)| text.replace(from, to));
        written.write_all(text.as_bytes())?;
    }
    Ok(written.finish()?.into_inner())
}

fn write_cell(
    sheet: &mut rust_xlsxwriter::Worksheet,
    row: u32,
    column: u16,
    cell: &str,
) -> Result<(), rust_xlsxwriter::XlsxError> {
    let format = |text: &str| rust_xlsxwriter::Format::new().set_num_format(text);
    let moment = rust_xlsxwriter::ExcelDateTime::parse_from_str(cell);
    match (cell, cell.parse::<f64>(), moment) {
        ("", ..) => Ok(()),
        ("true" | "false", ..) => sheet.write_boolean(row, column, cell == "true").map(drop),
        (_, Ok(number), _) => sheet.write_number(row, column, number).map(drop),
        (_, _, Ok(moment)) if cell.contains('T') => {
            sheet.write_datetime_with_format(row, column, &moment, &format("yyyy-mm-dd hh:mm")).map(drop)
        }
        (_, _, Ok(moment)) if cell.contains('-') => {
            sheet.write_datetime_with_format(row, column, &moment, &format("yyyy-mm-dd")).map(drop)
        }
        _ if cell.starts_with('=') => {
            let (formula, result) = cell.strip_suffix(" ?").map_or((cell, "#DIV/0!"), |formula| (formula, NO_RESULT));
            let formula = rust_xlsxwriter::Formula::new(formula).set_result(result);
            sheet.write_formula(row, column, formula).map(drop)
        }
        _ => sheet.write_string(row, column, cell).map(drop),
    }
}

/// `\xE9` is one byte, `\r`, `\n` and `\t` are themselves; lines are joined without anything between.
fn escaped(lines: &[String]) -> Vec<u8> {
    let text = lines.concat();
    let mut bytes = Vec::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at + 1..];
        let taken = match rest.as_bytes()[0] {
            b'x' => {
                bytes.push(u8::from_str_radix(&rest[1..3], 16).unwrap_or_else(|_| panic!("no byte: {rest}")));
                3
            }
            other => {
                bytes.push(match other {
                    b'r' => b'\r',
                    b'n' => b'\n',
                    b't' => b'\t',
                    other => other,
                });
                1
            }
        };
        rest = &rest[taken..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

fn copy(from: &Path, to: &Path) {
    let entries = fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    // What somebody decided there is not this case's past.
    for entry in entries.flatten().filter(|entry| entry.file_name() != ".cpl") {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            fs::create_dir_all(&target).unwrap_or_else(|error| panic!("{}: {error}", target.display()));
            copy(&source, &target);
        } else {
            fs::copy(&source, &target).unwrap_or_else(|error| panic!("{}: {error}", source.display()));
        }
    }
}

fn link(data: &Path, at: &PathBuf) {
    std::os::unix::fs::symlink(data, at).unwrap_or_else(|error| panic!("{}: {error}", at.display()));
}
