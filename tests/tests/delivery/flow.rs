//! Flows: an event that is stored becomes jobs, these become effects at the API, and whatever fails is kept.

use std::path::PathBuf;

use penstock_shared::{
    job::{Job, state::State},
    outcome::Cause,
    queue::{enqueue::Admission, links::RecordName, record::NewJob},
};
use penstock_tests::{fixture::job, harness::run};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::stage::{ACME, PATIENCE, Stage};

const CALL_BACK: &str = r#"
[[flow]]
name = "call-back"
on = "sms.reply"
when = "'call me' in data.message | lower"

  [[flow.do]]
  job = "UpsertContact"
  payload = { phone = "{{ person.phone }}", source = "SMS" }

  [[flow.do]]
  job = "CreateTask"
  [flow.do.payload]
  contact = "{{ person.ref }}"
  title = "Call {{ data.from }} back"
  dueDate = "{{ now | plus('1d') }}"
"#;

/// A file of flows that the workers of a test read.
pub(crate) struct File {
    path: PathBuf,
    _dir: TempDir,
}

impl File {
    pub(crate) fn new(text: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = Self {
            path: dir.path().join("flows.toml"),
            _dir: dir,
        };
        file.write(text);
        file
    }

    /// In the place of what was there, at once.
    pub(crate) fn write(&self, text: &str) {
        let new = self.path.with_extension("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(&new, &self.path).unwrap();
    }

    pub(crate) fn setting(&self) -> [(&'static str, &str); 1] {
        [("PENSTOCK_FLOWS", self.path.to_str().unwrap())]
    }
}

/// Stores an event as a webhook does.
async fn happens(stage: &Stage, id: &str, kind: &str, contact: Value, data: Value) {
    let event = json!({
        "source": "smsfactor", "kind": kind, "tenant": ACME, "id": id, "contact": contact, "data": data,
    });
    stores(stage, id, event).await;
}

async fn stores(stage: &Stage, id: &str, event: Value) {
    let job = json!({ "type": "HandleEvent", "tenant": ACME, "payload": { "event": event } });
    let new = NewJob {
        id: id.parse().unwrap(),
        job: Job::from_value(job).unwrap(),
    };
    stage.queue.enqueue(&[new], Admission::Each).await.unwrap();
}

async fn replies(stage: &Stage, id: &str, message: &str) {
    let data = json!({ "from": "33612345678", "message": message });
    happens(
        stage,
        id,
        "sms.reply",
        json!({ "phone": "+33612345678" }),
        data,
    )
    .await;
}

#[tokio::test]
async fn a_reply_becomes_a_contact_and_a_task() {
    let (stage, file) = (Stage::start(&[]).await, File::new(CALL_BACK));
    replies(&stage, "sms:1", "Please call me").await;
    replies(&stage, "sms:2", "Thank you").await;
    let _worker = stage.worker_with(&file.setting()).await;
    stage.until_done(4).await;
    assert_eq!(
        stage.result("sms:1").await["jobs"],
        json!(["sms:1/call-back/0", "sms:1/call-back/1"])
    );
    assert_eq!(stage.result("sms:2").await, json!({ "jobs": [] }));
    let contact = stage.result("sms:1/call-back/0").await["contactId"].clone();
    let operations = stage.operations_on(contact.as_str().unwrap());
    assert_eq!(operations, ["create-task"]);
}

/// The event costs no call of GHL's: it is handled though GHL may not be called.
#[tokio::test]
async fn events_are_handled_though_the_api_is_away() {
    let stage = Stage::start(&["401:op=upsert-contact"]).await;
    let file = File::new(CALL_BACK);
    let _worker = stage.worker_with(&file.setting()).await;
    replies(&stage, "sms:1", "call me").await;
    stage.until_held(ACME, "needs-authorisation").await;
    replies(&stage, "sms:2", "no").await;
    // That of the same person waits for the one before, which is with the API.
    let data = json!({ "from": "33687654321", "message": "no" });
    happens(
        &stage,
        "sms:3",
        "sms.reply",
        json!({ "phone": "+33687654321" }),
        data,
    )
    .await;
    stage.until_state("sms:3", State::Done).await;
    assert_ne!(stage.status("sms:2").await.state, State::Done);
}

#[tokio::test]
async fn what_a_flow_cannot_make_is_kept_with_its_event() {
    let broken = CALL_BACK.replace("{{ data.from }}", "{{ data.last_message_id }}");
    let (stage, file) = (Stage::start(&[]).await, File::new(&broken));
    let worker = stage.worker_with(&file.setting()).await;
    replies(&stage, "sms:1", "call me").await;
    stage.until_state("sms:1", State::Dead).await;
    let dead = stage.dead("sms:1").await;
    assert_eq!(dead.cause, Cause::FlowFailed.as_str());
    let shown = stage.ask(&["dead", "show", "sms:1", "--reveal"]).await;
    let error = shown["error"].as_str().unwrap();
    assert!(
        error.starts_with("flow call-back: do[1].payload.title: "),
        "{error}"
    );
    assert_eq!(shown["payload"]["event"]["data"]["message"], "call me");
    // Mended, it is tried again.
    file.write(CALL_BACK);
    worker
        .wait_for_line("the flows were read again", PATIENCE)
        .await;
    stage.ask(&["dead", "retry", "sms:1"]).await;
    stage.until_done(3).await;
}

#[tokio::test]
async fn flows_are_read_again_and_wrong_ones_change_nothing() {
    let (stage, file) = (Stage::start(&[]).await, File::new(CALL_BACK));
    let worker = stage.worker_with(&file.setting()).await;
    file.write(&CALL_BACK.replace("title", "titel"));
    let line = worker
        .wait_for_line("the flows have changed and are wrong", PATIENCE)
        .await;
    assert!(line.contains("titel"), "{line}");
    replies(&stage, "sms:1", "call me").await;
    stage.until_done(3).await;
    file.write(&CALL_BACK.replace("call me", "ring me"));
    worker
        .wait_for_line("the flows were read again", PATIENCE)
        .await;
    replies(&stage, "sms:2", "call me").await;
    replies(&stage, "sms:3", "ring me").await;
    stage.until_done(7).await;
}

#[tokio::test]
async fn a_worker_with_wrong_flows_does_not_start() {
    let stage = Stage::start(&[]).await;
    let file = File::new("[[flow]]\nname = 'x'\non = 'sms.replies'\n");
    let url = stage.redis.url();
    let settings = [
        ("PENSTOCK_REDIS_URL", url.as_str()),
        ("PENSTOCK_FLOWS", file.path.to_str().unwrap()),
    ];
    let ended = run("penstock-worker", &[] as &[&str], &settings, "").await;
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("line 3: flow[0].on: no such trigger"),
        "{}",
        ended.stderr
    );
}

/// What an event does not tell is read back, by a call that the quota counts.
#[tokio::test]
async fn the_contact_is_read_back_where_a_flow_looks_at_it() {
    let text = r#"
[[flow]]
name = "greet"
on = "TaskCreate"
when = "contact.email"
do = [{ job = "AttachNote", payload = { contact = "{{ person.ref }}", body = "Task for {{ contact.email }}" } }]
"#;
    let (stage, file) = (Stage::start(&[]).await, File::new(text));
    stage.person("c1", "ada@example.com");
    let _worker = stage.worker_with(&file.setting()).await;
    happens(
        &stage,
        "ghl:1",
        "TaskCreate",
        json!({ "id": "c1" }),
        json!({ "title": "x" }),
    )
    .await;
    happens(
        &stage,
        "ghl:2",
        "TaskCreate",
        json!({ "id": "nobody" }),
        json!({ "title": "x" }),
    )
    .await;
    // Two events, both once more with the contact, and a note.
    stage.until_done(5).await;
    assert_eq!(stage.operations_on("c1"), ["get-contact", "create-note"]);
    assert_eq!(stage.result("ghl:2~contact").await, json!({ "jobs": [] }));
}

/// Another system's event may name nobody but its own record.
#[tokio::test]
async fn the_contact_that_is_read_is_the_one_that_is_linked() {
    let text = r#"
[[flow]]
name = "copy"
on = "crm.note.created"
record = "data.profile"
do = [{ job = "AttachNote", payload = { contact = "{{ person.ref }}", body = "Of {{ contact.email }}" } }]
"#;
    let (stage, file) = (Stage::start(&[]).await, File::new(text));
    stage.person("c1", "ada@example.com");
    let names = [RecordName::new("crm", "p1"), RecordName::new("ghl", "c1")];
    let link = stage
        .queue
        .link(ACME, &names, jiff::Timestamp::now())
        .await
        .unwrap();
    assert!(stage.queue.put_link(ACME, &link).await.unwrap());
    let _worker = stage.worker_with(&file.setting()).await;
    let event = json!({
        "source": "crm", "kind": "crm.note.created", "tenant": ACME, "id": "crm:1", "data": { "profile": "p1" },
    });
    stores(&stage, "crm:1", event).await;
    stage.until_done(3).await;
    assert_eq!(stage.operations_on("c1"), ["get-contact", "create-note"]);
}

/// A worker that dies between storing the jobs and the event's end: handled again, it makes the same jobs.
#[tokio::test]
async fn handled_again_it_makes_the_same_jobs() {
    let (stage, file) = (Stage::start(&[]).await, File::new(CALL_BACK));
    replies(&stage, "sms:1", "call me").await;
    let worker = stage.worker_with(&file.setting()).await;
    stage.until_done(3).await;
    drop(worker);
    stage.forget_job("sms:1").await;
    replies(&stage, "sms:1", "call me").await;
    let _worker = stage.worker_with(&file.setting()).await;
    stage.until_done(4).await;
    assert_eq!(stage.operations()["create-task"], 1);
}

/// As while workers are given flows one after the other.
#[tokio::test]
async fn a_worker_without_flows_leaves_events_to_others() {
    let stage = Stage::start(&[]).await;
    let _worker = stage.worker_with(&[("PENSTOCK_FLOWS", "")]).await;
    replies(&stage, "sms:1", "call me").await;
    let waits = stage.until_state("sms:1", State::Scheduled).await;
    assert_eq!(waits.attempts(), 0);
    let why = stage.ask(&["job", "why", "sms:1"]).await;
    assert!(why.to_string().contains("PENSTOCK_FLOWS"), "{why}");
}

/// As `dead show` tells it, an event is tried out.
#[tokio::test]
async fn an_event_that_is_dead_is_tried_out_with_a_mended_flow() {
    let broken = CALL_BACK.replace("person.phone", "data.last_message_id");
    let (stage, file) = (Stage::start(&[]).await, File::new(&broken));
    let _worker = stage.worker_with(&file.setting()).await;
    replies(&stage, "sms:1", "call me").await;
    stage.until_state("sms:1", State::Dead).await;
    let shown = stage.ask(&["dead", "show", "sms:1", "--reveal"]).await;
    let (event, mended) = (File::new(&shown.to_string()), File::new(CALL_BACK));
    let (event, mended) = (
        event.setting()[0].1.to_owned(),
        mended.setting()[0].1.to_owned(),
    );
    let args = [
        "flows",
        "test",
        "call-back",
        "--file",
        &mended,
        "--event",
        &event,
    ];
    let tried = run("penstock-producer", args, &[], "").await;
    assert_eq!(tried.code, Some(0), "{}", tried.stderr);
    assert_eq!(tried.stdout.lines().count(), 2, "{}", tried.stdout);
}

/// It may be mended long after, when the jobs of the other flows are known no more.
#[tokio::test]
async fn retried_it_is_not_followed_again_by_what_was_followed() {
    let note = |phone: &str| {
        format!(
            r#"
[[flow]]
name = "keep"
on = "sms.reply"
do = [{{ job = "UpsertContact", payload = {{ phone = "{{{{ {phone} }}}}" }} }}]
"#
        )
    };
    let (call_back, broken) = (CALL_BACK, note("data.last_message_id"));
    let (stage, file) = (
        Stage::start(&[]).await,
        File::new(&format!("{call_back}{broken}")),
    );
    let worker = stage.worker_with(&file.setting()).await;
    replies(&stage, "sms:1", "call me").await;
    stage.until_state("sms:1", State::Dead).await;
    for job in ["sms:1/call-back/0", "sms:1/call-back/1"] {
        stage.until_state(job, State::Done).await;
        stage.forget_job(job).await;
    }
    file.write(&format!("{call_back}{}", note("person.phone")));
    worker
        .wait_for_line("the flows were read again", PATIENCE)
        .await;
    stage.ask(&["dead", "retry", "sms:1"]).await;
    stage.until_state("sms:1", State::Done).await;
    stage.until_state("sms:1/keep/0", State::Done).await;
    assert_eq!(stage.result("sms:1").await["jobs"], json!(["sms:1/keep/0"]));
    assert_eq!(stage.operations()["create-task"], 1);
}

/// One of its jobs has an id that another has: once that is free the rest is done, and nothing twice.
#[tokio::test]
async fn what_followed_beside_a_job_whose_id_was_taken_does_not_follow_again() {
    let text = r#"
[[flow]]
name = "keep"
on = "sms.reply"
do = [{ job = "AttachNote", payload = { contact = { id = "c1" }, body = "{{ data.message }}" } }]

[[flow]]
name = "tag"
on = "sms.reply"
do = [{ job = "BulkTags", payload = { contacts = [{ id = "c1" }, { id = "c2" }], tags = ["told"], operation = "add" } }]
"#;
    let (stage, file) = (Stage::start(&[]).await, File::new(text));
    stage.person("c1", "ada@example.com");
    stage.enqueue(&[job("sms:1/tag/0/2").contact("c2")]).await;
    let _worker = stage.worker_with(&file.setting()).await;
    replies(&stage, "sms:1", "hello").await;
    stage.until_state("sms:1", State::Dead).await;
    let shown = stage.ask(&["dead", "show", "sms:1", "--reveal"]).await;
    assert_eq!(shown["cause"], Cause::FlowFailed.as_str());
    let error = shown["error"].as_str().unwrap();
    assert!(
        error.starts_with("flow tag: the job sms:1/tag/0 "),
        "{error}"
    );
    for id in ["sms:1/keep/0", "sms:1/tag/0/2"] {
        stage.until_state(id, State::Done).await;
        stage.forget_job(id).await;
    }
    stage.ask(&["dead", "retry", "sms:1"]).await;
    stage.until_state("sms:1", State::Done).await;
    assert_eq!(stage.result("sms:1").await["jobs"], json!(["sms:1/tag/0"]));
    stage.until_state("sms:1/tag/0", State::Done).await;
    assert_eq!(stage.operations()["create-note"], 1);
}

/// What fills the backlog can end only once what follows from it is stored.
#[tokio::test]
async fn a_backlog_of_events_is_worked_off_however_full_it_is() {
    let (stage, file) = (Stage::start(&[]).await, File::new(CALL_BACK));
    let ids = ["sms:1", "sms:2", "sms:3"];
    for id in ids {
        replies(&stage, id, "call me").await;
    }
    let settings = [file.setting()[0], ("PENSTOCK_MAX_BACKLOG", "3")];
    let _worker = stage.worker_with(&settings).await;
    stage.until_done(3 * ids.len() as u64).await;
}
