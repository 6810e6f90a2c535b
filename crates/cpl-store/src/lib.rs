//! Object stores: S3, Google Cloud Storage, Azure Blob Storage. Objects are found by their keys, and read as files are.
//!
//! It knows nothing of pipelines: what says who asks is whole when it comes here, and is shown nowhere. Nothing is looked
//! for on the machine by the libraries, and no metadata server of a cloud is asked who this machine is.

mod access;
mod object;
mod problem;
mod store;

pub use access::{Access, Missing};
pub use object::{Object, ObjectBytes};
pub use store::{Limits, Store};
