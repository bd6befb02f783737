//! What a worker does with the benchmark's jobs.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use penstock_shared::{
    ghl::Limiter,
    job::{AttachNote, Payload},
    outcome::{Cause, Fault, Outcome, Permit},
    queue::{
        Queue,
        record::Record,
        run::field,
        settle::{Advance, Fields, Step},
    },
    settings::Settings,
};
use penstock_worker::{assignment::Assignment, deliver::Deliver, gate::Leaving, journal};
use reqwest::{Response, StatusCode, Url};
use serde::Serialize;
use serde_json::json;

use super::{
    arguments::{Mode, Options},
    note,
    tally::Tally,
};

/// Delivers to the benchmark's server, or to nobody.
pub(super) struct Delivery {
    mode: Mode,
    journal: bool,
    queue: Queue,
    limiter: Limiter,
    /// How long before its end a lease is not trusted any more.
    margin: Duration,
    http: reqwest::Client,
    url: Url,
    tally: Arc<Tally>,
}

/// What a request says.
#[derive(Serialize)]
struct Request<'a> {
    id: &'a str,
    tenant: &'a str,
    ts: u64,
    body: &'a str,
}

impl Deliver for Delivery {
    async fn deliver(&self, job: &Assignment) -> Outcome {
        self.tally.begin();
        // No other stage of the worker needs what the job says, but every delivery does.
        let Some(note) = read(job) else {
            return undecodable();
        };
        if self.mode == Mode::Lat {
            self.tally
                .waited_since(note::made_at(note).unwrap_or_default());
        }
        let outcome = if self.mode.calls() {
            self.call(job, note).await.unwrap_or_else(|outcome| outcome)
        } else {
            delivered(None)
        };
        if matches!(outcome, Outcome::Delivered { .. }) {
            self.tally.end();
        }
        outcome
    }
}

impl Delivery {
    pub(super) fn new(
        options: &Options,
        settings: &Settings,
        queue: &Queue,
        tally: Arc<Tally>,
    ) -> anyhow::Result<Self> {
        let url = options.api_url.parse();
        Ok(Self {
            mode: options.mode,
            journal: options.journal == 1,
            queue: queue.clone(),
            limiter: Limiter::default(),
            margin: settings.delivery.lease / 10,
            // Its server speaks plain HTTP: a machine without certificates will do.
            http: reqwest::Client::builder().tls_certs_only([]).build()?,
            url: url.context("API_URL is not an address")?,
            tally,
        })
    }

    /// The stages of a real call: its intent on record if it may not be repeated, the limiter, the lease, the request.
    async fn call(&self, job: &Assignment, note: &AttachNote) -> Result<Outcome, Outcome> {
        if self.journal {
            self.record_intent(job).await?;
        }
        let (burst, daily) = job.claimed.quotas;
        let lane = job.reference().lane().as_str();
        let _passage = self
            .limiter
            .pass(lane, burst, daily)
            .map_err(|refused| not_now(refused.wait, "the limiter of this worker"))?;
        if !job.is_ours(self.margin) {
            return Err(not_now(Duration::ZERO, "its lease is about to end"));
        }
        job.expose(Leaving {
            is_read: false,
            timeout: Duration::ZERO,
        });
        let answer = self
            .post(job, note)
            .await
            .map_err(|error| unknown(&error))?;
        job.cover();
        if answer.status() == StatusCode::OK {
            return Ok(delivered(self.journal.then(|| job.reference().id())));
        }
        if self.journal {
            journal::clear(job);
        }
        Ok(refused(&answer))
    }

    async fn record_intent(&self, job: &Assignment) -> Result<(), Outcome> {
        let nothing = String::new;
        let step = Step {
            number: job.next_step(),
            answered: false,
            fields: Fields::from([(field::INTENT, nothing()), (field::ABSENT, nothing())]),
            intent: Some(job.clock.now_ms().to_string()),
            report: None,
            calls: 0,
            took: Duration::ZERO,
        };
        let advance = self
            .queue
            .advance(job.reference(), job.claimed.token, &step);
        match advance.await {
            Ok(Advance::Granted) => Ok(()),
            Ok(Advance::Later | Advance::Lost) => Err(Outcome::Returned),
            Err(_) => Err(not_now(Duration::ZERO, "the journal cannot be written")),
        }
    }

    /// Sends the request, and reads all of the answer.
    async fn post(&self, job: &Assignment, note: &AttachNote) -> reqwest::Result<Response> {
        let (id, tenant) = (job.reference().id(), job.reference().tenant());
        let request = Request {
            id,
            tenant,
            ts: note::made_at(note).unwrap_or_default(),
            body: note.body.as_str(),
        };
        let call = self
            .http
            .post(self.url.clone())
            .header("X-Tenant", tenant)
            .header("X-Job", id)
            .json(&request);
        let mut answer = call.send().await?;
        while answer.chunk().await?.is_some() {}
        Ok(answer)
    }
}

/// What the job says, if it can be read.
fn read(job: &Assignment) -> Option<&AttachNote> {
    match job.record() {
        Ok(Record::Job(stored)) => match &stored.payload {
            Payload::AttachNote(note) => Some(note),
            _ => None,
        },
        _ => None,
    }
}

fn delivered(effect: Option<&str>) -> Outcome {
    Outcome::Delivered {
        result: json!({ "ok": true }),
        effect: effect.map(str::to_owned),
        permit: Permit::Answered,
    }
}

fn not_now(wait: Duration, why: &'static str) -> Outcome {
    Outcome::Postponed {
        wait,
        why,
        permit: Permit::Unsent,
    }
}

fn refused(answer: &Response) -> Outcome {
    let status = answer.status();
    if status == StatusCode::TOO_MANY_REQUESTS {
        let seconds = answer.headers().get("retry-after");
        let seconds = seconds.and_then(|value| value.to_str().ok()?.parse().ok());
        return Outcome::Throttled {
            retry_after: seconds.map(Duration::from_secs),
        };
    }
    Outcome::Rejected {
        cause: Cause::Rejected,
        fault: Fault::new(format!("the benchmark's server answered {status}")),
        permit: Permit::Answered,
    }
}

/// It may have arrived or not.
fn unknown(error: &reqwest::Error) -> Outcome {
    Outcome::Unknown {
        fault: Fault::new(error.to_string()),
        permit: Permit::Unanswered,
    }
}

fn undecodable() -> Outcome {
    Outcome::Rejected {
        cause: Cause::Undecodable,
        fault: Fault::new("it is none of the benchmark's jobs"),
        permit: Permit::Unsent,
    }
}
