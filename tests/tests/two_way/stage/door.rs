//! Jobs at the door: over HTTP, and by the program for files and pipes.

use std::time::Duration;

use penstock_shared::{
    job::Priority,
    queue::{
        dead::Filter,
        repair::{Changed, Named, Redrive},
    },
};
use penstock_tests::harness::run;
use serde_json::{Value, json};

use super::{TENANT, World};

/// A job of the tenant's.
pub(crate) fn job(id: &str, job_type: &str, payload: &Value) -> Value {
    json!({ "type": job_type, "tenant": TENANT, "id": id, "payload": payload })
}

impl World {
    /// Somebody sends these jobs over HTTP.
    pub(crate) async fn post(&self, jobs: &[Value]) {
        let posted = self.http.post(self.address("/v1/jobs"));
        let posted = posted.body(json!(jobs).to_string()).send().await.unwrap();
        let (status, said) = (posted.status(), posted.text().await.unwrap());
        assert_eq!(status, 202, "{said}");
    }

    /// What a job came to, as whoever sent it is told over HTTP once it is done.
    pub(crate) async fn result(&self, id: &str) -> Value {
        let url = self.address(&format!("/v1/jobs/{id}"));
        self.until(&format!("{id} to be done"), async || {
            let told: Value = self.http.get(&url).send().await.ok()?.json().await.ok()?;
            (told["state"] == "done").then(|| told["result"].clone())
        })
        .await
    }

    /// Somebody retries a dead job, whenever it has died.
    pub(crate) async fn retry(&self, id: &str) {
        let dead = self
            .queue
            .dead(&Filter::default(), 100, None)
            .await
            .unwrap();
        let letter = dead.iter().find(|letter| letter.id == id);
        let retried = Redrive {
            letter: Named::of(letter.expect("it is dead")),
            priority: Priority::Normal,
            delay: Duration::ZERO,
        };
        let changed = self.queue.redrive(&[retried], false).await.unwrap();
        assert_eq!(changed, [Changed::Ok]);
    }

    /// Somebody pipes a line into the program.
    pub(crate) async fn pipe(&self, line: &str) {
        let url = self.redis.url();
        let settings = [("PENSTOCK_REDIS_URL", url.as_str())];
        let told = run("penstock-producer", ["enqueue"], &settings, line).await;
        assert_eq!(told.code, Some(0), "{}", told.stderr);
    }
}
