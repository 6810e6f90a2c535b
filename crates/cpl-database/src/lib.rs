//! Queries of databases and their rows in batches: PostgreSQL, MySQL and MariaDB by sqlx, SQLite by rusqlite.
//!
//! It knows nothing of pipelines: a query is complete when it comes here, with its parameters. A session reads and
//! can't write. Values are exact: decimals come as the digits that the database holds, and a type of which no text can be
//! made without a choice, such as an array, is refused with what to write in the query.

mod address;
mod batches;
mod mysql;
mod postgres;
mod query;
mod read;
mod rows;
mod sqlite;

pub use address::{Database, InvalidAddress};
pub use batches::{Batches, begin};
pub use query::{Parameter, ParameterType, Query};
pub use read::{Found, Read};
