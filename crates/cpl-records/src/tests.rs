//! Any bytes are records or a problem, never a panic; what is written as JSON is read as it was.

use std::{
    io::{Read, Write},
    ops::ControlFlow,
};

use cpl_batch::{Data, Field, Oversized, Place, Problem, ValueFormat};
use proptest::prelude::*;
use serde_json::Value;
use serde_json_path::JsonPath;

use crate::{At, Kind, KnownRecords, Layout, Path, ProbeBuilder, Records, ValuePlaces};

fn texts(kind: Kind, at: Vec<At>) -> Layout {
    let field = |place: usize| Field::new(format!("c{place}"), ValueFormat::Text, true);
    Layout { kind, columns: (0..at.len()).map(field).collect(), at, skip_bad: false }
}

/// The rows of a layout of texts, missing ones as empty.
fn read(text: &[u8], layout: &Layout) -> Result<Vec<Vec<String>>, Problem> {
    rows_by(|sink| crate::read_json(text, layout, 2, sink))
}

/// The rows that a reader hands out.
fn rows_by(
    read: impl FnOnce(&mut dyn FnMut(cpl_batch::Batch) -> ControlFlow<()>) -> Result<crate::Found, Problem>,
) -> Result<Vec<Vec<String>>, Problem> {
    let mut found: Vec<Vec<String>> = Vec::new();
    let mut sink = |batch: cpl_batch::Batch| {
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
    read(&mut sink)?;
    Ok(found)
}

/// Any value, of few names, so that paths meet something.
fn any_value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        Just(serde_json::from_str("1.50e3").expect("a number")),
        "[a\"\\\\é\n]{0,4}".prop_map(Value::from),
    ];
    scalar.prop_recursive(4, 24, 4, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from);
        let object = prop::collection::btree_map("[ab]|a b|é", inner, 0..4);
        prop_oneof![list, object.prop_map(|members| Value::Object(members.into_iter().collect()))]
    })
}

/// Any path: most of the steps lead to one place.
fn any_path() -> impl Strategy<Value = Path> {
    let step = prop_oneof![
        4 => Just(".a"),
        4 => Just(".b"),
        1 => Just("['a b']"),
        1 => Just("[\"é\"]"),
        2 => Just("[0]"),
        2 => Just("[1]"),
        1 => Just("[*]"),
        1 => Just("[-1]"),
        1 => Just("..a"),
        1 => Just("[?@.b]"),
    ];
    prop::collection::vec(step, 1..4).prop_map(|steps| Path::parse(&format!("${}", steps.concat())).expect("a path"))
}

/// What a query of the whole value finds: the text of a column, or nothing where none can be made.
fn queried(path: &Path, record: &Value) -> Option<String> {
    match JsonPath::parse(&path.to_string()).expect("a path").query(record).all().as_slice() {
        [] | [Value::Null] => Some(String::new()),
        [Value::String(text)] => Some(text.clone()),
        [one] if !one.is_array() && !one.is_object() => Some(one.to_string()),
        _ => None,
    }
}

/// The records at a path: all that a query finds, and of lists their elements.
fn queried_records<'v>(path: &Path, value: &'v Value) -> Vec<&'v Value> {
    let found = JsonPath::parse(&path.to_string()).expect("a path").query(value).all();
    found.into_iter().flat_map(|found| found.as_array().map_or(vec![found], |list| list.iter().collect())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_column_is_what_a_query_of_the_whole_record_finds(
        records in prop::collection::vec(prop::collection::btree_map("[ab]|a b|é", any_value(), 0..5), 1..4),
        paths in prop::collection::vec(any_path(), 1..4),
        pretty in any::<bool>(),
    ) {
        let records: Vec<Value> = records.into_iter().map(|record| Value::Object(record.into_iter().collect())).collect();
        let wanted: Option<Vec<Vec<String>>> = records
            .iter()
            .map(|record| paths.iter().map(|path| queried(path, record)).collect())
            .collect();
        let value = Value::from(records);
        let text = if pretty { serde_json::to_string_pretty(&value).expect("it is written") } else { value.to_string() };
        let layout = texts(Kind::Document { records: None, each: None }, paths.into_iter().map(At::Path).collect());
        prop_assert_eq!(read(text.as_bytes(), &layout).ok(), wanted);
    }

    #[test]
    fn records_are_what_a_query_of_the_whole_document_finds(document in any_value(), at in any_path(), pretty in any::<bool>()) {
        let records = queried_records(&at, &document);
        // A path can be asked of a list too; names are those of objects.
        let is_record = |record: &Value| record.is_object() || record.is_array();
        let whole = Path::parse("$.a").expect("a path");
        let wanted: Option<Vec<Vec<String>>> = records
            .iter()
            .map(|record| is_record(record).then(|| queried(&whole, record).map(|text| vec![text])).flatten())
            .collect();
        let text = if pretty { serde_json::to_string_pretty(&document).expect("it is written") } else { document.to_string() };
        let layout = texts(Kind::Document { records: Some(Records::at(&at.to_string()).expect("a path")), each: None }, vec![At::Path(whole)]);
        match read(text.as_bytes(), &layout) {
            Ok(rows) => prop_assert_eq!(Some(rows), wanted),
            // No records, or one of which nothing can be asked.
            Err(_) => prop_assert!(records.is_empty() || records.iter().any(|record| !is_record(record)) || wanted.is_none()),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn records_that_a_probe_sees_are_those_that_a_reader_finds(
        document in any_value(),
        at in any_path(),
        value in any_path(),
        pretty in any::<bool>(),
        threads in 1..3_usize,
    ) {
        let text = if pretty { serde_json::to_string_pretty(&document).expect("it is written") } else { document.to_string() };
        let records = || Records::at(&at.to_string()).expect("a path");
        let probe = || {
            let mut probe = ProbeBuilder::default();
            probe.add(&value.to_string()).expect("a path");
            probe
        };
        let only_value = probe().build().find(&text).expect("it is JSON");
        let mut with_records = probe();
        with_records.add_records(Some(&records()));
        let probed = with_records.build().look_up(&text).expect("it is JSON");
        prop_assert_eq!(probed.values, only_value);
        if let Some(seen) = probed.records {
            let KnownRecords::Places(places) = &seen.known else { panic!("no values are wanted") };
            let values: Vec<Value> =
                places.iter().map(|place| serde_json::from_str(&text[place.clone()]).expect("it is JSON")).collect();
            prop_assert_eq!(values.iter().collect::<Vec<_>>(), queried_records(&at, &document));
            prop_assert_eq!(seen.count, places.len() as u64);
            let known = Some(seen.known);
            let column = Path::parse("$.a").expect("a path");
            let layout = texts(Kind::Document { records: Some(records()), each: None }, vec![At::Path(column)]);
            let rows = rows_by(|sink| crate::read_page(text.as_bytes(), known, &layout, threads, sink));
            prop_assert_eq!(rows, read(text.as_bytes(), &layout));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn values_that_a_probe_sees_are_those_that_a_reader_finds(
        records in prop::collection::vec(prop::collection::btree_map("[ab]|a b|é", any_value(), 0..5), 0..5),
        (before, behind) in (any_value(), any_value()),
        columns in prop::collection::vec((prop_oneof![Just(None), any_path().prop_map(Some)], any::<bool>()), 1..4),
        shape in 0..8,
        names_known in any::<bool>(),
        pretty in any::<bool>(),
    ) {
        let regular = records.iter().all(|record| record.contains_key("a")) && !records.is_empty();
        let records = serde_json::json!(records);
        let (document, at) = match shape {
            0 => (records, "$"),
            1 => (serde_json::json!({ "of": records }), "$.of"),
            2 => (serde_json::json!({ "x": before, "of": { "all": records, "y": 1 }, "z": behind }), "$.of.all"),
            3 => (serde_json::json!({ "\n": before, "of": records, "z": behind }), "$.of[*]"),
            // Not only names lead there, or the next name hides where the list ends.
            4 => (serde_json::json!([before, records]), "$[1]"),
            5 => (serde_json::json!({ "of": [records, behind] }), "$.of[0]"),
            6 => (serde_json::json!({ "of": records, "\n": behind, "z": 1 }), "$.of"),
            _ => (serde_json::json!({ "a\"b": { "of": records } }), "$['a\"b'].of"),
        };
        let text = if pretty { serde_json::to_string_pretty(&document).expect("it is written") } else { document.to_string() };
        let layout = || {
            let at_path = |path: &Option<Path>| path.clone().map_or(At::Name, At::Path);
            let kind = Kind::Document { records: Some(Records::at(at).expect("a path")), each: None };
            let mut layout = texts(kind, columns.iter().map(|(path, _)| at_path(path)).collect());
            for (field, (_, optional)) in layout.columns.iter_mut().zip(&columns) {
                field.header = "a".to_owned();
                (field.optional, field.may_lack) = (*optional, *optional);
            }
            layout
        };
        let places = ValuePlaces::of(&layout());
        let by_steps = places.is_some();
        let mut probe = ProbeBuilder::default();
        probe.add("$.z").expect("a path");
        probe.add_records(Some(&Records::at(at).expect("a path")));
        probe.add_values(places);
        let probe = probe.build();
        let seen = probe.look_up_values(&text, names_known);
        // Where no record has an optional column, it is told which names they have: these the slow way lists.
        let lists_names = !names_known && columns.iter().any(|(path, optional)| path.is_some() && *optional);
        let is_slow = !regular || !by_steps || shape > 3 || lists_names;
        prop_assert!(seen.is_some() || is_slow, "{text}");
        prop_assert!(seen.is_none() || !(4..=6).contains(&shape), "{text}");
        if let Some(seen) = seen {
            let listed = probe.look_up(&text).expect("it is JSON");
            prop_assert_eq!(seen.values, listed.values);
            let (seen, listed) = (seen.records.expect("values"), listed.records.expect("places"));
            prop_assert_eq!(seen.count, listed.count);
            // What tells a page that comes twice is the same in both ways.
            prop_assert_eq!(&text[seen.all], &text[listed.all], "{}", text);
            let rows = rows_by(|sink| crate::read_page(text.as_bytes(), Some(seen.known), &layout(), 1, sink));
            prop_assert_eq!(rows, read(text.as_bytes(), &layout()));
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(rows in prop::collection::vec(prop::collection::vec(".{0,6}", 2), 0..9)) {
        let record = |row: &Vec<String>| serde_json::json!({ "c0": row[0], "deep": [{ "c1": row[1] }] });
        let records: Vec<Value> = rows.iter().map(record).collect();
        let at = || vec![At::Name, At::Path(Path::parse("$.deep[?@.c1].c1").expect("a path"))];
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
        let at = || vec![At::Name, At::Path(Path::parse("$..c0").expect("a path"))];
        let _ = read(&text, &texts(Kind::Lines, at()));
        let _ = read(&text, &texts(Kind::Document { records: None, each: None }, at()));
    }

    #[test]
    fn no_file_is_taken_for_a_workbook(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut file = tempfile::Builder::new().suffix(".xlsx").tempfile().expect("a file");
        file.write_all(&bytes).expect("written");
        let read = crate::read(file.path(), &texts(Kind::Sheet(crate::Sheet::default()), vec![At::Name]), 1, |_| ControlFlow::Continue(()));
        prop_assert!(matches!(read, Err(Problem::Unreadable(_))));
    }
}

/// JSON that is nested without an end is refused, wherever it is made a value of.
#[test]
fn deep_json_is_refused() {
    let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    let document = |records: Option<&str>| {
        let records = records.map(|path| Records::at(path).expect("a path"));
        texts(Kind::Document { records, each: None }, vec![At::Path(Path::parse("$..c0").expect("a path"))])
    };
    for (text, records) in [
        (format!(r#"{{"error": {deep}}}"#), None),
        (format!(r#"{{"error": {deep}}}"#), Some("$.data")),
        (format!(r#"{{"error": {deep}}}"#), Some("$.error[?@.a]")),
        (format!(r#"[{{"a": {deep}}}]"#), None),
    ] {
        let found = read(text.as_bytes(), &document(records));
        assert!(found.is_err(), "{records:?}");
    }
    assert_eq!(crate::inside(Path::parse("$.a").expect("a path"), "$.a").find.as_ref()(&deep), Err(()));
}

/// A null in the place of inner records means none; one among them is no record.
#[test]
fn nulls_are_no_records() {
    let rows = |each: &str, actions: &str| {
        let each = Some(Path::parse(each).expect("a path"));
        let layout = texts(Kind::Document { records: None, each }, vec![At::Name]);
        read(format!(r#"[{{"actions": {actions}}}]"#).as_bytes(), &layout).map(|rows| rows.len()).ok()
    };
    for (each, actions, wanted) in [
        ("$.actions", "null", Some(0)),
        ("$.actions", r#"[{"c0": 1}, null]"#, None),
        ("$.actions", r#"{"c0": 1}"#, Some(1)),
        ("$.actions[*]", r#"[{"c0": 1}, null]"#, Some(1)),
        ("$.actions[*]", r#"[{"c0": 1}, [null]]"#, None),
        ("$.actions[*]", "0.5", Some(0)),
        ("$.actions[*]", "1", Some(0)),
        ("$.actions[?@.c0]", r#"[{"c0": 1}, null]"#, Some(1)),
    ] {
        assert_eq!(rows(each, actions), wanted, "{each} of {actions}");
    }
}

/// Rows and lines are counted through all parts that threads work on.
#[test]
fn places_are_those_of_the_whole_source() {
    const ROWS: u64 = 60_000;
    let bad = [1, 20_000, 20_001, 59_999];
    let record = |row: u64| {
        let n = if bad.contains(&row) { "many".to_owned() } else { row.to_string() };
        format!("{{\"n\": \"{n}\", \"filler\": \"{:>60}\"}}", "x")
    };
    let records: Vec<String> = (1..=ROWS).map(record).collect();
    let document = Kind::Document { records: None, each: None };
    // Each record of the lines is behind an empty one.
    for (kind, text, lines) in
        [(Kind::Lines, records.join("\n\n"), 2), (document, format!("[{}]", records.join(",\n")), 0)]
    {
        let columns = vec![Field::new("n", ValueFormat::Whole { negative: false }, false)];
        let layout = Layout { kind, columns, at: vec![At::Name], skip_bad: true };
        for threads in [1, 3] {
            let (mut numbers, mut places) = (Vec::new(), Vec::new());
            let found = crate::read_json(text.as_bytes(), &layout, threads, |batch| {
                let Data::Whole(values) = &batch.columns[0].data else { panic!("numbers") };
                numbers.extend_from_slice(values);
                places.extend(batch.bad.iter().filter_map(|bad| bad.problem.place()));
                ControlFlow::Continue(())
            });
            assert_eq!(found.map(|found| found.summary.rows), Ok(ROWS));
            let wanted = |row: u64| Place { row, line: if lines == 0 { 0 } else { row * lines - 1 } };
            assert_eq!(places, bad.map(wanted), "{threads} threads");
            let good = (1..=ROWS).filter(|row| !bad.contains(row)).map(u64::cast_signed);
            assert!(numbers.iter().copied().eq(good), "the rows are in their order");
            let strict = Layout {
                skip_bad: false,
                columns: layout.columns.clone(),
                at: vec![At::Name],
                kind: kind_again(&layout.kind),
            };
            let first = crate::read_json(text.as_bytes(), &strict, threads, |_| ControlFlow::Continue(()));
            assert_eq!(first.err().and_then(|problem| problem.place()), Some(wanted(1)));
        }
    }
}

fn kind_again(kind: &Kind) -> Kind {
    match kind {
        Kind::Lines => Kind::Lines,
        _ => Kind::Document { records: None, each: None },
    }
}

/// A line without an end is refused before it is held, at its place.
#[test]
fn a_line_that_is_too_long_is_told_at_its_place() {
    let endless = std::io::Cursor::new(b"{\"c0\": \"a\"}\n\n").chain(std::io::repeat(b'x'));
    let found = crate::read_json(endless, &texts(Kind::Lines, vec![At::Name]), 2, |_| ControlFlow::Continue(()));
    let wanted = Problem::TooLarge { what: Oversized::Line, limit: 16 << 20, place: Place { row: 2, line: 3 } };
    assert_eq!(found.err(), Some(wanted));
}

/// A member that is there twice is no value, wherever it stands on the way to one that is wanted.
#[test]
fn a_name_that_is_twice_on_the_way_is_told() {
    let each = Some(Path::parse("$.a").expect("a path"));
    for (document, at, each, wanted) in [
        (r#"[{"c0": 1, "x": 1, "x": 2}]"#, "$.c0", None, None),
        (r#"[{"c0": 1, "c0": 1}]"#, "$.c0", None, Some("c0")),
        (r#"[{"c0": {"d": 1}, "c0": {}}]"#, "$.c0.d", None, Some("c0")),
        (r#"[{"c0": {"d": 1, "d": 2}}]"#, "$.c0.d", None, Some("d")),
        (r#"[{"c0": [{"d": 1, "d": 2}]}]"#, "$.c0[0].d", None, Some("d")),
        (r#"[{"c0": [{"d": 1, "d": 2}]}]"#, "$.c0[-1].d", None, Some("d")),
        (r#"[{"c0": 1, "a": [{"b": 1}], "a": []}]"#, "$.b", each.clone(), Some("a")),
        (r#"[{"c0": 1, "a": [{"b": 1, "b": 1}]}]"#, "$.b", each, Some("b")),
    ] {
        let layout = texts(Kind::Document { records: None, each }, vec![At::Path(Path::parse(at).expect("a path"))]);
        let found = match read(document.as_bytes(), &layout) {
            Err(Problem::DuplicateMember { name, .. }) => Some(name),
            Ok(_) => None,
            Err(other) => panic!("{document}: {other:?}"),
        };
        assert_eq!(found.as_deref(), wanted, "{document}");
    }
    let layout =
        |at| texts(Kind::Document { records: Some(Records::at(at).expect("a path")), each: None }, vec![At::Name]);
    let document = br#"{"data": [{"c0": 1}], "data": []}"#;
    for at in ["$.data", "$.data[*]", "$.data[?@.c0]"] {
        assert!(matches!(read(document, &layout(at)), Err(Problem::DuplicateMember { .. })), "{at}");
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
    let found = crate::read(&path, &texts(Kind::Sheet(crate::Sheet::default()), vec![At::Name]), 1, |_| {
        ControlFlow::Continue(())
    });
    let limit = crate::sheet::WORKBOOK_BYTES;
    let wanted = Problem::TooLarge { what: Oversized::Workbook, limit, place: Place::default() };
    assert_eq!(found.err(), Some(wanted));
}
