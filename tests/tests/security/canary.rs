//! Canaries are planted as secrets and personal data in a run of all programs, and looked for in whatever these say, serve and store.
//!
//! What may show them: `job show --reveal`, `dead show --reveal` and `dead export`, which a person asks for; and without
//! `PENSTOCK_ENCRYPT_PAYLOADS` what Redis keeps.

use serde_json::{Value, json};

use crate::{
    heard::Heard,
    stage::{BEARER, PATIENCE, PHONE, Stage, address},
};

const EMAIL: &str = "c4n4ry@person.example";
const ENCRYPTED: [(&str, &str); 2] = [
    (
        "PENSTOCK_ENCRYPTION_KEYS",
        "main:YzRuNHJ5IGtleSBjNG40cnkga2V5IGM0bjRyeSBrZSE=",
    ),
    ("PENSTOCK_ENCRYPT_PAYLOADS", "on"),
];

fn job(id: &str, job_type: &str, payload: &Value) -> String {
    json!({ "id": id, "type": job_type, "tenant": "acme", "payload": payload }).to_string()
}

/// A job of each type, about one person.
fn jobs() -> Vec<String> {
    let contact = json!({ "email": EMAIL });
    vec![
        job(
            "upsert",
            "UpsertContact",
            &json!({ "email": EMAIL, "phone": PHONE, "firstName": "C4n4ry",
                     "customFields": [{ "id": "f1", "field_value": "c4n4ry value" }] }),
        ),
        job(
            "task",
            "CreateTask",
            &json!({ "contact": contact, "title": "c4n4ry title", "dueDate": "2030-01-01T09:00:00Z" }),
        ),
        job(
            "note",
            "AttachNote",
            &json!({ "contact": { "phone": PHONE }, "body": "c4n4ry note body" }),
        ),
        job(
            "tags",
            "AddTags",
            &json!({ "contact": contact, "tags": ["vip"] }),
        ),
        job(
            "dead",
            "UpsertContact",
            &json!({ "email": "c4n4ry@rejected.example", "lastName": "C4n4ry" }),
        ),
    ]
}

/// What no job is.
fn refused() -> Vec<String> {
    let bad = |payload: Value| job("bad", "UpsertContact", &payload);
    vec![
        bad(json!({ "email": "c4n4ry", "phone": "5557654321c4n4ry" })),
        bad(json!({ "email": EMAIL, "firstName": ["c4n4ry"], "gender": "c4n4ry" })),
        job(
            "bad",
            "CreateTask",
            &json!({ "contact": { "email": EMAIL }, "title": "c4n4ry", "dueDate": "c4n4ry" }),
        ),
        "{\"payload\":{\"email\":\"c4n4ry@person.example\"".to_owned(),
        "c4n4ry".to_owned(),
        format!(
            "{{\"tenant\":\"acme\",\"type\":\"AddTags\",\"payload\":{{\"email\":\"{EMAIL}\",\"email\":\"{EMAIL}\"}}}}"
        ),
    ]
}

/// The API fails in every way, and repeats what it was told.
const FAULTS: [&str; 6] = [
    "422:op=create-task:count=1:message=the title c4n4ry title of c4n4ry@person.example, +15557654321 is wrong",
    "500:op=create-note:count=1:message=cannot save c4n4ry note body",
    "503:op=add-tags:count=1:message=pit-c4n4ry-token",
    "html:op=upsert-contact:count=1",
    "garbage:op=upsert-contact:count=1",
    "cut-after:op=create-note:count=1",
];

/// What a service says at its doors.
async fn visit(heard: &mut Heard, at: &str, paths: &[&str]) {
    for path in paths {
        let answer = reqwest::get(format!("http://{at}{path}")).await.unwrap();
        heard.hear(format!("{at}{path}"), answer.text().await.unwrap());
    }
}

/// Jobs come in by both doors, good and bad, with the right key and a wrong one.
async fn enqueue(stage: &Stage, heard: &mut Heard) {
    let intake = stage
        .program("penstock-producer", &[("PENSTOCK_LOG_FORMAT", "json")])
        .args(["serve", "--listen", "127.0.0.1:0"])
        .start();
    let line = intake.wait_for_line("listening on http://", PATIENCE).await;
    let (_, at) = line.split_once("http://").unwrap();
    let at: String = at.chars().take_while(|c| !"\",} ".contains(*c)).collect();
    let http = reqwest::Client::new();
    for body in [refused(), jobs()].concat() {
        for key in ["c4n4ry-wrong", BEARER] {
            let post = http.post(format!("http://{at}/v1/jobs")).bearer_auth(key);
            let answer = post.body(body.clone()).send().await.unwrap();
            heard.hear("the intake's answer", answer.text().await.unwrap());
        }
    }
    visit(
        heard,
        &at,
        &["/livez", "/readyz", "/metrics", "/openapi.json"],
    )
    .await;
    heard.ended(intake).await;
    let lines = [refused(), jobs()].concat();
    let enqueued = stage.enqueue(&lines).await;
    assert!(
        enqueued.stdout.contains(r#""duplicates":5"#),
        "{enqueued:?}"
    );
    heard.finished("enqueue", &enqueued);
}

/// One worker after another: with a token that is refused, and with the right one while the API fails.
async fn deliver(stage: &Stage, heard: &mut Heard) {
    let wrong = ("PENSTOCK_GHL_TOKEN", "pit-c4n4ry-wrong");
    let refused = stage.worker(&[wrong]).await;
    refused.wait_for_line("the tenant is held", PATIENCE).await;
    heard.ended(refused).await;
    stage.faults(&FAULTS);
    let metrics = address();
    let settings = [
        ("PENSTOCK_METRICS_LISTEN", metrics.as_str()),
        ("PENSTOCK_LOG_FORMAT", "json"),
    ];
    let worker = stage.worker(&settings).await;
    for (id, state) in [
        ("upsert", "done"),
        ("task", "dead"),
        ("note", "done"),
        ("tags", "done"),
        ("dead", "dead"),
    ] {
        let shown = stage.until(id, state).await;
        if id == "task" {
            let told = "refused with 422: the title [text] of [email], [phone] is wrong";
            assert_eq!(shown["error"], told, "what the API repeats is left out");
        }
        heard.hear(format!("job show {id}"), shown.to_string());
    }
    visit(heard, &metrics, &["/livez", "/readyz", "/metrics"]).await;
    heard.ended(worker).await;
}

/// Whatever can be asked, but for what reveals on purpose.
async fn ask(stage: &Stage, heard: &mut Heard) {
    let questions: [&[&str]; 12] = [
        &["stats"],
        &["tenants"],
        &["job", "show", "upsert"],
        &["job", "show", "note"],
        &["job", "why", "dead"],
        &["dead", "list"],
        &["dead", "show", "dead"],
        &["dead", "show", "task"],
        &["dead", "causes"],
        &["dead", "retry", "nobody"],
        &["dead", "edit", "dead", "--payload", "-"],
        &["--print-config"],
    ];
    for question in questions {
        for format in ["table", "json", "ndjson"] {
            let args = [question, &["-o", format]].concat();
            let edit = r#"{"email":"c4n4ry","phone":"c4n4ry"}"#;
            let answer = stage.run("penstock-admin", &args, edit).await;
            heard.finished(&question.join(" "), &answer);
        }
    }
    for program in ["penstock-worker", "penstock-producer"] {
        let config = stage.run(program, &["--print-config"], "").await;
        assert!(config.stdout.contains("***"), "{config:?}");
        heard.finished(program, &config);
    }
}

/// What Redis keeps: its values, its files, the commands that it remembers, and its log.
pub(crate) async fn stored(stage: &Stage) -> Heard {
    let mut heard = Heard::default();
    heard.hear("values", format!("{:?}", stage.redis.snapshot().await));
    let slow = stage.redis.cli(["SLOWLOG", "GET", "100000"]).await;
    heard.hear("the slow log", format!("{slow:?}"));
    heard.hear("the log", stage.redis.log().join("\n"));
    stage.redis.cli(["SAVE"]).await;
    let mut directories = vec![stage.redis.directory().to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.is_file() {
                heard.hear(path.display().to_string(), std::fs::read(path).unwrap());
            }
        }
    }
    heard
}

#[tokio::test]
async fn canaries_are_seen_nowhere() {
    let stage = Stage::start(&ENCRYPTED).await;
    let mut heard = Heard::default();
    enqueue(&stage, &mut heard).await;
    deliver(&stage, &mut heard).await;
    ask(&stage, &mut heard).await;
    heard.is_clean();
    let stored = stored(&stage).await;
    let files = stored
        .0
        .iter()
        .filter(|(whose, _)| whose.contains(".aof") || whose.contains(".rdb"));
    assert!(
        files.count() >= 2,
        "an append-only file and a snapshot are there"
    );
    stored.is_clean();
}

/// What a person asks for is told; the search that finds nothing elsewhere finds it there.
#[tokio::test]
async fn they_are_seen_where_they_may_be() {
    let stage = Stage::start(&[]).await;
    let stored_ok = stage.enqueue(&jobs()).await;
    assert_eq!(stored_ok.code, Some(0), "{stored_ok:?}");
    let worker = stage.worker(&[]).await;
    stage.until("dead", "dead").await;
    stage.until("task", "done").await;
    let mut heard = Heard::default();
    heard.ended(worker).await;
    heard.is_clean();
    for args in [
        &["job", "show", "dead", "--reveal"][..],
        &["dead", "show", "dead", "--reveal"],
        &["dead", "export"],
    ] {
        let mut heard = Heard::default();
        heard.finished(&args.join(" "), &stage.admin(args).await);
        assert!(heard.found().is_some(), "{args:?}");
    }
    for (whose, words) in stored(&stage).await.0 {
        let expected = whose == "values" || whose.contains(".incr.aof");
        let mut heard = Heard::default();
        heard.hear(whose.clone(), words);
        assert!(heard.found().is_some() || !expected, "{whose}");
    }
}

/// A token that no header can hold is refused at the start, without being repeated.
#[tokio::test]
async fn settings_that_are_refused_are_not_repeated() {
    let mut heard = Heard::default();
    let broken = [
        ("PENSTOCK_GHL_TOKEN", "c4n4ry token"),
        ("PENSTOCK_REDIS_URL", "c4n4ry://user:c4n4ry@host"),
        (
            "PENSTOCK_REDIS_URL",
            "redis://user:c4n4ry@127.0.0.1:1/c4n4ry",
        ),
        ("PENSTOCK_API_KEYS", "c4n4ry key"),
        ("PENSTOCK_ENCRYPTION_KEYS", "c4n4ry"),
        ("PENSTOCK_ENCRYPTION_KEYS", "c4n4ry:c4n4ry"),
    ];
    let stage = Stage::start(&[]).await;
    for (name, value) in broken {
        for program in ["penstock-worker", "penstock-admin", "penstock-producer"] {
            let args: &[&str] = match program {
                "penstock-worker" => &[],
                "penstock-admin" => &["stats"],
                _ => &["serve", "--listen", "127.0.0.1:0"],
            };
            let program = stage.program(program, &[(name, value)]).args(args);
            let mut program = program.start();
            program.wait_exit(PATIENCE).await;
            heard.hear(
                name,
                [program.stdout(), program.stderr()].concat().join("\n"),
            );
        }
    }
    heard.is_clean();
}
