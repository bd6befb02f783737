//! How far polls have come, and what they have found before.

use std::time::Duration;

use super::{Queue, error::QueueError};
use crate::{seal::Purpose, smsfactor::Row, span::millis};

/// What is polled no more is forgotten after this: longer than the longest cadence.
const KEPT: Duration = Duration::from_secs(30 * 86_400);
/// How many rows one command reads.
const ROWS: usize = 500;
/// Until when (ms) replies were polled.
const REPLIES: &str = "replies";

/// A contact of a list as it was read last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// In which round.
    pub round: u64,
    /// What was said of it.
    pub row: Row,
}

impl Queue {
    /// Until when (ms) the tenant's replies were polled; `None` if never.
    pub async fn replies_until(&self, tenant: &str) -> Result<Option<u64>, QueueError> {
        self.poll_field(tenant, REPLIES).await
    }

    /// Keeps until when they were. A poll that was held up sets nothing back that another has kept since; where both end at once, what is read
    /// twice is told once.
    pub async fn keep_replies_until(&self, tenant: &str, until: u64) -> Result<(), QueueError> {
        let known = self.replies_until(tenant).await?;
        if known.is_some_and(|known| known >= until) {
            return Ok(());
        }
        self.keep_poll_field(tenant, REPLIES, until).await
    }

    /// How often this list was read from end to end.
    pub async fn list_round(&self, tenant: &str, list: &str) -> Result<u64, QueueError> {
        let round = self.poll_field(tenant, &field(list)).await?;
        Ok(round.unwrap_or(0))
    }

    /// Keeps how often it was.
    pub async fn keep_list_round(
        &self,
        tenant: &str,
        list: &str,
        round: u64,
    ) -> Result<(), QueueError> {
        let mut expire = redis::cmd("PEXPIRE");
        expire.arg(self.list_key(tenant, list)).arg(millis(KEPT));
        let _: bool = self.connection().run(&expire).await?;
        self.keep_poll_field(tenant, &field(list), round).await
    }

    /// What was known of these contacts of a list, in their order.
    pub async fn listed(
        &self,
        tenant: &str,
        list: &str,
        rows: &[Row],
    ) -> Result<Vec<Option<Known>>, QueueError> {
        let mut all = Vec::with_capacity(rows.len());
        for page in rows.chunks(ROWS) {
            let mut read = redis::cmd("HMGET");
            read.arg(self.list_key(tenant, list));
            for row in page {
                read.arg(&row.id);
            }
            let found: Vec<Option<String>> = self.connection().run(&read).await?;
            for (row, stored) in page.iter().zip(found) {
                let known = stored.map(|stored| self.open_row(tenant, list, &row.id, &stored));
                all.push(known.transpose()?);
            }
        }
        Ok(all)
    }

    /// Keeps what was read of them in this round.
    pub async fn keep_listed(
        &self,
        tenant: &str,
        list: &str,
        round: u64,
        rows: &[Row],
    ) -> Result<(), QueueError> {
        for page in rows.chunks(ROWS) {
            let mut keep = redis::cmd("HSET");
            keep.arg(self.list_key(tenant, list));
            for row in page {
                let stored = self.seal_row(tenant, list, round, row)?;
                keep.arg(&row.id).arg(stored);
            }
            let _: u64 = self.connection().run(&keep).await?;
        }
        Ok(())
    }

    /// A part of what is known of a list: where to read on, `None` at its end; each contact is told once at least.
    pub async fn scan_listed(
        &self,
        tenant: &str,
        list: &str,
        cursor: &str,
    ) -> Result<(Option<String>, Vec<Known>), QueueError> {
        let mut scan = redis::cmd("HSCAN");
        scan.arg(self.list_key(tenant, list)).arg(cursor);
        scan.arg("COUNT").arg(ROWS);
        let (next, found): (String, Vec<(String, String)>) = self.connection().run(&scan).await?;
        let known = found
            .into_iter()
            .map(|(id, stored)| self.open_row(tenant, list, &id, &stored));
        let known = known.collect::<Result<_, _>>()?;
        Ok(((next != "0").then_some(next), known))
    }

    /// Forgets contacts that are not there any more.
    pub async fn drop_listed(
        &self,
        tenant: &str,
        list: &str,
        ids: &[&str],
    ) -> Result<(), QueueError> {
        for page in ids.chunks(ROWS) {
            let mut drop = redis::cmd("HDEL");
            drop.arg(self.list_key(tenant, list)).arg(page);
            let _: u64 = self.connection().run(&drop).await?;
        }
        Ok(())
    }

    async fn poll_field(&self, tenant: &str, field: &str) -> Result<Option<u64>, QueueError> {
        let mut read = redis::cmd("HGET");
        read.arg(self.keys_of(tenant).polls(tenant)).arg(field);
        Ok(self.connection().run(&read).await?)
    }

    async fn keep_poll_field(
        &self,
        tenant: &str,
        field: &str,
        value: u64,
    ) -> Result<(), QueueError> {
        let mut keep = redis::cmd("HSET");
        keep.arg(self.keys_of(tenant).polls(tenant));
        let _: u64 = self.connection().run(keep.arg(field).arg(value)).await?;
        Ok(())
    }

    fn list_key(&self, tenant: &str, list: &str) -> String {
        self.keys_of(tenant).listed(&format!("{tenant}/{list}"))
    }

    fn seal_row(
        &self,
        tenant: &str,
        list: &str,
        round: u64,
        row: &Row,
    ) -> Result<String, QueueError> {
        let json = serde_json::to_string(row)
            .map_err(|error| QueueError::Unexpected(error.to_string()))?;
        let place = place(list, &row.id);
        let drawer = self.vault().of(tenant, &place);
        let sealed = drawer.seal_text(Purpose::Listed, json.into())?;
        Ok(format!("{round}/{sealed}"))
    }

    fn open_row(
        &self,
        tenant: &str,
        list: &str,
        id: &str,
        stored: &str,
    ) -> Result<Known, QueueError> {
        let unexpected = || QueueError::Unexpected("what is known of a list".to_owned());
        let (round, sealed) = stored.split_once('/').ok_or_else(unexpected)?;
        let place = place(list, id);
        let drawer = self.vault().of(tenant, &place);
        let json = drawer.open_text(Purpose::Listed, sealed.to_owned());
        let json = json.map_err(|error| QueueError::Unsuitable(error.to_string()))?;
        let row: Row = serde_json::from_str(&json).map_err(|_| unexpected())?;
        Ok(Known {
            round: round.parse().map_err(|_| unexpected())?,
            row: Row {
                id: id.to_owned(),
                ..row
            },
        })
    }
}

fn field(list: &str) -> String {
    format!("list/{list}")
}

/// What a row is sealed as.
fn place(list: &str, id: &str) -> String {
    format!("{list}/{id}")
}
