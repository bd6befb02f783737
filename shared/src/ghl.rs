//! The `GoHighLevel` API: requests, the client, and what its answers mean.
//!
//! Every call goes through [`GhlClient::send`], which takes a [`Passage`]: the proof that this
//! process' [`Limiter`] let the call pass. The permit of the shared ledger is the caller's to take
//! first.

mod classify;
mod client;
mod error;
mod grant;
mod limiter;
mod message;
mod oauth;
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
    grant::{Grant, GrantState, Life},
    limiter::{Limiter, NotUntil, Passage},
    oauth::{App, Issued, OAuthClient, TokenError, UserType},
    operation::Operation,
    request::{Filter, Lookup, OfBusiness, Page, Request, Search, TagChange},
    response::{Answer, BulkResult, Contact, Note, Task},
    tokens::{Bearer, Credentials, Known, Origin, fingerprint},
    walk::{Leg, Place, Walk, Which},
};
