//! A stand-in for the Smore API, and for the CRM that stands where Smore has no resource of its own.
//!
//! Smore knows forms and their responses, OAuth 2 with single-use refresh tokens, and webhooks for new responses. Its pages do not
//! tell all paths, so those are settings. It has no contacts, notes, tags or milestones: what a generic connector would talk to
//! instead is served beside it, under `/crm/v1`, as plain REST resources with webhooks of their own.
//!
//! | order | what happens |
//! |---|---|
//! | `POST forms {"id"?,"title"}` | a form |
//! | `POST responses {"formId","answers":[…],"customFields"?,"ending"?,"metadata"?}` | somebody answers a form |
//! | `POST revoke {"refresh"?}` | every access token has expired; with `refresh` every refresh token too |
//! | `POST profiles {"id"?,…}` | somebody makes a profile in the CRM, or with an id changes it |
//! | `POST tags {"profileId","add"?,"remove"?}` | somebody tags a profile |
//! | `POST notes {"profileId","body"}` | somebody writes a note about a profile |
//! | `POST hooks {"url","secret"?,"kind"?,"header"?,"scheme"?}` | a webhook of the CRM |

mod account;
mod answer;
mod crm;
mod forms;
mod hooks;
mod oauth;
mod options;
mod steer;
mod table;

pub use account::Account;
pub use options::{Options, Paths};

use crate::sandbox::Fault;
use crate::stand::{self, StartError};

/// A running stand-in for Smore.
pub type Running = stand::Running<Account>;

/// Starts stand-ins for Smore.
#[derive(Debug)]
pub struct Smore;

impl Smore {
    /// Starts one in this process, on the current runtime.
    pub async fn start(options: Options) -> Result<Running, StartError> {
        let quotas = [
            ("oauth", options.oauth),
            ("personal", options.personal),
            ("crm", options.crm),
        ];
        let stand = options.stand.clone();
        stand::start(Account::new(options), &quotas, stand).await
    }
}

/// Reads a fault of this stand-in.
pub fn fault(text: &str) -> Result<Fault, String> {
    stand::program::fault::<Account>(text)
}
