//! Redis as it is run: behind Sentinels, as a cluster that loses a primary or moves a slot, over TLS, with users of few rights, nearly full.

mod acl;
mod cluster;
mod durability;
mod lagging;
mod memory;
mod sentinel;
mod silent;
mod stage;
mod tls;
