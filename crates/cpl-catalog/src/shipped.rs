//! The connectors that come with the program.

use crate::ConnectorFile;

/// The shipped connectors: their names, and the texts of their files.
macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../connectors/", $name, ".yaml")))),*]
    };
}

const SHIPPED: &[(&str, &str)] = shipped![
    "ga4",
    "google_ads",
    "hubspot",
    "mailchimp",
    "meta_ads",
    "microsoft_ads",
    "microsoft_campaigns",
    "shopify",
    "stripe"
];

/// The names of the shipped connectors, in alphabetical order.
pub fn shipped_names() -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().map(|(name, _)| *name)
}

/// The text of a connector's file to begin with: it is right, and says what goes where.
#[must_use]
pub fn new_connector(name: &str) -> String {
    include_str!("new_connector.yaml").replace("NAME", name).replace("SECRET", &name.to_uppercase())
}

/// The shipped connector of that name.
#[must_use]
pub fn shipped(name: &str) -> Option<ConnectorFile> {
    let (name, text) = SHIPPED.iter().find(|(shipped, _)| *shipped == name)?;
    Some(ConnectorFile::of(format!("{name}.yaml, which comes with cpl"), (*text).to_owned(), Some(name)))
}
