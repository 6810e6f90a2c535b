//! Hosts that are this very machine.

use std::net::IpAddr;

/// Whether a host, as an address names it, is this machine, where nobody listens in: `localhost`, `127.0.0.1`, `[::1]`.
#[must_use]
pub fn is_this_machine(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}
