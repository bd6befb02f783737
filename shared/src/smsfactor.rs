//! The API of `SMSFactor`: what Penstock asks of it, and what its answers mean. An answer is judged by the `status` in its body, whatever HTTP says;
//! only one that was read may go without.

mod answer;
mod classify;
mod client;
mod poll;
mod request;
#[cfg(test)]
mod tests;
pub(crate) mod time;

pub use self::{
    answer::{Listed, MessageReply, Page, Receipt},
    client::SmsFactorClient,
    poll::{Polled, Row},
    request::{Infos, Message, Request, number},
};

/// A success: its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// What it says.
    pub body: serde_json::Value,
    /// Whether it is looked at by a person before it is sent: it is accepted all the same.
    pub moderated: bool,
}
