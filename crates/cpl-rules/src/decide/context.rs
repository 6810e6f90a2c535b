//! What guards need to know beside a rule and its rows.

use std::collections::BTreeMap;

use cpl_model::resource::Resource;
use jiff::Timestamp;

use crate::{holds::Holds, identity::Identity, past::Past};

/// What holds rows of a rule, whatever their values.
pub struct GuardContext<'a> {
    /// Why rows are held: the pipeline is retired, or its data is broken.
    pub holds: Holds,
    /// The resources that earlier rules of the file change, and which rule does.
    pub claimed: &'a mut BTreeMap<Resource, String>,
    /// What decisions are named by.
    pub identity: &'a Identity<'a>,
    /// What was decided before.
    pub past: &'a dyn Past,
    /// The window's start.
    pub now: Timestamp,
    /// Quiet rows are shown too.
    pub show_quiet: bool,
}
