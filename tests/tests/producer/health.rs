//! `/livez`, `/readyz`, `/metrics`, and calls to what is not there.

use penstock_tests::fixture::job;

use crate::{
    service::{Answer, Service},
    stage::{Stage, array, text},
};

#[tokio::test]
async fn it_says_that_it_lives_and_can_take_jobs() {
    let stage = Stage::start().await;
    let service = Service::start(&stage, &[]).await;
    for path in ["/livez", "/readyz"] {
        let answer = service.get(path).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, "ok\n"));
    }
}

/// The value of a figure with these labels, in whatever order.
fn figure(text: &str, name: &str, labels: &[&str]) -> Option<f64> {
    let lines = text.lines().filter(|line| {
        let named = line
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(['{', ' ']));
        named && labels.iter().all(|label| line.contains(label))
    });
    let mut values = lines.map(|line| line.rsplit(' ').next().unwrap().parse().unwrap());
    values.next()
}

#[tokio::test]
async fn its_figures_count_jobs_and_requests() {
    let stage = Stage::start().await;
    let service = Service::start(&stage, &[]).await;
    service
        .post(array(&[job("canary-1"), job("canary-2")]))
        .await
        .receipts();
    service.post(text(&job("canary-1"))).await.receipts();
    service.post("{}").await.problem(422);
    service.job("canary-1").await;
    service.get("/v1/jobs/canary-3").await.problem(404);
    service.get("/canary-4").await.problem(404);
    let metrics = service.get("/metrics").await;
    assert_eq!(metrics.status, 200);
    let requests = "penstock_http_request_seconds_count";
    for (name, labels, value) in [
        (
            "penstock_intake_jobs_total",
            &[r#"status="accepted""#][..],
            2.0,
        ),
        (
            "penstock_intake_jobs_total",
            &[r#"status="duplicate""#],
            1.0,
        ),
        ("penstock_intake_refused_requests_total", &[], 1.0),
        (requests, &[r#"route="/v1/jobs""#, r#"status="202""#], 2.0),
        (requests, &[r#"route="/v1/jobs""#, r#"status="422""#], 1.0),
        (
            requests,
            &[r#"route="/v1/jobs/{id}""#, r#"status="200""#],
            1.0,
        ),
        (
            requests,
            &[r#"route="/v1/jobs/{id}""#, r#"status="404""#],
            1.0,
        ),
    ] {
        let found = figure(&metrics.text, name, labels);
        assert_eq!(found, Some(value), "{name} {labels:?}\n{}", metrics.text);
    }
    // Ids and paths are without end, and may be personal.
    assert!(!metrics.text.contains("canary"), "{}", metrics.text);
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_too() {
    let stage = Stage::start().await;
    let service = Service::start(&stage, &[]).await;
    for path in ["/", "/v1", "/v1/jobs/", "/v1/jobs/a/b", "/v2/jobs", "/docs"] {
        service.get(path).await.problem(404);
    }
    for (method, path, allowed) in [
        ("GET", "/v1/jobs", "POST"),
        ("PUT", "/v1/jobs", "POST"),
        ("DELETE", "/v1/jobs/a", "GET"),
        ("POST", "/v1/jobs/a", "GET"),
        ("POST", "/livez", "GET"),
    ] {
        let method = method.parse().unwrap();
        let answer = Answer::to(service.http.request(method, service.url(path))).await;
        answer.problem(405);
        assert!(
            answer.header("allow").contains(allowed),
            "{path}: {answer:?}"
        );
    }
}
