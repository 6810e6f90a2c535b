//! Credentials of a store, and where it is: by the names that the clouds' own tools use.

use cpl_connect::{Secret, SecretError};
use cpl_model::program::StoreProvider;
use url::Url;

/// Credentials and place: names of the libraries that read the store, and their values.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// All of them.
    pub(crate) options: Vec<(&'static str, Secret)>,
}

/// Why a store can't be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialProblem {
    /// A value of that name, by all that is known.
    Secret {
        /// Its name.
        name: &'static str,
        /// Why there is none.
        why: SecretError,
    },
    /// The address of a store, of that name, is not encrypted and leads to another machine.
    Open {
        /// Its name.
        name: &'static str,
    },
}

/// A value that is looked for.
struct Wanted {
    /// Its names: the first one that has a value counts.
    names: &'static [&'static str],
    /// What the libraries call it.
    option: &'static str,
    is_needed: bool,
    /// It is where a store is, and no secret.
    is_plain: bool,
}

const fn needed(names: &'static [&'static str], option: &'static str) -> Wanted {
    Wanted { names, option, is_needed: true, is_plain: false }
}

const fn place(names: &'static [&'static str], option: &'static str) -> Wanted {
    Wanted { names, option, is_needed: false, is_plain: true }
}

/// Of Amazon's tools: <https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-envvars.html>.
const S3: &[Wanted] = &[
    needed(&["AWS_ACCESS_KEY_ID"], "aws_access_key_id"),
    needed(&["AWS_SECRET_ACCESS_KEY"], "aws_secret_access_key"),
    Wanted { names: &["AWS_SESSION_TOKEN"], option: "aws_session_token", is_needed: false, is_plain: false },
    place(&["AWS_REGION", "AWS_DEFAULT_REGION"], "aws_region"),
    place(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"], "aws_endpoint_url"),
];

/// Of Google's: the text of a service account's key, or the name of the file that holds it.
const GOOGLE: &[Wanted] = &[
    Wanted { is_needed: false, ..needed(&["GOOGLE_SERVICE_ACCOUNT_KEY"], "google_service_account_key") },
    Wanted { is_needed: false, ..place(&["GOOGLE_APPLICATION_CREDENTIALS"], "google_application_credentials") },
];

/// Of Azure's: <https://learn.microsoft.com/azure/storage/blobs/authorize-data-operations-cli>.
const AZURE: &[Wanted] = &[
    Wanted {
        is_plain: true,
        ..needed(&["AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT"], "azure_storage_account_name")
    },
    Wanted {
        is_needed: false,
        ..needed(&["AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_KEY"], "azure_storage_account_key")
    },
    Wanted { is_needed: false, ..needed(&["AZURE_STORAGE_SAS_TOKEN"], "azure_storage_sas_token") },
    place(&["AZURE_STORAGE_ENDPOINT"], "azure_storage_endpoint"),
];

/// The names of which one is needed, where there are several kinds of credentials.
const fn ways(provider: StoreProvider) -> &'static [&'static str] {
    match provider {
        StoreProvider::S3 => &[],
        StoreProvider::Google => &["google_service_account_key", "google_application_credentials"],
        StoreProvider::Azure => &["azure_storage_account_key", "azure_storage_sas_token"],
    }
}

impl Credentials {
    /// To a store, by what `find` gives for each name.
    ///
    /// # Errors
    /// All that is missing, before anything is requested.
    pub fn to(
        provider: StoreProvider,
        find: impl Fn(&str) -> Result<Secret, SecretError>,
    ) -> Result<Self, Vec<CredentialProblem>> {
        let wanted = match provider {
            StoreProvider::S3 => S3,
            StoreProvider::Google => GOOGLE,
            StoreProvider::Azure => AZURE,
        };
        let (mut options, mut missing) = (Vec::new(), Vec::new());
        for each in wanted {
            match first(each.names, &find) {
                Ok((name, secret)) => {
                    if each.option.contains("endpoint") && !is_private(text(&secret)) {
                        missing.push(CredentialProblem::Open { name });
                    }
                    let plain = || Secret::known(text(&secret).to_owned());
                    options.push((each.option, if each.is_plain { plain() } else { secret.clone() }));
                }
                // What is set and can't be had is an error, whether it is needed or not.
                Err(SecretError::Missing) if !each.is_needed => {}
                Err(why) => missing.push(CredentialProblem::Secret { name: each.names[0], why }),
            }
        }
        let ways = ways(provider);
        let has_way = ways.is_empty() || options.iter().any(|(option, _)| ways.contains(option));
        if let (false, true, Some(way)) =
            (has_way, missing.is_empty(), wanted.iter().find(|each| Some(&each.option) == ways.first()))
        {
            missing.push(CredentialProblem::Secret { name: way.names[0], why: SecretError::Missing });
        }
        if missing.is_empty() { Ok(Self { options }) } else { Err(missing) }
    }

    /// Each with its value, as libraries take them.
    pub fn options(&self) -> impl Iterator<Item = (&'static str, String)> {
        let all = self.options.iter().map(|(option, secret)| (*option, text(secret).to_owned()));
        let is_set = |name: &str| self.options.iter().any(|(option, _)| *option == name);
        let is_s3 = is_set("aws_access_key_id");
        // Without a region it would be requested of the store; without this one it would be looked for.
        let region = (is_s3 && !is_set("aws_region")).then(|| ("aws_region", "us-east-1".to_owned()));
        let allowed = if is_s3 { "aws_allow_http" } else { "allow_http" };
        all.chain(region).chain(self.is_here().then(|| (allowed, "true".to_owned())))
    }

    /// Whether the store is on this machine: no proxy leads there.
    pub(crate) fn is_here(&self) -> bool {
        self.options.iter().any(|(option, at)| option.contains("endpoint") && text(at).starts_with("http://"))
    }

    /// What is shown nowhere.
    pub(crate) fn secrets(&self) -> Vec<Secret> {
        self.options.iter().map(|(_, secret)| secret.clone()).collect()
    }
}

/// The first value that is set.
fn first(
    names: &'static [&'static str],
    find: &impl Fn(&str) -> Result<Secret, SecretError>,
) -> Result<(&'static str, Secret), SecretError> {
    for name in names {
        match find(name) {
            Err(SecretError::Missing) => {}
            found => return found.map(|secret| (*name, secret)),
        }
    }
    Err(SecretError::Missing)
}

fn text(secret: &Secret) -> &str {
    str::from_utf8(secret.reveal()).unwrap_or_default()
}

/// Whether nobody else reads what is sent to the address of a store.
fn is_private(address: &str) -> bool {
    Url::parse(address).is_ok_and(|url| cpl_connect::is_private(&url))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(provider: StoreProvider, set: &[(&str, &str)]) -> Result<Vec<(&'static str, String)>, Vec<String>> {
        let find = |name: &str| match set.iter().find(|(known, _)| *known == name) {
            Some((_, "")) => Err(SecretError::Empty),
            Some((_, value)) => Ok(Secret::new((*value).to_owned())),
            None => Err(SecretError::Missing),
        };
        let credentials = Credentials::to(provider, find).map_err(|missing| {
            let name = |missing| match missing {
                CredentialProblem::Secret { name, why } => format!("{name} {why:?}"),
                CredentialProblem::Open { name } => format!("{name} open"),
            };
            missing.into_iter().map(name).collect::<Vec<_>>()
        })?;
        Ok(credentials.options().collect())
    }

    #[test]
    fn all_that_is_missing_is_reported() {
        let missing = |provider, set| options(provider, set).err().unwrap_or_default();
        let both = ["AWS_ACCESS_KEY_ID Missing", "AWS_SECRET_ACCESS_KEY Missing"];
        assert_eq!(missing(StoreProvider::S3, &[]), both);
        let set = [("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", ""), ("AWS_ENDPOINT_URL", "http://elsewhere")];
        assert_eq!(missing(StoreProvider::S3, &set), ["AWS_SECRET_ACCESS_KEY Empty", "AWS_ENDPOINT_URL open"]);
        assert_eq!(missing(StoreProvider::Google, &[]), ["GOOGLE_SERVICE_ACCOUNT_KEY Missing"]);
        assert_eq!(missing(StoreProvider::Azure, &[]), ["AZURE_STORAGE_ACCOUNT_NAME Missing"]);
        assert_eq!(
            missing(StoreProvider::Azure, &[("AZURE_STORAGE_ACCOUNT", "a")]),
            ["AZURE_STORAGE_ACCOUNT_KEY Missing"]
        );
    }

    #[test]
    fn a_store_is_somewhere() {
        let keys = [("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")];
        let set = |more: &[(&'static str, &'static str)]| options(StoreProvider::S3, &[&keys[..], more].concat());
        let has = |made: Result<Vec<(&str, String)>, _>, option, value: &str| {
            made.is_ok_and(|made: Vec<(&str, String)>| made.contains(&(option, value.to_owned())))
        };
        assert!(has(set(&[]), "aws_region", "us-east-1"));
        assert!(has(set(&[("AWS_DEFAULT_REGION", "eu-west-1")]), "aws_region", "eu-west-1"));
        for here in
            ["http://127.0.0.1:9000", "http://localhost", "http://[::1]:9000/x", "http://[::1]", "http://127.0.0.2"]
        {
            assert!(has(set(&[("AWS_ENDPOINT_URL", here)]), "aws_allow_http", "true"), "{here}");
        }
        for open in [
            "http://127.0.0.1.example.com",
            "http://127.0.0.1@example.com",
            "http://localhost:9000@evil.example.com",
            "ftp://127.0.0.1",
            "127.0.0.1",
        ] {
            assert!(set(&[("AWS_ENDPOINT_URL", open)]).is_err(), "{open}");
        }
    }
}
