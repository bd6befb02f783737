//! The way to `SMSFactor` for one tenant.

use penstock_shared::smsfactor::{Answer, Request, SmsFactorClient};
use secrecy::SecretString;

use crate::gate::{Leaving, Stop, Turn};

/// A client, and what proves who calls.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way<'a> {
    pub(super) client: &'a SmsFactorClient,
    pub(super) token: &'a SecretString,
}

impl Way<'_> {
    /// Makes one call.
    pub(super) async fn send(self, turn: &mut Turn<'_>, request: &Request) -> Result<Answer, Stop> {
        let leaving = Leaving {
            is_read: request.is_read(),
            timeout: self.client.timeout(),
        };
        let leave = |passage| self.client.send(passage, self.token, request);
        let sent = turn.send(leaving, leave).await?;
        sent.answer.map_err(Stop::Call)
    }
}
