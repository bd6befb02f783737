//! Accounts that install the app, and those that take that back.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    Queue,
    error::QueueError,
    grants::{GrantName, Kind, Listed},
};
use crate::{
    ghl::{Grant, GrantState, Issued},
    job::Tenant,
    span::millis,
};

/// Between two locations of a company whose tokens are made: half of the calls that it has by default.
const APART: Duration = Duration::from_millis(200);

impl Queue {
    /// Keeps what an app was given as somebody connected an account, to be renewed `ahead` of its end. Returns whose it is; `None` if the API did not
    /// say. The locations that were approved together with a company get their tokens from the company's, and so do those that need a new authorisation.
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
            self.connected_for(&name, &issued.approved).await?;
        }
        Ok(Some(name))
    }

    /// A company is connected for these locations, and for those of which it gave tokens before. They share its quota: one after another.
    async fn connected_for(
        &self,
        company: &GrantName,
        approved: &[Tenant],
    ) -> Result<(), QueueError> {
        let under = self.grants_under(company).await?;
        let mut due_ms = self.now().await?;
        for location in approved {
            if self.await_token(company, location, due_ms).await? {
                due_ms += millis(APART);
            }
        }
        let in_need = under.iter().filter(|listed| {
            listed.name.kind() == Kind::Location && listed.state == GrantState::NeedsAuthorisation
        });
        for listed in in_need {
            self.advance_grant(&listed.name, due_ms).await?;
            due_ms += millis(APART);
        }
        Ok(())
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
        let now = self.now().await?;
        self.await_token(&company, location, now).await
    }

    /// A location is to get a token from its company's by then, if it has none. Returns whether it is.
    async fn await_token(
        &self,
        company: &GrantName,
        location: &Tenant,
        due_ms: u64,
    ) -> Result<bool, QueueError> {
        let name = GrantName::new(Kind::Location, company.app(), location.as_str());
        let now = self.now().await?;
        self.change_grant(&name, |stored| {
            let stands = stored.is_some_and(|grant| grant.state == GrantState::Active);
            let awaited = || Grant::awaited(Some(company.id().to_owned()), now);
            (!stands).then(|| (awaited(), Some(due_ms)))
        })
        .await
    }

    /// The company, if it has tokens to make others with. Where none is named: the only one that there is, or that a person lets write. Anybody may
    /// connect a company, and must not be able to take the place of one that way, nor to be asked for others' locations.
    async fn granting_company(
        &self,
        app: &str,
        company: Option<&str>,
    ) -> Result<Option<GrantName>, QueueError> {
        let name = match company {
            Some(company) => GrantName::new(Kind::Company, app, company),
            None => match self.only_company(app).await? {
                Some(only) => only,
                None => return Ok(None),
            },
        };
        let granted = self.grant(&name).await?;
        let gives = granted.is_some_and(|stored| !stored.grant.tokens.is_empty());
        Ok(gives.then_some(name))
    }

    async fn only_company(&self, app: &str) -> Result<Option<GrantName>, QueueError> {
        let companies = self.companies(app).await?;
        if companies.len() < 2 {
            return Ok(companies.into_iter().next());
        }
        let writes = self.writes().await?;
        let vouched = companies
            .into_iter()
            .filter(|company| writes.get(company.id()) == Some(&true));
        let vouched = <[GrantName; 1]>::try_from(vouched.collect::<Vec<_>>());
        Ok(vouched.ok().map(|[only]| only))
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
            Kind::Company => {
                let under = self.grants_under(&named).await?.into_iter();
                under.map(|listed| listed.name).collect()
            }
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

    /// Throws a grant's tokens away, and forgets that its account was allowed to write. Returns whether there was one.
    pub async fn revoke_grant(&self, name: &GrantName) -> Result<bool, QueueError> {
        if self.grant(name).await?.is_none() {
            return Ok(false);
        }
        // First, and whether its tokens are still there or not: this may be what is left of a revocation that was broken off.
        if self.writes_of(name.id()).await? == Some(true) {
            self.allow_writes(name.id(), None).await?;
        }
        self.change_grant(name, |stored| {
            let stored = stored.filter(|grant| grant.state != GrantState::Revoked)?;
            Some((stored.in_state(GrantState::Revoked), None))
        })
        .await
    }

    /// A company's own grant, and those of its locations.
    async fn grants_under(&self, company: &GrantName) -> Result<Vec<Listed>, QueueError> {
        let listed = self.list_grants().await?.into_iter();
        let under = listed.filter(|listed| {
            let is_its = listed.company.as_deref() == Some(company.id()) || listed.name == *company;
            listed.name.app() == company.app() && is_its
        });
        Ok(under.collect())
    }
}
