//! The sweep of a job that was sent again: one and ten quarantines after its end the contact's list is looked through for more than one effect
//! of it. Only the marker tells them from somebody's identical text.

use std::time::Duration;

use penstock_shared::{
    ghl::{Answer, CallError, Note, Request, Task},
    job::JobType,
    outcome::{Outcome, Permit},
    queue::{
        record::{StoredJob, Sweep},
        run::field,
        settle::Fields,
        twins::Twins,
    },
    span::millis,
};
use serde_json::json;

use crate::{
    assignment::Assignment,
    call::{Calls, Stop},
    contact::Found,
    deliver::Courier,
    look,
    marker::{self, Maker},
    readback,
};

/// When it looks: so many quarantines after the job's end.
const LOOKS: [u32; 2] = [1, 10];
/// When something that is away for a moment is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(10);
/// What is said of a sweep that could not see anything.
const UNREADABLE: &str = "no: what the contact has cannot be read";
/// How many twins one delivery removes, since it may take only so long; the rest is for the next.
const REMOVED: usize = 2;
/// What has had no answer so often cannot be removed.
const UNANSWERED: u64 = 3;

/// Makes sure, before a job is sent again, for the time after so many intents, that it will be looked for twins of its effect. Without a marker
/// nobody could tell these. Returns what the journal keeps of it: until the job has ended one sweep is enough, unless another call of it may have
/// got lost since.
pub async fn plan(
    courier: &Courier,
    job: &Assignment,
    stored: &StoredJob,
    contact: Option<&Found>,
    (intent, late_ms): (u32, Option<u64>),
    calls: &Calls<'_>,
) -> Result<Fields, Stop> {
    let job_type = stored.payload.job_type();
    let is_planned = job.claimed.run.text(field::SWEEP).is_some() && late_ms.is_none();
    let may_tell = courier.marker.is_on() && marker::is_carried_by(job_type);
    let Some(contact) = contact.filter(|_| may_tell && !is_planned) else {
        return Ok(Fields::new());
    };
    let maker = Maker::of(job);
    let sweep = Sweep {
        job: maker.id.to_owned(),
        life_ms: maker.life_ms,
        fingerprint: maker.fingerprint,
        job_type,
        contact: contact.id.clone(),
        intent,
        late_ms,
        quoted: readback::quoted(&stored.payload),
    };
    let due = job.clock.now_ms() + millis(courier.quarantine.of(job_type));
    match courier.queue.plan_sweep(maker.tenant, &sweep, due).await {
        Ok(()) => Ok(Fields::from([(field::SWEEP, intent.to_string())])),
        Err(error) => {
            tracing::warn!(job = %job.reference(), %error, "it is not sent again, since no sweep after it could be planned");
            Err(calls.postponed(TRY_AGAIN, "waits for Redis"))
        }
    }
}

/// Runs a sweep: this look, or nothing yet.
pub async fn run(
    courier: &Courier,
    job: &Assignment,
    sweep: &Sweep,
    calls: &mut Calls<'_>,
) -> Result<Outcome, Stop> {
    if !courier.marker.has_keys() {
        return left_to_another(courier, job, sweep, calls);
    }
    let quarantine = courier.quarantine.of(sweep.job_type);
    let tenant = job.reference().tenant();
    let found = courier.queue.find(&sweep.job, Some(tenant)).await;
    // Of a letter that was edited since, what it was before is to have no effect beside what it is known by.
    let found = found
        .map_err(|_| calls.postponed(TRY_AGAIN, "waits for Redis"))?
        .pop();
    // A later job of its id is another one.
    let Some(status) = found.filter(|job| job.life_ms().is_none_or(|life| life == sweep.life_ms))
    else {
        return after_all(courier, job, sweep, calls).await;
    };
    let Some(ended) = status.ended_ms() else {
        return Err(calls.postponed(quarantine, "waits for the end of its job"));
    };
    let looked = job.claimed.run.number(field::LOOKED).unwrap_or(0);
    let look = usize::from(looked > 0);
    wait_until(job, calls, ended + millis(quarantine * LOOKS[look]))?;
    let is_dead = status.done.is_none();
    let effect = status.done.and_then(|(done, _)| done.effect);
    let effects = effects(courier, job, sweep, effect.as_deref(), calls).await?;
    let can_be_read = effects.is_some();
    match effects {
        // A dead letter is to have none.
        Some(effects) if effects.len() > usize::from(!is_dead) => {
            let told = tell(courier, job, sweep, &effects, is_dead, calls).await?;
            // Which one of a dead letter is to stay, if any, a person decides, or its retry.
            if courier.remove_twins && !is_dead {
                remove_twins(courier, job, sweep, &effects, told, calls).await?;
            }
        }
        Some(_) => {}
        None => warn_unread(job, sweep),
    }
    if look + 1 == LOOKS.len() {
        let said = if can_be_read { "yes" } else { UNREADABLE };
        return Ok(swept(sweep, said, calls.permit()));
    }
    job.note(field::LOOKED, "1");
    wait_until(job, calls, ended + millis(quarantine * LOOKS[look + 1]))?;
    Err(calls.postponed(Duration::ZERO, "looks once more"))
}

/// Without a key this worker can tell nothing. Others may have one, as while markers are being turned on or off; nobody asks for ever.
fn left_to_another(
    courier: &Courier,
    job: &Assignment,
    sweep: &Sweep,
    calls: &Calls<'_>,
) -> Result<Outcome, Stop> {
    let now = job.clock.now_ms();
    let left = job.claimed.run.number(field::LEFT).unwrap_or(now);
    if now.saturating_sub(left) < millis(courier.queue.terms().retention) {
        job.note(field::LEFT, left.to_string());
        tracing::info!(
            job = sweep.job,
            tenant = job.reference().tenant(),
            "a sweep is left to a worker with a marker key (PENSTOCK_MARKER_KEY)"
        );
        let wait = courier.quarantine.of(sweep.job_type).max(TRY_AGAIN);
        return Err(calls.postponed(wait, "waits for a worker with a marker key"));
    }
    tracing::warn!(
        job = sweep.job,
        tenant = job.reference().tenant(),
        contact = sweep.contact.as_str(),
        "no worker with a marker key has come: if its effect were there twice, nobody would tell"
    );
    Ok(swept(
        sweep,
        "no: no worker has a marker key",
        calls.permit(),
    ))
}

fn warn_unread(job: &Assignment, sweep: &Sweep) {
    tracing::warn!(
        job = sweep.job,
        tenant = job.reference().tenant(),
        contact = sweep.contact.as_str(),
        "what the contact has cannot be read: if its effect were there twice, nobody would tell"
    );
}

/// The job is forgotten, or was deleted, and nobody knows when it ended, or whether one effect is to be there: a look now, and if that is the
/// first another one when all that it sent has come.
async fn after_all(
    courier: &Courier,
    job: &Assignment,
    sweep: &Sweep,
    calls: &mut Calls<'_>,
) -> Result<Outcome, Stop> {
    let Some(effects) = effects(courier, job, sweep, None, calls).await? else {
        warn_unread(job, sweep);
        return Ok(swept(sweep, UNREADABLE, calls.permit()));
    };
    // Nor does anybody know by which one the job was known: all of them stay.
    if effects.len() > 1 {
        tell(courier, job, sweep, &effects, false, calls).await?;
    }
    if job.claimed.run.number(field::LOOKED).is_some() {
        return Ok(swept(sweep, "yes: the job is forgotten", calls.permit()));
    }
    job.note(field::LOOKED, "1");
    let last = courier.quarantine.of(sweep.job_type) * LOOKS[LOOKS.len() - 1];
    Err(calls.postponed(last, "looks once more"))
}

fn swept(sweep: &Sweep, swept: &str, permit: Permit) -> Outcome {
    Outcome::Delivered {
        result: json!({ "job": sweep.job, "swept": swept }),
        effect: None,
        permit,
    }
}

fn wait_until(job: &Assignment, calls: &Calls<'_>, at: u64) -> Result<(), Stop> {
    let wait = at.saturating_sub(job.clock.now_ms());
    if wait == 0 {
        return Ok(());
    }
    Err(calls.postponed(Duration::from_millis(wait), "waits for its next look"))
}

/// A note or a task.
struct Effect {
    id: String,
    /// Nobody's, if the body is not shown.
    markers: Vec<String>,
    /// All that it says, without markers; `None` if that is not known.
    text: Option<String>,
}

impl Effect {
    /// `beside`: all that it says but its body. An API may show that there once more.
    fn new(id: String, body: Option<&str>, beside: &str) -> Self {
        let body = body.unwrap_or_default();
        let text = [body, beside].map(marker::without).join("\n");
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        Self {
            id,
            markers: marker::found(body),
            text: Some(text),
        }
    }

    /// That is not in the list.
    fn unseen(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            markers: Vec::new(),
            text: None,
        }
    }
}

/// The job's effects that are there, the one to be kept first: that which it is known by, or which was told to be kept, or the same in every look.
/// `None` if they cannot be read.
async fn effects(
    courier: &Courier,
    job: &Assignment,
    sweep: &Sweep,
    known: Option<&str>,
    calls: &mut Calls<'_>,
) -> Result<Option<Vec<Effect>>, Stop> {
    let maker = Maker {
        tenant: job.reference().tenant(),
        id: &sweep.job,
        fingerprint: sweep.fingerprint,
        life_ms: sweep.life_ms,
    };
    let markers = courier.marker.all(maker, sweep.intent);
    let ours = |effect: &Effect| {
        let found = effect.markers.iter();
        let found: Vec<_> = found
            .filter(|marker| !sweep.quoted.contains(marker))
            .collect();
        let own = |found: &&String| markers.contains(found);
        let alike = |found: &&String| markers.iter().any(|own| marker::are_alike(own, found));
        // Beside a marker of another's, ours was quoted. An effect of another life is what the id's next job is known by.
        (!found.is_empty() && found.iter().all(own))
            || (known == Some(effect.id.as_str()) && !found.iter().any(alike))
    };
    let Some(list) = list(job, sweep, calls).await? else {
        return Ok(None);
    };
    let mut effects = Vec::new();
    for effect in list {
        if ours(&effect) && !is_anothers(courier, maker, &effect.id, calls).await? {
            effects.push(effect);
        }
    }
    effects.sort_by(|a, b| a.id.cmp(&b.id));
    effects.dedup_by(|a, b| a.id == b.id);
    // Whatever order they are listed in, and however often, each sweep of the job keeps the same one.
    let kept = match effects.len() {
        0 | 1 => None,
        _ => kept(courier, maker, calls).await?,
    };
    effects.sort_by_key(|effect| {
        let id = Some(effect.id.as_str());
        (known != id, kept.as_deref() != id)
    });
    // It may be another contact's since its letter was edited, or be gone: what is there is a twin all the same.
    if let (Some(known), Some(first)) = (known, effects.first())
        && first.id != known
    {
        effects.insert(0, Effect::unseen(known));
    }
    Ok(Some(effects))
}

/// Which one was told to be kept.
async fn kept(
    courier: &Courier,
    maker: Maker<'_>,
    calls: &Calls<'_>,
) -> Result<Option<String>, Stop> {
    let (tenant, id, life_ms) = (maker.tenant, maker.id, maker.life_ms);
    let told = courier.queue.twins_of(tenant, id, life_ms).await;
    let told = told.map_err(|_| calls.postponed(TRY_AGAIN, "waits for Redis"))?;
    Ok(told.map(|told| told.kept))
}

/// Whether another job is known by it.
async fn is_anothers(
    courier: &Courier,
    maker: Maker<'_>,
    effect: &str,
    calls: &Calls<'_>,
) -> Result<bool, Stop> {
    let known = courier.queue.maker_of(maker.tenant, effect).await;
    let known = known.map_err(|_| calls.postponed(TRY_AGAIN, "waits for Redis"))?;
    Ok(known.is_some_and(|job| job != maker.id))
}

/// How many of its deletions have had no answer.
fn unanswered(job: &Assignment, twin: &str) -> u64 {
    let last = job.claimed.run.text(field::UNREMOVED);
    let last = last.and_then(|last| last.split_once('/'));
    let times = last.filter(|(_, of)| *of == twin).map(|(times, _)| times);
    times.and_then(|times| times.parse().ok()).unwrap_or(0)
}

/// What the contact has; `None` if the list is refused, too long, or garbage time and again.
async fn list(
    job: &Assignment,
    sweep: &Sweep,
    calls: &mut Calls<'_>,
) -> Result<Option<Vec<Effect>>, Stop> {
    let request = match sweep.job_type {
        JobType::CreateTask => Request::list_tasks(&sweep.contact),
        _ => Request::list_notes(&sweep.contact),
    };
    let answer = calls.send(&request).await;
    let list = answer.and_then(|answer| calls.read(&request, read(sweep.job_type, &answer)));
    match list {
        Err(Stop::Call(
            CallError::Rejected { .. }
            | CallError::ContactNotFound { .. }
            | CallError::TooLong { .. },
        )) => Ok(None),
        Err(Stop::Call(error @ CallError::Unreadable { .. })) => {
            let again = look::garbage(job, &error);
            again.map_or(Ok(None), |wait| Err(look::read_again(wait, calls)))
        }
        Err(stop) => Err(look::unread(stop, calls)),
        Ok(list) => {
            look::count_anew(job);
            Ok(Some(list))
        }
    }
}

fn read(job_type: JobType, answer: &Answer) -> Result<Vec<Effect>, CallError> {
    if job_type == JobType::CreateTask {
        let tasks = answer.tasks()?.into_iter();
        let effect = |task: Task| Effect::new(task.id, task.body.as_deref(), &task.beside);
        return Ok(tasks.map(effect).collect());
    }
    let notes = answer.notes()?.into_iter();
    let effect = |note: Note| Effect::new(note.id, note.body.as_deref(), &note.beside);
    Ok(notes.map(effect).collect())
}

/// More than there are to be: that is said, and written down.
async fn tell(
    courier: &Courier,
    job: &Assignment,
    sweep: &Sweep,
    effects: &[Effect],
    is_dead: bool,
    calls: &mut Calls<'_>,
) -> Result<Twins, Stop> {
    let mut ids = effects.iter().map(|effect| effect.id.clone());
    let told = Twins {
        tenant: job.reference().tenant().to_owned(),
        id: sweep.job.clone(),
        life_ms: sweep.life_ms,
        job_type: sweep.job_type.as_str().to_owned(),
        contact: sweep.contact.as_str().to_owned(),
        kept: ids.next().unwrap_or_default(),
        twins: ids.collect(),
        removed: Vec::new(),
        dead: is_dead,
        found_ms: job.clock.now_ms(),
    };
    let away = |_| calls.postponed(TRY_AGAIN, "waits for Redis");
    // Said before it is written down: rather twice than never.
    let new = courier.queue.untold_of(&told).await.map_err(away)?;
    metrics::counter!("penstock_twins_total").increment(new);
    if new > 0 {
        let (id, kept, twins) = (&told.id, &told.kept, told.twins.join(" "));
        tracing::warn!(
            job = id,
            tenant = told.tenant,
            contact = told.contact,
            kept,
            twins,
            "its effect is there {}",
            if is_dead {
                "though it is a dead letter"
            } else {
                "more than once"
            }
        );
        if let Some(late_ms) = sweep.late_ms {
            let lateness = Duration::from_millis(late_ms);
            courier.late(sweep.job_type, lateness).await;
        }
    }
    courier.queue.tell_twins(&told).await.map_err(away)?;
    Ok(told)
}

/// Removes all but the first, as far as they say the same.
async fn remove_twins(
    courier: &Courier,
    job: &Assignment,
    sweep: &Sweep,
    effects: &[Effect],
    mut told: Twins,
    calls: &mut Calls<'_>,
) -> Result<(), Stop> {
    let [kept, twins @ ..] = effects else {
        return Ok(());
    };
    // What a person has gone on with, or copied to go on with, is theirs.
    let same = |twin: &&Effect| kept.text.is_some() && kept.text == twin.text;
    let removable: Vec<_> = twins.iter().filter(same).map(|twin| &twin.id).collect();
    for twin in removable.iter().copied().take(REMOVED) {
        let removed = remove(courier, job, sweep, twin, calls).await?;
        tracing::warn!(
            job = told.id,
            tenant = told.tenant,
            contact = told.contact,
            twin,
            "{}",
            if removed {
                "a twin was removed"
            } else {
                "a twin could not be removed"
            }
        );
        if !removed {
            return Ok(());
        }
        told.removed = vec![twin.clone()];
        let told = courier.queue.tell_twins(&told).await;
        told.map_err(|_| calls.postponed(TRY_AGAIN, "waits for Redis"))?;
    }
    if removable.len() > REMOVED {
        return Err(calls.postponed(Duration::ZERO, "more twins are to be removed"));
    }
    Ok(())
}

/// Whether it is not there any more; not, where the API refuses that for good, or never answers.
async fn remove(
    courier: &Courier,
    job: &Assignment,
    sweep: &Sweep,
    twin: &str,
    calls: &mut Calls<'_>,
) -> Result<bool, Stop> {
    let request = match sweep.job_type {
        JobType::CreateTask => Request::delete_task(&sweep.contact, twin),
        _ => Request::delete_note(&sweep.contact, twin),
    };
    match calls.send(&request).await {
        // The API spells it so.
        Ok(answer) => Ok(answer.body.get("succeded") != Some(&false.into())),
        // It may be what was asked for that is not there, and the twin still is.
        Err(Stop::Call(CallError::ContactNotFound { .. } | CallError::PartNotFound { .. })) => {
            let list = list(job, sweep, calls).await?;
            Ok(list.is_some_and(|list| list.iter().all(|effect| effect.id != twin)))
        }
        // A token may allow to write notes, and not to delete any.
        Err(Stop::Call(error))
            if matches!(error, CallError::Rejected { .. }) || error.status() == Some(403) =>
        {
            Ok(false)
        }
        // It may still be applied.
        Err(Stop::Call(error)) if error.may_have_taken_effect() => {
            let times = unanswered(job, twin) + 1;
            if times >= UNANSWERED {
                return Ok(false);
            }
            job.note(field::UNREMOVED, format!("{times}/{twin}"));
            let wait = courier.quarantine.of(sweep.job_type) + courier.http_timeout;
            Err(look::read_again(wait, calls))
        }
        Err(stop) => Err(look::unread(stop, calls)),
    }
}
