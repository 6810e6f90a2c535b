//! Object stores: S3, Google Cloud Storage, Azure Blob Storage. Objects are found by their keys, and read as files are.
//!
//! It knows nothing of pipelines: credentials are complete when they come here, and are shown nowhere. This
//! crate looks for nothing on the machine and requests no metadata server of a cloud; the engine's own client of Parquet does.

mod credentials;
mod object;
mod problem;
mod store;

pub use credentials::{CredentialProblem, Credentials};
pub use object::{Object, ObjectBytes};
pub use store::{Limits, Store};
