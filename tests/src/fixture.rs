//! What the tests of the queue are written in: jobs in one line, a bench on which only the test moves the clock, and the options of
//! benchmarks.

mod bench;
mod draft;
mod ending;
mod scenarios;

pub use bench::{Bench, START, ids};
pub use draft::{Draft, job};
pub use ending::{all_delivered, back, by_itself, dead, delivered, done, settlement};
pub use scenarios::Scenarios;
