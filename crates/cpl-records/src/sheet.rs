//! Sheets of a workbook.

use std::{borrow::Cow, fs::File, io::BufReader, ops::ControlFlow, path::Path};

use calamine::{Data, Dimensions, ExcelDateTime, Range, Reader, SheetType, SheetVisible, Sheets, open_workbook_auto};
use cpl_batch::{Batch, Cell, Field, Oversized, Place, Problem, ValueFormat};
use jiff::{
    civil::{Date, DateTime, Time},
    tz::TimeZone,
};
use zip::ZipArchive;

use crate::{Out, Sheet};

/// The rows of a sheet; rows that hold nothing are none. The name of the sheet.
pub fn rows<S: FnMut(Batch) -> ControlFlow<()>>(
    path: &Path,
    sheet: &Sheet,
    out: &mut Out<'_, S>,
) -> Result<String, Problem> {
    let metadata = path.metadata().map_err(|error| Problem::Unreadable(error.to_string()))?;
    if metadata.is_dir() {
        return Err(Problem::Unreadable("it is a directory".to_owned()));
    }
    out.summary.bytes = metadata.len();
    let mut workbook = open(path)?;
    let name = match &sheet.name {
        None => first_visible(workbook.sheets_metadata())?,
        Some(sheet) => named(sheet, &workbook.sheet_names())?,
    };
    let grid = Grid::of(&mut workbook, &name, sheet.merged)?;
    let mut lines = grid.lines().filter(|line| *line >= sheet.skip_lines && grid.holds(*line));
    let Some(header) = lines.next() else { return Err(Problem::Empty) };
    let places = places(&grid, header, out)?;
    for (place, found) in places.iter().zip(&mut out.columns_found) {
        *found = place.is_some();
    }
    while let Some(line) = lines.next() {
        if out.full {
            break;
        }
        if sheet.until.as_ref().is_some_and(|text| grid.begins(line, text)) {
            out.summary.left_out = 1 + lines.count() as u64;
            break;
        }
        let wanted = places.iter().zip(&out.layout.columns);
        let cells: Vec<Cell<'_>> = wanted
            .map(|(place, field)| match place {
                Some(column) => grid.cell(line, *column, field),
                None => Cell::Absent,
            })
            .collect();
        out.row(&cells, u64::from(line) + 1)?;
    }
    Ok(name)
}

/// A workbook that is not too large.
fn open(path: &Path) -> Result<Sheets<BufReader<File>>, Problem> {
    check_size(path)?;
    let no_workbook = |error| Problem::Unreadable(format!("it is no workbook (xlsx, xlsb, xls, ods): {error}"));
    open_workbook_auto(path).map_err(no_workbook)
}

/// The cells of a workbook's first visible sheet as texts, line by line from the first on; the sheet's name.
///
/// # Errors
/// Where it can't be read.
pub fn cells(path: &Path) -> Result<(String, Vec<Vec<String>>), Problem> {
    let mut workbook = open(path)?;
    let name = first_visible(workbook.sheets_metadata())?;
    let grid = Grid::of(&mut workbook, &name, false)?;
    let text = Field::new("", ValueFormat::Text, true);
    let shown = |line, column| match cell(grid.value(line, column), &text) {
        Cell::Text(text) | Cell::Number(text) => text.into_owned(),
        Cell::Bad(what) | Cell::NoText(what) => what,
        Cell::Absent => String::new(),
    };
    let lines = 0..grid.lines().end;
    let line = |line| grid.columns().map(|column| shown(line, column)).collect();
    Ok((name, lines.map(line).collect()))
}

/// The cells of a sheet; lines and columns are counted from 0.
struct Grid {
    values: Range<Data>,
    /// A formula that was never computed looks like an empty cell.
    formulas: Range<String>,
    /// Merged cells: the value stands in the first of them.
    merged: Vec<Dimensions>,
    /// It stands for all of them.
    fill: bool,
}

impl Grid {
    fn of(workbook: &mut Sheets<BufReader<File>>, name: &str, fill: bool) -> Result<Self, Problem> {
        let unreadable = |error: calamine::Error| Problem::Unreadable(error.to_string());
        let values = workbook.worksheet_range(name).map_err(unreadable)?;
        let formulas = workbook.worksheet_formula(name).unwrap_or_default();
        let merged = match workbook {
            Sheets::Xlsx(workbook) => workbook.merge_cells_by_sheet_name(name).unwrap_or_default(),
            Sheets::Xls(workbook) => workbook.merge_cells_by_sheet_name(name).unwrap_or_default(),
            Sheets::Xlsb(_) | Sheets::Ods(_) if fill => {
                let why = "which cells are merged is not known of .xlsb and .ods: save it as .xlsx";
                return Err(Problem::Unreadable(why.to_owned()));
            }
            Sheets::Xlsb(_) | Sheets::Ods(_) => Vec::new(),
        };
        Ok(Self { values, formulas, merged, fill })
    }

    fn lines(&self) -> std::ops::Range<u32> {
        let first = self.values.start().map_or(0, |(line, _)| line);
        let ends = [self.values.end(), self.formulas.end()].into_iter().flatten().map(|(line, _)| line + 1);
        first..ends.max().unwrap_or(0)
    }

    fn columns(&self) -> std::ops::Range<u32> {
        let (ends, starts) = ([self.values.end(), self.formulas.end()], [self.values.start(), self.formulas.start()]);
        let first = starts.into_iter().flatten().map(|(_, column)| column).min();
        let last = ends.into_iter().flatten().map(|(_, column)| column + 1).max();
        first.unwrap_or(0)..last.unwrap_or(0)
    }

    fn value(&self, line: u32, column: u32) -> &Data {
        self.values.get_value((line, column)).unwrap_or(&Data::Empty)
    }

    /// The formula of a cell, computed or not.
    fn formula(&self, line: u32, column: u32) -> Option<&String> {
        self.formulas.get_value((line, column)).filter(|formula| !formula.is_empty())
    }

    /// Whether a line holds anything.
    fn holds(&self, line: u32) -> bool {
        let anything = |column| *self.value(line, column) != Data::Empty || self.formula(line, column).is_some();
        self.columns().any(anything)
    }

    /// Whether the first cell of a line that holds anything begins so.
    fn begins(&self, line: u32, text: &str) -> bool {
        let first = self.columns().map(|column| self.value(line, column)).find(|value| **value != Data::Empty);
        first.is_some_and(|value| value.to_string().trim_start().starts_with(text))
    }

    fn cell<'g>(&'g self, line: u32, column: u32, field: &Field) -> Cell<'g> {
        match self.value(line, column) {
            Data::Empty => self.empty(line, column, field),
            data => cell(data, field),
        }
    }

    /// A cell without a value: it holds nothing, a formula without its result, or is one of several merged ones.
    fn empty<'g>(&'g self, line: u32, column: u32, field: &Field) -> Cell<'g> {
        if let Some(formula) = self.formula(line, column) {
            return Cell::Bad(format!("={formula}, without a result: open the workbook and save it"));
        }
        let within = |area: &&Dimensions| {
            (area.start.0..=area.end.0).contains(&line) && (area.start.1..=area.end.1).contains(&column)
        };
        match self.merged.iter().find(within) {
            None => Cell::Text(Cow::Borrowed("")),
            Some(area) if self.fill && area.start != (line, column) => self.cell(area.start.0, area.start.1, field),
            Some(area) if area.start == (line, column) => Cell::Text(Cow::Borrowed("")),
            Some(area) => {
                let [first, last] = [area.start, area.end].map(|(line, column)| address(line, column));
                Cell::Bad(format!("merged cells {first}:{last}: write merged=true"))
            }
        }
    }
}

/// `B12`
fn address(line: u32, mut column: u32) -> String {
    let mut letters = Vec::new();
    loop {
        letters.push(char::from(b'A' + u8::try_from(column % 26).unwrap_or(0)));
        match (column / 26).checked_sub(1) {
            Some(next) => column = next,
            None => break,
        }
    }
    format!("{}{}", letters.into_iter().rev().collect::<String>(), line + 1)
}

/// The first sheet of cells that a person sees who opens the workbook.
fn first_visible(sheets: &[calamine::Sheet]) -> Result<String, Problem> {
    let cells: Vec<&calamine::Sheet> = sheets.iter().filter(|sheet| sheet.typ == SheetType::WorkSheet).collect();
    match cells.iter().find(|sheet| sheet.visible == SheetVisible::Visible) {
        Some(sheet) => Ok(sheet.name.clone()),
        None => Err(Problem::NoVisibleSheet { found: cells.iter().map(|sheet| sheet.name.clone()).collect() }),
    }
}

fn named(sheet: &str, names: &[String]) -> Result<String, Problem> {
    let found = names.iter().find(|name| *name == sheet).cloned();
    found.ok_or_else(|| Problem::NoSheet { sheet: sheet.to_owned(), found: names.to_vec() })
}

/// The most unpacked bytes of a workbook: its sheets are held in memory.
pub const WORKBOOK_BYTES: u64 = 512 << 20;

/// Rejects a workbook that is too large unpacked, by the sizes in its archive.
fn check_size(path: &Path) -> Result<(), Problem> {
    let file = File::open(path).map_err(|error| Problem::Unreadable(error.to_string()))?;
    let packed = file.metadata().map_or(0, |found| found.len());
    // What is no archive is an old workbook, or none: it is as large as its file.
    let unpacked = ZipArchive::new(BufReader::new(file)).ok().and_then(|archive| archive.decompressed_size());
    let size = unpacked.map_or(u128::from(packed), |size| size);
    if size > u128::from(WORKBOOK_BYTES) { Err(workbook_too_large()) } else { Ok(()) }
}

/// What is said of a workbook of more bytes than are read.
#[must_use]
pub fn workbook_too_large() -> Problem {
    Problem::TooLarge { what: Oversized::Workbook, limit: WORKBOOK_BYTES, place: Place::default() }
}

/// The names in a line, with their columns.
fn names(grid: &Grid, line: u32) -> Vec<(String, u32)> {
    let name = |column| (grid.value(line, column).to_string().trim().to_owned(), column);
    grid.columns().map(name).filter(|(name, _)| !name.is_empty()).collect()
}

/// How far below the first line a header is looked for.
const LOOKED_AT: usize = 50;

/// The requested columns; none of one that the sheet lacks, and may.
fn places<S>(grid: &Grid, header: u32, out: &Out<'_, S>) -> Result<Vec<Option<u32>>, Problem> {
    let found = names(grid, header);
    let place = |field: &Field| {
        let mut places = found.iter().filter(|(name, _)| *name == field.header).map(|(_, column)| *column);
        match (places.next(), places.next()) {
            (Some(_), Some(_)) => Err(Problem::ColumnTwice { header: field.header.clone() }),
            (None, _) if !field.may_lack => {
                let found = found.iter().map(|(name, _)| name.clone()).collect();
                let line = lower_header(grid, header, &out.layout.columns);
                Err(Problem::NoColumn { header: field.header.clone(), found, line })
            }
            (place, _) => Ok(place),
        }
    };
    out.layout.columns.iter().map(place).collect()
}

/// The line further down that names all requested columns, counted from 1.
fn lower_header(grid: &Grid, header: u32, columns: &[Field]) -> Option<u64> {
    let mut lines = grid.lines().filter(|line| *line > header).take(LOOKED_AT);
    let line = lines.find(|line| {
        let names = names(grid, *line);
        let wanted = columns.iter().filter(|field| !field.may_lack);
        wanted.into_iter().all(|field| names.iter().any(|(name, _)| *name == field.header))
    });
    line.map(|line| u64::from(line) + 1)
}

/// Whole numbers below it are exact in a workbook, which holds floats.
const EXACT: f64 = 9_007_199_254_740_992.0;

fn cell<'d>(data: &'d Data, field: &Field) -> Cell<'d> {
    let text = |text: String| Cell::Text(Cow::Owned(text));
    let number = |digits: String| Cell::Number(Cow::Owned(digits));
    match data {
        Data::Empty => Cell::Text(Cow::Borrowed("")),
        Data::String(value) => Cell::Text(value.into()),
        Data::Int(value) => number(value.to_string()),
        Data::Float(value) if matches!(field.format, ValueFormat::Text | ValueFormat::Word) && value.abs() >= EXACT => {
            Cell::Bad(format!("{value}: a workbook keeps 15 digits of a number; store it as a text"))
        }
        // The shortest digits that stand for the float: those that were typed in.
        Data::Float(value) => number(value.to_string()),
        Data::Bool(value) => text(value.to_string()),
        Data::DateTime(moment) => match civil(*moment) {
            Some(moment) => written(moment, &field.format).map_or_else(|| Cell::Bad(moment.to_string()), text),
            None => Cell::Bad(data.to_string()),
        },
        Data::DateTimeIso(value) => Cell::Text(value.into()),
        Data::DurationIso(value) => Cell::Bad(value.clone()),
        Data::Error(error) => {
            let error = error.to_string();
            if field.missing.contains(&error) { Cell::Text(Cow::Borrowed("")) } else { Cell::Bad(error) }
        }
    }
}

/// A moment of the calendar; none where the cell holds a length of time.
fn civil(moment: ExcelDateTime) -> Option<DateTime> {
    let (year, month, day, hour, minute, second, milli) = moment.to_ymd_hms_milli();
    let number = |value: u8| i8::try_from(value).ok();
    let date = Date::new(i16::try_from(year).ok()?, number(month)?, number(day)?).ok()?;
    let time = Time::new(number(hour)?, number(minute)?, number(second)?, i32::from(milli) * 1_000_000).ok()?;
    // What is before the first day of its calendar is a time of no day.
    (moment.is_datetime() && date.year() >= 1900).then(|| date.to_datetime(time))
}

/// As the form has it; a day has no time.
fn written(moment: DateTime, format: &ValueFormat) -> Option<String> {
    let midnight = moment.time() == Time::midnight();
    match format {
        ValueFormat::Date(_) | ValueFormat::DayOf(..) if !midnight => None,
        ValueFormat::Date(Some(pattern)) => {
            Some(moment.to_zoned_datetime(TimeZone::UTC).ok()?.strftime(pattern).to_string())
        }
        ValueFormat::Datetime(Some(pattern), zone) | ValueFormat::DayOf(pattern, zone) => {
            Some(moment.to_zoned_datetime(zone.clone()).ok()?.strftime(pattern).to_string())
        }
        ValueFormat::Datetime(None, _) => Some(moment.to_string()),
        _ if midnight => Some(moment.date().to_string()),
        _ => Some(moment.to_string()),
    }
}
