//! Calls without an answer that tells anything: what is harmless is repeated, what is not is looked for first.

use std::time::Duration;

use penstock_shared::job::state::State;
use penstock_tests::{
    fixture::{Draft, job},
    harness::{Program, free_port, until_counted, wait_until},
};
use serde_json::{Value, json};

use crate::stage::{PATIENCE, QUARANTINE, Stage};

/// The call has no effect, and nobody says so.
const LOST: [&str; 2] = ["cut-before", "hang"];
/// It has its effect, and nobody says so.
const UNSAID: [&str; 7] = [
    "cut-after",
    "hang-after",
    "cut-body",
    "garbage",
    "html:status=200:effect=yes",
    "slow-body",
    "huge-body",
];

/// Each fault, once, for a tenant and a contact of its own: five in a row would open a tenant's breaker.
fn faults(operation: &str) -> Vec<String> {
    let all = LOST.iter().chain(&UNSAID);
    all.map(|fault| format!("{fault}:op={operation}:tenant={}:count=1", tenant(fault)))
        .collect()
}

fn tenant(fault: &str) -> String {
    fault.split(':').next().unwrap_or(fault).to_owned()
}

async fn stage(operation: &str) -> Stage {
    let faults = faults(operation);
    Stage::start(&faults.iter().map(String::as_str).collect::<Vec<_>>()).await
}

fn drafts(of: impl Fn(Draft) -> Draft) -> Vec<Draft> {
    let all = LOST.iter().chain(&UNSAID).map(|fault| tenant(fault));
    all.map(|tenant| of(job(&tenant).of(&tenant).contact(&tenant)))
        .collect()
}

/// Its date is compared by the API's clock as it was before the list was asked for, however long that takes.
#[tokio::test]
async fn a_note_in_a_list_that_takes_long_is_the_jobs() {
    let faults = [
        "cut-after:op=create-note:count=1",
        "delay=7s:op=get-all-notes",
    ];
    let stage = Stage::start(&faults).await;
    let _worker = stage.worker_with(&[("PENSTOCK_HTTP_TIMEOUT", "9s")]).await;
    stage.enqueue(&[job("a").contact("c1").note("Once")]).await;
    stage.until_state("a", State::Done).await;
    assert_eq!(stage.operations_on("c1"), ["create-note", "get-all-notes"]);
}

#[tokio::test]
async fn a_note_is_found_or_sent_once_more() {
    let stage = stage("create-note").await;
    let _worker = stage.worker().await;
    let notes = drafts(|draft| draft.note("Once"));
    stage.enqueue(&notes).await;
    stage.until_done(notes.len() as u64).await;
    for fault in LOST {
        let looked_twice = [
            "create-note",
            "get-all-notes",
            "get-all-notes",
            "create-note",
        ];
        assert_eq!(stage.operations_on(&tenant(fault)), looked_twice, "{fault}");
    }
    for fault in UNSAID {
        let adopted = ["create-note", "get-all-notes"];
        assert_eq!(stage.operations_on(&tenant(fault)), adopted, "{fault}");
    }
    let seen = stage.sandbox.summary();
    assert_eq!((seen.effects, seen.duplicates), (notes.len() as u64, 0));
}

#[tokio::test]
async fn tags_are_added_again() {
    let stage = stage("add-tags").await;
    let _worker = stage.worker().await;
    let tags = drafts(|draft| draft);
    stage.enqueue(&tags).await;
    stage.until_done(tags.len() as u64).await;
    for fault in LOST.iter().chain(&UNSAID) {
        let twice = ["add-tags", "add-tags"];
        assert_eq!(stage.operations_on(&tenant(fault)), twice, "{fault}");
    }
}

/// A late call must not undo what the contact's next job does.
#[tokio::test]
async fn the_contacts_next_job_waits_until_a_cut_call_can_no_longer_arrive() {
    let stage = Stage::start(&["late=1s:op=add-tags:count=1"]).await;
    let _worker = stage.worker().await;
    stage
        .enqueue(&[
            job("first").contact("c1").tag("early"),
            job("next").contact("c1").note("After it"),
        ])
        .await;
    stage.until_done(2).await;
    let order = stage.operations_on("c1");
    assert_eq!(order, ["add-tags", "add-tags", "create-note"]);
    let calls = stage.calls_on("c1");
    let cut = calls[0].done_at.expect("it was cut").millis();
    let quarantine = u64::try_from(QUARANTINE.as_millis()).unwrap();
    assert!(
        calls[2].at.millis() >= cut + quarantine,
        "before the end of the quarantine"
    );
}

/// Tasks are listed without the time of their making: an equal one may be an older one.
#[tokio::test]
async fn a_task_that_may_be_an_older_one_is_decided_by_a_person() {
    let stage = Stage::start(&["cut-after:op=create-task:count=2"]).await;
    let _worker = stage.worker().await;
    stage
        .enqueue(&[
            job("kept").contact("c1").task("Call back"),
            job("again").contact("c2").task("Call back"),
        ])
        .await;
    for id in ["kept", "again"] {
        stage.until_state(id, State::Dead).await;
        let letter = stage.dead(id).await;
        assert_eq!(letter.cause, "ambiguous");
        let shown = stage.ask(&["dead", "show", id]).await;
        let candidates = shown["evidence"]["tasks"].as_array().unwrap();
        assert_eq!((candidates.len(), &shown["undecided"]), (1, &json!(true)));
    }
    let shown = stage.ask(&["dead", "show", "kept"]).await;
    let task = shown["evidence"]["tasks"][0].as_str().unwrap();
    let changed = json!({ "matched": 1, "changed": 1 });
    let done = ["dead", "resolve", "kept", "--done", "--effect", task];
    assert_eq!(stage.ask(&done).await, changed);
    let resend = ["dead", "resolve", "again", "--resend"];
    assert_eq!(stage.ask(&resend).await, changed);
    stage.until_done(2).await;
    assert_eq!(stage.operations_on("c1"), ["create-task", "get-all-tasks"]);
    assert_eq!(
        stage.operations_on("c2"),
        ["create-task", "get-all-tasks", "create-task"]
    );
}

/// The note of a call without an answer meets these faults and this, done by somebody else; returns what a person is told.
async fn ambiguous(faults: &[&str], meddle: Option<(reqwest::Method, &str)>) -> Value {
    let stage = Stage::start(faults).await;
    let _worker = stage.worker().await;
    stage
        .enqueue(&[job("note").contact("c1").note("Once")])
        .await;
    stage
        .until_job("note", "in quarantine", |job| {
            job.state == State::Scheduled && job.run.text("intent").is_some()
        })
        .await;
    if let Some((method, path)) = meddle {
        stage
            .by_another(method, path, json!({ "body": " <p>Once</p> " }))
            .await;
    }
    stage.until_state("note", State::Dead).await;
    assert_eq!(stage.dead("note").await.cause, "ambiguous");
    let shown = stage.ask(&["dead", "show", "note"]).await;
    assert_eq!(shown["evidence"]["contactId"], "c1", "{shown}");
    assert_eq!(shown["history"].as_array().unwrap().len(), 2, "{shown}");
    shown["evidence"].clone()
}

/// A note's answer is lost, and the API keeps another text than it was given. Returns its id, too.
async fn altered(given: &str, kept: &str, end: State) -> (Stage, String) {
    let stage = Stage::start(&["cut-after:op=create-note:count=1"]).await;
    let _worker = stage.worker().await;
    stage
        .enqueue(&[job("note").contact("c1").note(given)])
        .await;
    stage.until_state("note", State::Scheduled).await;
    let effect = stage.calls_on("c1")[0].effect.clone().unwrap();
    let id = effect.change.id.unwrap();
    let path = format!("/contacts/c1/notes/{id}");
    stage
        .by_another(reqwest::Method::PUT, &path, json!({ "body": kept }))
        .await;
    stage.until_state("note", end).await;
    let calls = ["create-note", "update-note", "get-all-notes"];
    assert_eq!(stage.operations_on("c1"), calls, "{kept}");
    (stage, id)
}

#[tokio::test]
async fn a_note_whose_text_is_written_otherwise_is_adopted() {
    let (stage, id) = altered("It's Café", "It&#x27;s Cafe\u{301}", State::Done).await;
    let (done, _) = stage.status("note").await.done.unwrap();
    assert_eq!(done.effect, Some(id));
}

#[tokio::test]
async fn a_note_whose_text_was_altered_is_evidence() {
    for (given, kept) in [
        ("Thanks 🎉", "Thanks"),
        (
            "Called about the broken boiler",
            "Called about the broken boi...",
        ),
    ] {
        let (stage, id) = altered(given, kept, State::Dead).await;
        let letter = stage.dead("note").await;
        assert_eq!(letter.cause, "ambiguous", "{kept}");
        let shown = stage.ask(&["dead", "show", "note"]).await;
        assert_eq!(shown["evidence"]["notes"], json!([id]), "{kept}");
    }
}

#[tokio::test]
async fn two_candidates_are_evidence() {
    let another = (reqwest::Method::POST, "/contacts/c1/notes");
    let evidence = ambiguous(&["cut-after:op=create-note:count=1"], Some(another)).await;
    assert_eq!(evidence["notes"].as_array().unwrap().len(), 2, "{evidence}");
}

#[tokio::test]
async fn a_list_that_is_refused_for_good_is_evidence() {
    let refused = [
        "cut-before:op=create-note:count=1",
        "400:op=get-all-notes:message=no notes today",
    ];
    let evidence = ambiguous(&refused, None).await;
    assert_eq!(evidence["status"], 400);
    let said = evidence["list"].as_str().unwrap();
    assert!(said.contains("no notes today"), "{evidence}");
}

/// It would be as long the next time: nobody looks for ever.
#[tokio::test]
async fn a_list_that_is_too_long_is_evidence() {
    let endless = [
        "cut-before:op=create-note:count=1",
        "huge-body:op=get-all-notes",
    ];
    let evidence = ambiguous(&endless, None).await;
    assert_eq!(evidence["status"], 200);
    let said = evidence["list"].as_str().unwrap();
    assert!(said.contains("too long"), "{evidence}");
}

#[tokio::test]
async fn a_contact_that_is_gone_is_evidence() {
    let gone = (reqwest::Method::DELETE, "/contacts/c1");
    let evidence = ambiguous(&["cut-before:op=create-note:count=1"], Some(gone)).await;
    assert_eq!(evidence["status"], 400, "{evidence}");
}

/// An equal task is there already, and the call has its effect: nobody can tell which of them is the job's. Returns where the worker tells what it
/// counts, too.
async fn undecidable(policy: &str) -> (Stage, Program, String) {
    let stage = Stage::start(&[]).await;
    let metrics = format!("127.0.0.1:{}", free_port());
    let settings = [
        ("PENSTOCK_AMBIGUOUS", policy),
        ("PENSTOCK_METRICS_LISTEN", &metrics),
    ];
    let worker = stage.worker_with(&settings).await;
    let task = job("task").contact("c1").task("Call back");
    stage.seed(std::slice::from_ref(&task));
    let due =
        json!({ "title": "Call back", "dueDate": "2030-01-01T09:00:00Z", "completed": false });
    stage
        .by_another(reqwest::Method::POST, "/contacts/c1/tasks", due)
        .await;
    stage.faults(&["cut-after:op=create-task:count=1"]);
    stage.enqueue(&[task]).await;
    (stage, worker, metrics)
}

#[tokio::test]
async fn rather_twice_than_never_sends_it_again_and_says_so() {
    let (stage, worker, metrics) = undecidable("hold,CreateTask=prefer-duplicate").await;
    stage.until_done(1).await;
    let calls = ["create-task", "create-task", "get-all-tasks", "create-task"];
    assert_eq!(stage.operations_on("c1"), calls);
    let shown = stage.ask(&["job", "show", "task"]).await;
    let result = &shown["result"];
    let said = json!([true, "prefer-duplicate", "c1"]);
    assert_eq!(
        json!([result["ambiguous"], result["policy"], result["contactId"]]),
        said
    );
    let candidates = result["evidence"]["tasks"].as_array().unwrap();
    assert_eq!(candidates.len(), 2, "{result}");
    assert!(
        !candidates.contains(&shown["effect"]),
        "its own is a third: {shown}"
    );
    worker
        .wait_for_line("policy=\"prefer-duplicate\"", PATIENCE)
        .await;
    let counted = r#"penstock_ambiguous_total{policy="prefer-duplicate"} 1"#;
    until_counted(&metrics, counted, PATIENCE).await;
}

#[tokio::test]
async fn rather_never_than_twice_counts_it_as_done_and_says_so() {
    let (stage, worker, metrics) = undecidable("prefer-miss").await;
    stage.until_done(1).await;
    let calls = ["create-task", "create-task", "get-all-tasks"];
    assert_eq!(stage.operations_on("c1"), calls);
    let shown = stage.ask(&["job", "show", "task"]).await;
    let result = &shown["result"];
    let said = json!([true, "prefer-miss", "c1", null]);
    assert_eq!(
        json!([
            result["ambiguous"],
            result["policy"],
            result["contactId"],
            shown["effect"]
        ]),
        said
    );
    worker
        .wait_for_line("policy=\"prefer-miss\"", PATIENCE)
        .await;
    let counted = r#"penstock_ambiguous_total{policy="prefer-miss"} 1"#;
    until_counted(&metrics, counted, PATIENCE).await;
}

/// Every freed call is wanted by many: what a look has found out is not found out again for want of the next call.
#[tokio::test]
async fn a_read_back_under_a_busy_quota_ends() {
    let stage = Stage::start(&["cut-before:op=create-note:count=1"]).await;
    let busy = [
        ("PENSTOCK_GHL_BURST", "2/1s"),
        ("PENSTOCK_QUARANTINE", "500ms"),
    ];
    let _workers = (
        stage.worker_with(&busy).await,
        stage.worker_with(&busy).await,
    );
    stage
        .enqueue(&[job("note").contact("c1").note("Once")])
        .await;
    stage.until_state("note", State::Scheduled).await;
    let others = others_until_done(&stage).await;
    stage.until_done(1 + others).await;
    let last = stage.calls().pop().unwrap();
    assert_eq!(last.operation, "add-tags", "it was busy to the end");
    let looked_twice = [
        "create-note",
        "get-all-notes",
        "get-all-notes",
        "create-note",
    ];
    assert_eq!(stage.operations_on("c1"), looked_twice);
}

/// More come than the quota lets through, until the note is done: how many.
async fn others_until_done(stage: &Stage) -> u64 {
    let mut coming = tokio::time::interval(Duration::from_millis(300));
    let mut count = 0;
    while stage.status("note").await.state != State::Done {
        coming.tick().await;
        stage.enqueue(&[job(&count.to_string())]).await;
        count += 1;
        assert!(count < 200, "the note is never done");
    }
    count
}

/// It blocks its contact no longer than an API that is ill for a while would.
#[tokio::test]
async fn a_list_that_is_garbage_time_and_again_is_left_to_a_person() {
    let faults = [
        "cut-after:op=create-note:count=1",
        "garbage:op=get-all-notes",
    ];
    let stage = Stage::start(&faults).await;
    let _worker = stage.worker().await;
    stage
        .enqueue(&[job("note").contact("c1").note("Once")])
        .await;
    stage
        .until_job("note", "unread", |note| {
            note.run.text("unread") == Some("1")
        })
        .await;
    let run = stage.queue.keys(0).run("acme/note");
    stage.redis.cli(["HSET", &run, "unread", "8"]).await;
    stage.hasten("note").await;
    stage
        .until_job("note", "unread again", |note| {
            note.run.text("unread") == Some("9")
        })
        .await;
    stage.hasten("note").await;
    stage.until_state("note", State::Dead).await;
    let letter = stage.dead("note").await;
    assert_eq!(letter.cause, "ambiguous");
    // The next ten are counted anew.
    assert_eq!(letter.run.text("unread"), None);
}

/// What may still come of it holds up its contact's next job, though it is harmless to repeat.
#[tokio::test]
async fn what_is_not_the_apis_own_answer_may_still_take_effect() {
    let answers = [
        ("gateway", "502", true),
        ("timeout", "408", true),
        ("firewall", "html:status=403", true),
        ("cdn", "524", true),
        ("page", "html:status=200:effect=yes", true),
        ("api", "503", false),
    ];
    let faults = answers.map(|(tenant, fault, _)| format!("{fault}:op=add-tags:tenant={tenant}"));
    let stage = Stage::start(&faults.each_ref().map(String::as_str)).await;
    let _worker = stage.worker_with(&[("PENSTOCK_BACKOFF", "1m..1m")]).await;
    let jobs = answers.map(|(tenant, ..)| job("tag").of(tenant).contact(tenant));
    stage.enqueue(&jobs).await;
    for (tenant, _, may_still_come) in answers {
        let run = wait_until("an attempt", PATIENCE, || async {
            let run = stage.status_of(tenant, "tag").await.run;
            (run.attempts() == 1).then_some(run)
        })
        .await;
        let waits = run.text("unanswered").is_some();
        assert_eq!(waits, may_still_come, "{tenant}: {run:?}");
    }
}

/// The read-back finds nothing, and there is nothing left to send it with: that is no attempt.
#[tokio::test]
async fn what_has_used_up_its_attempts_is_not_charged_another() {
    let stage = Stage::start(&["cut-before:op=create-note:count=1"]).await;
    let _worker = stage.worker().await;
    stage
        .enqueue(&[job("note").contact("c1").note("Once").max_attempts(1)])
        .await;
    stage.until_state("note", State::Dead).await;
    let letter = stage.dead("note").await;
    assert_eq!(
        (letter.cause.as_str(), letter.run.attempts()),
        ("exhausted", 1)
    );
    let history = stage.queue.history("acme", "note").await.unwrap();
    assert_eq!(history.len(), 1, "{history:?}");
}
