//! Any bytes are records or a problem, never a panic; what is written as JSON is read as it was.

use std::{io::Write, ops::ControlFlow};

use cpl_batch::{Data, Field, Oversized, Place, Problem, ValueFormat};
use proptest::prelude::*;

use crate::{At, Kind, Layout, Out, Records, json, path};

fn texts(kind: Kind, at: Vec<At>) -> Layout {
    let field = |place: usize| Field::new(format!("c{place}"), ValueFormat::Text, true);
    Layout { kind, columns: (0..at.len()).map(field).collect(), at, skip_bad: false }
}

/// The rows of a layout of texts, missing ones as empty.
fn read(text: &[u8], layout: &Layout) -> Result<Vec<Vec<String>>, Problem> {
    let mut found: Vec<Vec<String>> = Vec::new();
    let sink = |batch: cpl_batch::Batch| {
        for row in 0..batch.rows {
            let cell = |column: &cpl_batch::Column| {
                let Data::Text(all, ends) = &column.data else { panic!("all columns are text") };
                let start = if row == 0 { 0 } else { ends[row - 1] };
                all[start..ends[row]].to_owned()
            };
            found.push(batch.columns.iter().map(cell).collect());
        }
        ControlFlow::Continue(())
    };
    let batch = cpl_batch::Batch::empty(&layout.columns);
    let mut out = Out {
        layout,
        batch,
        sink,
        summary: cpl_csv::Summary::default(),
        full: false,
        columns_found: vec![false; layout.at.len()],
        each_found: None,
        names: Vec::new(),
    };
    match &layout.kind {
        Kind::Lines => json::lines(text, &mut out)?,
        Kind::Document { records, each } => json::document(text, records.as_ref(), each.as_ref(), &mut out)?,
        Kind::Sheet(_) => unreachable!("sheets are read from files"),
    }
    out.hand_over();
    drop(out);
    Ok(found)
}

proptest! {
    #[test]
    fn what_is_written_is_read(rows in prop::collection::vec(prop::collection::vec(".{0,6}", 2), 0..9)) {
        let record = |row: &Vec<String>| serde_json::json!({ "c0": row[0], "deep": [{ "c1": row[1] }] });
        let records: Vec<serde_json::Value> = rows.iter().map(record).collect();
        let at = || vec![At::Name, At::Path(path("$.deep[?@.c1].c1").expect("a path"))];
        let lines = records.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        prop_assert_eq!(read(lines.as_bytes(), &texts(Kind::Lines, at())), Ok(rows.clone()));
        let list = serde_json::json!(records).to_string();
        prop_assert_eq!(read(list.as_bytes(), &texts(Kind::Document { records: None, each: None }, at())), Ok(rows.clone()));
        let nested = serde_json::json!({ "data": { "rows": records } }).to_string();
        let records = Some(Records::at("$.data.rows").expect("a path"));
        prop_assert_eq!(read(nested.as_bytes(), &texts(Kind::Document { records, each: None }, at())), Ok(rows));
    }

    #[test]
    fn no_bytes_make_it_panic(text in prop::collection::vec(prop::sample::select(b"{}[]\":,0a\n\\ \xff".to_vec()), 0..60)) {
        let at = || vec![At::Name, At::Path(path("$..c0").expect("a path"))];
        let _ = read(&text, &texts(Kind::Lines, at()));
        let _ = read(&text, &texts(Kind::Document { records: None, each: None }, at()));
    }

    #[test]
    fn no_file_is_taken_for_a_workbook(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut file = tempfile::Builder::new().suffix(".xlsx").tempfile().expect("a file");
        file.write_all(&bytes).expect("written");
        let read = crate::read(file.path(), &texts(Kind::Sheet(crate::Sheet::default()), vec![At::Name]), |_| ControlFlow::Continue(()));
        prop_assert!(matches!(read, Err(Problem::Unreadable(_))));
    }
}

/// A workbook is held whole: one whose parts unpack to more than 512 MiB is not opened.
#[test]
fn a_workbook_is_not_opened_where_it_unpacks_to_too_much() {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive.start_file("xl/worksheets/sheet1.xml", zip::write::SimpleFileOptions::default()).expect("memory takes it");
    archive.write_all(b"<worksheet/>").expect("memory takes it");
    let mut bytes = archive.finish().expect("memory takes it").into_inner();
    // The unpacked size, 24 bytes after the beginning of the part's entry in the archive's directory.
    let entry = bytes.windows(4).position(|four| four == b"PK\x01\x02").expect("the archive has a directory");
    bytes[entry + 24..entry + 28].copy_from_slice(&(513_u32 << 20).to_le_bytes());
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("large.xlsx");
    std::fs::write(&path, bytes).expect("written");
    let found =
        crate::read(&path, &texts(Kind::Sheet(crate::Sheet::default()), vec![At::Name]), |_| ControlFlow::Continue(()));
    let limit = crate::sheet::WORKBOOK_BYTES;
    let wanted = Problem::TooLarge { what: Oversized::Workbook, limit, place: Place::default() };
    assert_eq!(found.err(), Some(wanted));
}
