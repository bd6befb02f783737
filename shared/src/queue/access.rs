//! What a tenant's calls may carry and do, as it is stored.

use std::{collections::HashMap, time::Duration};

use serde::Serialize;

use super::{
    Queue,
    error::QueueError,
    grants::{GrantName, Kind, Stored},
};
use crate::{ghl::Known, span::millis};

#[derive(Serialize)]
struct AllowArguments<'a> {
    said: String,
    access: String,
    tenant: &'a str,
    writes: &'a str,
}

/// The field that counts what has changed.
const CHANGES: &str = "changes";

impl Queue {
    /// What is known of a tenant, and of what this app was granted for it.
    pub async fn known_of(&self, tenant: &str, app: Option<&str>) -> Result<Known, QueueError> {
        let keys = self.keys(0);
        let private = GrantName::new(Kind::Private, "", tenant);
        let granted = app.map(|app| GrantName::new(Kind::Location, app, tenant));
        let mut read = redis::pipe();
        read.cmd("HGET").arg(keys.writes()).arg(tenant);
        for name in std::iter::once(&private).chain(&granted) {
            read.cmd("HGETALL").arg(keys.grant(name.as_str()));
        }
        let found: Vec<redis::Value> = self.connection().run_all(&read).await?;
        let mut found = found.into_iter();
        let writes: Option<String> = match found.next() {
            Some(value) => redis::from_redis_value(value).map_err(unexpected)?,
            None => None,
        };
        let mut grants = [&private]
            .into_iter()
            .chain(&granted)
            .zip(found)
            .map(|(name, value)| {
                let fields: HashMap<String, String> =
                    redis::from_redis_value(value).map_err(unexpected)?;
                let stored = self.open_grant(name, fields)?;
                Ok::<_, QueueError>(stored.map(|Stored { grant, .. }| grant))
            });
        let private = grants.next().transpose()?.flatten();
        let granted = grants.next().transpose()?.flatten();
        let writes = writes.as_deref().and_then(said);
        let company = granted.as_ref().and_then(|grant| grant.company.as_deref());
        let company_writes = match company.filter(|_| writes.is_none()) {
            Some(company) => self.writes_of(company).await?,
            None => None,
        };
        Ok(Known {
            private,
            granted,
            writes,
            company_writes,
        })
    }

    /// A number that is another whenever something of that has changed; `None` as long as nothing was ever said.
    pub async fn access_changes(&self) -> Result<Option<u64>, QueueError> {
        let mut changes = redis::cmd("HGET");
        changes.arg(self.keys(0).access()).arg(CHANGES);
        Ok(self.connection().run(&changes).await?)
    }

    /// A person lets a tenant write, or does not; `None`: nobody has said anything any more.
    pub async fn allow_writes(&self, tenant: &str, writes: Option<bool>) -> Result<(), QueueError> {
        let arguments = AllowArguments {
            said: self.keys(0).writes(),
            access: self.keys(0).access(),
            tenant,
            writes: match writes {
                Some(true) => "1",
                Some(false) => "0",
                None => "",
            },
        };
        let _: String = self
            .call(0, &self.scripts().allow, &arguments, super::no_tail)
            .await?;
        Ok(())
    }

    /// What a person has said of a tenant.
    pub(super) async fn writes_of(&self, tenant: &str) -> Result<Option<bool>, QueueError> {
        let mut read = redis::cmd("HGET");
        read.arg(self.keys(0).writes()).arg(tenant);
        let writes: Option<String> = self.connection().run(&read).await?;
        Ok(writes.as_deref().and_then(said))
    }

    /// What persons have said of tenants.
    pub async fn writes(&self) -> Result<HashMap<String, bool>, QueueError> {
        let mut all = redis::cmd("HGETALL");
        let all: HashMap<String, String> = self
            .connection()
            .run(all.arg(self.keys(0).writes()))
            .await?;
        let all = all.into_iter();
        Ok(all
            .filter_map(|(tenant, writes)| Some((tenant, said(&writes)?)))
            .collect())
    }

    /// Whether this is the first time that a browser comes back from the installation with this number; it is remembered for so long.
    pub async fn spend_install(&self, number: &str, kept: Duration) -> Result<bool, QueueError> {
        let mut spend = redis::cmd("SET");
        spend.arg(self.keys(0).install(number)).arg(1);
        spend.arg("NX").arg("PX").arg(millis(kept).max(1));
        let set: Option<String> = self.connection().run(&spend).await?;
        Ok(set.is_some())
    }
}

/// What a person has said of writing.
fn said(writes: &str) -> Option<bool> {
    match writes {
        "1" => Some(true),
        "0" => Some(false),
        _ => None,
    }
}

fn unexpected(error: impl std::fmt::Display + Send + Sync) -> QueueError {
    QueueError::Unexpected(error.to_string())
}
