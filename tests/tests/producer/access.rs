//! Who may call `serve`.

use std::net::Ipv4Addr;

use penstock_tests::{fixture::job, harness::run};

use crate::{
    service::{Answer, Service},
    stage::{ACME, PATIENCE, PRODUCER, Stage, text},
};

const KEYS: [(&str, &str); 1] = [("PENSTOCK_API_KEYS", "first-key,second-key")];

#[tokio::test]
async fn without_a_right_key_nothing_is_stored_or_shown() {
    let stage = Stage::start().await;
    stage.store(&[job("old")]).await;
    let service = Service::start(&stage, &KEYS).await;
    let before = stage.redis.snapshot().await;
    for authorization in [
        None,
        Some("Bearer"),
        Some("Bearer "),
        Some("Bearer first"),
        Some("Bearer first-key2"),
        Some("Bearer FIRST-KEY"),
        Some("Bearer first-key,second-key"),
        Some("Basic first-key"),
        Some("first-key"),
    ] {
        for request in [
            service.posting(text(&job("new"))),
            service.posting("nonsense"),
            service.http.get(service.url("/v1/jobs/old")),
            service.http.get(service.url("/v1/jobs/nobody")),
        ] {
            let request = match authorization {
                Some(value) => request.header("authorization", value),
                None => request,
            };
            let answer = Answer::to(request).await;
            answer.problem(401);
            assert_eq!(answer.header("www-authenticate"), "Bearer");
            assert!(!answer.text.contains("first-key"), "{answer:?}");
        }
    }
    assert_eq!(stage.redis.snapshot().await, before);
}

#[tokio::test]
async fn each_key_opens() {
    let stage = Stage::start().await;
    let service = Service::start(&stage, &KEYS).await;
    for authorization in ["Bearer first-key", "Bearer second-key", "bearer first-key"] {
        let request = service.posting(text(&job("a")));
        let answer = Answer::to(request.header("authorization", authorization)).await;
        assert_eq!(answer.receipts().len(), 1, "{authorization}");
        let request = service.http.get(service.url("/v1/jobs/a"));
        let answer = Answer::to(request.header("authorization", authorization)).await;
        assert_eq!(answer.status, 200, "{authorization}");
    }
    // Whoever watches over the program needs none.
    for path in ["/livez", "/readyz", "/metrics", "/openapi.json"] {
        assert_eq!(service.get(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn without_keys_no_web_page_may_call() {
    let stage = Stage::start().await;
    let service = Service::start(&stage, &[]).await;
    let before = stage.redis.snapshot().await;
    for (name, value) in [
        ("origin", "https://example.com"),
        ("origin", "null"),
        ("host", "rebound.example.com"),
        ("host", "rebound.example.com:8080"),
    ] {
        let request = service.posting(text(&job("a"))).header(name, value);
        Answer::to(request).await.problem(403);
        let request = service.http.get(service.url("/v1/jobs/a"));
        Answer::to(request.header(name, value)).await.problem(403);
    }
    assert_eq!(stage.redis.snapshot().await, before);
    for host in ["localhost", "localhost:1234", "127.0.0.1", "[::1]:80"] {
        let request = service.posting(text(&job("a"))).header("host", host);
        assert_eq!(Answer::to(request).await.receipts().len(), 1);
    }
}

#[tokio::test]
async fn beyond_loopback_it_listens_only_with_keys() {
    let stage = Stage::start().await;
    let url = stage.redis.url();
    let env = [("PENSTOCK_REDIS_URL", url.as_str())];
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"] {
        let finished = run(PRODUCER, ["serve", "--listen", address], &env, "").await;
        assert_eq!(finished.code, Some(2), "{finished:?}");
        for part in [address, "PENSTOCK_API_KEYS"] {
            assert!(finished.stderr.contains(part), "{finished:?}");
        }
        assert!(!finished.stderr.contains("listening"), "{finished:?}");
    }
    let program = stage
        .producer(&KEYS)
        .args(["serve", "--listen", "0.0.0.0:0"])
        .start();
    let line = program
        .wait_for_line("listening on http://0.0.0.0:", PATIENCE)
        .await;
    let port = line.rsplit(':').next().unwrap().parse().unwrap();
    let service = Service {
        program,
        address: (Ipv4Addr::LOCALHOST, port).into(),
        http: reqwest::Client::builder().no_proxy().build().unwrap(),
    };
    let service = service.ready().await;
    let request = service.posting(text(&job("a"))).bearer_auth("second-key");
    assert_eq!(Answer::to(request).await.receipts().len(), 1);
    assert_eq!(stage.ids(ACME).await, ["a"]);
    let short = "a key of PENSTOCK_API_KEYS has fewer than 16 characters";
    service.program.wait_for_line(short, PATIENCE).await;
}

#[tokio::test]
async fn an_address_that_cannot_be_had_is_told() {
    let stage = Stage::start().await;
    let service = Service::start(&stage, &[]).await;
    let url = stage.redis.url();
    let env = [("PENSTOCK_REDIS_URL", url.as_str())];
    let taken = service.address.to_string();
    let finished = run(PRODUCER, ["serve", "--listen", &taken], &env, "").await;
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stderr.contains(&taken), "{finished:?}");
    for nonsense in ["here", "127.0.0.1", "127.0.0.1:99999", ""] {
        let finished = run(PRODUCER, ["serve", "--listen", nonsense], &env, "").await;
        assert_eq!(finished.code, Some(2), "{finished:?}");
        assert!(finished.stderr.contains("--listen"), "{finished:?}");
    }
}
