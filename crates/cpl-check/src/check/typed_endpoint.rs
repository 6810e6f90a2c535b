//! An endpoint of a connector, as a fetch gets it.

use std::sync::Arc;

use cpl_model::{
    program::{Endpoint, FetchColumn, Table},
    types::Type,
};

/// What a pipeline hands on: its name, its type or none for a window, and whether it may be left out.
pub type ArgumentType = (String, Option<Type>, bool);

/// What a fetch gets of an endpoint.
pub struct TypedEndpoint {
    /// The arguments of a call.
    pub arguments: Vec<ArgumentType>,
    /// How the columns are stored; places are the connector's.
    pub columns: Vec<FetchColumn>,
    /// The table: columns, key, what dates a row.
    pub table: Table,
    /// When a day's figures are there, in microseconds.
    pub late: Option<i64>,
    /// How long they still move afterwards, in microseconds.
    pub restated: Option<i64>,
    /// What a run requests.
    pub requested: Arc<Endpoint>,
}
