//! What a worker does beside delivering: one loop a file.

pub mod forget;
pub mod late_effect;
pub mod lateness;
pub mod reauthorise;
pub mod register;
pub mod renew;
pub mod unlearn;
