//! What is known while a file is checked: each part in a file of its own, with the methods that keep it right.

pub mod analysis;
pub mod connectors;
pub mod lets;
pub mod reporter;
pub mod size;
pub mod tables;
