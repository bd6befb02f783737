//! The way to an API, whichever it is: a request is sent once, and what comes back is read within bounds. What it means, each API's own client says.

mod client;
mod error;
mod limiter;
pub(crate) mod message;
pub(crate) mod rate;
mod reply;
mod response;

pub(crate) use self::{
    client::{Arrived, JSON},
    response::{End, Response},
};
pub use self::{
    client::{ClientError, WireClient},
    error::CallError,
    limiter::{Limiter, NotUntil, Passage},
    reply::Reply,
};
