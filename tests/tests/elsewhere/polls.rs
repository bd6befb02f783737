//! What no webhook has told of is found by asking: replies, and what has changed in a list. Each is told once, whichever worker dies.

use jiff::Timestamp;
use penstock_shared::job::state::State;
use penstock_tests::{
    fixture::{Draft, job},
    harness::{Program, wait_until},
    sandbox::{Options, Sandbox},
};
use serde_json::{Value, json};

use crate::stage::{ACME, ANN, ANN_THERE, PATIENCE, Stage};

const BOB_THERE: &str = "33687654321";

/// Whoever replies is answered with their own words.
const ANSWER: &str = r#"
[[flow]]
name = "answer"
on = "sms.reply"
do = [{ job = "SendSms", payload = { to = "{{ data.phone }}", text = "{{ data.message }}" } }]

[[flow]]
name = "stop"
on = "sms.stop"
do = [{ job = "SendSms", payload = { to = "+33600000001", text = "{{ data.from }} stops" } }]
"#;

/// What has become of contacts of a list, as messages to the staff.
const LISTED: &str = r#"
[[flow]]
name = "listed"
on = "sms.contact"
[[flow.do]]
job = "SendSms"
payload = { to = "+33600000001", text = "{{ data.listId }} {{ data.change }} {{ data.phone }} {{ data.info1 or '-' }}" }
"#;

async fn worker(stage: &Stage, flows: &str) -> Program {
    let flows = stage.flows(flows);
    let settings = [("PENSTOCK_FLOWS", flows.to_str().unwrap())];
    stage.worker_with(&stage.connections(), &settings).await
}

/// One that dies as it passes this point so many times.
async fn dying(stage: &Stage, flows: &str, point: &str) -> Program {
    let flows = stage.flows(flows);
    let settings = [
        ("PENSTOCK_FLOWS", flows.to_str().unwrap()),
        ("PENSTOCK_FAILPOINT", point),
    ];
    stage.fragile_worker(&settings).await
}

fn replies(id: &str) -> Draft {
    job(id).what("PollSms", json!({ "what": "replies" }))
}

fn list(id: &str, list: &str) -> Draft {
    job(id).what("PollSms", json!({ "what": "list", "listId": list }))
}

/// Somebody replies; returns what a webhook would say.
fn reply(stage: &Stage, from: &str, message: &str) -> Value {
    let reply = json!({ "from": from, "message": message });
    stage.sms.steer("replies", &reply).unwrap()
}

fn fill(stage: &Stage, contacts: &Value) -> String {
    let list = json!({ "name": "Guests", "contacts": contacts });
    let made = stage.sms.steer("lists", &list).unwrap();
    made["id"].as_str().unwrap().to_owned()
}

/// The texts that were sent, sorted, once there are so many.
async fn until_sent(stage: &Stage, count: usize) -> Vec<String> {
    wait_until(&format!("{count} messages"), PATIENCE, || async {
        let sent = stage.sms_effects("sms").into_iter();
        let texts = sent.map(|sms| sms.change.content["text"].as_str().unwrap().to_owned());
        let mut texts: Vec<_> = texts.collect();
        texts.sort();
        (texts.len() >= count).then_some(texts)
    })
    .await
}

/// Nothing is left to be done, so that nothing more comes.
async fn until_idle(stage: &Stage) {
    wait_until("nothing to be left to do", PATIENCE, || async {
        let stats = stage.ask(&["stats"]).await;
        let open = ["scheduled", "ready", "blocked", "running"];
        open.iter().all(|state| stats[*state] == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_reply_is_followed_once_whether_it_is_told_or_polled() {
    let stage = Stage::start().await;
    let _worker = worker(&stage, ANSWER).await;
    let told = reply(&stage, ANN_THERE, "call me");
    reply(&stage, BOB_THERE, "and me");
    reply(&stage, "33611111111", "STOP");
    stage.hears(&told).await;
    stage.enqueue(&[replies("first"), replies("second")]).await;
    let events = [
        stage.result("first").await["events"].as_u64().unwrap(),
        stage.result("second").await["events"].as_u64().unwrap(),
    ];
    assert_eq!(events.iter().sum::<u64>(), 2, "{events:?}");
    until_idle(&stage).await;
    let sent = until_sent(&stage, 3).await;
    assert_eq!(sent, ["33611111111 stops", "and me", "call me"]);
    // Those that are told after they were polled are known too.
    let late = reply(&stage, BOB_THERE, "hello");
    stage.enqueue(&[replies("third")]).await;
    assert_eq!(stage.result("third").await["events"], 1);
    stage.hears_again(&late).await;
    until_idle(&stage).await;
    assert_eq!(until_sent(&stage, 4).await.len(), 4);
}

/// Else those who have written to one tenant would become the contacts of all.
#[tokio::test]
async fn replies_to_an_account_that_others_have_too_are_not_polled() {
    let stage = Stage::start().await;
    let _worker = stage.worker_with(&stage.shared_connections(), &[]).await;
    reply(&stage, ANN_THERE, "hello");
    stage.enqueue(&[replies("all")]).await;
    let dead = stage.dead("all").await;
    assert_eq!(dead.cause, "rejected");
    let error = dead.run.text("error").unwrap();
    assert!(error.contains("smsfactor.tenants"), "{error}");
    assert_eq!(stage.sms_calls("get-replies"), 0);
}

#[tokio::test]
async fn many_replies_are_read_page_by_page_with_few_permits() {
    const REPLIES: usize = 2_100;
    let stage = Stage::start().await;
    for at in 0..REPLIES {
        reply(&stage, &format!("336{at:08}"), "hello");
    }
    let slow = stage.connections().replace("1000/1s", "1/1s");
    let _worker = stage.worker_with(&slow, &[]).await;
    stage.enqueue(&[replies("all")]).await;
    assert_eq!(stage.result("all").await["events"], REPLIES);
    assert_eq!(stage.sms_calls("get-replies"), 3);
}

/// The ids of what it would tell are forgotten by then: it would be followed once more.
#[tokio::test]
async fn a_poll_that_was_held_up_for_long_begins_anew() {
    let stage = Stage::start().await;
    stage.enqueue(&[replies("held-up")]).await;
    let keys = stage.queue.keys(stage.queue.shard_of(ACME));
    let run = keys.run(&format!("{ACME}/held-up"));
    let progress = json!({ "from": 0, "until": 1_000, "start": 100, "told": 100, "last": "page" });
    let progress = progress.to_string();
    stage.redis.cli(["HSET", &run, "poll", &progress]).await;
    let _worker = stage.worker().await;
    let result = stage.result("held-up").await;
    let from: Timestamp = result["from"].as_str().unwrap().parse().unwrap();
    assert!(from.as_second() > 86_400, "{result}");
}

#[tokio::test]
async fn replies_are_told_once_wherever_a_worker_dies() {
    for point in ["after-response", "before-settle", "mid-settle"] {
        let stage = Stage::start().await;
        reply(&stage, ANN_THERE, "one");
        reply(&stage, ANN_THERE, "two");
        reply(&stage, BOB_THERE, "three");
        let mut first = dying(&stage, ANSWER, &format!("{point}:abort")).await;
        stage.enqueue(&[replies("poll")]).await;
        first.wait_exit(PATIENCE).await;
        let _second = worker(&stage, ANSWER).await;
        stage.until_state("poll", State::Done).await;
        until_idle(&stage).await;
        let sent = until_sent(&stage, 3).await;
        assert_eq!(sent, ["one", "three", "two"], "{point}");
    }
}

#[tokio::test]
async fn a_list_tells_what_was_added_changed_and_removed() {
    let stage = Stage::start().await;
    let _worker = worker(&stage, LISTED).await;
    let guests = json!([
        { "value": ANN_THERE, "info1": "Ann" }, { "value": BOB_THERE, "info1": "Bob" }, { "value": "33611111111" },
    ]);
    let guests = fill(&stage, &guests);
    stage.enqueue(&[list("base", &guests)]).await;
    let expected = json!({ "events": 0, "contacts": 3 });
    assert_eq!(stage.result("base").await, expected);
    let contact = |id: &str, phone: &str, more: Value| {
        let mut payload = json!({ "listId": guests, "phone": phone });
        payload
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        job(id).what("SmsListContact", payload)
    };
    stage
        .enqueue(&[
            contact("change", ANN, json!({ "info1": "Anna" })),
            contact("out", "+33687654321", json!({ "operation": "remove" })),
            contact("in", "+33622222222", json!({ "info1": "Cem" })),
        ])
        .await;
    for id in ["change", "out", "in"] {
        stage.result(id).await;
    }
    stage.enqueue(&[list("again", &guests)]).await;
    let expected = json!({ "events": 3, "contacts": 3 });
    assert_eq!(stage.result("again").await, expected);
    let sent = until_sent(&stage, 3).await;
    let expected = [
        "added +33622222222 Cem",
        "changed +33612345678 Anna",
        "removed +33687654321 Bob",
    ];
    assert_eq!(sent, expected.map(|told| format!("{guests} {told}")));
    // Back to what it was it has changed once more.
    stage
        .enqueue(&[contact("back", ANN, json!({ "info1": "Ann" }))])
        .await;
    stage.result("back").await;
    stage.enqueue(&[list("third", &guests)]).await;
    assert_eq!(stage.result("third").await["events"], 1);
    stage.enqueue(&[list("fourth", &guests)]).await;
    assert_eq!(stage.result("fourth").await["events"], 0);
}

#[tokio::test]
async fn all_of_a_list_is_new_where_that_is_wanted() {
    let stage = Stage::start().await;
    let _worker = worker(&stage, LISTED).await;
    let guests = fill(&stage, &json!([{ "value": ANN_THERE, "info1": "Ann" }]));
    let all = json!({ "what": "list", "listId": guests, "initial": true });
    let poll = |id: &str| job(id).what("PollSms", all.clone());
    stage.enqueue(&[poll("first")]).await;
    assert_eq!(stage.result("first").await["events"], 1);
    let sent = until_sent(&stage, 1).await;
    assert_eq!(sent, [format!("{guests} added +33612345678 Ann")]);
    stage.enqueue(&[poll("second")]).await;
    assert_eq!(stage.result("second").await["events"], 0);
}

#[tokio::test]
async fn a_list_is_told_once_wherever_a_worker_dies() {
    let many: Vec<_> = (0..1_500)
        .map(|at| json!({ "value": format!("336{at:08}") }))
        .collect();
    for point in [
        "after-response:abort",
        "after-response:abort@2",
        "before-settle:abort",
    ] {
        let stage = Stage::start().await;
        let guests = fill(&stage, &json!(many));
        let first = worker(&stage, LISTED).await;
        stage.enqueue(&[list("base", &guests)]).await;
        assert_eq!(stage.result("base").await["contacts"], 1_500);
        let changed = json!({ "listId": guests, "phone": "+33600001499", "info1": "last" });
        let new = json!({ "listId": guests, "phone": "+33700000000", "info1": "new" });
        stage
            .enqueue(&[
                job("changed").what("SmsListContact", changed),
                job("new").what("SmsListContact", new),
            ])
            .await;
        stage.result("changed").await;
        stage.result("new").await;
        drop(first);
        let mut dying = dying(&stage, LISTED, point).await;
        stage.enqueue(&[list("poll", &guests)]).await;
        dying.wait_exit(PATIENCE).await;
        let _second = worker(&stage, LISTED).await;
        stage.result("poll").await;
        until_idle(&stage).await;
        let sent = until_sent(&stage, 2).await;
        let expected = ["added +33700000000 new", "changed +33600001499 last"];
        assert_eq!(
            sent,
            expected.map(|told| format!("{guests} {told}")),
            "{point}"
        );
    }
}

/// Of an answer that says nothing that can be read nobody was removed.
#[tokio::test]
async fn what_cannot_be_read_has_removed_nobody() {
    let stage = Stage::start().await;
    let _worker = worker(&stage, LISTED).await;
    let guests = fill(&stage, &json!([{ "value": ANN_THERE, "info1": "Ann" }]));
    stage.enqueue(&[list("base", &guests)]).await;
    stage.result("base").await;
    stage
        .sms
        .set_faults([
            "code=-8:op=get-list:count=1",
            "code=-8:op=get-replies:count=1",
        ])
        .unwrap();
    reply(&stage, BOB_THERE, "hello");
    stage
        .enqueue(&[list("odd", &guests), replies("odd-too")])
        .await;
    assert_eq!(stage.dead("odd").await.cause, "rejected");
    assert_eq!(stage.dead("odd-too").await.cause, "rejected");
    stage
        .enqueue(&[list("again", &guests), replies("again-too")])
        .await;
    assert_eq!(stage.result("again").await["events"], 0);
    assert_eq!(stage.result("again-too").await["events"], 1);
}

/// From a contact that somebody edits by hand in a list, by a poll on a cadence, to GHL.
#[tokio::test]
async fn a_contact_that_is_changed_in_a_list_is_updated_in_ghl() {
    let stage = Stage::start().await;
    let ghl = Sandbox::start(Options::default()).await.unwrap();
    let ann = json!({ "id": "c1", "phone": ANN, "firstName": "Ann", "locationId": ACME });
    ghl.seed_contact(&ann).unwrap();
    let guests = fill(
        &stage,
        &json!([{ "value": ANN_THERE, "info1": "Ann", "info2": "Lee" }]),
    );
    let flows = format!(
        r#"
[[flow]]
name = "poll-list"
on = "schedule"
every = "10s"
tenant = "{ACME}"
do = [{{ job = "PollSms", payload = {{ what = "list", listId = "{guests}" }} }}]

[[flow]]
name = "list-to-ghl"
on = "sms.contact"
when = "data.change == 'changed' and person.ref"
  [[flow.do]]
  job = "UpdateContact"
  [flow.do.payload]
  contact = "{{{{ person.ref }}}}"
  firstName = "{{{{ data.info1 }}}}"
  lastName = "{{{{ data.info2 }}}}"
"#
    );
    let flows = stage.flows(&flows);
    let (flows, url) = (flows.to_str().unwrap(), ghl.url());
    let settings = [
        ("PENSTOCK_FLOWS", flows),
        ("PENSTOCK_GHL_BASE_URL", url.as_str()),
    ];
    let _worker = stage.worker_with(&stage.connections(), &settings).await;
    wait_until("the list to be read", PATIENCE, || async {
        let round = stage.queue.list_round(ACME, &guests).await.unwrap();
        (round > 0).then_some(())
    })
    .await;
    let anna = json!({ "listId": guests, "phone": ANN, "info1": "Anna" });
    stage
        .enqueue(&[job("by-hand").what("SmsListContact", anna)])
        .await;
    let updated = ghl.until(|seen| seen.by_operation.contains_key("update-contact"));
    tokio::time::timeout(PATIENCE, updated).await.unwrap();
    let request = reqwest::Client::new()
        .get(format!("{url}/contacts/c1"))
        .bearer_auth("pit-test")
        .header("version", "2021-07-28");
    let found: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(found["contact"]["firstName"], "Anna", "{found}");
}
