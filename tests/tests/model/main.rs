//! The queue on a real Redis, held against plain models over random histories with time as an input.
//!
//! `PENSTOCK_TEST_CASES` is how many histories each property is tried with (default: a few hundred). A history that failed is kept in
//! `proptest-regressions/` beside this file and tried first from then on.

mod cases;
mod check;
mod closed_loop;
mod contacts;
mod groups;
mod ledger;
mod operation;
mod permits;
mod plain;
mod queue;
mod running;
mod second_lock;
mod spec;
mod windows;
mod world;
