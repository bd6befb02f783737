//! What there is, as far as it can be told without a key.

use super::{
    GrantName, Kind, Queue, QueueError,
    record::{field, state_of},
};
use crate::{ghl::GrantState, queue::score_ms};

/// What can be told of a grant without opening it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Whose it is.
    pub name: GrantName,
    /// How it stands.
    pub state: GrantState,
    /// The fingerprints of its tokens.
    pub stamp: String,
    /// What they may do.
    pub scopes: String,
    /// The company of a location.
    pub company: Option<String>,
    /// When they end.
    pub expires_ms: Option<u64>,
    /// When they are to be renewed.
    pub due_ms: Option<u64>,
    /// How often it was written.
    pub version: u64,
}

/// So many are listed at a time.
const PAGE: isize = 200;

impl Queue {
    /// Every grant, as far as it can be told without a key.
    pub async fn list_grants(&self) -> Result<Vec<Listed>, QueueError> {
        let (mut listed, mut from) = (Vec::new(), 0);
        loop {
            let mut page = redis::cmd("ZRANGE");
            page.arg(self.keys(0).grants())
                .arg(from)
                .arg(from + PAGE - 1);
            let page: Vec<(String, f64)> = self.connection().run(page.arg("WITHSCORES")).await?;
            if page.is_empty() {
                return Ok(listed);
            }
            from += PAGE;
            listed.extend(self.describe(&page).await?);
        }
    }

    async fn describe(&self, page: &[(String, f64)]) -> Result<Vec<Listed>, QueueError> {
        let mut read = redis::pipe();
        for (name, _) in page {
            let key = self.keys(0).grant(name);
            let shown = [field::VERSION, field::STATE, field::STAMP, field::SCOPES];
            read.cmd("HMGET").arg(key).arg(&shown);
            read.arg(field::COMPANY).arg(field::EXPIRES);
        }
        let found: Vec<[Option<String>; 6]> = self.connection().run_all(&read).await?;
        let listed = page.iter().zip(found).filter_map(|((name, due), found)| {
            let [version, state, stamp, scopes, company, expires] = found;
            Some(Listed {
                name: GrantName::parse(name)?,
                state: state_of(state.as_deref())?,
                stamp: stamp.unwrap_or_default(),
                scopes: scopes.unwrap_or_default(),
                company: company.filter(|company| !company.is_empty()),
                expires_ms: expires.and_then(|expires| expires.parse().ok()),
                due_ms: due.is_finite().then(|| score_ms(*due)),
                version: version?.parse().ok()?,
            })
        });
        Ok(listed.collect())
    }

    /// The companies that have installed the app, but for those that have taken that back.
    pub async fn companies(&self, app: &str) -> Result<Vec<GrantName>, QueueError> {
        let listed = self.list_grants().await?.into_iter();
        let wanted = listed.filter(|listed| {
            listed.name.kind() == Kind::Company
                && listed.name.app() == app
                && listed.state != GrantState::Revoked
        });
        Ok(wanted.map(|listed| listed.name).collect())
    }
}
