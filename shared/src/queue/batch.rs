//! Jobs on their way into script calls that store them: as many as one call takes.

use std::collections::HashMap;

use redis::Cmd;
use serde::Serialize;

use super::{
    record::{self, NewJob, Parts},
    spread::Part,
};
use crate::job::Destination;

/// The most jobs that one script call stores, and the most bytes: both bound how long Redis is busy with it. One that is spread over more is alone in
/// its call, with all of these.
pub const MOST_JOBS: usize = 256;
const MOST_BYTES: usize = 1 << 20;

/// What storing a job takes beside what is stored of it.
const BESIDE: usize = 256;

/// A job on its way into a script call.
pub(super) struct Encoded<'a> {
    pub(super) at: usize,
    pub(super) new: &'a NewJob,
    pub(super) parts: Parts,
}

impl Encoded<'_> {
    /// With those that it is spread over, which are encoded only as it is their turn.
    fn bytes(&self) -> usize {
        self.parts.stored.len() + BESIDE + self.new.job.payload.spread_bytes()
    }

    /// The same.
    fn count(&self) -> usize {
        1 + self.new.spreads_over()
    }

    pub(super) fn tenant(&self) -> &str {
        self.new.job.tenant.as_str()
    }

    fn write(&self, command: &mut Cmd, id: &str, stored: &[u8]) {
        let job = &self.new.job;
        command.arg(format!("{}{id}", record::digit(job.priority)));
        match job.run_at {
            Some(at) => command.arg(at.as_millisecond().max(0)),
            None => command.arg(""),
        };
        command.arg(stored);
    }
}

/// The jobs of one script call: those of a tenant follow on each other, in their order.
pub(super) struct Batch<'a> {
    pub(super) shard: u16,
    pub(super) jobs: Vec<Encoded<'a>>,
    pub(super) bytes: usize,
    count: usize,
}

impl<'a> Batch<'a> {
    /// With this one in it.
    pub(super) fn of(shard: u16, first: Encoded<'a>) -> Self {
        let mut batch = Self {
            shard,
            jobs: Vec::new(),
            bytes: 0,
            count: 0,
        };
        batch.push(first);
        batch
    }

    pub(super) fn has_room_for(&self, job: &Encoded<'_>) -> bool {
        self.count + job.count() <= MOST_JOBS && self.bytes + job.bytes() <= MOST_BYTES
    }

    pub(super) fn push(&mut self, job: Encoded<'a>) {
        self.bytes += job.bytes();
        self.count += job.count();
        self.jobs.push(job);
    }

    /// Puts those of a tenant together; the sort is stable.
    pub(super) fn by_tenant(mut self) -> Self {
        self.jobs.sort_by(|a, b| a.tenant().cmp(b.tenant()));
        self
    }
}

/// Written one behind the other: a tenant, and how many of the jobs are its own.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum TenantsJobs<'a> {
    Tenant(&'a str),
    Count(usize),
}

/// What a script call is told of the jobs that follow, numbered from 1.
#[derive(Serialize)]
pub(super) struct Contents<'a> {
    tenants: Vec<TenantsJobs<'a>>,
    /// Those that are not for the destination of all.
    elsewhere: HashMap<usize, Destination>,
    /// By how many jobs each is followed that it is spread over.
    parts: HashMap<usize, usize>,
}

impl<'a> Contents<'a> {
    /// One job for the destination of all.
    pub(super) fn one(tenant: &'a str) -> Self {
        Self {
            tenants: vec![TenantsJobs::Tenant(tenant), TenantsJobs::Count(1)],
            elsewhere: HashMap::new(),
            parts: HashMap::new(),
        }
    }
}

/// A batch with the jobs that each of its own is spread over.
pub(super) struct Spread<'b, 'a> {
    pub(super) batch: &'b Batch<'a>,
    pub(super) parts: Vec<Vec<Part>>,
}

impl<'b, 'a> Spread<'b, 'a> {
    pub(super) fn each(&self) -> impl Iterator<Item = (&'b Encoded<'a>, &[Part])> {
        let parts = self.parts.iter().map(Vec::as_slice);
        self.batch.jobs.iter().zip(parts)
    }

    pub(super) fn contents(&self) -> Contents<'b> {
        let mut contents = Contents {
            tenants: Vec::new(),
            elsewhere: HashMap::new(),
            parts: HashMap::new(),
        };
        let mut number = 1;
        for (job, parts) in self.each() {
            let destination = job.new.job.payload.destination();
            if destination != Destination::GHL {
                contents.elsewhere.insert(number, destination);
            }
            if !parts.is_empty() {
                contents.parts.insert(number, parts.len());
            }
            contents.count(job.tenant(), 1 + parts.len());
            number += 1 + parts.len();
        }
        contents
    }

    pub(super) fn write(&self, command: &mut Cmd) {
        for (job, parts) in self.each() {
            job.write(command, job.new.id.as_str(), &job.parts.stored);
            for part in parts {
                job.write(command, part.id.as_str(), &part.parts.stored);
            }
        }
    }
}

impl<'a> Contents<'a> {
    /// So many more jobs are this tenant's.
    fn count(&mut self, tenant: &'a str, more: usize) {
        match self.tenants.as_mut_slice() {
            [.., TenantsJobs::Tenant(last), TenantsJobs::Count(count)] if *last == tenant => {
                *count += more;
            }
            _ => self
                .tenants
                .extend([TenantsJobs::Tenant(tenant), TenantsJobs::Count(more)]),
        }
    }
}
