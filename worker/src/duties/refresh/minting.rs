//! A location's token that is made with its company's: what is tried, and what each failure means.

use std::time::Duration;

use penstock_shared::{
    ghl::{Grant, GrantState, TokenError},
    job::Tenant,
    queue::{
        error::QueueError,
        grants::{Expect, GrantName, Kind, Put, Stored},
        refresher::Fence,
    },
    span::millis,
};

use super::{
    Refresher,
    renewal::{AGAIN, SOON, count},
};
use crate::failpoint;

/// A company's token that is younger was not refused for its age.
const YOUNG_MS: u64 = 30_000;
/// When a location is looked at again, up to twice as long, whose company has to be connected anew. As soon as that is done it is due anyway.
const COMPANY_AWAY: Duration = Duration::from_secs(300);

impl Refresher {
    /// Makes a location's token with its company's.
    pub(super) async fn mint(
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
        let now = self.queue.now().await?;
        let is_active = granted.state == GrantState::Active;
        if granted.life.is_some_and(|life| life.expires_ms <= now) {
            if !is_active {
                return self.await_company(name, stored, &company, fence).await;
            }
            // It is due by itself, and does not come sooner for being asked.
            return self.postpone(name, AGAIN).await;
        }
        let passage = match self.pass(&company).await? {
            Ok(passage) => passage,
            Err(wait) => return self.queue.postpone_grant(name, wait).await,
        };
        let minted = self
            .oauth
            .location_token(passage, token, company.id(), &location);
        let error = match minted.await {
            Ok(issued) => {
                failpoint::pass("after-renewal");
                let mut before = stored.grant.clone();
                before.company = Some(company.id().to_owned());
                let expect = Expect::Version(stored.version);
                return self.keep(name, &before, issued, expect).await;
            }
            Err(error) => error,
        };
        match error {
            // This call shows no app: it is the token that is not known.
            TokenError::Refused { .. } | TokenError::AppRefused { status: 401, .. }
                if !is_active =>
            {
                self.await_company(name, stored, &company, fence).await
            }
            TokenError::Refused { status: 401, .. }
            | TokenError::AppRefused { status: 401, .. }
                if is_old(&granted, now) =>
            {
                self.queue.hasten_grant(&company, &granted.stamp()).await?;
                self.queue.postpone_grant(name, SOON).await
            }
            error @ TokenError::Refused { .. } => {
                let why = format!("its company's token gives none: {error}");
                self.give_up(name, stored, fence, &why).await
            }
            error => self.later(name, &company, &error).await,
        }
    }

    /// What the company has granted that a location belongs to, if it has.
    pub(super) async fn company_of(
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

    /// It is its company that has to be connected anew: then the location goes on by itself, and until then its jobs need not wait for a token.
    async fn await_company(
        &self,
        name: &GrantName,
        stored: &Stored,
        company: &GrantName,
        fence: Fence,
    ) -> Result<(), QueueError> {
        if stored.grant.state == GrantState::NeedsAuthorisation {
            return self.postpone(name, COMPANY_AWAY).await;
        }
        let grant = stored.grant.in_state(GrantState::NeedsAuthorisation);
        let due = self.queue.now().await?.saturating_add(millis(COMPANY_AWAY));
        let expect = Expect::Version(stored.version);
        let put = self
            .queue
            .put_grant(name, &grant, &expect, Some(due), Some(fence));
        if put.await? == Put::Stored {
            count("needs-authorisation");
            tracing::error!(grant = %name, %company, "the location gets no token, since its company needs a new authorisation: connect the company again at /oauth/install of penstock-producer serve; the location goes on then");
        }
        Ok(())
    }
}

fn is_old(company: &Grant, now_ms: u64) -> bool {
    let issued = company.life.map_or(0, |life| life.issued_ms);
    issued + YOUNG_MS < now_ms
}
