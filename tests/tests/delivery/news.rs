//! What is news to a flow that keeps something the same, however late it is followed, and what is none.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use penstock_shared::{
    job::{Job, state::State},
    link::{Fate, Saying, Write},
    queue::{
        enqueue::Admission,
        links::{Link, RecordName},
        record::NewJob,
    },
};
use serde_json::{Value, json};

use super::{
    flow::File,
    stage::{ACME, PATIENCE, Stage},
};

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Stores an event as a webhook does, or as one that is followed once more.
async fn happens(stage: &Stage, id: &str, payload: Value) {
    let job = json!({ "type": "HandleEvent", "tenant": ACME, "payload": payload });
    let new = NewJob {
        id: id.parse().unwrap(),
        job: Job::from_value(job).unwrap(),
    };
    stage.queue.enqueue(&[new], Admission::Each).await.unwrap();
}

async fn link(stage: &Stage, names: &[(&str, &str)]) -> Link {
    let names = names.iter().map(|(system, id)| RecordName::new(system, id));
    let names: Vec<_> = names.collect();
    let link = stage.queue.link(ACME, &names, Timestamp::now()).await;
    link.unwrap()
}

/// These said this, hours ago, and the others have it since.
fn said(link: &mut Link, system: &str, hours: i64, phone: &str, to: &str) {
    let at = Timestamp::now() - SignedDuration::from_hours(hours);
    let fields = json!({ "phone": phone });
    let fields = fields.as_object().unwrap();
    link.memory.see(&Saying {
        system,
        at,
        is_dated: false,
        fields: fields.clone(),
    });
    let write = Write::new((phone, "flow"), fields.clone(), vec![phone.to_owned()], at);
    link.memory.write(to, write);
    let fates = BTreeMap::from([(phone.to_owned(), Fate::Done(at))]);
    link.memory.settle(&fates, at, DAY);
}

/// Its first pass was late, and so came the second, long after: whoever has set the field meanwhile is not overruled by that.
#[tokio::test]
async fn what_looks_at_the_contact_says_nothing_anew() {
    let text = r#"
[[flow]]
name = "look"
on = "crm.profile.updated"
record = "data.id"
when = "contact.email"
sync = { to = "ghl", fields = { phone = "{{ data.phone }}" } }
do = [{ job = "AttachNote", payload = { contact = "{{ person.ref }}", body = "{{ changed.phone }}" } }]
"#;
    let (stage, file) = (Stage::start(&[]).await, File::new(text));
    stage.person("c1", "ada@example.com");
    let mut both = link(&stage, &[("crm", "p1"), ("ghl", "c1")]).await;
    said(&mut both, "crm", 3, "before", "ghl");
    said(&mut both, "ghl", 2, "since", "crm");
    assert!(stage.queue.put_link(ACME, &both).await.unwrap());
    let event = json!({
        "source": "crm", "kind": "crm.profile.updated", "tenant": ACME, "id": "crm:1", "data": { "id": "p1", "phone": "before" },
    });
    let payload = json!({ "event": event, "withContact": true });
    happens(&stage, "crm:1~contact", payload).await;
    let _worker = stage.worker_with(&file.setting()).await;
    stage.until_state("crm:1~contact", State::Done).await;
    let both = link(&stage, &[("ghl", "c1")]).await;
    assert_eq!(both.memory.values()["phone"], "since");
}

/// What two flows tell the CRM.
fn telling(name: &str, more: &str, body: &str) -> String {
    format!(
        r#"
[[flow]]
name = "{name}"
on = "ContactUpdate"
{more}
sync = {{ to = "crm", fields = {{ phone = "{{{{ data.phone }}}}" }} }}
do = [{{ job = "AttachNote", payload = {{ contact = "{{{{ person.ref }}}}", body = "{{{{ {body} }}}}" }} }}]
"#
    )
}

/// Somebody has another number.
async fn changes(stage: &Stage, id: &str) {
    let event = json!({
        "source": "ghl", "kind": "ContactUpdate", "tenant": ACME, "id": id, "contact": { "id": "c1" },
        "data": { "id": "c1", "phone": "+33612345678" },
    });
    happens(stage, id, json!({ "event": event })).await;
}

/// As if what was written had arrived more than a day ago.
async fn days_pass(stage: &Stage) {
    let mut link = link(stage, &[("ghl", "c1")]).await;
    let now = Timestamp::now();
    let jobs = link.memory.jobs().into_iter();
    let fates = jobs.map(|job| (job, Fate::Done(now))).collect();
    link.memory.settle(&fates, now, DAY);
    link.memory.settle(&fates, now + DAY + DAY, DAY);
    assert!(link.memory.written_for("crm", "ghl:1").is_empty());
    assert!(stage.queue.put_link(ACME, &link).await.unwrap());
}

/// The API is away over a weekend, and what was written arrives some other way.
#[tokio::test]
async fn what_looks_at_the_contact_is_followed_however_late() {
    let keep = telling("keep", "", "changed.phone");
    let look = telling("look", "when = 'contact.email'", "changed.phone");
    let stage = Stage::start(&["401:op=create-note"]).await;
    let file = File::new(&format!("{keep}{look}"));
    stage.person("c1", "ada@example.com");
    changes(&stage, "ghl:1").await;
    let _worker = stage.worker_with(&file.setting()).await;
    stage.until_held(ACME, "needs-authorisation").await;
    days_pass(&stage).await;
    stage.faults(&[]);
    stage.ask(&["tenant", "resume", ACME]).await;
    stage.until_state("ghl:1~contact", State::Done).await;
    assert_eq!(
        stage.result("ghl:1~contact").await["jobs"],
        json!(["ghl:1/look/0"])
    );
    stage.until_state("ghl:1/look/0", State::Done).await;
}

/// The other one has told it by then.
#[tokio::test]
async fn a_flow_that_is_mended_is_followed_however_late() {
    let keep = telling("keep", "", "changed.phone");
    let fails = telling("fails", "", "data.lastName");
    let (stage, file) = (
        Stage::start(&[]).await,
        File::new(&format!("{keep}{fails}")),
    );
    stage.person("c1", "ada@example.com");
    changes(&stage, "ghl:1").await;
    let worker = stage.worker_with(&file.setting()).await;
    stage.until_state("ghl:1", State::Dead).await;
    stage.until_state("ghl:1/keep/0", State::Done).await;
    days_pass(&stage).await;
    let mended = telling("fails", "", "changed.phone");
    file.write(&format!("{keep}{mended}"));
    worker
        .wait_for_line("the flows were read again", PATIENCE)
        .await;
    stage.ask(&["dead", "retry", "ghl:1"]).await;
    stage.until_state("ghl:1", State::Done).await;
    assert_eq!(
        stage.result("ghl:1").await["jobs"],
        json!(["ghl:1/fails/0"])
    );
}

/// A flow only hears of it: that its job is done does not say that the other one's is.
#[tokio::test]
async fn what_a_flow_only_hears_of_is_lacked_until_another_has_written_it() {
    let body = r#"body = "{{ changed.phone }}""#;
    let keeps = telling("keeps", "", "changed.phone").replace("AttachNote", "AddTags");
    let keeps = keeps.replace(body, "tags = ['told']");
    let hears = telling("hears", "", "changed.phone").replace("to =", "writes = false, to =");
    let stage = Stage::start(&["422:op=add-tags"]).await;
    let file = File::new(&format!("{keeps}{hears}"));
    stage.person("c1", "ada@example.com");
    changes(&stage, "ghl:1").await;
    let _worker = stage.worker_with(&file.setting()).await;
    stage.until_state("ghl:1", State::Done).await;
    stage.until_state("ghl:1/keeps/0", State::Dead).await;
    stage.until_state("ghl:1/hears/0", State::Done).await;
    stage.faults(&[]);
    changes(&stage, "ghl:2").await;
    stage.until_state("ghl:2", State::Done).await;
    assert_eq!(
        stage.result("ghl:2").await["jobs"],
        json!(["ghl:2/keeps/0", "ghl:2/hears/0"])
    );
    // Once that has arrived nobody lacks it.
    stage.until_state("ghl:2/keeps/0", State::Done).await;
    changes(&stage, "ghl:3").await;
    stage.until_state("ghl:3", State::Done).await;
    assert_eq!(stage.result("ghl:3").await["jobs"], json!([]));
}
