//! One grant's renewal: what is tried, and what each failure means.

use std::time::Duration;

use penstock_shared::{
    ghl::{Grant, GrantState, Issued, TokenError, UserType, fingerprint},
    job::Tenant,
    queue::{
        error::QueueError,
        grants::{Expect, GrantName, Kind, Put, Stored},
        refresher::Fence,
    },
};
use secrecy::SecretString;

use super::{RENEWALS, Refresher};
use crate::{failpoint, patience::Patience};

/// A token that was spent and whose answer was lost, once more, and what somebody else has stored meanwhile.
const TRIES: usize = 3;
/// When it is tried again, up to twice as long, after the token endpoint has failed.
const AGAIN: Duration = Duration::from_secs(5);
/// The same after it has refused the app: somebody has to mend the settings.
const SELDOM: Duration = Duration::from_secs(60);
/// How soon a location is looked at again for which its company's token is renewed first.
const SOON: Duration = Duration::from_secs(1);
/// A company's token that is younger was not refused for its age.
const YOUNG_MS: u64 = 30_000;

impl Refresher {
    /// Renews a grant whose moment has come.
    pub(super) async fn renew(&self, name: &GrantName, fence: Fence) -> Result<(), QueueError> {
        let stored = match self.queue.grant(name).await {
            Ok(Some(stored)) => stored,
            Ok(None) => return Ok(()),
            // Another worker may have the key.
            Err(error) => {
                self.queue.postpone_grant(name, SELDOM).await?;
                return Err(error);
            }
        };
        match (name.kind(), &stored.grant.refresh) {
            (Kind::Location | Kind::Company, Some(_)) => self.refresh(name, stored, fence).await,
            (Kind::Location, None) => self.mint(name, &stored, fence).await,
            (Kind::Company, None) => {
                let why = "the API gave no refresh token";
                self.give_up(name, &stored, fence, why).await
            }
            // It does not end, and is not renewed.
            (Kind::Private, _) => Ok(()),
        }
    }

    async fn refresh(
        &self,
        name: &GrantName,
        mut stored: Stored,
        fence: Fence,
    ) -> Result<(), QueueError> {
        let mut lost = false;
        for _ in 0..TRIES {
            let Some(refresh) = stored.grant.refresh.clone() else {
                break;
            };
            if let Some(wait) = self.permit(name).await? {
                return self.queue.postpone_grant(name, wait).await;
            }
            let error = match self.oauth.refresh(&refresh, user_type(name)).await {
                Ok(issued) => {
                    failpoint::pass("after-renewal");
                    let expect = Expect::Spent(fingerprint(&refresh));
                    return self.keep(name, &stored.grant, issued, expect).await;
                }
                Err(error) => error,
            };
            if matches!(error, TokenError::Refused { .. }) {
                match self.overtaken(name, &refresh).await? {
                    Some(Stored { grant, .. }) if self.is_fresh(&grant).await? => return Ok(()),
                    Some(newer) => stored = newer,
                    None => return self.refused(name, &stored, fence, &error, lost).await,
                }
            } else if error.may_have_rotated() && !lost {
                // It may be spent; if it is not, it is good once more.
                tracing::warn!(grant = %name, %error, "the answer to a refresh token was lost: it is tried once more");
                lost = true;
            } else {
                return self.later(name, &error).await;
            }
        }
        self.queue.postpone_grant(name, AGAIN).await
    }

    /// What is stored by now, if that has another refresh token than the one that was refused.
    async fn overtaken(
        &self,
        name: &GrantName,
        refused: &SecretString,
    ) -> Result<Option<Stored>, QueueError> {
        let stored = self.queue.grant(name).await?;
        let newer = |stored: &Stored| {
            let refresh = stored.grant.refresh.as_ref().map(fingerprint);
            refresh != Some(fingerprint(refused))
        };
        Ok(stored.filter(newer))
    }

    /// Whether there is nothing to be renewed of it (any more).
    async fn is_fresh(&self, grant: &Grant) -> Result<bool, QueueError> {
        let now = self.queue.now().await?;
        let is_young = grant
            .life
            .is_some_and(|life| life.due_ms(self.ahead, 1.0) > now);
        Ok(is_young || grant.state == GrantState::Revoked)
    }

    /// A refresh token is not good any more: a location's company may still give it a token.
    async fn refused(
        &self,
        name: &GrantName,
        stored: &Stored,
        fence: Fence,
        error: &TokenError,
        lost: bool,
    ) -> Result<(), QueueError> {
        let without = Stored {
            version: stored.version,
            grant: Grant {
                refresh: None,
                ..stored.grant.clone()
            },
        };
        let company = self.company_of(name, &stored.grant).await?;
        if company.is_some_and(|(_, granted)| !granted.tokens.is_empty()) {
            return self.mint(name, &without, fence).await;
        }
        let why = if lost {
            format!(
                "the answer to its refresh token was lost, and with it the next one: a second try was {error}"
            )
        } else {
            format!("its refresh token was {error}")
        };
        self.give_up(name, stored, fence, &why).await
    }

    /// What the company has granted that a location belongs to, if it has.
    async fn company_of(
        &self,
        name: &GrantName,
        grant: &Grant,
    ) -> Result<Option<(GrantName, Grant)>, QueueError> {
        let (Kind::Location, Some(company)) = (name.kind(), &grant.company) else {
            return Ok(None);
        };
        let company = GrantName::new(Kind::Company, name.app(), company);
        let granted = self.queue.grant(&company).await?;
        Ok(granted.map(|stored| (company, stored.grant)))
    }

    /// Makes a location's token with its company's.
    async fn mint(
        &self,
        name: &GrantName,
        stored: &Stored,
        fence: Fence,
    ) -> Result<(), QueueError> {
        let Some((company, granted)) = self.company_of(name, &stored.grant).await? else {
            let why = "it has no refresh token, and no company is known that has installed the app";
            return self.give_up(name, stored, fence, why).await;
        };
        let (Some(token), Ok(location)) = (granted.tokens.first(), name.id().parse::<Tenant>())
        else {
            let why = "its company has uninstalled the app";
            return self.give_up(name, stored, fence, why).await;
        };
        let minted = self.oauth.location_token(token, company.id(), &location);
        match minted.await {
            Ok(issued) => {
                failpoint::pass("after-renewal");
                let mut before = stored.grant.clone();
                before.company = Some(company.id().to_owned());
                let expect = Expect::Version(stored.version);
                self.keep(name, &before, issued, expect).await
            }
            Err(TokenError::Refused { status: 401, .. })
                if granted.state == GrantState::Active && self.is_old(&granted).await? =>
            {
                self.queue.hasten_grant(&company, &granted.stamp()).await?;
                self.queue.postpone_grant(name, SOON).await
            }
            Err(error @ TokenError::Refused { .. }) => {
                let why = format!("its company's token gives none: {error}");
                self.give_up(name, stored, fence, &why).await
            }
            Err(error) => self.later(name, &error).await,
        }
    }

    async fn is_old(&self, grant: &Grant) -> Result<bool, QueueError> {
        let now = self.queue.now().await?;
        let issued = grant.life.map_or(0, |life| life.issued_ms);
        Ok(issued + YOUNG_MS < now)
    }

    /// A call about a location's tokens is counted as one of that location's: whether the API does is not documented.
    async fn permit(&self, name: &GrantName) -> Result<Option<Duration>, QueueError> {
        match name.kind() {
            Kind::Location => self.queue.take_permit(name.id()).await,
            _ => Ok(None),
        }
    }

    /// Stores what has come, however long that takes: nobody else has it.
    async fn keep(
        &self,
        name: &GrantName,
        before: &Grant,
        issued: Issued,
        expect: Expect,
    ) -> Result<(), QueueError> {
        let mut patience = Patience::new("store a token");
        loop {
            match self.store(name, before, &issued, &expect).await {
                Ok(Put::Stored) => {
                    let life_s = issued.life.as_secs();
                    count("renewed");
                    tracing::info!(grant = %name, life_s, "a token was renewed");
                    return Ok(());
                }
                Ok(_) => {
                    tracing::warn!(grant = %name, "a token was renewed, and another was stored meanwhile: that one counts");
                    return Ok(());
                }
                Err(error) if error.is_transient() => patience.failed(&error).await,
                Err(error) => return Err(error),
            }
        }
    }

    async fn store(
        &self,
        name: &GrantName,
        before: &Grant,
        issued: &Issued,
        expect: &Expect,
    ) -> Result<Put, QueueError> {
        let grant = before.renewed(issued, self.queue.now().await?);
        let due = grant
            .life
            .map(|life| life.due_ms(self.ahead, rand::random()));
        self.queue.put_grant(name, &grant, expect, due, None).await
    }

    /// The token endpoint cannot be asked now.
    async fn later(&self, name: &GrantName, error: &TokenError) -> Result<(), QueueError> {
        let wait = match error {
            TokenError::Throttled { retry_after } => retry_after.unwrap_or(AGAIN).max(SOON),
            TokenError::AppRefused { .. } => SELDOM,
            _ => AGAIN.mul_f64(rand::random_range(1.0..2.0)),
        };
        count("postponed");
        tracing::warn!(grant = %name, %error, again_in = ?wait, "a token is not renewed");
        self.queue.postpone_grant(name, wait).await
    }

    /// Nothing helps but a person.
    async fn give_up(
        &self,
        name: &GrantName,
        stored: &Stored,
        fence: Fence,
        why: &str,
    ) -> Result<(), QueueError> {
        let grant = stored.grant.in_state(GrantState::NeedsAuthorisation);
        let expect = Expect::Version(stored.version);
        let put = self
            .queue
            .put_grant(name, &grant, &expect, None, Some(fence));
        if put.await? == Put::Stored {
            count("needs-authorisation");
            tracing::error!(grant = %name, why, "the grant needs a new authorisation: connect the account again at /oauth/install of penstock-producer serve; its jobs wait as soon as its last token has ended");
        }
        Ok(())
    }
}

fn count(end: &'static str) {
    metrics::counter!(RENEWALS, "end" => end).increment(1);
}

fn user_type(name: &GrantName) -> UserType {
    match name.kind() {
        Kind::Company => UserType::Company,
        Kind::Location | Kind::Private => UserType::Location,
    }
}
