//! Sheets of a workbook.

use std::{borrow::Cow, fs::File, io::BufReader, ops::ControlFlow, path::Path};

use calamine::{Data, ExcelDateTime, Range, Reader, Sheet, SheetType, SheetVisible, open_workbook_auto};
use cpl_batch::{Batch, Cell, Field, Oversized, Place, Problem, ValueFormat};
use jiff::{
    civil::{Date, DateTime, Time},
    tz::TimeZone,
};
use zip::ZipArchive;

use crate::Out;

/// The rows of a sheet; rows that hold nothing are none.
pub fn rows<S: FnMut(Batch) -> ControlFlow<()>>(
    path: &Path,
    sheet: Option<&str>,
    out: &mut Out<'_, S>,
) -> Result<(), Problem> {
    let unreadable = |error: calamine::Error| Problem::Unreadable(error.to_string());
    let metadata = path.metadata().map_err(|error| Problem::Unreadable(error.to_string()))?;
    if metadata.is_dir() {
        return Err(Problem::Unreadable("it is a directory".to_owned()));
    }
    out.summary.bytes = metadata.len();
    let no_workbook = |error| Problem::Unreadable(format!("it is no workbook (xlsx, xlsb, xls, ods): {error}"));
    check_size(path)?;
    let mut workbook = open_workbook_auto(path).map_err(no_workbook)?;
    let name = match sheet {
        None => first_visible(workbook.sheets_metadata())?,
        Some(sheet) => named(sheet, &workbook.sheet_names())?,
    };
    let range = workbook.worksheet_range(&name).map_err(unreadable)?;
    // A formula that was never computed looks like an empty cell.
    let formulas = workbook.worksheet_formula(&name).unwrap_or_default();
    let first_column = range.start().map_or(0, |(_, column)| column);
    let first_line = u64::from(range.start().map_or(0, |(row, _)| row)) + 1;
    let last = |range: Option<(u32, u32)>| range.map_or(0, |(row, _)| row);
    let beyond = last(formulas.end()).saturating_sub(last(range.end())) as usize;
    let lines = range.rows().chain(std::iter::repeat_n([].as_slice(), beyond));
    let holds =
        |(line, row): &(u64, &[Data])| row.iter().any(|cell| *cell != Data::Empty) || has_formula(&formulas, *line);
    let mut rows = (first_line..).zip(lines).filter(holds);
    let Some((_, header)) = rows.next() else { return Err(Problem::Empty) };
    let places = places(header, out)?;
    for (line, row) in rows {
        if out.full {
            break;
        }
        let wanted = places.iter().zip(&out.layout.columns);
        let cells = wanted.map(|(place, field)| match row.get(*place).unwrap_or(&Data::Empty) {
            Data::Empty => uncomputed(&formulas, line, first_column, *place),
            data => cell(data, field),
        });
        let cells: Vec<Cell<'_>> = cells.collect();
        out.row(&cells, line)?;
    }
    Ok(())
}

/// The first sheet of cells that a person sees who opens the workbook.
fn first_visible(sheets: &[Sheet]) -> Result<String, Problem> {
    let cells: Vec<&Sheet> = sheets.iter().filter(|sheet| sheet.typ == SheetType::WorkSheet).collect();
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
    if size > u128::from(WORKBOOK_BYTES) {
        let place = Place::default();
        return Err(Problem::TooLarge { what: Oversized::Workbook, limit: WORKBOOK_BYTES, place });
    }
    Ok(())
}

/// Whether a line holds a formula, computed or not.
fn has_formula(formulas: &Range<String>, line: u64) -> bool {
    let Ok(row) = u32::try_from(line - 1) else { return false };
    let (Some((_, first)), Some((_, last))) = (formulas.start(), formulas.end()) else { return false };
    (first..=last).any(|column| formulas.get_value((row, column)).is_some_and(|formula| !formula.is_empty()))
}

/// An empty cell, or one that holds a formula without its result.
fn uncomputed<'d>(formulas: &Range<String>, line: u64, first_column: u32, place: usize) -> Cell<'d> {
    let row = u32::try_from(line - 1).unwrap_or(u32::MAX);
    let column = first_column.saturating_add(u32::try_from(place).unwrap_or(u32::MAX));
    match formulas.get_value((row, column)).filter(|formula| !formula.is_empty()) {
        Some(formula) => Cell::Bad(format!("={formula}, without a result: open the workbook and save it")),
        None => Cell::Text(Cow::Borrowed(&[])),
    }
}

/// The positions of the requested columns.
fn places<S>(header: &[Data], out: &Out<'_, S>) -> Result<Vec<usize>, Problem> {
    let names: Vec<String> = header.iter().map(|cell| cell.to_string().trim().to_owned()).collect();
    let place = |field: &Field| {
        let mut places = names.iter().enumerate().filter(|(_, name)| **name == field.header).map(|(place, _)| place);
        match (places.next(), places.next()) {
            (Some(place), None) => Ok(place),
            (Some(_), Some(_)) => Err(Problem::ColumnTwice { header: field.header.clone() }),
            (None, _) => {
                let found = names.iter().filter(|name| !name.is_empty()).cloned().collect();
                Err(Problem::NoColumn { header: field.header.clone(), found })
            }
        }
    };
    out.layout.columns.iter().map(place).collect()
}

fn cell<'d>(data: &'d Data, field: &Field) -> Cell<'d> {
    let text = |text: String| Cell::Text(Cow::Owned(text.into_bytes()));
    match data {
        Data::Empty => Cell::Text(Cow::Borrowed(&[])),
        Data::String(value) => Cell::Text(value.as_bytes().into()),
        Data::Int(value) => text(value.to_string()),
        // The shortest digits that stand for the float: those that were typed in.
        Data::Float(value) => text(value.to_string()),
        Data::Bool(value) => text(value.to_string()),
        Data::DateTime(moment) => match civil(*moment) {
            Some(moment) => written(moment, &field.format).map_or_else(|| Cell::Bad(moment.to_string()), text),
            None => Cell::Bad(data.to_string()),
        },
        Data::DateTimeIso(value) => Cell::Text(value.as_bytes().into()),
        Data::DurationIso(value) => Cell::Bad(value.clone()),
        Data::Error(error) => Cell::Bad(error.to_string()),
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
        ValueFormat::Date(_) if !midnight => None,
        ValueFormat::Date(Some(pattern)) => {
            Some(moment.to_zoned_datetime(TimeZone::UTC).ok()?.strftime(pattern).to_string())
        }
        ValueFormat::Datetime(Some(pattern), zone) => {
            Some(moment.to_zoned_datetime(zone.clone()).ok()?.strftime(pattern).to_string())
        }
        ValueFormat::Datetime(None, _) => Some(moment.to_string()),
        _ if midnight => Some(moment.date().to_string()),
        _ => Some(moment.to_string()),
    }
}
