//! The admin program, driven as an operator drives it, against a real Redis.

mod change;
mod export;
mod ghl;
mod govern;
mod look;
mod lost;
mod program;
mod repair;
mod why;
mod world;
