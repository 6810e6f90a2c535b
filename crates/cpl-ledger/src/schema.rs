//! The tables. A column that is added comes with a version, and a step from the one before it.

use rusqlite::Connection;

use crate::error::LedgerError;

/// What marks a file of SQLite as a ledger: `cpl1`.
const APPLICATION: i64 = 0x6370_6c31;
/// The version of the tables.
const VERSION: i64 = 7;

/// Those of version 1.
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

/// From each version to the next one. What is added to a row may be null: then its hash stays as it was.
const MIGRATIONS: [&str; 6] = [
    "
    alter table runs add column window_end integer;
    alter table decisions add column state text;
    alter table decisions add column changes text;
    alter table decisions add column conditions text;
    alter table steps add column why text;
    alter table effects add column setting text;
    alter table effects add column unit text;
    create table observations (
        serial       integer primary key,
        resource     text not null,
        setting      text not null,
        value        text not null,
        window_start integer not null
    );
    create table verdicts (
        serial      integer primary key,
        decision_id text not null,
        changes     text not null,
        verdict     text not null,
        by          text not null,
        why         text,
        at          integer not null
    );
    create table pauses (
        serial   integer primary key,
        pipeline text,
        state    text not null,
        by       text not null,
        why      text,
        at       integer not null
    );
    create index decisions_by_id on decisions (id);
    create index observations_by_setting on observations (resource, setting);
    create index verdicts_by_decision on verdicts (decision_id);
",
    "
    alter table runs add column inputs text;
    alter table runs add column settings text;
    alter table runs add column checks text;
    alter table decisions add column undoes text;
    alter table decisions add column sends text;
    alter table verdicts add column sends text;
    alter table effects add column reverse text;
    create table redos (
        serial      integer primary key,
        decision_id text not null,
        by          text not null,
        why         text,
        at          integer not null
    );
    create index decisions_by_undone on decisions (undoes) where undoes is not null;
    create index redos_by_decision on redos (decision_id);
",
    // Those of a setting, in the order in which they were recorded.
    "create index effects_by_setting on effects (resource, coalesce(setting, name));",
    // Whose it is; what dashboards showed; what alerts found; the state of an effect without its steps.
    "alter table runs add column workspace text;
     create index runs_by_workspace on runs (serial) where workspace is not null;
     create table metrics (
         serial integer primary key,
         run    integer not null references runs,
         name   text not null,
         value  text,
         unit   text
     );
     create index metrics_by_run on metrics (run);
     create table alerts (
         serial   integer primary key,
         run      integer not null references runs,
         alert    text not null,
         key      text not null,
         state    text not null,
         severity text not null,
         text     text not null
     );
     create index alerts_by_run on alerts (run);
     drop index steps_by_effect;
     create index steps_by_effect on steps (effect, serial, state);",
    // The few effects that have not ended, so that the many others need not be looked at. It follows from the rows, and is
    // compared with them where all of them are verified.
    "create index runs_by_name on runs (pipeline, window);
     create table pending_effects (effect integer primary key references effects);
     create trigger effects_begin after insert on effects begin
         insert into pending_effects values (new.serial);
     end;
     create trigger steps_move after insert on steps begin
         delete from pending_effects where effect = new.effect;
         insert into pending_effects
             select new.effect where new.state in ('recorded', 'sent', 'uncertain', 'drifted', 'held');
     end;
     insert into pending_effects select serial from effects where coalesce((select state from steps
         where effect = effects.serial order by serial desc limit 1), 'recorded')
         in ('recorded', 'sent', 'uncertain', 'drifted', 'held');",
    // An alert that fires still was reported before.
    "alter table alerts add column reported integer;",
];

/// Whether the effects that are noted as pending are those that have not ended, by their steps.
pub fn knows_pending(connection: &Connection) -> Result<bool, LedgerError> {
    let sql = "with pending as (select serial from effects where coalesce((select state from steps
                   where effect = effects.serial order by serial desc limit 1), 'recorded')
                   in ('recorded', 'sent', 'uncertain', 'drifted', 'held'))
               select not exists (select serial from pending except select effect from pending_effects)
                   and not exists (select effect from pending_effects except select serial from pending)";
    Ok(connection.query_row(sql, [], |row| row.get(0))?)
}

/// Makes the tables of a new ledger.
pub fn make(connection: &Connection, lineage: &str) -> Result<(), LedgerError> {
    connection.execute_batch(TABLES)?;
    connection.execute("insert into ledger (lineage) values (?1)", [lineage])?;
    connection.pragma_update(None, "application_id", APPLICATION)?;
    migrate(connection, 1)
}

/// Makes the newest tables of those of an older version, if they are.
pub fn upgrade(connection: &Connection) -> Result<(), LedgerError> {
    if !is_older(connection)? {
        return Ok(());
    }
    connection.execute_batch("begin immediate")?;
    // Another process may have been first.
    migrate(connection, version(connection)?)?;
    Ok(connection.execute_batch("commit")?)
}

fn migrate(connection: &Connection, from: i64) -> Result<(), LedgerError> {
    let done = usize::try_from(from - 1).unwrap_or(MIGRATIONS.len());
    for migration in MIGRATIONS.iter().skip(done) {
        connection.execute_batch(migration)?;
    }
    Ok(connection.pragma_update(None, "user_version", VERSION)?)
}

/// Whether an older version made the ledger.
pub fn is_older(connection: &Connection) -> Result<bool, LedgerError> {
    if pragma(connection, "application_id")? != APPLICATION {
        return Err(LedgerError::Foreign);
    }
    match version(connection)? {
        VERSION => Ok(false),
        version if version > VERSION => Err(LedgerError::Newer { version }),
        version if version < 1 => Err(LedgerError::Foreign),
        _ => Ok(true),
    }
}

fn version(connection: &Connection) -> Result<i64, LedgerError> {
    pragma(connection, "user_version")
}

fn pragma(connection: &Connection, name: &str) -> Result<i64, LedgerError> {
    Ok(connection.pragma_query_value(None, name, |row| row.get(0))?)
}
