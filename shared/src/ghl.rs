//! The `GoHighLevel` API: requests, the client, and what its answers mean.
//!
//! Every call goes through [`GhlClient::send`], which takes a [`Passage`]: the proof that this
//! process' [`Limiter`] let the call pass. The permit of the shared ledger is the caller's to take
//! first.

mod classify;
mod client;
mod error;
mod limiter;
mod message;
#[cfg(test)]
mod official;
mod operation;
mod rate;
mod request;
mod response;
mod tokens;
mod walk;

pub use self::{
    client::{ClientError, GhlClient, Reply},
    error::CallError,
    limiter::{Limiter, NotUntil, Passage},
    operation::Operation,
    request::{Filter, Lookup, OfBusiness, Page, Request, Search, TagChange},
    response::{Answer, BulkResult, Contact, Note, Task},
    tokens::{Tokens, fingerprint},
    walk::{Leg, Place, Walk, Which},
};
