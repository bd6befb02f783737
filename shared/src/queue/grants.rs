//! What was granted, in the first shard: one hash a grant, with a version that whoever writes must have read. Its secrets are always sealed.

use std::{collections::HashMap, fmt, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::{Queue, error::QueueError, refresher::Fence};
use crate::{
    ghl::{Grant, GrantState, Life, fingerprint},
    span::millis,
};

/// Whose grant it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A location's, by OAuth.
    Location,
    /// A company's, by OAuth.
    Company,
    /// Private integration tokens of a tenant.
    Private,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Location, Self::Company, Self::Private];

    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Location => "location",
            Self::Company => "company",
            Self::Private => "private",
        }
    }
}

/// A grant's name: `<kind>/<app>/<id>`. None of these holds a slash.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GrantName {
    text: String,
    kind: Kind,
}

impl GrantName {
    /// The grant of this kind that an app has of an account; private tokens are no app's.
    pub fn new(kind: Kind, app: &str, id: &str) -> Self {
        Self {
            text: format!("{}/{app}/{id}", kind.as_str()),
            kind,
        }
    }

    /// `None` for what is no name.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let (kind, _app, _id) = (parts.next()?, parts.next()?, parts.next()?);
        let kind = Kind::ALL.into_iter().find(|known| known.as_str() == kind)?;
        parts.next().is_none().then(|| Self {
            text: text.to_owned(),
            kind,
        })
    }

    /// All of it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whose grant it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The app's client id; empty for private tokens.
    pub fn app(&self) -> &str {
        self.text.split('/').nth(1).unwrap_or_default()
    }

    /// The location's or the company's id, or the tenant.
    pub fn id(&self) -> &str {
        self.text.rsplit('/').next().unwrap_or_default()
    }
}

impl fmt::Display for GrantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A grant, and the version that it has.
#[derive(Debug, Clone)]
pub struct Stored {
    /// It goes up with each write.
    pub version: u64,
    /// The grant.
    pub grant: Grant,
}

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

/// What must still be so for a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// This version is there; 0: none.
    Version(u64),
    /// The grant whose refresh token was spent for what is written now. Only who has the answer to that has good tokens, so nothing else is asked.
    Spent(String),
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It is stored.
    Stored,
    /// Another one has written before.
    Overtaken,
    /// Another program is the refresher by now.
    Fenced,
}

/// What is secret of a grant, as it is sealed.
#[derive(Serialize, Deserialize)]
struct Secrets {
    tokens: Vec<String>,
    refresh: Option<String>,
}

#[derive(Serialize)]
struct GrantArguments<'a> {
    grant: &'a str,
    stored: String,
    index: String,
    access: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    turn: Option<&'a str>,
    by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fence: Option<u64>,
    due: i64,
    fields: HashMap<&'static str, String>,
}

#[derive(Serialize)]
struct HastenArguments<'a> {
    grant: &'a str,
    stored: String,
    index: String,
    stamp: &'a str,
}

mod field {
    pub(super) const SECRETS: &str = "secrets";
    pub(super) const STATE: &str = "state";
    pub(super) const STAMP: &str = "stamp";
    /// The fingerprint of the refresh token.
    pub(super) const TURN: &str = "turn";
    pub(super) const SCOPES: &str = "scopes";
    pub(super) const COMPANY: &str = "company";
    pub(super) const ISSUED: &str = "issued";
    pub(super) const EXPIRES: &str = "expires";
    pub(super) const VERSION: &str = "version";
}

/// How often a change is tried that others overtake.
const TRIES: usize = 8;
/// So many are listed at a time.
const PAGE: isize = 200;

impl Queue {
    /// A grant, if there is one. An error where it is sealed with a key that this program does not have.
    pub async fn grant(&self, name: &GrantName) -> Result<Option<Stored>, QueueError> {
        let mut read = redis::cmd("HGETALL");
        read.arg(self.keys(0).grant(name.as_str()));
        self.open_grant(name, self.connection().run(&read).await?)
    }

    /// Stores a grant, which is to be renewed at `due_ms`.
    pub async fn put_grant(
        &self,
        name: &GrantName,
        grant: &Grant,
        expect: &Expect,
        due_ms: Option<u64>,
        fence: Option<Fence>,
    ) -> Result<Put, QueueError> {
        let (version, turn) = match expect {
            Expect::Version(version) => (Some(*version), None),
            Expect::Spent(turn) => (None, Some(turn.as_str())),
        };
        let keys = self.keys(0);
        let arguments = GrantArguments {
            grant: name.as_str(),
            stored: keys.grant(name.as_str()),
            index: keys.grants(),
            access: keys.access(),
            version,
            turn,
            by: uuid::Uuid::now_v7().simple().to_string(),
            fence: fence.map(|Fence(fence)| fence),
            due: due_ms.map_or(-1, |due| i64::try_from(due).unwrap_or(i64::MAX)),
            fields: self.seal_grant(name, grant)?,
        };
        let (code, _): (String, u64) = self
            .call(0, &self.scripts().grant, &arguments, super::no_tail)
            .await?;
        match code.as_str() {
            "stored" => Ok(Put::Stored),
            "overtaken" => Ok(Put::Overtaken),
            "fenced" => Ok(Put::Fenced),
            _ => Err(QueueError::Unexpected(code)),
        }
    }

    /// Makes another grant of it, whoever writes meanwhile; `None` of the change leaves it. Returns whether it was changed.
    pub async fn change_grant(
        &self,
        name: &GrantName,
        change: impl Fn(Option<&Grant>) -> Option<(Grant, Option<u64>)>,
    ) -> Result<bool, QueueError> {
        for _ in 0..TRIES {
            let stored = self.grant(name).await?;
            let Some((grant, due_ms)) = change(stored.as_ref().map(|stored| &stored.grant)) else {
                return Ok(false);
            };
            let expect = Expect::Version(stored.map_or(0, |stored| stored.version));
            let put = self.put_grant(name, &grant, &expect, due_ms, None).await?;
            if put == Put::Stored {
                return Ok(true);
            }
        }
        Err(QueueError::NotReady(format!(
            "the grant {name} was changed {TRIES} times meanwhile"
        )))
    }

    /// Up to so many grants whose moment to be renewed has come, the earliest first.
    pub async fn due_grants(&self, most: usize) -> Result<Vec<GrantName>, QueueError> {
        let mut due = redis::cmd("ZRANGEBYSCORE");
        due.arg(self.keys(0).grants()).arg("-inf");
        due.arg(self.now().await?).arg("LIMIT").arg(0).arg(most);
        let due: Vec<String> = self.connection().run(&due).await?;
        Ok(due
            .iter()
            .filter_map(|name| GrantName::parse(name))
            .collect())
    }

    /// It is renewed at once, if its tokens are still those that this stamp stands for. Returns whether they are.
    pub async fn hasten_grant(&self, name: &GrantName, stamp: &str) -> Result<bool, QueueError> {
        let arguments = HastenArguments {
            grant: name.as_str(),
            stored: self.keys(0).grant(name.as_str()),
            index: self.keys(0).grants(),
            stamp,
        };
        let hastened: u64 = self
            .call(0, &self.scripts().hasten, &arguments, super::no_tail)
            .await?;
        Ok(hastened == 1)
    }

    /// It is not renewed before `wait` is over.
    pub async fn postpone_grant(&self, name: &GrantName, wait: Duration) -> Result<(), QueueError> {
        let until_ms = self.now().await?.saturating_add(millis(wait));
        let mut postpone = redis::cmd("ZADD");
        postpone.arg(self.keys(0).grants()).arg("XX").arg("GT");
        let _: u64 = self
            .connection()
            .run(postpone.arg(until_ms).arg(name.as_str()))
            .await?;
        Ok(())
    }

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
                due_ms: due.is_finite().then(|| super::score_ms(*due)),
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

    fn seal_grant(
        &self,
        name: &GrantName,
        grant: &Grant,
    ) -> Result<HashMap<&'static str, String>, QueueError> {
        let exposed = |token: &SecretString| token.expose_secret().to_owned();
        let secrets = Secrets {
            tokens: grant.tokens.iter().map(exposed).collect(),
            refresh: grant.refresh.as_ref().map(exposed),
        };
        let secrets = serde_json::to_string(&secrets)
            .map_err(|error| QueueError::Unexpected(error.to_string()))?;
        let turn = grant.refresh.as_ref().map(fingerprint);
        let life = |moment: fn(Life) -> u64| grant.life.map(moment).unwrap_or_default().to_string();
        Ok(HashMap::from([
            (field::SECRETS, self.place_of(name).seal_token(&secrets)?),
            (field::STATE, grant.state.as_str().to_owned()),
            (field::STAMP, grant.stamp()),
            (field::TURN, turn.unwrap_or_default()),
            (field::SCOPES, grant.scopes.join(" ")),
            (field::COMPANY, grant.company.clone().unwrap_or_default()),
            (field::ISSUED, life(|life| life.issued_ms)),
            (field::EXPIRES, life(|life| life.expires_ms)),
        ]))
    }

    /// A grant as it was stored; `None` where none is.
    pub(super) fn open_grant(
        &self,
        name: &GrantName,
        mut fields: HashMap<String, String>,
    ) -> Result<Option<Stored>, QueueError> {
        let Some(version) = number(&fields, field::VERSION).filter(|version| *version > 0) else {
            return Ok(None);
        };
        let broken = || QueueError::Unsuitable(format!("the grant {name} cannot be read"));
        let state = state_of(fields.get(field::STATE).map(String::as_str)).ok_or_else(broken)?;
        let secrets = fields.remove(field::SECRETS).ok_or_else(broken)?;
        let secrets = self.place_of(name).open_token(&secrets)?;
        let Secrets { tokens, refresh } = serde_json::from_str(&secrets).map_err(|_| broken())?;
        let life = number(&fields, field::EXPIRES).filter(|expires| *expires > 0);
        let scopes = words(fields.get(field::SCOPES).map_or("", String::as_str));
        let company = fields.remove(field::COMPANY);
        let grant = Grant {
            tokens: tokens.into_iter().map(SecretString::from).collect(),
            refresh: refresh.map(SecretString::from),
            life: life.map(|expires_ms| Life {
                issued_ms: number(&fields, field::ISSUED).unwrap_or_default(),
                expires_ms,
            }),
            scopes,
            company: company.filter(|company| !company.is_empty()),
            state,
        };
        Ok(Some(Stored { version, grant }))
    }

    fn place_of<'a>(&'a self, name: &'a GrantName) -> super::vault::Drawer<'a> {
        self.vault().of(name.id(), name.as_str())
    }
}

fn number(fields: &HashMap<String, String>, name: &str) -> Option<u64> {
    fields.get(name)?.parse().ok()
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn state_of(text: Option<&str>) -> Option<GrantState> {
    let mut states = GrantState::ALL.into_iter();
    states.find(|state| Some(state.as_str()) == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for (kind, app, id) in [
            (Kind::Location, "app-1", "loc"),
            (Kind::Company, "app-1", "co"),
            (Kind::Private, "", "loc"),
        ] {
            let name = GrantName::new(kind, app, id);
            assert_eq!(GrantName::parse(name.as_str()), Some(name.clone()));
            assert_eq!((name.kind(), name.app(), name.id()), (kind, app, id));
        }
        for no_name in ["", "location/app", "location/app/a/b", "else/app/a"] {
            assert_eq!(GrantName::parse(no_name), None, "{no_name}");
        }
    }
}
