//! The laws under faults: real workers, a real Redis and the sandbox, killed, stopped and cut off from one another.

mod denied;
mod drain;
mod event;
mod killed;
mod lapse;
mod lease;
mod outage;
mod panic;
mod poison;
mod record;
mod reply;
mod rollout;
mod sequence;
mod stage;
mod start;
mod stopped;
