//! Records that are gone are known for a while: what is told of them late is not taken for news of another.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use super::{Queue, error::QueueError, links::RecordName};
use crate::{link::Gone, seal::Purpose, span::millis};

/// For so long a record is known that is gone: by then all that was told of it before has come.
pub(super) const KNOWN_GONE: Duration = Duration::from_secs(7 * 86_400);

/// What is kept of a record that is gone, and where.
#[derive(Serialize)]
pub(super) struct Grave {
    key: String,
    gone: String,
}

impl Queue {
    /// Those of these records that are gone, as far as that is known still.
    pub async fn gone(
        &self,
        tenant: &str,
        names: &[RecordName],
    ) -> Result<BTreeMap<RecordName, Gone>, QueueError> {
        if names.is_empty() {
            return Ok(BTreeMap::new());
        }
        let mut read = redis::pipe();
        for name in names {
            read.cmd("GET").arg(self.grave_key(tenant, name));
        }
        let stored: Vec<Option<String>> = self.connection().run_all(&read).await?;
        let stored = names.iter().zip(stored);
        let stored = stored.filter_map(|(name, sealed)| Some((name, sealed?)));
        let opened = stored.map(|(name, sealed)| {
            let id = name.stored();
            let text = self
                .vault()
                .of(tenant, &id)
                .open_text(Purpose::Gone, sealed);
            let text = text.map_err(|error| QueueError::Unsuitable(error.to_string()))?;
            let gone = serde_json::from_str(&text);
            let gone = gone.map_err(|error| QueueError::Unexpected(error.to_string()))?;
            Ok((name.clone(), gone))
        });
        opened.collect()
    }

    /// Keeps that a record is gone.
    pub async fn bury(
        &self,
        tenant: &str,
        name: &RecordName,
        gone: &Gone,
    ) -> Result<(), QueueError> {
        let grave = self.grave(tenant, name, gone)?;
        let mut keep = redis::cmd("SET");
        keep.arg(grave.key).arg(grave.gone);
        keep.arg("PX").arg(millis(KNOWN_GONE));
        Ok(self.connection().run(&keep).await?)
    }

    pub(super) fn grave(
        &self,
        tenant: &str,
        name: &RecordName,
        gone: &Gone,
    ) -> Result<Grave, QueueError> {
        let json = serde_json::to_string(gone)
            .map_err(|error| QueueError::Unexpected(error.to_string()))?;
        let id = name.stored();
        let drawer = self.vault().of(tenant, &id);
        Ok(Grave {
            key: self.grave_key(tenant, name),
            gone: drawer.seal_text(Purpose::Gone, json.into())?.into_owned(),
        })
    }

    pub(super) fn grave_key(&self, tenant: &str, name: &RecordName) -> String {
        self.keys_of(tenant)
            .gone(&format!("{tenant}/{}", name.stored()))
    }
}
