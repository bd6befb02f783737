//! What the tests of the queue are written in: jobs in one line, and a bench on which only the test moves the clock.

mod bench;
mod draft;
mod ending;

pub use bench::{Bench, START, ids};
pub use draft::{Draft, job};
pub use ending::{back, dead, delivered, done, settlement};
