//! `POST /v1/jobs`: bodies that are refused, whole and with nothing stored.

use penstock_tests::fixture::job;
use serde_json::json;

use crate::{
    service::{Answer, Service},
    stage::{Stage, array, text},
};

/// A service, and a check that nothing changes in its Redis.
async fn unchanged(test: impl AsyncFnOnce(&Service)) {
    let stage = Stage::start().await;
    stage.store(&[job("old")]).await;
    let service = Service::start(&stage, &[]).await;
    let before = stage.redis.snapshot().await;
    test(&service).await;
    assert_eq!(stage.redis.snapshot().await, before);
}

/// A job whose note makes it this long.
fn of_size(bytes: usize) -> String {
    let note = text(&job("big").note("?"));
    note.replace('?', &"x".repeat(bytes - note.len() + 1))
}

#[tokio::test]
async fn what_is_not_json_is_400() {
    unchanged(async |service| {
        let good = text(&job("a"));
        let with_nul = good.replacen(',', ",\0", 1);
        let bodies: Vec<Vec<u8>> = vec![
            vec![],
            b"  \n".to_vec(),
            b"{".to_vec(),
            b"nonsense".to_vec(),
            good[..good.len() - 1].into(),
            [good.as_str(), good.as_str()].join("\n").into(),
            format!("[{good},]").into(),
            format!("\u{feff}{good}").into(),
            with_nul.into(),
            b"\xff".to_vec(),
            good.replace('a', "\u{fffd}").into_bytes()[..9].to_vec(),
            "[".repeat(1_000_000).into(),
            vec![b'{'; 100_000],
        ];
        for body in bodies {
            let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
            let answer = service.post(body).await;
            assert_eq!(answer.problem(400), [""], "{shown}");
        }
    })
    .await;
}

#[tokio::test]
async fn every_fault_is_listed_by_its_path() {
    unchanged(async |service| {
        let faulty = json!({
            "type": "CreateTask", "tenant": "a/b", "id": "x".repeat(129), "runAt": "soon",
            "payload": { "contact": { "email": "nobody" }, "title": 7, "due": "2026-12-01" },
        });
        let answer = service.post(faulty.to_string()).await;
        let mut paths = answer.problem(422);
        paths.sort_unstable();
        let expected = [
            "id",
            "payload.contact.email",
            "payload.due",
            "payload.dueDate",
            "payload.title",
            "runAt",
            "tenant",
        ];
        assert_eq!(paths, expected);
        for (body, paths) in [
            ("{}", vec!["tenant", "type", "payload"]),
            ("null", vec![""]),
            ("7", vec![""]),
            ("\"job\"", vec![""]),
            ("[]", vec![""]),
            ("[[]]", vec!["[0]"]),
            (
                r#"{"a":1,"a":2,"tenant":"t","type":"AddTags","payload":{}}"#,
                vec!["a", "a", "a", "payload.contact", "payload.tags"],
            ),
        ] {
            let answer = service.post(body).await;
            assert_eq!(answer.problem(422), paths, "{body}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_array_with_one_refused_job_is_refused_whole() {
    unchanged(async |service| {
        let good = text(&job("a"));
        let bad = good.replace(r#""acme""#, "7");
        let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        let body = format!("[{good},{bad},{good},{{}},null,{deep}]");
        let answer = service.post(body).await;
        let expected = [
            "[1].tenant",
            "[3].tenant",
            "[3].type",
            "[3].payload",
            "[4]",
            "[5]",
        ];
        assert_eq!(answer.problem(422), expected);
    })
    .await;
}

#[tokio::test]
async fn faults_without_end_are_not_listed_without_end() {
    unchanged(async |service| {
        let answer = service.post(format!("[{}1]", "1,".repeat(500_000))).await;
        let faults = answer.problem(422).len();
        assert!(faults <= 1_001, "{faults}");
        let members = (0..10_000).map(|number| format!(r#""f{number}":1,"#));
        let body = format!(r#"{{{}"type":"AddTags"}}"#, members.collect::<String>());
        assert!(body.len() > 64 * 1024 || service.post(body).await.problem(422).len() <= 1_001);
    })
    .await;
}

/// A few hundred bytes for each of many contacts are a megabyte once they are stored.
#[tokio::test]
async fn what_comes_to_more_than_16_mib_as_it_is_stored_is_refused() {
    let contacts: Vec<_> = (0..500)
        .map(|number| json!({ "id": format!("c{number}") }))
        .collect();
    let tags: Vec<_> = (0..50).map(|number| format!("{number:030}")).collect();
    let payload = json!({ "contacts": contacts, "tags": tags, "operation": "add" });
    let several = text(&job("several").what("BulkTags", payload));
    unchanged(async |service| {
        let several: Vec<_> = (0..20)
            .map(|number| several.replace("several", &format!("several{number}")))
            .collect();
        let answer = service.post(format!("[{}]", several.join(","))).await;
        assert_eq!(answer.problem(422), [""]);
        let message = answer.body["faults"][0]["message"].as_str().unwrap();
        assert!(message.ends_with("send them in several"), "{message}");
    })
    .await;
}

#[tokio::test]
async fn a_job_of_more_than_64_kib_is_413() {
    unchanged(async |service| {
        service.post(of_size(65_537)).await.problem(413);
        service.post(of_size(5_000_000)).await.problem(413);
        // Among others it is one of their faults.
        let body = format!("[{},{}]", text(&job("a")), of_size(65_537));
        assert_eq!(service.post(body).await.problem(422), ["[1]"]);
    })
    .await;
    let stage = Stage::start().await;
    let service = Service::start(&stage, &[]).await;
    // White space around it is none of the job's.
    let body = format!("  {}\n\n", of_size(65_536));
    assert_eq!(service.post(body).await.receipts().len(), 1);
}

#[tokio::test]
async fn a_body_of_more_than_16_mib_is_413() {
    const MOST: usize = 16 * 1024 * 1024;
    unchanged(async |service| {
        service.post(vec![b' '; MOST + 1]).await.problem(413);
        service.post(vec![b'['; 2 * MOST]).await.problem(413);
        // Nor does a body pass that does not say how long it is.
        let pieces = (0..17).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1024 * 1024]));
        let body = reqwest::Body::wrap_stream(futures::stream::iter(pieces));
        service.post(body).await.problem(413);
    })
    .await;
    let stage = Stage::start().await;
    let service = Service::start(&stage, &[]).await;
    let jobs: Vec<_> = (0..250)
        .map(|number| job(&format!("{number}")).note(&"x".repeat(60_000)))
        .collect();
    let body = array(&jobs);
    let padding = " ".repeat(MOST - body.len());
    let answer = service.post(body + &padding).await;
    assert_eq!(answer.receipts().len(), 250);
}

#[tokio::test]
async fn a_compressed_body_is_refused() {
    unchanged(async |service| {
        for encoding in ["gzip", "br", "zstd"] {
            let request = service.posting("x").header("content-encoding", encoding);
            Answer::to(request).await.problem(415);
        }
    })
    .await;
}

#[tokio::test]
async fn a_refusal_repeats_nothing_personal() {
    unchanged(async |service| {
        for body in [
            text(&job("a")).replace(r#"["vip"]"#, r#"{"canary":"canary@example.com"}"#),
            r#"{"type":"AddTags","tenant":"t","payload":{"contact":{"email":"canary@@x"},"tags":["t"]}}"#.to_owned(),
            r#"{"canary@example.com":1}"#.to_owned(),
            r#"{"type":"canary"}"#.to_owned(),
        ] {
            let answer = service.post(body).await;
            answer.problem(422);
            assert!(!answer.text.contains("canary"), "{answer:?}");
        }
    })
    .await;
}
