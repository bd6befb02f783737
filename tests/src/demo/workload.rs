//! The jobs of the demo: some for the file, some for HTTP, some that must be refused and some that must die.

use serde_json::{Value, json};

use super::people::{CONTACTS, FIRMS, person};

/// Contacts whose jobs come in the file; those of the others come over HTTP.
const IN_FILE: usize = 8;
/// Jobs of one request.
const BATCH: usize = 40;
/// The sandbox refuses e-mail addresses there.
pub(super) const REJECTED_DOMAIN: &str = "rejected.example";
/// What each contact gets, in this order, as the sandbox's ledger calls it.
pub(super) const ORDER: [&str; 4] = ["contact", "task", "note", "tags"];
/// Lines that are no jobs, and why.
pub(super) const BAD_LINES: [&str; 4] = [
    r#"{"type":"CreateTask","tenant":"willow-yoga","payload":{"contact":{"email":"x@example.com"}"#,
    r#"{"type":"CreateTask","tenant":"willow-yoga","payload":{"contact":{"email":"x@example.com"},"title":"Call back","dueDate":"next Tuesday"}}"#,
    r#"{"type":"SendFax","tenant":"acme-solar","payload":{}}"#,
    r#"{"type":"AddTags","tenant":"acme-solar","payload":{"contact":{"phone":"0512 555"},"tags":["lead"],"colour":"red"}}"#,
];

/// All that is offered to Penstock.
pub(super) struct Workload {
    /// The tenants, in the order they are shown.
    pub(super) tenants: Vec<String>,
    file: Vec<Value>,
    http: Vec<Value>,
    /// Jobs that the API refuses.
    pub(super) doomed: usize,
}

impl Workload {
    /// The jobs of the demo, with every tenant's name followed by `suffix`.
    pub(super) fn new(suffix: &str) -> Self {
        let tenants: Vec<_> = FIRMS.iter().map(|firm| format!("{firm}{suffix}")).collect();
        let mut workload = Self {
            tenants: tenants.clone(),
            file: Vec::new(),
            http: Vec::new(),
            doomed: 0,
        };
        for number in 0..CONTACTS {
            let target = if number < IN_FILE {
                &mut workload.file
            } else {
                &mut workload.http
            };
            for (firm, tenant) in tenants.iter().enumerate() {
                target.extend(onboarding(tenant, firm, number));
            }
        }
        for tenant in &tenants {
            workload.file.push(mistyped_lead(tenant));
        }
        workload.http.push(lost_contact(&tenants[0]));
        workload.doomed = tenants.len() + 1;
        workload
    }

    /// The file, with the bad lines strewn in.
    pub(super) fn lines(&self) -> String {
        let mut lines: Vec<_> = self.file.iter().map(Value::to_string).collect();
        for (number, bad) in BAD_LINES.iter().enumerate() {
            lines.insert(
                (number + 1) * lines.len() / (BAD_LINES.len() + 1),
                (*bad).to_owned(),
            );
        }
        lines.join("\n") + "\n"
    }

    pub(super) fn in_file(&self) -> usize {
        self.file.len()
    }

    /// The arrays of jobs to post.
    pub(super) fn batches(&self) -> impl Iterator<Item = Value> {
        self.http
            .chunks(BATCH)
            .map(|jobs| Value::from(jobs.to_vec()))
    }

    /// An array of which one job has faults: it is refused whole.
    pub(super) fn bad_batch(&self) -> Value {
        let tenant = &self.tenants[0];
        let good = onboarding(tenant, 0, 0);
        json!([good[0], {"type": "AttachNote", "tenant": tenant, "payload": {"contact": {"email": "nobody"}, "text": "Hello"}}])
    }

    /// Jobs that are accepted.
    pub(super) fn accepted(&self) -> usize {
        self.file.len() + self.http.len()
    }

    /// Jobs that are accepted of one tenant.
    pub(super) fn accepted_of(&self, tenant: &str) -> usize {
        self.file
            .iter()
            .chain(&self.http)
            .filter(|job| job["tenant"] == tenant)
            .count()
    }
}

/// What a form on a website sets off: the contact, a task for the sales team, a note with the words, a tag.
fn onboarding(tenant: &str, firm: usize, number: usize) -> [Value; 4] {
    let who = person(firm, number);
    let id = |what: &str| format!("{what}-{firm}-{number}");
    let contact = json!({"email": who.email});
    let upsert = json!({
        "firstName": who.first, "lastName": who.last, "email": who.email, "phone": who.phone, "source": "website",
    });
    let task = json!({
        "contact": contact, "title": format!("Call {} {}", who.first, who.last), "dueDate": "2030-03-01T09:00:00Z",
    });
    let note = json!({"contact": contact, "body": format!("Asked for an offer through the website, request {number}.")});
    let tags = json!({"contact": contact, "tags": ["website", format!("request-{number}")]});
    [
        json!({"type": "UpsertContact", "tenant": tenant, "id": id("contact"), "payload": upsert, "priority": "high"}),
        json!({"type": "CreateTask", "tenant": tenant, "id": id("task"), "payload": task}),
        json!({"type": "AttachNote", "tenant": tenant, "id": id("note"), "payload": note}),
        json!({"type": "AddTags", "tenant": tenant, "id": id("tags"), "payload": tags, "priority": "low"}),
    ]
}

/// A lead whose address the API refuses; a person can put it right.
fn mistyped_lead(tenant: &str) -> Value {
    let email = format!("lead@{REJECTED_DOMAIN}");
    json!({"type": "UpsertContact", "tenant": tenant, "id": format!("lead-{tenant}"), "payload": {"firstName": "Robin", "email": email}})
}

/// A tag for a contact that the API does not know.
fn lost_contact(tenant: &str) -> Value {
    let payload = json!({"contact": {"id": "q7Wm2cX9dT4hLr8VbN1k"}, "tags": ["call-after-six"]});
    json!({"type": "AddTags", "tenant": tenant, "id": "lost", "payload": payload})
}
