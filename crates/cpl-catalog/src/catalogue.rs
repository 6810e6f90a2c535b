//! The connectors that a pipeline can name, as its checker gets them.

use std::collections::BTreeMap;

use cpl_syntax::Diagnostic;

use crate::{Connector, connector_of};

/// A connector's file.
#[derive(Clone, Debug)]
pub struct ConnectorFile {
    /// Where it was found, as people know it.
    pub path: String,
    /// Its text; places of the connector point into it.
    pub text: String,
    /// The connector, as far as it could be parsed.
    pub connector: Option<Connector>,
    /// What is wrong with how it is written.
    pub diagnostics: Vec<Diagnostic>,
}

impl ConnectorFile {
    /// Reads a file's text; `stem` is its name without `.yaml`.
    #[must_use]
    pub fn of(path: String, text: String, stem: Option<&str>) -> Self {
        let (connector, diagnostics) = connector_of(&text, stem);
        Self { path, text, connector, diagnostics }
    }
}

/// Connectors by name. A missing name was looked up and not found.
#[derive(Clone, Debug, Default)]
pub struct Catalogue(BTreeMap<String, ConnectorFile>);

impl Catalogue {
    /// One without connectors.
    #[must_use]
    pub fn none() -> &'static Self {
        static NONE: Catalogue = Catalogue(BTreeMap::new());
        &NONE
    }

    /// The connector of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&ConnectorFile> {
        self.0.get(name)
    }

    /// The names there are.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl FromIterator<(String, ConnectorFile)> for Catalogue {
    fn from_iter<T: IntoIterator<Item = (String, ConnectorFile)>>(files: T) -> Self {
        Self(files.into_iter().collect())
    }
}
