//! How the servers of a run are reached.

use std::fs;

use cpl_connect::{Network, Secrets};
use cpl_model::{program::Credential, workspace::Workspace};

use crate::{error::RequestCause, wire::secret};

/// The network of a workspace.
pub fn network(workspace: &Workspace, secrets: &Secrets) -> Result<Network, RequestCause> {
    let settings = &workspace.settings;
    let proxy = settings.proxy.as_ref().map(|proxy: &Credential| secret(secrets, proxy)).transpose()?;
    let certificates = settings.certificates.as_ref().map(|file| {
        let file = workspace.root.join(file);
        fs::read(&file).map_err(|error| RequestCause::NoCertificates { file, why: error.to_string() })
    });
    let network = Network { proxy, certificates: certificates.transpose()?, ..Network::default() };
    Ok(match settings.run_limit {
        Some(limit) => Network { limit, ..network },
        None => network,
    })
}
