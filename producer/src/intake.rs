//! Untrusted input becomes valid jobs, or faults that name their place: lines of a file, and bodies of requests.

pub mod body;
pub mod lines;
