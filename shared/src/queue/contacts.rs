//! What is known of a tenant's contacts: their ids, and which references are one contact.

use std::time::Duration;

use serde::Serialize;

use super::{Policy, Queue, error::QueueError, reference::Lane};
use crate::{
    job::{ContactId, ContactRef},
    span::millis,
};

/// How long a contact's id is remembered.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LearnArguments<'a> {
    tenant: &'a str,
    contact: &'a str,
    keys: Vec<String>,
    ttl: u64,
    lane: &'a str,
    #[serde(flatten)]
    policy: Policy,
    moves: usize,
}

impl Queue {
    /// Remembers whose references these are, as the API has just said: from now on they are one contact.
    pub async fn learn(
        &self,
        tenant: &str,
        contact: &ContactId,
        references: &[ContactRef],
    ) -> Result<(), QueueError> {
        let id = ContactRef::Id(contact.clone());
        let keys = std::iter::once(&id)
            .chain(references)
            .map(ContactRef::key)
            .collect();
        let lane = Lane::ghl(tenant);
        let arguments = LearnArguments {
            tenant,
            contact: contact.as_str(),
            keys,
            ttl: millis(REMEMBERED),
            lane: lane.as_str(),
            policy: self.terms().policy(),
            moves: super::MOVES,
        };
        let shard = self.shard_of(tenant);
        let _: String = self
            .call(shard, &self.scripts().learn, &arguments, super::no_tail)
            .await?;
        Ok(())
    }

    /// The API's id of a contact, if it was learnt within a day.
    pub async fn remembered(
        &self,
        tenant: &str,
        reference: &ContactRef,
    ) -> Result<Option<String>, QueueError> {
        let key = self.contact_key(tenant, reference);
        Ok(self.connection().run(redis::cmd("GET").arg(key)).await?)
    }

    /// Forgets a contact's id that the API does not know.
    pub async fn unremember(&self, tenant: &str, reference: &ContactRef) -> Result<(), QueueError> {
        let key = self.contact_key(tenant, reference);
        let _: u64 = self.connection().run(redis::cmd("DEL").arg(key)).await?;
        Ok(())
    }

    fn contact_key(&self, tenant: &str, reference: &ContactRef) -> String {
        self.keys_of(tenant)
            .contact(&format!("{tenant}/{}", reference.key()))
    }
}
