//! A stand-in for the `SMSFactor` API.
//!
//! It sends campaigns (nowhere), keeps lists, the blacklist and the unassigned numbers, answers and refuses as the vendor's pages
//! describe, and sends webhooks: replies, STOP and delivery reports come when they are ordered ([`Running::steer`], or under
//! `/_sandbox`). What the pages leave open is a setting, or refused: a client that passes here relies on nothing unwritten.
//!
//! | order | what happens |
//! |---|---|
//! | `POST replies {"from","message"}` | the reply of a number; one that starts with STOP also blacklists it |
//! | `POST reports {"to" or "gsmsmsid","status"}` | a delivery report of the newest SMS to that number, or of that id |
//! | `POST lists {"id"?,"name","contacts":[{"value","info1"…}]}` | a list with these contacts, without a call |
//! | `POST account {"credits"}` | other credits |
//! | `GET messages` | every SMS that was sent, in order |
//! | `GET lists` | every list, with its contacts |
//! | `GET blacklist` | the numbers on the blacklist |

mod account;
mod answer;
mod body;
mod hooks;
mod lists;
mod number;
mod options;
mod paris;
mod register;
mod reports;
mod send;
mod sms;
mod steer;
mod table;
mod tokens;
mod xml;

pub use account::Account;
pub use options::Options;

use crate::sandbox::Fault;
use crate::stand::{self, StartError};

/// A running stand-in for `SMSFactor`.
pub type Running = stand::Running<Account>;

/// Starts stand-ins for `SMSFactor`.
#[derive(Debug)]
pub struct SmsFactor;

impl SmsFactor {
    /// Starts one in this process, on the current runtime.
    pub async fn start(options: Options) -> Result<Running, StartError> {
        let quota = [("burst", options.burst)];
        stand::start(Account::new(&options), &quota, options.stand).await
    }
}

/// Reads a fault of this stand-in.
pub fn fault(text: &str) -> Result<Fault, String> {
    stand::program::fault::<Account>(text)
}
