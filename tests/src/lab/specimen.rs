//! One job of every type, for what is done to single jobs.

use penstock_shared::job::JobType;
use serde_json::{Value, json};

use super::trace::Trace;
use super::workload::{
    ELSEWHERE, Wanted, Writing, blacklisted, delisted, enlisted, noted, profile, texted, wanted,
};

/// Whose jobs for the API they are.
pub const TENANT: &str = "crash";
/// The contacts that are there.
pub const CONTACTS: [&str; 2] = ["c1", "c2"];
/// Jobs on which others are built have this id.
const BEFORE: &str = "job-0";
const ID: &str = "job-1";
const WORD: &str = "lab-1";
const PHONE: &str = "+33612345678";
/// The failpoints around an intent.
const AROUND_INTENT: [&str; 2] = ["before-intent", "after-intent"];

/// The writes of the API.
const TYPES: [JobType; 22] = [
    JobType::UpsertContact,
    JobType::CreateTask,
    JobType::AttachNote,
    JobType::AddTags,
    JobType::CreateContact,
    JobType::UpdateContact,
    JobType::DeleteContact,
    JobType::UpdateTask,
    JobType::CompleteTask,
    JobType::DeleteTask,
    JobType::UpdateNote,
    JobType::DeleteNote,
    JobType::RemoveTags,
    JobType::BulkTags,
    JobType::AddFollowers,
    JobType::RemoveFollowers,
    JobType::AddToCampaign,
    JobType::RemoveFromCampaign,
    JobType::RemoveFromAllCampaigns,
    JobType::AddToWorkflow,
    JobType::RemoveFromWorkflow,
    JobType::SetBusiness,
];

/// A job, and what it takes to judge what becomes of it.
#[derive(Debug, Clone)]
pub struct Specimen {
    /// What it is called.
    pub name: String,
    /// What is done before, if it goes by that.
    pub before: Option<Wanted>,
    /// The job.
    pub job: Wanted,
    /// Whether its calls pass the points around the intent: what needs none may leave them out.
    pub has_intent: bool,
    /// How many calls it makes before the one that changes something.
    pub looks: u32,
    /// What tells for certain what a lost call came to.
    pub told: Told,
    /// Whether what it makes has a marker.
    pub is_marked: bool,
}

/// What tells what a lost call came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// What is there.
    ByLook,
    /// The network's report of a message that has arrived.
    ByReport,
    /// Nothing.
    Never,
}

/// All of them.
pub fn all() -> Vec<Specimen> {
    let of_api = TYPES.map(of_type).into_iter();
    let marked = Specimen::new("CreateTask, marked", one(JobType::CreateTask)).marked();
    let of_api = of_api.chain([marked]).chain(of_many());
    of_api.chain(elsewhere()).collect()
}

impl Specimen {
    fn new(name: &str, job: Wanted) -> Self {
        Self {
            name: name.to_owned(),
            before: None,
            job,
            has_intent: true,
            looks: 0,
            told: Told::ByLook,
            is_marked: false,
        }
    }

    /// Whether its delivery comes to this failpoint.
    pub fn passes(&self, point: &str) -> bool {
        self.has_intent || !AROUND_INTENT.contains(&point)
    }

    fn after(mut self, before: Wanted) -> Self {
        self.before = Some(before);
        self
    }

    const fn without_intent(mut self) -> Self {
        self.has_intent = false;
        self
    }

    const fn looking(mut self) -> Self {
        self.looks = 1;
        self
    }

    const fn blind(mut self) -> Self {
        self.told = Told::Never;
        self
    }

    const fn marked(mut self) -> Self {
        self.is_marked = true;
        self
    }

    const fn reported(mut self) -> Self {
        self.told = Told::ByReport;
        self
    }
}

fn of_type(job_type: JobType) -> Specimen {
    let specimen = Specimen::new(job_type.as_str(), one(job_type));
    let before = |job_type| build(BEFORE, "lab-0", job_type);
    match job_type {
        JobType::UpdateTask | JobType::CompleteTask | JobType::DeleteTask => {
            specimen.after(before(JobType::CreateTask))
        }
        JobType::UpdateNote | JobType::DeleteNote => specimen.after(before(JobType::AttachNote)),
        // A task does not say when it came to be: it may be an older one.
        JobType::CreateTask | JobType::AddToCampaign | JobType::AddToWorkflow => specimen.blind(),
        _ => specimen,
    }
}

/// Those for several contacts, whose parts share a call, which needs no intent.
fn of_many() -> impl Iterator<Item = Specimen> {
    let of = [JobType::BulkTags, JobType::SetBusiness].into_iter();
    of.map(|job_type| {
        let contacts: Vec<_> = CONTACTS.map(|id| json!({ "id": id })).into();
        let job = make(
            ID,
            WORD,
            job_type,
            CONTACTS[0],
            &about(job_type, WORD, &json!(contacts)),
        );
        Specimen::new(&format!("{job_type} of many"), job).without_intent()
    })
}

fn elsewhere() -> Vec<Specimen> {
    let word = || WORD.to_owned();
    let text = || texted(ID, ELSEWHERE, PHONE, word());
    let listed = |id: &str, word: &str| enlisted(id, ELSEWHERE, PHONE, word.into());
    let black = |id: &str, operation| blacklisted(id, ELSEWHERE, PHONE, operation);
    let written = |what| noted(ID, ELSEWHERE, &profile(0), word(), what);
    vec![
        Specimen::new("SendSms", text()).blind(),
        Specimen::new("SendSms, with a report", text()).reported(),
        Specimen::new("SmsListContact", listed(ID, WORD))
            .without_intent()
            .looking(),
        Specimen::new("SmsListContact, remove", delisted(ID, ELSEWHERE, PHONE))
            .after(listed(BEFORE, "lab-0"))
            .without_intent()
            .looking(),
        Specimen::new("SmsBlacklist", black(ID, "add")).without_intent(),
        Specimen::new("SmsBlacklist, remove", black(ID, "remove"))
            .after(black(BEFORE, "add"))
            .without_intent()
            .looking(),
        Specimen::new("HttpCall, once", written(Writing::Note)).blind(),
        Specimen::new("HttpCall, repeatable", written(Writing::Tag)).without_intent(),
    ]
}

/// A job of this type, one of the API's writes.
pub fn one(job_type: JobType) -> Wanted {
    build(ID, WORD, job_type)
}

fn build(id: &str, word: &str, job_type: JobType) -> Wanted {
    let contacts = json!([{ "id": CONTACTS[0] }]);
    let payload = about(job_type, word, &contacts);
    let contact = payload["email"].as_str().unwrap_or(CONTACTS[0]);
    let job = make(id, word, job_type, contact, &payload);
    match job_type {
        JobType::CompleteTask | JobType::DeleteTask | JobType::DeleteNote => {
            job.traced(Trace::Part(BEFORE.to_owned()))
        }
        JobType::DeleteContact | JobType::RemoveFromAllCampaigns => job.traced(Trace::Alone),
        _ => job,
    }
}

fn make(id: &str, word: &str, job_type: JobType, contact: &str, payload: &Value) -> Wanted {
    wanted(id, TENANT, job_type, contact, word.into(), payload)
}

/// What such a job says, of one contact or of several.
fn about(job_type: JobType, word: &str, contacts: &Value) -> Value {
    let contact = contacts[0].clone();
    let by = json!({ "job": BEFORE });
    match job_type {
        JobType::UpsertContact | JobType::CreateContact => {
            json!({ "email": "someone@lab.example", "source": word })
        }
        JobType::UpdateContact => json!({ "contact": contact, "source": word }),
        JobType::CreateTask => {
            json!({ "contact": contact, "title": word, "dueDate": "2030-01-01T09:00:00Z" })
        }
        JobType::UpdateTask => json!({ "contact": by, "task": by, "title": word }),
        JobType::CompleteTask | JobType::DeleteTask => json!({ "contact": by, "task": by }),
        JobType::AttachNote => json!({ "contact": contact, "body": word }),
        JobType::UpdateNote => json!({ "contact": by, "note": by, "body": word }),
        JobType::DeleteNote => json!({ "contact": by, "note": by }),
        JobType::AddFollowers | JobType::RemoveFollowers => {
            json!({ "contact": contact, "followers": [word] })
        }
        JobType::AddToCampaign | JobType::RemoveFromCampaign => {
            json!({ "contact": contact, "campaignId": word })
        }
        JobType::AddToWorkflow | JobType::RemoveFromWorkflow => {
            json!({ "contact": contact, "workflowId": word })
        }
        JobType::BulkTags => json!({ "contacts": contacts, "tags": [word], "operation": "add" }),
        JobType::SetBusiness => json!({ "contacts": contacts, "businessId": word }),
        JobType::AddTags | JobType::RemoveTags => json!({ "contact": contact, "tags": [word] }),
        _ => json!({ "contact": contact }),
    }
}
