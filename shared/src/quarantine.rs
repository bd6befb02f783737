//! The quarantine in force: how long after its end a call without an answer may still be applied. It begins as it is set, is raised where the
//! API has proved to be later, and is set back by a person alone.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{
    job::{JobType, PerType},
    span::millis,
};

/// No lateness, however large, makes it longer.
pub const LONGEST: Duration = Duration::from_secs(3_600);

/// The quarantine of every job type, shared by all who wait for it.
#[derive(Debug, Clone)]
pub struct Quarantine {
    set: PerType<Duration>,
    /// What each was raised to, ms; 0 if it was not.
    raised: Arc<[AtomicU64; JobType::ALL.len()]>,
}

impl Quarantine {
    /// As it is set.
    pub fn new(set: PerType<Duration>) -> Self {
        Self {
            set,
            raised: Arc::default(),
        }
    }

    /// What is in force for a job type.
    pub fn of(&self, job_type: JobType) -> Duration {
        let raised = self.raised(job_type).load(Ordering::Relaxed);
        self.set.of(job_type).max(Duration::from_millis(raised))
    }

    /// What holds where the type is not known.
    pub fn longest(&self) -> Duration {
        let all = JobType::ALL.iter().map(|job_type| self.of(*job_type));
        all.max().unwrap_or_default()
    }

    /// Raises it, as others have found that it must be; whether that changes what is in force.
    pub fn raise(&self, job_type: JobType, to: Duration) -> bool {
        let before = self.of(job_type);
        let to = to.min(LONGEST);
        self.raised(job_type)
            .fetch_max(millis(to), Ordering::Relaxed);
        self.of(job_type) > before
    }

    /// Sets it back to what is set, as a person has decided; whether that changes what is in force.
    pub fn reset(&self, job_type: JobType) -> bool {
        let before = self.of(job_type);
        self.raised(job_type).store(0, Ordering::Relaxed);
        self.of(job_type) < before
    }

    fn raised(&self, job_type: JobType) -> &AtomicU64 {
        &self.raised[usize::from(job_type.code() - 1) % JobType::ALL.len()]
    }
}

/// What it is raised to when an effect was seen only so long after the end of its call.
pub fn after(lateness: Duration) -> Duration {
    (lateness * 2).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn it_is_only_ever_raised_and_only_where_it_was_too_short() {
        let set = PerType::all(30 * SECOND).with(JobType::CreateTask, 60 * SECOND);
        let quarantine = Quarantine::new(set);
        let other = quarantine.clone();
        assert!(!quarantine.raise(JobType::CreateTask, 50 * SECOND));
        assert!(quarantine.raise(JobType::AttachNote, 50 * SECOND));
        assert!(!quarantine.raise(JobType::AttachNote, 40 * SECOND));
        for job_type in JobType::ALL {
            let expected = match job_type {
                JobType::CreateTask => 60,
                JobType::AttachNote => 50,
                _ => 30,
            };
            assert_eq!(other.of(*job_type).as_secs(), expected, "{job_type}");
        }
        assert_eq!(other.longest(), 60 * SECOND);
        assert!(other.reset(JobType::AttachNote) && !other.reset(JobType::AddTags));
        assert_eq!(quarantine.of(JobType::AttachNote), 30 * SECOND);
    }

    #[test]
    fn it_has_a_bound() {
        let quarantine = Quarantine::new(PerType::all(SECOND));
        assert_eq!(after(9_000 * SECOND), LONGEST);
        quarantine.raise(JobType::AddTags, 9_000 * SECOND);
        assert_eq!(quarantine.of(JobType::AddTags), LONGEST);
    }
}
