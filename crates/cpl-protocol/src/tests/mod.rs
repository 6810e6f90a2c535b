//! The protocol, as tables. Random histories of it are in `cpl-simulator`.

mod table;
mod together;
