//! What was granted, in the first shard: one hash a grant, with a version that whoever writes must have read. Its secrets are always sealed.

mod listing;
mod name;
mod record;

use std::{collections::HashMap, time::Duration};

use serde::Serialize;

pub use self::{
    listing::Listed,
    name::{GrantName, Kind},
};
use super::{Queue, error::QueueError, refresher::Fence};
use crate::{ghl::Grant, span::millis};

/// A grant, and the version that it has.
#[derive(Debug, Clone)]
pub struct Stored {
    /// It goes up with each write.
    pub version: u64,
    /// The grant.
    pub grant: Grant,
}

/// What must still be so for a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// This version is there; 0: none.
    Version(u64),
    /// The grant whose refresh token was spent for what is written now. Only who has the answer to that has good tokens, so nothing else is asked.
    Spent(String),
}

/// A write, which may be repeated as often as it is not certain whether it is stored: it is known again.
#[derive(Debug, Clone)]
pub struct Write {
    expect: Expect,
    by: String,
}

impl Write {
    /// One that this must still be so for.
    pub fn new(expect: Expect) -> Self {
        let by = uuid::Uuid::now_v7().simple().to_string();
        Self { expect, by }
    }
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
    by: &'a str,
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

/// How often a change is tried that others overtake.
const TRIES: usize = 8;
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
        let write = Write::new(expect.clone());
        self.write_grant(name, grant, &write, due_ms, fence).await
    }

    /// The same as a write that is known again.
    pub async fn write_grant(
        &self,
        name: &GrantName,
        grant: &Grant,
        write: &Write,
        due_ms: Option<u64>,
        fence: Option<Fence>,
    ) -> Result<Put, QueueError> {
        let (version, turn) = match &write.expect {
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
            by: &write.by,
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

    /// It is renewed by then, if not before.
    pub(super) async fn advance_grant(
        &self,
        name: &GrantName,
        due_ms: u64,
    ) -> Result<(), QueueError> {
        let mut advance = redis::cmd("ZADD");
        advance.arg(self.keys(0).grants()).arg("XX").arg("LT");
        let _: u64 = self
            .connection()
            .run(advance.arg(due_ms).arg(name.as_str()))
            .await?;
        Ok(())
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
}
