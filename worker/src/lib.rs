//! The worker: claims jobs, delivers them to the API under the shared quota, and settles what they came to.
//!
//! Read [`deliver`] first: one job's stages, in order. [`app`] wires the parts.

pub mod app;
pub mod assignment;
pub mod backend;
pub mod call;
pub mod clock;
mod conclusion;
pub mod contact;
mod creation;
pub mod deliver;
pub mod duties;
pub mod elsewhere;
pub mod event;
pub mod failpoint;
pub mod feed;
pub mod flows;
pub mod gate;
mod group;
pub mod health;
pub mod install;
pub mod journal;
pub mod likeness;
pub mod link;
pub mod look;
pub mod marker;
pub mod offset;
pub mod parent;
pub mod patience;
pub mod pull;
pub mod readback;
pub mod room;
pub mod settle;
pub mod settler;
#[cfg(test)]
mod simulation;
pub mod spread;
pub mod storm;
pub mod sweep;
pub mod sync;
pub mod tokens;
mod written;
