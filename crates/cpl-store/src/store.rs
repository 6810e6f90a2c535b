//! A bucket, and the objects in it.

use std::{sync::Arc, time::Duration};

use cpl_batch::{Problem, ServerProblem};
use cpl_connect::Secret;
use cpl_model::program::{StoreAddress, StoreProvider};
use futures_util::StreamExt;
use object_store::{
    Certificate, ClientOptions, Error, ObjectMeta, ObjectStore, ObjectStoreExt, RetryConfig,
    aws::AmazonS3Builder,
    azure::{AzureConfigKey, MicrosoftAzureBuilder},
    gcp::{GoogleCloudStorageBuilder, GoogleConfigKey},
    path::Path,
};
use tokio::{
    runtime::Handle,
    time::{Instant, timeout, timeout_at},
};

use crate::{
    credentials::Credentials,
    problem::{RETRIES, problem, shown},
};

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a store may say nothing.
const SILENCE: Duration = Duration::from_secs(30);
/// How long a request is repeated.
const RETRY_TIMEOUT: Duration = Duration::from_mins(1);

/// What requests to a store have to keep.
#[derive(Clone)]
pub struct Limits {
    /// The threads on which they wait.
    pub handle: Handle,
    /// When all reads of a run end, and how long they have together.
    pub deadline: (Instant, Duration),
}

/// A bucket.
pub struct Store {
    pub(crate) bucket: Arc<dyn ObjectStore>,
    pub(crate) address: StoreAddress,
    pub(crate) credentials: Credentials,
    pub(crate) limits: Limits,
    pub(crate) secrets: Vec<Secret>,
}

impl Store {
    /// That of an address; `proxy` is the address of one, and `certificates` are trusted besides the system's.
    ///
    /// # Errors
    /// What of the credentials can't be used.
    pub fn at(
        address: StoreAddress,
        credentials: Credentials,
        (proxy, certificates): (Option<&Secret>, Option<&[u8]>),
        limits: Limits,
    ) -> Result<Arc<Self>, String> {
        let secrets: Vec<Secret> = credentials.secrets().into_iter().chain(proxy.cloned()).collect();
        let proxy = if credentials.is_here() { ByProxy::Never } else { ByProxy::Of(proxy) };
        let made = client(proxy, certificates).and_then(|client| bucket(&address, &credentials, client));
        let bucket = made.map_err(|error| shown(&error.to_string(), &secrets))?;
        Ok(Arc::new(Self { bucket, address, credentials, limits, secrets }))
    }

    /// What is known of the objects whose keys fit, in the order of their keys, which begin with those folders.
    pub(crate) fn list(&self, prefix: &str, fits: impl Fn(&str) -> bool) -> Result<Vec<ObjectMeta>, Problem> {
        let prefix = if prefix.is_empty() { None } else { Some(path(prefix)?) };
        let mut found = self.limits.handle.block_on(async {
            let mut listed = self.bucket.list(prefix.as_ref());
            let mut found: Vec<ObjectMeta> = Vec::new();
            while let Some(meta) = self.next(async { listed.next().await.transpose() }).await? {
                if fits(meta.location.as_ref()) {
                    found.push(meta);
                }
            }
            Ok::<_, Problem>(found)
        })?;
        found.sort_by(|one, other| one.location.cmp(&other.location));
        Ok(found)
    }

    /// What is known of the object of a key; none where there is none.
    pub(crate) fn find(&self, key: &str) -> Result<Option<ObjectMeta>, Problem> {
        let path = path(key)?;
        self.wait(async {
            match self.bucket.head(&path).await {
                Err(Error::NotFound { .. }) => Ok(None),
                found => found.map(Some),
            }
        })
    }

    /// What is requested, in time.
    pub(crate) fn wait<T>(&self, request: impl Future<Output = object_store::Result<T>>) -> Result<T, Problem> {
        let (deadline, limit) = self.limits.deadline;
        let answered = self.limits.handle.block_on(async { timeout_at(deadline, timeout(SILENCE * 4, request)).await });
        match answered {
            Ok(Ok(answer)) => answer.map_err(|error| problem(&error, &self.secrets)),
            Ok(Err(_)) => Err(silent()),
            Err(_) => Err(Problem::Server(ServerProblem::OutOfTime { limit })),
        }
    }

    /// What comes next of what is read, in time.
    pub(crate) async fn next<T>(&self, coming: impl Future<Output = object_store::Result<T>>) -> Result<T, Problem> {
        let (deadline, limit) = self.limits.deadline;
        match timeout_at(deadline, timeout(SILENCE, coming)).await {
            Ok(Ok(come)) => come.map_err(|error| problem(&error, &self.secrets)),
            Ok(Err(_)) => Err(silent()),
            Err(_) => Err(Problem::Server(ServerProblem::OutOfTime { limit })),
        }
    }
}

/// The path of a key.
fn path(key: &str) -> Result<Path, Problem> {
    Path::parse(key).map_err(|error| Problem::Unreadable(format!("an object can't have this name: {error}")))
}

fn silent() -> Problem {
    Problem::Server(ServerProblem::Silent { seconds: SILENCE.as_secs(), attempts: 1 })
}

/// Whether requests go by a proxy.
#[derive(Clone, Copy)]
enum ByProxy<'a> {
    /// By none: what goes to this machine by `http://` would be read there.
    Never,
    /// By this one, else by that of the environment.
    Of(Option<&'a Secret>),
}

fn client(proxy: ByProxy<'_>, certificates: Option<&[u8]>) -> object_store::Result<ClientOptions> {
    // The time limit of the library is one of a whole download.
    let mut client = ClientOptions::new().with_timeout_disabled().with_connect_timeout(CONNECT_TIMEOUT);
    client = match proxy {
        // The library takes the environment's proxy unless it has another one: this one is never used.
        ByProxy::Never => client.with_proxy_url("http://127.0.0.1:9").with_proxy_excludes("localhost,127.0.0.0/8,::1"),
        ByProxy::Of(None) => client,
        ByProxy::Of(Some(proxy)) => {
            let excluded = ["NO_PROXY", "no_proxy"].iter().find_map(|name| std::env::var(name).ok());
            let client = client.with_proxy_url(String::from_utf8_lossy(proxy.reveal()));
            excluded.into_iter().fold(client, ClientOptions::with_proxy_excludes)
        }
    };
    let Some(pem) = certificates else { return Ok(client) };
    let certificates = Certificate::from_pem_bundle(pem)?;
    if certificates.is_empty() {
        let source = "there is no certificate in the workspace's `certificates`".into();
        return Err(Error::Generic { store: "certificates", source });
    }
    Ok(certificates.into_iter().fold(client, ClientOptions::with_root_certificate))
}

fn bucket(
    address: &StoreAddress,
    credentials: &Credentials,
    client: ClientOptions,
) -> object_store::Result<Arc<dyn ObjectStore>> {
    let retry = RetryConfig { max_retries: RETRIES, retry_timeout: RETRY_TIMEOUT, ..RetryConfig::default() };
    let bucket = &address.bucket;
    Ok(match address.provider {
        StoreProvider::S3 => {
            let builder = AmazonS3Builder::new().with_bucket_name(bucket).with_client_options(client).with_retry(retry);
            let set = |builder: AmazonS3Builder, (option, value): (&str, String)| {
                Ok::<_, Error>(builder.with_config(option.parse()?, value))
            };
            Arc::new(credentials.options().try_fold(builder, set)?.build()?)
        }
        StoreProvider::Google => {
            let builder = GoogleCloudStorageBuilder::new().with_bucket_name(bucket);
            let builder = builder.with_client_options(client).with_retry(retry);
            let set = |builder: GoogleCloudStorageBuilder, (option, value): (&str, String)| {
                Ok::<_, Error>(builder.with_config(option.parse::<GoogleConfigKey>()?, value))
            };
            Arc::new(credentials.options().try_fold(builder, set)?.build()?)
        }
        StoreProvider::Azure => {
            let builder = MicrosoftAzureBuilder::new().with_container_name(bucket);
            let builder = builder.with_client_options(client).with_retry(retry);
            let set = |builder: MicrosoftAzureBuilder, (option, value): (&str, String)| {
                Ok::<_, Error>(builder.with_config(option.parse::<AzureConfigKey>()?, value))
            };
            Arc::new(credentials.options().try_fold(builder, set)?.build()?)
        }
    })
}
