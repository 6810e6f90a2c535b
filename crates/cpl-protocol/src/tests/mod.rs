//! The protocol against a server that misbehaves, a process that ends at any moment, and time that passes.

mod simulator;
mod table;
mod together;
