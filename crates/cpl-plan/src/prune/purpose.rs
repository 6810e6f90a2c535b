//! What a plan is for.

use cpl_model::program::TableId;

/// What a plan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The dashboard, the decisions and the alerts.
    Run,
    /// One table, all of its columns.
    Show(TableId),
}
