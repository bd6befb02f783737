//! Accounts that install the app, and those that take that back.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    Queue,
    error::QueueError,
    grants::{GrantName, Kind},
};
use crate::{
    ghl::{Grant, GrantState, Issued},
    job::Tenant,
};

impl Queue {
    /// Keeps what an app was given as somebody connected an account, to be renewed `ahead` of its end. Returns whose it is; `None` if the API did not
    /// say. The locations that were approved together with a company get their tokens from the company's.
    pub async fn connected(
        &self,
        app: &str,
        issued: &Issued,
        ahead: Duration,
    ) -> Result<Option<GrantName>, QueueError> {
        let (kind, id) = match (&issued.location, &issued.company) {
            (Some(location), _) => (Kind::Location, location.as_str()),
            (None, Some(company)) => (Kind::Company, company.as_str()),
            (None, None) => return Ok(None),
        };
        let name = GrantName::new(kind, app, id);
        let now = self.now().await?;
        let grant = Grant::awaited(issued.company.clone(), now).renewed(issued, now);
        let due = grant.life.map(|life| life.due_ms(ahead, rand::random()));
        // Without a refresh token it is the company's grant that gives the next one.
        self.change_grant(&name, |_| Some((grant.clone(), due)))
            .await?;
        if kind == Kind::Company {
            for location in &issued.approved {
                self.installed(app, issued.company.as_deref(), location)
                    .await?;
            }
        }
        Ok(Some(name))
    }

    /// A location has installed the app, as the API says: it gets a token from its company's grant, if it has none of its own. Where no company has
    /// a grant, its tokens come with the browser of whoever installs it. Returns whether one is made.
    pub async fn installed(
        &self,
        app: &str,
        company: Option<&str>,
        location: &Tenant,
    ) -> Result<bool, QueueError> {
        let Some(company) = self.granting_company(app, company).await? else {
            return Ok(false);
        };
        let name = GrantName::new(Kind::Location, app, location.as_str());
        let now = self.now().await?;
        self.change_grant(&name, |stored| {
            let stands = stored.is_some_and(|grant| grant.state == GrantState::Active);
            (!stands).then(|| (Grant::awaited(Some(company.clone()), now), Some(now)))
        })
        .await
    }

    /// The company, or the only one that there is, if it has tokens to make others with.
    async fn granting_company(
        &self,
        app: &str,
        company: Option<&str>,
    ) -> Result<Option<String>, QueueError> {
        let name = match company {
            Some(company) => GrantName::new(Kind::Company, app, company),
            None => match <[GrantName; 1]>::try_from(self.companies(app).await?) {
                Ok([only]) => only,
                Err(_) => return Ok(None),
            },
        };
        let granted = self.grant(&name).await?;
        let gives = granted.is_some_and(|stored| !stored.grant.tokens.is_empty());
        Ok(gives.then(|| name.id().to_owned()))
    }

    /// A location has uninstalled the app, or, if none is named, a company for all of its locations: their tokens are thrown away, and who is connected
    /// again has to be allowed to write again. Who was connected after `at` stays so: it was installed again since, and this comes late. Returns how
    /// many grants were taken back.
    pub async fn uninstalled(
        &self,
        app: &str,
        company: Option<&str>,
        location: Option<&Tenant>,
        at: Option<Timestamp>,
    ) -> Result<usize, QueueError> {
        let named = match (location, company) {
            (Some(location), _) => GrantName::new(Kind::Location, app, location.as_str()),
            (None, Some(company)) => GrantName::new(Kind::Company, app, company),
            (None, None) => return Ok(0),
        };
        if self.is_newer(&named, at).await? {
            return Ok(0);
        }
        let taken_back = match named.kind() {
            Kind::Company => self.grants_under(&named).await?,
            _ => vec![named],
        };
        let mut taken = 0;
        for name in taken_back {
            if !self.is_newer(&name, at).await? {
                taken += usize::from(self.revoke_grant(&name).await?);
            }
        }
        Ok(taken)
    }

    /// Whether it was connected after this moment.
    async fn is_newer(&self, name: &GrantName, at: Option<Timestamp>) -> Result<bool, QueueError> {
        let Some(at) = at else {
            return Ok(false);
        };
        let stored = self.grant(name).await?;
        let since_ms = stored.map_or(0, |stored| stored.grant.since_ms);
        Ok(i64::try_from(since_ms).is_ok_and(|since_ms| since_ms > at.as_millisecond()))
    }

    /// Throws a grant's tokens away. Returns whether there was one.
    pub async fn revoke_grant(&self, name: &GrantName) -> Result<bool, QueueError> {
        let revoked = self
            .change_grant(name, |stored| {
                let stored = stored.filter(|grant| grant.state != GrantState::Revoked)?;
                Some((stored.in_state(GrantState::Revoked), None))
            })
            .await?;
        if revoked && self.writes_of(name.id()).await? == Some(true) {
            self.allow_writes(name.id(), None).await?;
        }
        Ok(revoked)
    }

    /// A company's own grant, and those of its locations.
    async fn grants_under(&self, company: &GrantName) -> Result<Vec<GrantName>, QueueError> {
        let listed = self.list_grants().await?.into_iter();
        let under = listed.filter(|listed| {
            let is_its = listed.company.as_deref() == Some(company.id()) || listed.name == *company;
            listed.name.app() == company.app() && is_its
        });
        Ok(under.map(|listed| listed.name).collect())
    }
}
