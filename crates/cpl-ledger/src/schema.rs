//! The tables. A column that is added comes with a version, and a step from the one before it.

use rusqlite::Connection;

use crate::error::LedgerError;

/// What marks a file of SQLite as a ledger: `cpl1`.
const APPLICATION: i64 = 0x6370_6c31;
/// The version of the tables.
const VERSION: i64 = 1;

const TABLES: &str = "
    create table ledger (lineage text not null);
    create table chain (serial integer primary key, hash text not null);
    create table programs (
        serial integer primary key,
        sha256 text not null unique,
        text   text not null
    );
    create table runs (
        serial       integer primary key,
        pipeline     text not null,
        window       text not null,
        window_start integer not null,
        started_at   integer not null,
        program      text not null references programs (sha256)
    );
    create table decisions (
        serial  integer primary key,
        run     integer not null references runs,
        id      text not null,
        rule    text not null,
        key     text not null,
        reason  text,
        because text not null
    );
    create table effects (
        serial       integer primary key,
        decision     integer not null references decisions,
        decision_id  text not null,
        position     integer not null,
        window       text not null,
        window_start integer not null,
        target       text not null,
        place        text not null,
        resource     text not null,
        key          text not null,
        name         text,
        before       text not null,
        after        text not null,
        payload      text not null,
        unique (decision_id, position)
    );
    create table steps (
        serial integer primary key,
        effect integer not null references effects,
        state  text not null,
        at     integer not null
    );
    create index runs_by_window on runs (pipeline, window_start);
    create index decisions_by_run on decisions (run);
    create index effects_by_decision on effects (decision);
    create index effects_by_resource on effects (resource, window_start);
    create index effects_by_place on effects (place, window);
    create index steps_by_effect on steps (effect);
";

/// Makes the tables of a new ledger.
pub fn make(connection: &Connection, lineage: &str) -> Result<(), LedgerError> {
    connection.execute_batch(TABLES)?;
    connection.execute("insert into ledger (lineage) values (?1)", [lineage])?;
    connection.pragma_update(None, "application_id", APPLICATION)?;
    connection.pragma_update(None, "user_version", VERSION)?;
    Ok(())
}

/// Whether the file is a ledger of this version.
pub fn check(connection: &Connection) -> Result<(), LedgerError> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    if pragma("application_id")? != APPLICATION {
        return Err(LedgerError::Foreign);
    }
    match pragma("user_version")? {
        VERSION => Ok(()),
        version if version > VERSION => Err(LedgerError::Newer { version }),
        _ => Err(LedgerError::Foreign),
    }
}
