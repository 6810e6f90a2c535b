//! What is recorded comes again, whatever it is; what was changed since is an error.

use std::{fs, io::Write, ops::ControlFlow, path::Path, sync::Arc};

use cpl_batch::{
    Batch, BatchSink, Cell, Data, Field, Place, Problem, ReadError, RejectedRow, Source, SourceStats, ValueFormat,
};
use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;

use crate::{
    Head, RecordedColumn, RecordedFetch, Recorder, Recording,
    file::{Line, lines, path},
};

/// Batches, each with what it comes from.
struct Given(Vec<(String, Batch)>);

impl Source for Given {
    fn start(&mut self) -> Result<(), ReadError> {
        Ok(())
    }

    fn read(&mut self, sink: &mut BatchSink<'_>) -> Result<SourceStats, ReadError> {
        let mut rows = 0;
        for (from, batch) in self.0.drain(..) {
            rows += (batch.rows + batch.bad.len()) as u64;
            if sink(&from, batch).is_break() {
                break;
            }
        }
        Ok(SourceStats { rows, bytes: 7, ..SourceStats::default() })
    }
}

fn fields() -> Vec<Field> {
    let money = ValueFormat::Money { shift: 0, signs: Arc::default() };
    let formats = [
        ("text", ValueFormat::Text),
        ("number", ValueFormat::Float),
        ("whole", ValueFormat::Whole { negative: true }),
        ("money", money),
        ("day", ValueFormat::Date(None)),
        ("truth", ValueFormat::Bool),
    ];
    formats.into_iter().map(|(name, format)| Field::new(name, format, true)).collect()
}

fn fetch() -> RecordedFetch {
    let column = |field: Field| RecordedColumn { name: field.header, declared: field.format.wanted() };
    let columns = fields().into_iter().map(column).collect();
    RecordedFetch { request: "GET /a".to_owned(), columns, ..RecordedFetch::default() }
}

/// A row of texts as a server may send them.
fn row() -> impl Strategy<Value = Vec<Option<String>>> {
    let some = |text: BoxedStrategy<String>| proptest::option::of(text).boxed();
    let number = any::<f64>().prop_filter("of a size that is read", |number| number.abs() < 1e15);
    (
        some(any::<String>().boxed()),
        some(number.prop_map(|number| number.to_string()).boxed()),
        some((-1_000_000_000_000_000_i64..=1_000_000_000_000_000).prop_map(|whole| whole.to_string()).boxed()),
        some("-?[0-9]{1,12}\\.[0-9]{0,9}".boxed()),
        some((1970..2100, 1..=12, 1..=28).prop_map(|(y, m, d)| format!("{y}-{m:02}-{d:02}")).boxed()),
        some(prop_oneof!["true", "false", "maybe"].boxed()),
    )
        .prop_map(|(a, b, c, d, e, f)| vec![a, b, c, d, e, f])
}

fn batch(rows: &[Vec<Option<String>>]) -> Batch {
    let fields = fields();
    let mut batch = Batch::empty(&fields);
    for (row, number) in rows.iter().zip(1..) {
        let cell = |text: &'_ Option<String>| Cell::Text(text.clone().unwrap_or_default().into());
        let cells: Vec<Cell<'_>> = row.iter().map(cell).collect();
        let taken = batch.take(&cells, &fields, Place { row: number, line: 0 }, true);
        taken.unwrap_or_else(|problem| panic!("{problem:?}"));
    }
    batch
}

/// Everything of batches that a run depends on.
fn all(batches: &[(String, Batch)]) -> String {
    // Fillers behind missing values mean nothing, and are the same all the same.
    format!("{batches:#?}").lines().filter(|line| !line.contains("rounded_before")).collect()
}

fn read(source: &mut dyn Source) -> Result<(Vec<(String, Batch)>, SourceStats), ReadError> {
    let mut batches = Vec::new();
    source.start()?;
    let stats = source.read(&mut |from, batch| {
        batches.push((from.to_owned(), batch));
        ControlFlow::Continue(())
    })?;
    Ok((batches, stats))
}

fn record(folder: &Path, batches: Vec<(String, Batch)>) -> SourceStats {
    let recorder = Recorder::into_folder(folder).unwrap_or_else(|error| panic!("{error:?}"));
    let mut source = recorder.recorded("a", fetch(), Box::new(Given(batches)));
    let (_, stats) = read(source.as_mut()).unwrap_or_else(|error| panic!("{error:?}"));
    drop(source);
    let finished = recorder.finish(Head::new("p", "2026-11-20".to_owned(), Vec::new()));
    finished.unwrap_or_else(|error| panic!("{error:?}"));
    stats
}

fn replay(folder: &Path) -> Result<(Vec<(String, Batch)>, SourceStats), ReadError> {
    let recording = Recording::open(folder).unwrap_or_else(|error| panic!("{error:?}"));
    let source = recording.source("a", &fetch(), fields());
    read(source.unwrap_or_else(|mismatch| panic!("{mismatch:?}")).as_mut())
}

proptest! {
    #[test]
    fn what_is_recorded_comes_again(pages in proptest::collection::vec(proptest::collection::vec(row(), 0..5), 0..4)) {
        let folder = tempfile::tempdir()?;
        let made = || pages.iter().enumerate().map(|(at, rows)| (format!("page {at}"), batch(rows))).collect::<Vec<_>>();
        let stats = record(folder.path(), made());
        let (batches, replayed) = replay(folder.path()).unwrap_or_else(|error| panic!("{error:?}"));
        prop_assert_eq!(all(&batches), all(&made()));
        prop_assert_eq!(replayed, stats);
    }
}

/// A change of the first line of a recording.
type Change = fn(&mut Batch);

#[test]
fn a_recording_that_was_changed_is_an_error() {
    let good = vec![Some("ä".to_owned()), None, None, None, None, Some("true".to_owned())];
    let changes: [(&str, Change); 7] = [
        ("a row more", |batch| batch.rows += 1),
        ("a column less", |batch| drop(batch.columns.pop())),
        ("a value less", |batch| batch.columns[5].data = Data::Bool(Vec::new())),
        ("another type", |batch| batch.columns[5].data = Data::Weekday(vec![1])),
        ("half a letter", |batch| batch.columns[0].data = Data::Text("ä".to_owned(), vec![1])),
        ("a text that ends too late", |batch| batch.columns[0].data = Data::Text("ä".to_owned(), vec![9])),
        ("an unknown word", |batch| batch.columns[0].data = Data::Dictionary(vec!["ä".to_owned()], vec![1])),
    ];
    for (what, change) in changes {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        record(folder.path(), vec![("page".to_owned(), batch(std::slice::from_ref(&good)))]);
        assert!(replay(folder.path()).is_ok(), "{what}: before");
        let file = path(folder.path(), "a");
        let line = lines(&file).and_then(|mut lines| lines.next().unwrap_or_else(|| panic!("no line")));
        let Line { from, mut batch } = line.unwrap_or_else(|error| panic!("{error}"));
        change(&mut batch);
        let text = serde_json::to_string(&Line { from, batch }).unwrap_or_else(|error| panic!("{error}"));
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        let written = packed.write_all(text.as_bytes()).and_then(|()| fs::write(&file, packed.finish()?));
        written.unwrap_or_else(|error| panic!("{error}"));
        assert!(matches!(replay(folder.path()), Err(ReadError { problem: Problem::Unreadable(_), .. })), "{what}");
    }
}

#[test]
fn numbers_of_a_dictionary_come_again_as_texts() {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let rows = ["google", "", "meta", "google"].map(|text| {
        let text = (!text.is_empty()).then(|| text.to_owned());
        vec![text, None, None, None, None, None]
    });
    let mut words = batch(&rows);
    words.columns[0].data = Data::Dictionary(vec!["google".to_owned(), "meta".to_owned()], vec![0, 0, 1, 0]);
    record(folder.path(), vec![("page".to_owned(), words)]);
    let (batches, _) = replay(folder.path()).unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(all(&batches), all(&[("page".to_owned(), batch(&rows))]));
}

#[test]
fn a_file_that_was_cut_is_an_error() {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let row = vec![Some("a".to_owned()), None, None, None, None, None];
    let mut both = batch(&[row.clone(), row.clone()]);
    let problem = Problem::NoRecord { place: Place { row: 3, line: 0 }, found: "[]".to_owned() };
    both.bad.push(RejectedRow { problem, cells: Vec::new() });
    record(folder.path(), vec![("page".to_owned(), both), ("page, page 2".to_owned(), batch(&[row]))]);
    let file = path(folder.path(), "a");
    let whole = fs::read(&file).unwrap_or_else(|error| panic!("{error}"));
    for length in 0..whole.len() {
        fs::write(&file, &whole[..length]).unwrap_or_else(|error| panic!("{error}"));
        assert!(replay(folder.path()).is_err(), "{length} of {} bytes", whole.len());
    }
}

#[test]
fn nothing_is_left_of_a_recording_that_cannot_be_written() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    let recorder = Recorder::into_folder(folder.path()).unwrap_or_else(|error| panic!("{error:?}"));
    let mut source = recorder.recorded("a", fetch(), Box::new(Given(Vec::new())));
    read(source.as_mut()).unwrap_or_else(|error| panic!("{error:?}"));
    drop(source);
    // Another run has written there meanwhile: what it wrote stays.
    let other = folder.path().join("recording.json");
    std::fs::write(&other, "another one")?;
    assert!(recorder.finish(Head::new("p", "2026-11-20".to_owned(), Vec::new())).is_err());
    assert_eq!(std::fs::read_to_string(&other)?, "another one");
    assert_eq!(std::fs::read_dir(folder.path())?.count(), 1, "the rows are gone");
    Ok(())
}
