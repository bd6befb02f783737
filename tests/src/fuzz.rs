//! Hostile input for whatever reads what others wrote: targets, the corpus of each, and a loop that changes inputs and keeps what leads
//! somewhere new.
//!
//! The loop needs neither instrumentation nor another toolchain: a target says what it made of an input (which faults, which kind of
//! answer), and an input of which something new is said is kept and changed further.

mod arguments;
mod corpus;
mod mutator;
mod session;
pub mod target;

pub use self::{
    arguments::{Arguments, main},
    corpus::seeds,
    session::{Limit, Report, run},
};
