//! What is done to one contact of the API's, job by job.

use penstock_shared::job::JobType;
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::mix::Mix;
use super::who::{Kind, Who, neighbours};
use super::{CANARY, Size, Wanted, wanted};
use crate::lab::trace::Trace;

/// Each upsert or update of a contact writes another one of these, so that none is hidden by a later one in the same call.
const FIELDS: [&str; 7] = [
    "firstName",
    "lastName",
    "source",
    "address1",
    "city",
    "state",
    "website",
];
/// How many jobs a contact that is deleted still gets afterwards.
const AFTERWARDS: usize = 3;
/// When tasks are due.
const DUE: &str = "2030-01-01T09:00:00Z";

/// A task or a note, by the job that makes it.
#[derive(Debug)]
struct Part {
    by: String,
    is_task: bool,
    is_completed: bool,
}

/// A contact, as far as its jobs are drawn.
#[derive(Debug)]
pub(super) struct Life {
    who: Who,
    mix: Mix,
    place: (usize, usize),
    size: Size,
    /// Its first job, which others may name it by.
    first: String,
    parts: Vec<Part>,
    /// It is in no campaign any more: of a second such job nobody could tell which of them did it.
    has_left_all: bool,
    is_deleted: bool,
}

impl Life {
    pub(super) fn begin(tenant: usize, contact: usize, size: Size, mix: Mix) -> Self {
        let mut who = Who::new(tenant, contact);
        if mix == Mix::Lasting && who.kind == Kind::Mortal {
            who.kind = Kind::Addressed;
        }
        Self {
            who,
            mix,
            place: (tenant, contact),
            size,
            first: String::new(),
            parts: Vec::new(),
            has_left_all: false,
            is_deleted: false,
        }
    }

    /// The contact's tenant and id, if it is there from the start.
    pub(super) fn known(&self) -> Option<(String, String)> {
        let is_known = self.who.kind == Kind::Known;
        is_known.then(|| (self.who.tenant.clone(), self.who.contact.clone()))
    }

    /// Its next job.
    pub(super) fn next(&mut self, dice: &mut StdRng, number: usize, place: usize) -> Wanted {
        let id = format!("job-{number}");
        if place == 0 {
            self.first.clone_from(&id);
        }
        let job_type = self.draw(dice, place);
        let part = self.part(job_type, dice);
        let contact = self.named(part.as_deref(), dice, place);
        let word = format!("lab-{number}");
        let mut payload = self.payload(job_type, &word, place);
        if !matches!(
            job_type,
            JobType::UpsertContact
                | JobType::CreateContact
                | JobType::BulkTags
                | JobType::SetBusiness
        ) {
            payload["contact"] = contact;
        }
        if let Some(by) = &part {
            payload[part_name(job_type)] = json!({ "job": by });
        }
        self.note(job_type, &id, part.as_deref());
        let (tenant, contact) = (&self.who.tenant, &self.who.contact);
        let wanted = wanted(&id, tenant, job_type, contact, word, &payload);
        match (job_type, part) {
            (JobType::CompleteTask | JobType::DeleteTask | JobType::DeleteNote, Some(by)) => {
                wanted.traced(Trace::Part(by))
            }
            (JobType::RemoveFromAllCampaigns | JobType::DeleteContact, _) => {
                wanted.traced(Trace::Alone)
            }
            _ => wanted,
        }
    }

    fn draw(&self, dice: &mut StdRng, place: usize) -> JobType {
        match self.who.kind {
            Kind::Addressed if place == 0 => return JobType::UpsertContact,
            Kind::Mortal if place == 0 => return JobType::CreateContact,
            Kind::Mortal if place + AFTERWARDS + 1 == self.size.jobs => {
                return JobType::DeleteContact;
            }
            _ => {}
        }
        let drawn = self.mix.draw(dice);
        if self.can(drawn) {
            return drawn;
        }
        match drawn {
            // Of one that is named by its id, or by a job, nobody knows the address.
            JobType::UpsertContact => JobType::UpdateContact,
            JobType::UpdateTask | JobType::CompleteTask | JobType::DeleteTask => {
                JobType::CreateTask
            }
            JobType::UpdateNote | JobType::DeleteNote => JobType::AttachNote,
            _ => JobType::AddTags,
        }
    }

    /// Whether a job of this type is one whose effect can be foretold.
    fn can(&self, job_type: JobType) -> bool {
        let is_part = !part_name(job_type).is_empty();
        match job_type {
            JobType::UpsertContact => self.who.kind == Kind::Addressed,
            JobType::RemoveFromAllCampaigns => !self.has_left_all && !self.is_deleted,
            // These name contacts by their ids.
            JobType::BulkTags | JobType::SetBusiness => self.who.kind == Kind::Known,
            // What is gone with its contact is found gone, or its contact is.
            _ if is_part => !self.is_deleted && self.fitting(job_type).next().is_some(),
            _ => true,
        }
    }

    fn fitting(&self, job_type: JobType) -> impl Iterator<Item = usize> {
        let is_task = part_name(job_type) == "task";
        let parts = self.parts.iter().enumerate();
        let fitting = parts.filter(move |(_, part)| {
            part.is_task == is_task && !(job_type == JobType::CompleteTask && part.is_completed)
        });
        fitting.map(|(at, _)| at)
    }

    /// The job that made the task or note which one of this type is about.
    fn part(&self, job_type: JobType, dice: &mut StdRng) -> Option<String> {
        if part_name(job_type).is_empty() {
            return None;
        }
        let fitting: Vec<_> = self.fitting(job_type).collect();
        let at = fitting[dice.random_range(0..fitting.len())];
        Some(self.parts[at].by.clone())
    }

    /// What is known of the contact once this job is drawn.
    fn note(&mut self, job_type: JobType, id: &str, part: Option<&str>) {
        match job_type {
            JobType::CreateTask | JobType::AttachNote => self.parts.push(Part {
                by: id.to_owned(),
                is_task: job_type == JobType::CreateTask,
                is_completed: false,
            }),
            JobType::DeleteTask | JobType::DeleteNote => {
                self.parts.retain(|known| Some(known.by.as_str()) != part);
            }
            JobType::CompleteTask => {
                for known in &mut self.parts {
                    known.is_completed |= Some(known.by.as_str()) == part;
                }
            }
            JobType::RemoveFromAllCampaigns => self.has_left_all = true,
            JobType::DeleteContact => self.is_deleted = true,
            _ => {}
        }
    }

    /// As a job names the contact: by that which made the part that it is about, or now and then by the contact's first.
    fn named(&self, part: Option<&str>, dice: &mut StdRng, place: usize) -> Value {
        let by_first = match self.who.kind {
            Kind::Known => false,
            Kind::Addressed => place > 0 && dice.random_bool(0.2),
            Kind::Mortal => true,
        };
        match part {
            Some(by) => json!({ "job": by }),
            None if by_first => json!({ "job": self.first }),
            None => self.who.named(),
        }
    }

    /// What a job says beside the contact and the part.
    fn payload(&self, job_type: JobType, word: &str, place: usize) -> Value {
        let said = || format!("{word} {CANARY}");
        let field = FIELDS[place % FIELDS.len()];
        let value = if field == "website" {
            format!("https://{word}.example")
        } else {
            word.to_owned()
        };
        match job_type {
            JobType::UpsertContact | JobType::CreateContact => {
                json!({ "email": self.who.contact, field: value })
            }
            JobType::UpdateContact => json!({ field: value }),
            JobType::CreateTask => json!({ "title": said(), "dueDate": DUE }),
            JobType::UpdateTask => json!({ "title": said() }),
            JobType::AttachNote | JobType::UpdateNote => json!({ "body": said() }),
            JobType::AddTags | JobType::RemoveTags => json!({ "tags": [word] }),
            JobType::AddFollowers | JobType::RemoveFollowers => json!({ "followers": [word] }),
            JobType::AddToCampaign | JobType::RemoveFromCampaign => json!({ "campaignId": word }),
            JobType::AddToWorkflow | JobType::RemoveFromWorkflow => json!({ "workflowId": word }),
            JobType::BulkTags => {
                json!({ "contacts": self.neighbours(), "tags": [word], "operation": "add" })
            }
            JobType::SetBusiness => json!({ "contacts": self.neighbours(), "businessId": word }),
            _ => json!({}),
        }
    }

    fn neighbours(&self) -> Vec<Value> {
        let (tenant, contact) = self.place;
        neighbours(tenant, contact, self.size.contacts)
    }
}

/// What a job of this type calls the part of a contact that it is about; nothing if it is about none.
fn part_name(job_type: JobType) -> &'static str {
    match job_type {
        JobType::UpdateTask | JobType::CompleteTask | JobType::DeleteTask => "task",
        JobType::UpdateNote | JobType::DeleteNote => "note",
        _ => "",
    }
}
