//! The connectors that a pipeline names, each checked once.

use std::{collections::HashMap, sync::Arc};

use cpl_model::program::Parameter;

use super::{super::typed_endpoint::TypedEndpoint, reporter::Checked};

/// What was checked of connectors.
#[derive(Default)]
pub struct Connectors {
    /// Connectors by name: whether they can be used.
    pub usable: HashMap<String, Checked<()>>,
    /// Endpoints that were called, by their whole names (`connector.endpoint`).
    pub endpoints: HashMap<String, Arc<TypedEndpoint>>,
    /// The parameters of actions that were called, by their whole names.
    pub actions: HashMap<String, Vec<Parameter>>,
}
