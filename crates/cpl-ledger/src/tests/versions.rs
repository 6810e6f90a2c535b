//! Ledgers, and copies of them, that older versions made.

use std::{fs, path::Path};

use rusqlite::Connection;

use super::{acting, all, folder, raw, record, window};
use crate::{
    BackupError, DecisionState, Ledger, LedgerError, LedgerReader, Restored,
    chain::ChainTip,
    head::{Head, HeadFile},
};

/// What takes the tables of each version back to those of the one before it.
const OLDER: [&str; 6] = [
    "drop table observations; drop table verdicts; drop table pauses; drop index decisions_by_id;
     alter table runs drop column window_end; alter table steps drop column why;
     alter table decisions drop column state; alter table decisions drop column changes;
     alter table decisions drop column conditions;
     alter table effects drop column setting; alter table effects drop column unit;",
    "drop table redos; drop index decisions_by_undone;
     alter table runs drop column inputs; alter table runs drop column settings; alter table runs drop column checks;
     alter table decisions drop column undoes; alter table decisions drop column sends;
     alter table verdicts drop column sends; alter table effects drop column reverse;",
    "drop index effects_by_setting;",
    "drop table metrics; drop table alerts; drop index runs_by_workspace; alter table runs drop column workspace;
     drop index steps_by_effect; create index steps_by_effect on steps (effect);",
    "drop table pending_effects; drop trigger effects_begin; drop trigger steps_move; drop index runs_by_name;",
    "alter table alerts drop column reported;",
];

/// The tables of an older version, with a row in them, as it wrote them.
fn older_version(folder: &Path, version: usize) -> Result<(), LedgerError> {
    record(folder, 10, "d1")?;
    let connection = raw(folder);
    for older in OLDER[version - 1..].iter().rev() {
        connection.execute_batch(older)?;
    }
    connection.pragma_update(None, "user_version", i64::try_from(version).unwrap_or_default())?;
    // The hashes of rows that never had these columns.
    let (lineage, mut tip) = (lineage(&connection)?, None::<ChainTip>);
    for (serial, table) in [(1, "programs"), (2, "runs"), (3, "decisions"), (4, "effects")] {
        let before = tip.unwrap_or_else(|| ChainTip::genesis(&lineage));
        let next = before.append(table, &fields(&connection, table, serial)?);
        connection.execute("update chain set hash = ?1 where serial = ?2", (&next.hash, serial))?;
        tip = Some(next);
    }
    let tip = tip.unwrap_or_else(|| ChainTip::genesis(&lineage));
    HeadFile::of(folder).write(&Head { lineage, before: tip.clone(), after: tip, file: None })
}

fn lineage(connection: &Connection) -> Result<String, LedgerError> {
    Ok(connection.query_row("select lineage from ledger", [], |row| row.get(0))?)
}

/// A row's fields, by its columns.
fn fields(
    connection: &Connection,
    table: &str,
    serial: i64,
) -> Result<serde_json::Map<String, serde_json::Value>, LedgerError> {
    let mut statement = connection.prepare(&format!("select * from {table} where serial = {serial}"))?;
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut rows = statement.query([])?;
    let row = rows.next()?.ok_or(LedgerError::RowsMissing)?;
    let mut fields = serde_json::Map::new();
    for (at, name) in names.into_iter().enumerate().skip(1) {
        let value = match row.get(at)? {
            rusqlite::types::Value::Integer(number) => number.into(),
            rusqlite::types::Value::Text(text) => text.into(),
            _ => serde_json::Value::Null,
        };
        fields.insert(name, value);
    }
    Ok(fields)
}

#[test]
fn a_ledger_of_an_older_version_gets_the_tables_of_this_one() -> Result<(), LedgerError> {
    for version in 1..=OLDER.len() {
        upgraded_from(version)?;
    }
    Ok(())
}

fn upgraded_from(version: usize) -> Result<(), LedgerError> {
    let folder = folder();
    older_version(folder.path(), version)?;
    // One that only reads lets a writer change the tables first.
    let ledger = LedgerReader::open(folder.path())?.ok_or(LedgerError::Missing)?;
    let last = ledger.last_change("google", Some("budget"), i64::MAX)?;
    let found = last.map(|last| (last.decision.state, last.effect.setting, last.effect.after));
    let (state, setting) =
        if version == 1 { (None, None) } else { (Some(DecisionState::Acts), Some("budget".to_owned())) };
    assert_eq!(found, Some((state, setting, "120".to_owned())));
    assert_eq!(acting(&ledger, "p", 10, "r"), 1);
    assert_eq!(ledger.open_before(window("p", 20, "now"))?.len(), 1);
    record(folder.path(), 20, "d2")?;
    let last = ledger.last_change("google", Some("budget"), i64::MAX)?;
    assert_eq!(last.map(|last| last.run.window_start), Some(20));
    Ok(())
}

/// A copy by an older version is put back; it stays as it is itself.
#[test]
fn a_copy_of_an_older_version_is_put_back() -> Result<(), BackupError> {
    for version in 1..=OLDER.len() {
        let (copy, to) = (folder(), folder());
        older_version(copy.path(), version)?;
        let bytes = fs::read(copy.path().join("ledger.db"))?;
        let (restored, _) = crate::restore(copy.path(), (to.path(), Some("w")), 50)?;
        assert_eq!(restored, Restored::Behind { lost: None }, "version {version}");
        assert_eq!(Ledger::open(to.path())?.log(&all())?.len(), 1, "version {version}");
        assert_eq!(fs::read(copy.path().join("ledger.db"))?, bytes, "version {version}");
    }
    Ok(())
}
