//! Addresses of objects in stores: `s3://bucket/folder/file.csv`.

/// Whose store it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StoreProvider {
    /// Amazon S3, and what speaks its protocol: `s3://`.
    S3,
    /// Google Cloud Storage: `gs://`.
    Google,
    /// Azure Blob Storage: `az://`.
    Azure,
}

/// Where objects stand in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreAddress {
    /// Whose store it is.
    pub provider: StoreProvider,
    /// The bucket, which Azure calls a container.
    pub bucket: String,
    /// The key of the object, or a pattern of keys.
    pub key: String,
}

impl StoreProvider {
    /// What an address begins with.
    #[must_use]
    pub fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Google => "gs",
            Self::Azure => "az",
        }
    }
}

impl StoreAddress {
    /// Whether a path is meant to be one.
    #[must_use]
    pub fn is_meant(path: &str) -> bool {
        ["s3://", "gs://", "az://"].iter().any(|scheme| path.starts_with(scheme))
    }

    /// Of a text such as `s3://bucket/folder/file.csv`; none where it lacks a bucket or a key.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let all = [StoreProvider::S3, StoreProvider::Google, StoreProvider::Azure];
        let provider = all.into_iter().find(|provider| provider.scheme() == scheme)?;
        let (bucket, key) = rest.split_once('/')?;
        // What stands in a host's place is no pattern, and names nobody's password.
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.' | '_');
        let is_whole = !bucket.is_empty() && bucket.chars().all(is_name) && !key.is_empty() && !key.ends_with('/');
        is_whole.then(|| Self { provider, bucket: bucket.to_owned(), key: key.to_owned() })
    }

    /// The address of another key in the same bucket.
    #[must_use]
    pub fn of_key(&self, key: &str) -> String {
        format!("{}://{}/{key}", self.provider.scheme(), self.bucket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_bucket_and_a_key() {
        let address = StoreAddress::of("gs://a-bucket/day=1/*.csv");
        let wanted = |provider, bucket: &str, key: &str| {
            Some(StoreAddress { provider, bucket: bucket.to_owned(), key: key.to_owned() })
        };
        assert_eq!(address, wanted(StoreProvider::Google, "a-bucket", "day=1/*.csv"));
        assert_eq!(address.map(|address| address.of_key("b")).as_deref(), Some("gs://a-bucket/b"));
        for none in
            ["s3://", "s3://bucket", "s3://bucket/", "s3:///key", "s3://*/key", "s3://me:pass@b/key", "ftp://b/k"]
        {
            assert_eq!(StoreAddress::of(none), None, "{none}");
        }
    }
}
