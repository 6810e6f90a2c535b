//! The reader against the `csv` crate as oracle, and values against their written forms.

use std::{
    io::{ErrorKind, Read, Write},
    ops::ControlFlow,
};

use proptest::prelude::*;

use cpl_batch::{Batch, Data, Field, Problem, ValueFormat, values};

use crate::{Layout, input::Unpacked, read::read_blocks};

fn texts(names: &[String]) -> Layout {
    let field = |name: &String| Field::new(name, ValueFormat::Text, true);
    Layout { columns: names.iter().map(field).collect(), ..Layout::default() }
}

/// The rows of a batch, missing values as empty texts.
fn rows(batch: &Batch) -> Vec<Vec<String>> {
    let column = |at: usize, row: usize| match &batch.columns[at].data {
        Data::Text(all, ends) => all[if row == 0 { 0 } else { ends[row - 1] }..ends[row]].to_owned(),
        Data::Dictionary(words, numbers) => match &batch.columns[at].valid {
            Some(valid) if !valid[row] => String::new(),
            _ => words[numbers[row] as usize].clone(),
        },
        _ => panic!("all columns are text"),
    };
    (0..batch.rows).map(|row| (0..batch.columns.len()).map(|at| column(at, row)).collect()).collect()
}

fn read_all(text: &[u8], layout: &Layout, block_bytes: usize) -> Result<Vec<Vec<String>>, Problem> {
    let mut found = Vec::new();
    let read = read_blocks(text, layout, 2, block_bytes, |batch| {
        found.extend(rows(&batch));
        ControlFlow::Continue(())
    });
    read.map(|_| found).map_err(|(problem, _)| problem)
}

/// Fields with everything that bites: separators, quotes, line ends, blanks, letters beyond ASCII.
fn cell() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "1", ",", "\"", "\n", "\r\n", " ", "é", "€"]), 0..5)
        .prop_map(|parts| parts.concat())
}

fn table() -> impl Strategy<Value = Vec<Vec<String>>> {
    (2usize..5).prop_flat_map(|width| prop::collection::vec(prop::collection::vec(cell(), width), 0..12))
}

proptest! {
    /// What the `csv` crate writes, in either line ending, is read as it was, whatever the block's size.
    #[test]
    fn reads_what_the_oracle_writes(rows in table(), crlf: bool, block_bytes in 1usize..200) {
        let width = rows.first().map_or(2, Vec::len);
        let names: Vec<String> = (0..width).map(|at| format!("c{at}")).collect();
        let end = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut writer = csv::WriterBuilder::new().terminator(end).from_writer(Vec::new());
        writer.write_record(&names).expect("in memory");
        for row in &rows {
            writer.write_record(row).expect("in memory");
        }
        let text = writer.into_inner().expect("in memory");
        let mut words = texts(&names);
        words.columns.iter_mut().for_each(|column| column.format = ValueFormat::Word);
        prop_assert_eq!(read_all(&text, &words, block_bytes), Ok(rows.clone()));
        prop_assert_eq!(read_all(&text, &texts(&names), block_bytes), Ok(rows));
    }

    /// No bytes make it panic, and the block size never changes the result.
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(prop::sample::select(b"a1,\"\n\r \xC3\xA9".to_vec()), 0..60), block_bytes in 1usize..40) {
        let text = [b"c0,c1\n".as_slice(), &bytes].concat();
        let layout = texts(&["c0".to_owned(), "c1".to_owned()]);
        prop_assert_eq!(read_all(&text, &layout, block_bytes), read_all(&text, &layout, 1 << 16));
    }

    /// Money is its decimal digits in millionths.
    #[test]
    fn money_is_exact(millionths in -1_000_000_000_000_000_000i64..1_000_000_000_000_000_000) {
        let sign = if millionths < 0 { "-" } else { "" };
        let (whole, rest) = (millionths.unsigned_abs() / 1_000_000, millionths.unsigned_abs() % 1_000_000);
        let text = format!("{sign}{whole}.{rest:06}");
        prop_assert_eq!(values::money(text.as_bytes(), 0), Some((i128::from(millionths), false)));
    }
}

#[test]
fn money_rounds_half_to_even_and_says_so() {
    let cases = [
        ("0.0000005", 0, Some((0, true))),
        ("0.0000015", 0, Some((2, true))),
        ("0.00000050000000000000000000000000000001", 0, Some((1, true))),
        ("-0.0000015", 0, Some((-2, true))),
        ("1e3", 0, Some((1_000_000_000, false))),
        ("1.5e-6", 0, Some((2, true))),
        ("5e-06", 0, Some((5, false))),
        (".5", 0, Some((500_000, false))),
        ("5.", 0, Some((5_000_000, false))),
        ("+1", 2, Some((10_000, false))),
        ("1999", 2, Some((19_990_000, false))),
        ("36150000", 6, Some((36_150_000, false))),
        ("1000000000000000", 0, Some((1_000_000_000_000_000_000_000, false))),
        ("1000000000000000.000001", 0, None),
        ("99999999999999999999999999999999999999999", 0, None),
        ("1e400", 0, None),
        ("0e9999", 0, Some((0, false))),
        ("", 0, None),
        (".", 0, None),
        ("-", 0, None),
        ("1,000", 0, None),
        ("$5", 0, None),
        ("1e", 0, None),
        ("NaN", 0, None),
    ];
    for (text, shift, expected) in cases {
        assert_eq!(values::money(text.as_bytes(), shift), expected, "{text} by {shift}");
    }
}

#[test]
fn dates_agree_with_the_calendar() {
    let mut day = jiff::civil::date(1899, 12, 30);
    let epoch = jiff::civil::date(1970, 1, 1);
    while day.year() < 2101 {
        assert_eq!(values::date(day.to_string().as_bytes(), None), Some((day - epoch).get_days()), "{day}");
        day = day.checked_add(jiff::Span::new().days(13)).expect("within the calendar");
    }
    for wrong in ["2026-02-29", "2026-1-1", "2026/01/01", "2026-01-01 ", "20260101"] {
        assert_eq!(values::date(wrong.as_bytes(), None), None, "{wrong}");
    }
}

/// However many blank lines come before the header, in blocks of whatever size.
#[test]
fn a_header_comes_after_any_number_of_blank_lines() {
    let names = ["day".to_owned(), "n".to_owned()];
    for (blank, block_bytes) in [(0, 4), (1, 1), (10, 4), (100, 7), (3, 1_000)] {
        let text = "\n".repeat(blank) + "day,n\n2026-01-01,1\n";
        let rows = read_all(text.as_bytes(), &texts(&names), block_bytes);
        assert_eq!(rows, Ok(vec![vec!["2026-01-01".to_owned(), "1".to_owned()]]), "{blank} lines, {block_bytes} bytes");
    }
}

/// 1,000 bytes are read; of 1,001 it is said that they are too many, and not that the file ends there.
#[test]
fn a_packed_file_is_unpacked_up_to_a_limit() {
    let packed = |bytes: usize| {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        writer.write_all(&vec![b'x'; bytes]).expect("memory takes it");
        writer.finish().expect("memory takes it")
    };
    let read = |bytes: usize| {
        let mut found = Vec::new();
        let read = Unpacked::of(packed(bytes).as_slice(), 1_001).read_to_end(&mut found);
        read.map(|_| found.len()).map_err(|error| error.kind())
    };
    assert_eq!(read(1_000), Ok(1_000));
    assert_eq!(read(1_001), Err(ErrorKind::FileTooLarge));
    assert_eq!(read(5_000_000), Err(ErrorKind::FileTooLarge));
}
