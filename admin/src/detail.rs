//! One job in full: `job show` and `dead show`.

use base64::{Engine, engine::general_purpose::STANDARD};
use penstock_shared::{
    job::{MaxAttempts, Priority, state::State},
    outcome::{AmbiguousPolicy, Cause},
    program::{Exit, Failure},
    queue::{
        Queue,
        lapse::Lapses,
        record::StoredJob,
        run::{Run, field},
        status::JobStatus,
    },
};
use serde::Serialize;
use serde_json::Value;

use crate::{
    arguments::Show,
    mask::masked,
    moment::moment,
    render::{Format, Row},
    target,
};

/// `job show`.
pub(crate) async fn job(queue: &Queue, format: Format, show: &Show) -> Result<Exit, Failure> {
    let status = target::job(queue, &show.job).await?;
    let detail = Detail::of(queue, status, show.reveal).await?;
    format.record(&detail)?;
    Ok(Exit::Done)
}

/// `dead show`.
pub(crate) async fn dead(queue: &Queue, format: Format, show: &Show) -> Result<Exit, Failure> {
    let letter = target::dead_letter(queue, &show.job).await?;
    let found = queue.find(&letter.id, Some(&letter.tenant)).await?;
    let Some(status) = found.into_iter().next() else {
        return Err(Failure::failed(anyhow::anyhow!(
            "the dead letter was deleted just now"
        )));
    };
    let mut detail = Detail::of(queue, status, show.reveal).await?;
    if let Some(raw) = letter.raw {
        detail.raw_bytes = Some(raw.len());
        detail.raw = show.reveal.then(|| STANDARD.encode(raw));
    }
    format.record(&detail)?;
    Ok(Exit::Done)
}

/// A job with all that is known of it. What does not apply is left out.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    id: String,
    r#type: Option<String>,
    tenant: String,
    state: Option<State>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<Priority>,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deliveries: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    worker: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lease_until: Option<String>,
    eta: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_status: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    done_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effect: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    contact_id: Option<String>,
    /// Whether something was sent of which it is not known whether it took effect.
    undecided: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Value>,
    /// Why the payload, or what was written down of the job, cannot be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<String>,
    /// The size of what stands in Redis where no job can be read out of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    raw_bytes: Option<usize>,
    /// The same in base64; personal data may be in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    /// Effects of the same job that are there beside its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    twins: Option<Vec<String>>,
    /// Those of them that were removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    twins_removed: Option<Vec<String>>,
    history: Vec<Value>,
}

impl Row for Detail {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "type",
        "tenant",
        "state",
        "priority",
        "attempts",
        "maxAttempts",
        "deliveries",
        "runAt",
        "dueAt",
        "worker",
        "leaseUntil",
        "eta",
        "cause",
        "error",
        "httpStatus",
        "deadAt",
        "doneAt",
        "result",
        "effect",
        "contactId",
        "undecided",
        "evidence",
        "payload",
        "unreadable",
        "rawBytes",
        "raw",
        "lastError",
        "twins",
        "twinsRemoved",
        "history",
    ];
}

impl Detail {
    async fn of(queue: &Queue, status: JobStatus, reveal: bool) -> Result<Self, Failure> {
        let history = queue.history(&status.tenant, &status.id).await?;
        let eta = queue.eta(&status).await?;
        let life_ms = status.life_ms().unwrap_or_default();
        let twins = queue.twins_of(&status.tenant, &status.id, life_ms).await?;
        let (twins, removed) = twins.map(|told| (told.twins, told.removed)).unzip();
        let detail = Self {
            r#type: status.job_type().map(str::to_owned),
            state: Some(status.state),
            attempts: status.attempts(),
            eta: eta.map(moment),
            twins,
            twins_removed: removed,
            last_error: last_error(&history).map(str::to_owned),
            history: history.into_iter().map(with_moment).collect(),
            ..Self::default()
        };
        let lapses = queue.lapses_of(&status.tenant).await?;
        let detail = detail.with_run(&status, &lapses);
        Ok(detail.with_job(status, reveal))
    }

    /// What is counted of it, its journal, and its death.
    fn with_run(self, status: &JobStatus, lapses: &Lapses) -> Self {
        let text = |name| status.run.text(name).map(str::to_owned);
        let evidence: Option<Value> = status
            .run
            .text(field::EVIDENCE)
            .and_then(|json| serde_json::from_str(json).ok());
        Self {
            deliveries: Some(status.deliveries.into()).filter(|count| *count > 0),
            worker: status.worker.clone(),
            lease_until: status.lease_ms.map(moment),
            cause: text(field::CAUSE),
            error: text(field::ERROR),
            http_status: status.run.number(field::HTTP_STATUS),
            dead_at: status.run.number(field::DEAD_AT).map(moment),
            contact_id: text(field::CONTACT),
            undecided: is_undecided(&status.run, status.job.as_deref(), lapses),
            // Ids that the API gave: a person needs them to decide, and they tell nothing of anybody.
            evidence,
            ..self
        }
    }

    /// What there is to do, or what it came to.
    fn with_job(self, status: JobStatus, reveal: bool) -> Self {
        let open = !matches!(status.state, State::Done | State::Dead);
        let due_at = status.due_ms.filter(|_| open).map(moment);
        let job = status.job.as_deref();
        let (done, ended_ms) = status.done.unzip();
        Self {
            priority: job.map(|job| job.priority),
            max_attempts: job.and_then(|job| job.max_attempts).map(MaxAttempts::get),
            run_at: job.and_then(|job| job.run_at).map(|at| at.to_string()),
            payload: job.map(|job| shown(&job.payload.to_value(), reveal)),
            unreadable: status.unreadable.map(|error| error.to_string()),
            due_at,
            done_at: ended_ms.map(moment),
            result: done.as_ref().map(|done| done.result.clone()),
            effect: done.and_then(|done| done.effect),
            id: status.id,
            tenant: status.tenant,
            ..self
        }
    }
}

/// Whether something was sent that may have taken effect: it stands in the journal, or Redis has forgotten whether it was.
pub(crate) fn is_undecided(run: &Run, job: Option<&StoredJob>, lapses: &Lapses) -> bool {
    let ambiguous = run.text(field::CAUSE) == Some(Cause::Ambiguous.as_str());
    let once = job.filter(|job| !job.payload.is_idempotent());
    let forgotten = once.and_then(|job| run.forgotten(lapses, job.due_ms));
    // A late delivery has told of it.
    let told = once.is_some() && run.has_orphan_effect();
    let open = run.text(field::INTENT).is_some();
    ambiguous || open || forgotten.is_some() || told || was_sent_again(run)
}

/// Whether a policy has decided to send it once more, though nobody could tell whether it had taken effect.
pub(crate) fn was_sent_again(run: &Run) -> bool {
    run.text(field::SENT_AGAIN) == Some(AmbiguousPolicy::PreferDuplicate.as_str())
}

fn shown(value: &Value, reveal: bool) -> Value {
    if reveal { value.clone() } else { masked(value) }
}

/// An attempt is stored with its milliseconds.
fn with_moment(mut attempt: Value) -> Value {
    if let Some(at) = attempt.get_mut("at")
        && let Some(ms) = at.as_u64()
    {
        *at = moment(ms).into();
    }
    attempt
}

fn last_error(history: &[Value]) -> Option<&str> {
    history.last()?.get("error")?.as_str()
}
