//! Effects of one job that are there twice, or though it is dead: planning to look for them, and what was found.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{
    Queue,
    enqueue::Enqueued,
    error::QueueError,
    record::{self, Sweep},
};

/// So many jobs are told of per shard, the last ones; the log tells of each.
pub const MOST: u64 = 10_000;

/// More effects of a job than there are to be. No personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Twins {
    /// Whose job.
    pub tenant: String,
    /// Its id.
    pub id: String,
    /// When the job was due first (ms): its id may have been another job's before.
    #[serde(default)]
    pub life_ms: u64,
    /// Its type.
    #[serde(rename = "type")]
    pub job_type: String,
    /// The API's id of the contact.
    pub contact: String,
    /// The note or task that the job is known by; of a dead letter, one of them.
    pub kept: String,
    /// The others.
    pub twins: Vec<String>,
    /// Those of them that were removed.
    #[serde(default)]
    pub removed: Vec<String>,
    /// Whether the job is a dead letter: then what is kept is one too many as well.
    #[serde(default)]
    pub dead: bool,
    /// When they were found first, ms.
    pub found_ms: u64,
}

impl Twins {
    /// With what was told of the job before; returns how many are new.
    fn with(&mut self, before: Option<Self>) -> u64 {
        let Some(before) = before else {
            return self.twins.len() as u64 + u64::from(self.dead);
        };
        let known: Vec<_> = before.twins.into_iter().chain([before.kept]).collect();
        let all = self.twins.iter().chain(self.dead.then_some(&self.kept));
        let new = all.filter(|twin| !known.contains(twin)).count();
        self.found_ms = before.found_ms;
        add(&mut self.removed, before.removed);
        add(&mut self.twins, known);
        self.twins
            .retain(|twin| !twin.is_empty() && *twin != self.kept);
        new as u64
    }
}

/// What the twins of a job are written down under.
fn name(tenant: &str, id: &str, life_ms: u64) -> String {
    format!("{tenant}/{id}/{life_ms}")
}

fn add(to: &mut Vec<String>, more: Vec<String>) {
    let missing: Vec<_> = more.into_iter().filter(|each| !to.contains(each)).collect();
    to.extend(missing);
}

#[derive(Serialize)]
struct TwinsArguments<'a> {
    job: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<&'a str>,
    twins: String,
    found_ms: u64,
    most: u64,
}

/// The id of a sweep. No caller's job has one with a control character.
fn sweep_id(sweep: &Sweep) -> String {
    format!(
        "\u{1}sweep/{}/{}/{}",
        sweep.intent, sweep.life_ms, sweep.job
    )
}

impl Queue {
    /// Stores a sweep, which no sequence knows, for that moment (ms). Safe to repeat.
    pub async fn plan_sweep(
        &self,
        tenant: &str,
        sweep: &Sweep,
        due_ms: u64,
    ) -> Result<(), QueueError> {
        let stored = self
            .enqueue_sweep(
                tenant,
                &sweep_id(sweep),
                due_ms,
                &record::encode_sweep(sweep),
            )
            .await?;
        match stored {
            // The same sweep of a payload that was edited since is no other sweep.
            Enqueued::Accepted | Enqueued::Duplicate | Enqueued::Conflict => Ok(()),
            Enqueued::PartTaken { .. } | Enqueued::BacklogFull { .. } => {
                Err(QueueError::Unexpected("a sweep has no backlog".into()))
            }
        }
    }

    /// How many of them are not written down yet.
    pub async fn untold_of(&self, twins: &Twins) -> Result<u64, QueueError> {
        let before = self
            .twins_of(&twins.tenant, &twins.id, twins.life_ms)
            .await?;
        Ok(twins.clone().with(before))
    }

    /// Writes down twins beside what was found before. Safe to repeat.
    pub async fn tell_twins(&self, twins: &Twins) -> Result<(), QueueError> {
        while !self.tell_twins_once(twins).await? {}
        Ok(())
    }

    /// Not if somebody else has told of this job meanwhile.
    async fn tell_twins_once(&self, twins: &Twins) -> Result<bool, QueueError> {
        let job = name(&twins.tenant, &twins.id, twins.life_ms);
        let mut get = redis::cmd("HGET");
        get.arg(self.keys_of(&twins.tenant).twins()).arg(&job);
        let before: Option<String> = self.connection().run(&get).await?;
        let mut twins = twins.clone();
        let told = before.as_ref().map(|json| serde_json::from_str(json));
        twins.with(told.and_then(Result::ok));
        let arguments = TwinsArguments {
            job: &job,
            before: before.as_deref(),
            twins: serde_json::to_string(&twins)
                .map_err(|error| QueueError::Unexpected(error.to_string()))?,
            found_ms: twins.found_ms,
            most: MOST,
        };
        let shard = self.shard_of(&twins.tenant);
        let said: String = self
            .call(shard, &self.scripts().twins, &arguments, super::no_tail)
            .await?;
        Ok(said == "ok")
    }

    /// The twins of one job, which was due first at that moment (ms).
    pub async fn twins_of(
        &self,
        tenant: &str,
        id: &str,
        life_ms: u64,
    ) -> Result<Option<Twins>, QueueError> {
        let mut get = redis::cmd("HGET");
        get.arg(self.keys_of(tenant).twins());
        get.arg(name(tenant, id, life_ms));
        let json: Option<String> = self.connection().run(&get).await?;
        Ok(json.and_then(|json| serde_json::from_str(&json).ok()))
    }

    /// All twins, oldest first; of one tenant if that is said.
    pub async fn twins(&self, tenant: Option<&str>) -> Result<Vec<Twins>, QueueError> {
        let mut all = Vec::new();
        for shard in 0..self.shards() {
            let mut values = redis::cmd("HGETALL");
            values.arg(self.keys(shard).twins());
            let values: HashMap<String, String> = self.connection().run(&values).await?;
            let twins = values
                .values()
                .filter_map(|json| serde_json::from_str(json).ok());
            all.extend(twins.filter(|twins: &Twins| tenant.is_none_or(|of| twins.tenant == of)));
        }
        all.sort_by_key(|twins| twins.found_ms);
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(kept: &str, twins: &[&str], dead: bool) -> Twins {
        Twins {
            tenant: "acme".into(),
            id: "a".into(),
            life_ms: 1,
            job_type: "AttachNote".into(),
            contact: "c1".into(),
            kept: kept.into(),
            twins: twins.iter().map(|twin| (*twin).to_owned()).collect(),
            removed: Vec::new(),
            dead,
            found_ms: 1,
        }
    }

    /// What is written down after both, and how many of the second were new.
    fn both(first: Twins, mut second: Twins) -> (u64, String, Vec<String>) {
        let new = second.with(Some(first));
        second.twins.sort();
        (new, second.kept, second.twins)
    }

    #[test]
    fn nothing_that_was_told_is_lost() {
        let all = |new, kept: &str, twins: &[&str]| {
            let told = told(kept, twins, false);
            (new, told.kept, told.twins)
        };
        let first = || told("n1", &["n2"], false);
        assert_eq!(both(first(), first()), all(0, "n1", &["n2"]));
        assert_eq!(
            both(first(), told("n1", &["n3"], false)),
            all(1, "n1", &["n2", "n3"])
        );
        // The job is known by another one since.
        assert_eq!(
            both(first(), told("n2", &["n3"], false)),
            all(1, "n2", &["n1", "n3"])
        );
        // Two of a dead letter.
        let dead = told("n1", &[], true);
        assert_eq!(both(dead.clone(), dead.clone()), all(0, "n1", &[]));
        assert_eq!(both(dead, told("n2", &[], true)), all(1, "n2", &["n1"]));
    }
}
