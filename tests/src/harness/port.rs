//! Ports that stay free while a server is down.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;

/// A free loopback port below the range from which systems take the ports of outgoing connections: a server that is
/// killed and restarted finds its port again, and nobody connects to himself in the meantime.
///
/// # Panics
/// When none is found.
pub fn free_port() -> u16 {
    let address = free_listener().local_addr();
    address.expect("a listener has an address").port()
}

/// The same, taken: nobody else finds it free in the meantime.
pub(super) fn free_listener() -> TcpListener {
    // One that was given to another test, which is about to listen, is not free.
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let is_new = |port: &u16| GIVEN.lock().is_ok_and(|mut given| given.insert(*port));
    (0..1_000)
        .map(|_| rand::random_range(10_240..32_000))
        .filter(is_new)
        .find_map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok())
        .expect("of a thousand random loopback ports one is free")
}
