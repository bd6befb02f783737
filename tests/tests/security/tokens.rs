//! The same search for what the API gives out by OAuth: tokens that no test can choose, known by how they begin.

use penstock_tests::sandbox::{OAuthTerms, Pick};
use serde_json::json;

use crate::{
    canary::stored,
    heard::Heard,
    stage::{KEY, PATIENCE, Stage, address},
};

const APP: &str = "app1-main";
const SECRET: &str = "c4n4ry-client-secret";
const TOKENS: [&str; 3] = ["access", "refresh", "code"];

/// Each is followed by 40 letters and digits, as no word of ours is.
fn found(heard: &Heard) -> Option<String> {
    let is_token = |rest: &str| {
        let text = rest.chars().take_while(char::is_ascii_alphanumeric);
        text.count() >= 40
    };
    heard.0.iter().find_map(|(whose, words)| {
        let words = String::from_utf8_lossy(words);
        let mut rests = TOKENS.iter().flat_map(|prefix| words.split(prefix).skip(1));
        rests.find(|rest| is_token(rest)).map(|_| whose.clone())
    })
}

/// A browser connects the account.
async fn connect(stage: &Stage, heard: &mut Heard, at: &str) {
    let intake = stage
        .program("penstock-producer", &[])
        .args(["serve", "--listen", at])
        .start();
    intake.wait_for_line("connected to Redis", PATIENCE).await;
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let browser = browser.build().unwrap();
    let get = async |url: &str, cookie: &str| {
        let answer = browser
            .get(url)
            .header("cookie", cookie)
            .send()
            .await
            .unwrap();
        let header = |name| {
            answer
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap().to_owned())
        };
        let (to, cookie) = (header("location"), header("set-cookie"));
        (
            to.unwrap_or_default(),
            cookie.unwrap_or_default(),
            answer.text().await.unwrap(),
        )
    };
    let (away, cookie, _) = get(&format!("http://{at}/oauth/install"), "").await;
    let (back, _, _) = get(&away, "").await;
    // The code is good once, and the first answer to it is lost.
    stage.faults(&["cut-after:op=get-access-token:count=1"]);
    let (_, _, page) = get(&back, &cookie).await;
    heard.hear("the page", page);
    let (away, cookie, _) = get(&format!("http://{at}/oauth/install"), "").await;
    let (back, _, _) = get(&away, "").await;
    let (_, _, page) = get(&back, &cookie).await;
    assert!(page.contains("Connected"), "{page}");
    heard.hear("the page", page);
    for path in ["/metrics", "/openapi.json"] {
        heard.hear(path, get(&format!("http://{at}{path}"), "").await.2);
    }
    heard.ended(intake).await;
}

#[tokio::test]
async fn tokens_are_seen_nowhere() {
    let (listen, keys) = (address(), format!("main:{KEY}"));
    let back = format!("http://{listen}/oauth/callback");
    let settings = [
        ("PENSTOCK_GHL_TOKEN", "none"),
        ("PENSTOCK_GHL_CLIENT_ID", APP),
        ("PENSTOCK_GHL_CLIENT_SECRET", SECRET),
        ("PENSTOCK_GHL_REDIRECT_URI", back.as_str()),
        ("PENSTOCK_ALLOW_WRITES", "all"),
        ("PENSTOCK_ENCRYPTION_KEYS", &keys),
    ];
    let oauth = OAuthTerms {
        pick: Some(Pick::Location("acme".to_owned())),
        ..OAuthTerms::new(APP, SECRET.into())
    };
    let stage = Stage::with_oauth(&settings, Some(oauth)).await;
    let mut heard = Heard::default();
    connect(&stage, &mut heard, &listen).await;
    stage.sandbox.marketplace().unwrap().expire("acme");
    stage.faults(&[
        "401:op=get-access-token:count=1:message=the secret c4n4ry-client-secret is wrong, my good client",
        "503:op=create-note:count=1",
    ]);
    let contact = json!({ "id": "c-0", "locationId": "acme" });
    stage.sandbox.seed_contact(&contact).unwrap();
    let note = json!({ "id": "note", "type": "AttachNote", "tenant": "acme", "payload": { "contact": { "id": "c-0" }, "body": "hello" } });
    stage.enqueue(&[note.to_string()]).await;
    let worker = stage.worker(&[]).await;
    worker
        .wait_for_line("a token is not renewed", PATIENCE)
        .await;
    heard.finished(
        "rotate",
        &stage.admin(&["tokens", "rotate", "acme", "--oauth"]).await,
    );
    worker.wait_for_line("a token was renewed", PATIENCE).await;
    stage.until("note", "done").await;
    for token in ["pit-c4n4ry-first", "pit-c4n4ry-second"] {
        let added = stage.run("penstock-admin", &["tokens", "add", "other"], token);
        heard.finished("add", &added.await);
    }
    let third = stage.run(
        "penstock-admin",
        &["tokens", "rotate", "other"],
        "pit-c4n4ry-third",
    );
    heard.finished("rotate", &third.await);
    for args in [
        &["tokens", "list"][..],
        &["tokens", "list", "-o", "json"],
        &["check", "acme"],
        &["check", "other"],
        &["tenants"],
        &["--print-config"],
        &["tokens", "revoke", "other", "--all"],
        &["tokens", "revoke", "acme", "--oauth"],
    ] {
        heard.finished(&args.join(" "), &stage.admin(args).await);
    }
    heard.ended(worker).await;
    heard.is_clean();
    assert_eq!(found(&heard), None);
    let stored = stored(&stage).await;
    stored.is_clean();
    assert_eq!(found(&stored), None);
}

#[test]
fn the_search_finds_a_token() {
    let mut heard = Heard::default();
    heard.hear("a log", "refresh-after: refresh-token");
    assert_eq!(found(&heard), None);
    heard.hear("a log", format!("Bearer access{}", "aB1x".repeat(10)));
    assert_eq!(found(&heard).as_deref(), Some("a log"));
}
