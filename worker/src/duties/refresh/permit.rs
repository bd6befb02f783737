//! What calls about tokens pass: they count as calls of the account whose tokens they bring or show.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use penstock_shared::{
    ghl::{Limiter, Passage},
    job::state::LONGEST_HOLD,
    queue::{error::QueueError, grants::GrantName, reference::Lane},
    quota::Quota,
};
use tokio::time::Instant;

use super::Refresher;

/// What each call about tokens passes. Clones share what they know.
#[derive(Debug, Clone)]
pub struct Door {
    /// The lock on the door that needs no network: that of all calls of this process.
    limiter: Arc<Limiter>,
    /// The quotas of an account, burst and daily.
    quotas: (Quota, Quota),
    /// Until when accounts are not asked that had too many calls. One worker renews at a time: others need not know.
    held: Arc<Mutex<HashMap<String, Instant>>>,
}

impl Door {
    /// With the limiter of all calls of this process, and the quotas of an account, burst and daily.
    pub fn new(limiter: Arc<Limiter>, quotas: (Quota, Quota)) -> Self {
        Self {
            limiter,
            quotas,
            held: Arc::default(),
        }
    }

    /// The API wants fewer calls of this account. Returns for how long it is left alone.
    pub(super) fn hold(&self, account: &GrantName, retry_after: Option<Duration>) -> Duration {
        let wait = retry_after.unwrap_or_else(|| self.quotas.0.window());
        let wait = wait.min(LONGEST_HOLD);
        let until = Instant::now() + wait;
        self.held.lock().insert(account.id().to_owned(), until);
        wait
    }

    fn held(&self, account: &GrantName) -> Option<Duration> {
        let mut held = self.held.lock();
        let now = Instant::now();
        held.retain(|_, until| *until > now);
        held.get(account.id()).map(|until| *until - now)
    }

    fn pass(&self, account: &GrantName) -> Result<Passage, Duration> {
        let lane = Lane::ghl(account.id());
        let (burst, daily) = self.quotas;
        let passage = self.limiter.pass(lane.as_str(), burst, daily);
        passage.map_err(|refused| refused.wait)
    }
}

impl Refresher {
    /// Lets one call go that brings or shows tokens of this account, a location or a company; else it says how long to wait. It is counted as one of
    /// the account's, in the ledger that all share: whether the API counts it so is not documented.
    pub(super) async fn pass(
        &self,
        account: &GrantName,
    ) -> Result<Result<Passage, Duration>, QueueError> {
        if let Some(wait) = self.door.held(account) {
            return Ok(Err(wait));
        }
        if let Some(wait) = self
            .queue
            .take_permit(account.id(), self.door.quotas)
            .await?
        {
            return Ok(Err(wait));
        }
        Ok(self.door.pass(account))
    }
}

#[cfg(test)]
mod tests {
    use penstock_shared::queue::grants::Kind;

    use super::*;

    fn door(burst: &str) -> Door {
        let quotas = (burst.parse().unwrap(), "1000/1d".parse().unwrap());
        Door::new(Arc::default(), quotas)
    }

    #[test]
    fn an_account_passes_as_often_as_its_quota_says() {
        let door = door("2/10s");
        let company = GrantName::new(Kind::Company, "app", "co");
        assert!(door.pass(&company).is_ok() && door.pass(&company).is_ok());
        assert!(door.pass(&company).is_err());
        let other = GrantName::new(Kind::Location, "app", "loc");
        assert!(door.pass(&other).is_ok());
    }

    #[test]
    fn who_had_too_many_calls_is_left_alone_but_not_for_ever() {
        let door = door("2/10s");
        let company = GrantName::new(Kind::Company, "app", "co");
        assert_eq!(door.held(&company), None);
        assert_eq!(door.hold(&company, None), Duration::from_secs(10));
        assert!(door.held(&company).is_some());
        assert_eq!(door.hold(&company, Some(Duration::MAX)), LONGEST_HOLD);
        assert_eq!(door.hold(&company, Some(Duration::ZERO)), Duration::ZERO);
        assert_eq!(door.held(&company), None);
    }
}
