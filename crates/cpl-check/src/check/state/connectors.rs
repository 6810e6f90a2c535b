//! The connectors that a pipeline names, each checked once.

use std::{collections::HashMap, sync::Arc};

use cpl_model::program::{Parameter, ServerAction};

use super::{super::typed_endpoint::TypedEndpoint, reporter::Checked};

/// What was checked of connectors.
#[derive(Default)]
pub struct Connectors {
    /// Connectors by name: whether they can be used.
    pub usable: HashMap<String, Checked<()>>,
    /// Endpoints that were called, by their whole names (`connector.endpoint`).
    pub endpoints: HashMap<String, Arc<TypedEndpoint>>,
    /// Actions that were called, by their whole names: what they take, and what a run requests.
    pub actions: HashMap<String, (Vec<Parameter>, Arc<ServerAction>)>,
}
