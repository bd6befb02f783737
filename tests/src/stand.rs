//! What the stand-ins for the systems beside `GoHighLevel` have in common: a server, quotas, faults, a ledger of every call and
//! effect, and webhooks that are signed, sent, sent again and recorded.
//!
//! What a stand-in stands in for is an [`Api`]: its world, its operations, and how it refuses. As in the sandbox one lock holds
//! all, so that the ledger's order is the order in which calls were counted and took effect; quotas, faults and the ways of the
//! connection are the sandbox's own. It is for tests and demonstrations: it keeps all in memory, and whoever reaches its port
//! may steer it, under `/_sandbox`.

pub mod api;
mod call;
mod control;
mod courier;
mod deliveries;
mod desk;
pub mod draw;
pub mod hook;
pub mod ledger;
pub mod options;
pub mod program;
mod reply;
pub mod request;
mod running;
pub mod summary;

pub use api::{Answer, Api, Content, Input, Operation, Order, Refusal, Steered, Trouble, Visit};
pub use deliveries::{Attempt, Delivery, Fate};
pub use hook::{Hook, Hooks, Letter, Posting, Scheme, Seal};
pub use ledger::{Call, Change, Effect};
pub use options::Options;
pub use request::Request;
pub use running::{Running, StartError};
pub use summary::Summary;

pub(crate) use running::start;
