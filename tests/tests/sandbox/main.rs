//! The sandbox, over real connections.

mod access;
mod api;
mod client;
mod control;
mod faults;
mod oauth;
mod official;
mod program;
mod quota;
mod search;
mod ties;
