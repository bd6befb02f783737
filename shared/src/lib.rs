//! What producer, worker and admin all speak: jobs, quotas, the queue on Redis, and the API.

pub mod event;
pub mod flow;
pub mod ghl;

pub mod job;
pub mod link;
pub mod outcome;
pub mod program;
pub mod quarantine;
pub mod queue;
pub mod quota;
pub mod retry;
pub mod seal;
pub mod settings;
pub mod span;
