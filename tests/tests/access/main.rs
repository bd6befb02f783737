//! Who may call the API for a tenant, and with what: tokens of its own, OAuth, and their renewal.

mod check;
mod company;
mod connect;
mod install;
mod private;
mod renewal;
mod stage;
mod store;
mod writes;
