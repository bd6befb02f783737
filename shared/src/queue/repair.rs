//! What a person does with dead letters: edits, sends again, decides or deletes them.

use std::time::Duration;

use redis::Cmd;
use serde::Serialize;

use super::{
    Policy, Queue,
    dead::DeadLetter,
    error::QueueError,
    record::{self, DoneRecord, NewJob},
};
use crate::{
    job::{Job, JobId, Priority},
    span::millis,
};

/// How many dead letters one script call changes.
const PAGE: usize = 200;

/// What became of a change to one dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// It is done.
    Ok,
    /// The job is not dead.
    NotDead,
    /// There is no such job.
    Unknown,
    /// Nothing there could run: it can only be deleted.
    Undecodable,
    /// It has died again since it was looked at.
    Stale,
    /// What was sent may have taken effect; that is decided first, with `dead resolve`.
    Undecided,
    /// Only an ambiguous one can be decided.
    NotAmbiguous,
    /// That effect is another job's.
    EffectTaken,
    /// It would go to another destination: it has its place in the lane of its own.
    Elsewhere,
    /// It would be for several contacts: those that it is spread over are stored with a job, and not later.
    Spread,
}

fn changed(code: &str) -> Result<Changed, QueueError> {
    Ok(match code {
        "ok" => Changed::Ok,
        "not-dead" => Changed::NotDead,
        "unknown" => Changed::Unknown,
        "undecodable" => Changed::Undecodable,
        "changed" => Changed::Stale,
        "undecided" => Changed::Undecided,
        "not-ambiguous" => Changed::NotAmbiguous,
        "taken" => Changed::EffectTaken,
        other => return Err(QueueError::Unexpected(format!("dead letter: {other}"))),
    })
}

/// A dead letter that is to be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Whose it is.
    pub tenant: String,
    /// Its id.
    pub id: String,
    /// The death that was looked at (ms): one that has died again since is left alone. `None`: whichever it was.
    pub dead_ms: Option<u64>,
}

impl Named {
    /// One that was looked at.
    pub fn of(letter: &DeadLetter) -> Self {
        Self {
            tenant: letter.tenant.clone(),
            id: letter.id.clone(),
            dead_ms: Some(letter.dead_ms),
        }
    }

    fn write(&self, command: &mut Cmd) {
        let dead_ms = self.dead_ms.map(|at| at.to_string());
        command.arg(&self.tenant).arg(&self.id);
        command.arg(dead_ms.unwrap_or_default());
    }
}

/// A dead letter to send again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redrive {
    /// Which.
    pub letter: Named,
    /// The priority it gets.
    pub priority: Priority,
    /// When it becomes due, from now.
    pub delay: Duration,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RedriveArguments {
    #[serde(flatten)]
    policy: Policy,
    moves: usize,
    resend: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EditArguments<'a> {
    tenant: &'a str,
    id: &'a str,
    dead_at: u64,
    once: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResolveArguments<'a> {
    tenant: &'a str,
    id: &'a str,
    dead_at: u64,
    effect: Option<&'a str>,
    result: String,
}

impl Queue {
    /// Sends dead letters again, in the order given. With `resend` an ambiguous one is not read back first: a person has decided.
    pub async fn redrive(
        &self,
        jobs: &[Redrive],
        resend: bool,
    ) -> Result<Vec<Changed>, QueueError> {
        let arguments = RedriveArguments {
            policy: self.terms().policy(),
            moves: super::MOVES,
            resend,
        };
        let write = |command: &mut Cmd, job: &Redrive| {
            job.letter.write(command);
            command
                .arg(record::digit(job.priority))
                .arg(millis(job.delay));
        };
        self.change(
            jobs,
            |job| &job.letter.tenant,
            &self.scripts().redrive,
            &arguments,
            write,
        )
        .await
    }

    /// Deletes dead letters for good.
    pub async fn discard(&self, letters: &[Named]) -> Result<Vec<Changed>, QueueError> {
        let write = |command: &mut Cmd, letter: &Named| letter.write(command);
        let discard = &self.scripts().discard;
        self.change(letters, |letter| &letter.tenant, discard, &(), write)
            .await
    }

    /// Calls a script that changes many dead letters, shard by shard, keeping their order and their answers' order.
    async fn change<T, A: Serialize>(
        &self,
        jobs: &[T],
        tenant: impl Fn(&T) -> &String,
        script: &super::scripts::Script,
        arguments: &A,
        write: impl Fn(&mut Cmd, &T),
    ) -> Result<Vec<Changed>, QueueError> {
        let mut results = vec![Changed::Unknown; jobs.len()];
        for shard in 0..self.shards() {
            let mine: Vec<usize> = (0..jobs.len())
                .filter(|at| self.shard_of(tenant(&jobs[*at])) == shard)
                .collect();
            for page in mine.chunks(PAGE) {
                let tail =
                    |command: &mut Cmd| page.iter().for_each(|at| write(command, &jobs[*at]));
                let codes: Vec<String> = self.call(shard, script, arguments, tail).await?;
                for (at, code) in page.iter().zip(codes) {
                    results[*at] = changed(&code)?;
                }
            }
        }
        Ok(results)
    }

    /// Replaces the payload of a dead letter that was looked at; it stays dead until it is sent again.
    pub async fn edit(&self, letter: &DeadLetter, job: &Job) -> Result<Changed, QueueError> {
        if job.payload.several().is_some() {
            return Ok(Changed::Spread);
        }
        if let Some(own) = &letter.job {
            if own.payload.several().is_some() {
                return Ok(Changed::Spread);
            }
            if own.payload.destination() != job.payload.destination() {
                return Ok(Changed::Elsewhere);
            }
        }
        let drawer = self.vault().of(&letter.tenant, &letter.id);
        let new = NewJob {
            id: letter.id.parse().unwrap_or_else(|_| JobId::generate()),
            job: job.clone(),
        };
        let keys = self.contact_keys(std::slice::from_ref(&new)).await?;
        let parts = record::encode(job, &keys.concat(), drawer)?;
        let arguments = EditArguments {
            tenant: &letter.tenant,
            id: &letter.id,
            dead_at: letter.dead_ms,
            once: letter
                .job
                .as_ref()
                .is_some_and(|job| !job.payload.is_idempotent()),
        };
        let tail = |command: &mut Cmd| {
            command.arg(&parts.stored);
        };
        let shard = self.shard_of(&letter.tenant);
        let code: String = self
            .call(shard, &self.scripts().edit, &arguments, tail)
            .await?;
        changed(&code)
    }

    /// Decides that an ambiguous dead letter did take effect.
    pub async fn resolve_done(
        &self,
        letter: &DeadLetter,
        effect: Option<&str>,
    ) -> Result<Changed, QueueError> {
        let result = serde_json::json!({ "resolved": true, "effect": effect });
        self.resolve(letter, effect, result).await
    }

    /// What was told of an ambiguous dead letter decides that it did take effect: this is what its callers read.
    pub async fn resolve_told(
        &self,
        letter: &DeadLetter,
        result: serde_json::Value,
    ) -> Result<Changed, QueueError> {
        self.resolve(letter, None, result).await
    }

    async fn resolve(
        &self,
        letter: &DeadLetter,
        effect: Option<&str>,
        result: serde_json::Value,
    ) -> Result<Changed, QueueError> {
        let done = DoneRecord {
            job_type: letter.job_type().unwrap_or_default().to_owned(),
            attempts: letter.run.attempts(),
            result,
            effect: effect.map(str::to_owned),
            life: letter
                .job
                .as_ref()
                .map(|job| letter.run.first_due(job.due_ms)),
        };
        let result = serde_json::to_string(&done)
            .map_err(|error| QueueError::Unexpected(error.to_string()))?;
        let arguments = ResolveArguments {
            tenant: &letter.tenant,
            id: &letter.id,
            dead_at: letter.dead_ms,
            effect,
            result,
        };
        let shard = self.shard_of(&letter.tenant);
        let code: String = self
            .call(shard, &self.scripts().resolve, &arguments, super::no_tail)
            .await?;
        changed(&code)
    }
}
