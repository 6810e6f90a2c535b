//! The protocol, as tables. Random histories of it are in `cpl-simulator`.

mod states;
mod table;
mod together;
