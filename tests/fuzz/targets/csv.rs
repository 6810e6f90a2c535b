//! CSV: the size of the blocks never changes what is said; and what is read as texts, the `csv` crate reads likewise.

#![no_main]

use std::ops::ControlFlow;

use cpl_batch::{Batch, Column, Data, Field, ValueFormat, Problem};
use cpl_csv::{Layout, read_blocks};
use libfuzzer_sys::fuzz_target;

const HEAD: &str = "a,b,c,d\n";

fuzz_target!(|input: (u8, bool, Vec<u8>)| {
    let (block, skip_bad, rows) = input;
    let bytes = [HEAD.as_bytes(), &rows].concat();
    let zone = jiff::tz::TimeZone::get("Europe/Berlin").expect("it is bundled");
    let typed = [ValueFormat::Money { shift: 0 }, ValueFormat::Whole { negative: true }, ValueFormat::Datetime(None, zone), ValueFormat::Text];
    for forms in [typed, [ValueFormat::Date(None), ValueFormat::Float, ValueFormat::Percent, ValueFormat::Weekday]] {
        let layout = layout(forms, skip_bad);
        assert_eq!(said(&bytes, &layout, usize::from(block) + 1), said(&bytes, &layout, 1 << 20));
    }
    let texts = layout([ValueFormat::Text, ValueFormat::Text, ValueFormat::Text, ValueFormat::Text], false);
    // A lone `\r` ends a line for the one, and is text for the other.
    if let Ok(found) = read(&bytes, &texts, 1 << 20)
        && !rows.contains(&b'\r')
    {
        let found: Vec<Vec<String>> = found.iter().flat_map(texts_of).collect();
        assert_eq!(found, by_the_crate(&bytes));
    }
});

fn layout(forms: [ValueFormat; 4], skip_bad: bool) -> Layout {
    let field = |(name, form): (&str, ValueFormat)| Field { header: name.to_owned(), form, optional: true, embedded: None };
    Layout { columns: ["a", "b", "c", "d"].into_iter().zip(forms).map(field).collect(), skip_bad, ..Layout::default() }
}

fn read(bytes: &[u8], layout: &Layout, block: usize) -> Result<Vec<Batch>, Problem> {
    let mut batches = Vec::new();
    let sink = |batch| {
        batches.push(batch);
        ControlFlow::Continue(())
    };
    read_blocks(bytes, layout, 1, block, sink).map(|_| batches).map_err(|(problem, _)| problem)
}

/// All that a reading says, but for where its batches end: every value, and the rows that are bad.
fn said(bytes: &[u8], layout: &Layout, block: usize) -> Result<(Vec<String>, Vec<String>), Problem> {
    let batches = read(bytes, layout, block)?;
    let bad = batches.iter().flat_map(|batch| &batch.bad).map(|bad| format!("{bad:?}")).collect();
    let values = batches.iter().flat_map(|batch| {
        (0..batch.rows).map(|row| batch.columns.iter().map(|column| value(column, row)).collect::<Vec<_>>().join("|"))
    });
    Ok((values.collect(), bad))
}

/// A value as text, with all its bits.
fn value(column: &Column, row: usize) -> String {
    if column.valid.as_ref().is_some_and(|valid| !valid[row]) {
        return String::new();
    }
    match &column.data {
        Data::Text(all, ends) => all[if row == 0 { 0 } else { ends[row - 1] }..ends[row]].to_owned(),
        Data::Bool(values) => values[row].to_string(),
        Data::Whole(values) | Data::Datetime(values) => values[row].to_string(),
        Data::Float(values) => values[row].to_bits().to_string(),
        Data::Money(values) => values[row].to_string(),
        Data::Date(values) | Data::Weekday(values) => values[row].to_string(),
    }
}

fn texts_of(batch: &Batch) -> Vec<Vec<String>> {
    let cell = |column: usize, row: usize| {
        let Data::Text(all, ends) = &batch.columns[column].data else { panic!("all columns are text") };
        let start = if row == 0 { 0 } else { ends[row - 1] };
        all[start..ends[row]].to_owned()
    };
    (0..batch.rows).map(|row| (0..batch.columns.len()).map(|column| cell(column, row)).collect()).collect()
}

fn by_the_crate(bytes: &[u8]) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_reader(bytes);
    let text = |record: csv::StringRecord| record.iter().map(str::to_owned).collect();
    reader.records().map(|record| text(record.expect("what one reads the other does"))).collect()
}
