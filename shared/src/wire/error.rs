//! What a call comes to when it is not a plain success.

use std::time::Duration;

use super::message;
use crate::job::ContactId;

/// Why a call has no answer of use. Messages are redacted and short.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Refused for good: it would be refused again.
    #[error("refused with {status}: {message}")]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// The API's words.
        message: String,
    },
    /// The contact that the request names does not exist.
    #[error("contact not found ({status}): {message}")]
    ContactNotFound {
        /// The HTTP status.
        status: u16,
        /// The API's words.
        message: String,
    },
    /// What the request names beside the contact does not exist: its task or note, a campaign, a workflow.
    #[error("{what} not found ({status}): {message}")]
    PartNotFound {
        /// What the API calls it.
        what: &'static str,
        /// The HTTP status.
        status: u16,
        /// The API's words.
        message: String,
    },
    /// The contact exists already: a success, with that id.
    #[error("the contact exists already")]
    DuplicateContact {
        /// The id of the existing contact.
        contact_id: ContactId,
    },
    /// Too many calls: nothing happened.
    #[error("too many calls")]
    Throttled {
        /// What `Retry-After` asked for, else the interval that the headers give; an hour at most.
        retry_after: Option<Duration>,
    },
    /// The token may not do this: nothing happened.
    #[error("not authorised ({status}): {message}")]
    Unauthorized {
        /// The HTTP status.
        status: u16,
        /// The API's words.
        message: String,
        /// Whether a fresh token of the same grant would be refused too.
        permanent: bool,
    },
    /// The account has nothing left to pay for it with: nothing happened.
    #[error("the account is used up ({status}): {message}")]
    Depleted {
        /// The HTTP status.
        status: u16,
        /// The API's words.
        message: String,
    },
    /// The API, or something before it, failed or answered beside the point. It may or may not have
    /// taken effect.
    #[error("the server failed with {status}: {message}")]
    ServerError {
        /// The HTTP status.
        status: u16,
        /// The API's words.
        message: String,
        /// What `Retry-After` asked for, an hour at most.
        retry_after: Option<Duration>,
    },
    /// A success whose body cannot be understood: it has probably taken effect.
    #[error("success ({status}) that cannot be read: {message}")]
    Unreadable {
        /// The HTTP status.
        status: u16,
        /// What is wrong with the body.
        message: String,
    },
    /// A success with a longer body than is read: it has probably taken effect, and would be as long the next time.
    #[error("success ({status}) with a body that is too long to be read")]
    TooLong {
        /// The HTTP status.
        status: u16,
    },
    /// No answer: it may or may not have taken effect, or may still do so.
    #[error("no answer: {message}")]
    Unanswered {
        /// What happened to the connection.
        message: String,
    },
    /// Provably nothing was written.
    #[error("not sent: {message}")]
    NotSent {
        /// What stood in the way.
        message: String,
    },
}

impl CallError {
    /// Whether the call may have taken effect all the same.
    pub fn may_have_taken_effect(&self) -> bool {
        matches!(
            self,
            Self::Unanswered { .. }
                | Self::ServerError { .. }
                | Self::Unreadable { .. }
                | Self::TooLong { .. }
        )
    }

    /// Whether the call may still take effect, though this has come: the answer of somebody who stands before the API, and has waited in vain or lost
    /// its connection, or a success that the API itself never says. Its own refusals and failures are believed.
    pub fn may_still_take_effect(&self) -> bool {
        match self {
            Self::ServerError { status, .. } => !matches!(status, 500 | 503),
            Self::Unreadable { .. } | Self::TooLong { .. } => true,
            _ => false,
        }
    }

    /// The same, without what the request said: an API may repeat it, and these words go into logs and tables.
    pub(crate) fn without(mut self, texts: &[&str]) -> Self {
        if let Self::Rejected { message, .. }
        | Self::ContactNotFound { message, .. }
        | Self::PartNotFound { message, .. }
        | Self::Unauthorized { message, .. }
        | Self::Depleted { message, .. }
        | Self::ServerError { message, .. } = &mut self
        {
            *message = texts.iter().fold(std::mem::take(message), |message, text| {
                message::without(&message, text)
            });
        }
        self
    }

    /// The HTTP status, where there was one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Rejected { status, .. }
            | Self::ContactNotFound { status, .. }
            | Self::PartNotFound { status, .. }
            | Self::Unauthorized { status, .. }
            | Self::Depleted { status, .. }
            | Self::ServerError { status, .. }
            | Self::Unreadable { status, .. }
            | Self::TooLong { status } => Some(*status),
            Self::Throttled { .. } => Some(429),
            Self::DuplicateContact { .. } => Some(400),
            Self::Unanswered { .. } | Self::NotSent { .. } => None,
        }
    }
}
