//! What must never be seen: secrets and personal data, in anything that the producer says, however much it is told to.

use penstock_tests::{
    fixture::job,
    harness::{Program, RedisOptions},
};

use crate::{
    service::{Answer, Service},
    stage::{PATIENCE, Stage, text},
};

const SETTINGS: [(&str, &str); 3] = [
    ("PENSTOCK_API_KEYS", "canary-key"),
    ("PENSTOCK_GHL_TOKEN", "canary-token"),
    ("PENSTOCK_LOG", "trace"),
];

#[tokio::test]
async fn serve_keeps_them_to_itself() {
    let options = RedisOptions {
        requirepass: Some("canary-pass".to_owned()),
        ..RedisOptions::default()
    };
    let mut stage = Stage::on(options).await;
    let mut service = Service::start(&stage, &SETTINGS).await;
    let good = text(&job("a").email("canary@example.com"));
    let bad = good.replace("example.com", "example");
    let mut said = Vec::new();
    for key in ["canary-key", "canary-other"] {
        for body in [good.clone(), bad.clone(), "{\"canary\"".to_owned()] {
            let answer = Answer::to(service.posting(body).bearer_auth(key)).await;
            said.push(answer.text);
        }
    }
    stage.redis.kill9();
    let answer = Answer::to(service.posting(good).bearer_auth("canary-key")).await;
    answer.problem(503);
    said.push(answer.text);
    for path in ["/readyz", "/metrics", "/openapi.json"] {
        said.push(service.get(path).await.text);
    }
    service.program.sigterm();
    service.program.wait_exit(PATIENCE).await;
    check(&service.program, said);
}

#[tokio::test]
async fn enqueue_keeps_them_to_itself() {
    let mut stage = Stage::start().await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("jobs");
    let good = text(&job("a").phone("+15551234567").note("canary"));
    std::fs::write(&file, format!("{good}\n{{\"canary\"\n{good}canary\n")).unwrap();
    let mut program = stage.producer(&SETTINGS).arg("enqueue").arg(&file).start();
    program.wait_exit(PATIENCE).await;
    check(&program, Vec::new());
    // An address with a password that leads nowhere.
    stage.redis.kill9();
    let url = "redis://canary-user:canary-pass@127.0.0.1:1";
    let mut program = stage
        .producer_at(url, &SETTINGS)
        .arg("enqueue")
        .arg(&file)
        .start();
    program.wait_for_line("trying again", PATIENCE).await;
    program.sigint();
    program.wait_exit(PATIENCE).await;
    check(&program, Vec::new());
}

/// Expects that the program has said something, but none of it.
fn check(program: &Program, mut said: Vec<String>) {
    said.extend(program.stdout());
    said.extend(program.stderr());
    assert!(said.len() > 1);
    for secret in ["canary", "5551234567"] {
        let leak = said.iter().find(|text| text.contains(secret));
        assert_eq!(leak, None, "{secret}");
    }
}
