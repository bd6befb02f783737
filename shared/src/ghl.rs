//! The `GoHighLevel` API: requests, the client, and what its answers mean.
//!
//! Every call goes through [`GhlClient::send`], which takes a [`Passage`]: the proof that this
//! process' [`Limiter`] let the call pass. The permit of the shared ledger is the caller's to take
//! first.

mod classify;
mod client;
mod grant;
mod oauth;
#[cfg(test)]
mod official;
mod operation;
mod request;
mod response;
mod tokens;
mod walk;

pub use self::{
    client::{GhlClient, Reply},
    grant::{Grant, GrantState, Life},
    oauth::{App, Issued, OAuthClient, TokenError, UserType},
    operation::Operation,
    request::{Filter, Lookup, OfBusiness, Page, Request, Search, TagChange},
    response::{Answer, BulkResult, Contact, Note, Task},
    tokens::{Bearer, Credentials, Known, Origin, fingerprint},
    walk::{Leg, Place, Walk, Which},
};
pub use crate::wire::{CallError, ClientError, Limiter, NotUntil, Passage};
use crate::wire::{message, rate};
