//! The sandbox, the test harness and the load programs of Penstock.

pub mod contender;
pub mod demo;
pub mod fixture;
pub mod fuzz;
pub mod harness;
pub mod lab;
pub mod ready;
pub mod sandbox;
pub mod smore;
pub mod smsfactor;
pub mod stand;
