//! `job why`.

use std::time::Duration;

use penstock_shared::{
    job::state::{Ending, Hold, Transition},
    outcome::{Cause, Fault, Permit},
    queue::{report::Report, settle::Fields},
    quota::RateReport,
};
use serde_json::{Value, json};

use crate::world::{ACME, World, note};

fn whats(answer: &Value) -> Vec<&str> {
    let reasons = answer["reasons"].as_array().expect("reasons are an array");
    reasons
        .iter()
        .map(|reason| reason["what"].as_str().expect("it is a text"))
        .collect()
}

async fn held(why: &'static str, wait: Duration) -> Value {
    let mut world = World::start().await;
    world.note(ACME, "a").await;
    let claimed = world.claim(ACME, 1).await;
    let transition = Transition {
        ending: Ending::Back {
            after: Duration::ZERO,
            attempt: false,
            delivery: false,
        },
        permit: Permit::Answered,
        hold: Some(Hold {
            wait,
            why,
            token: None,
        }),
        api: None,
        fault: None,
        unanswered: false,
        decided: None,
        read_only: false,
    };
    world
        .settle_as(&claimed[0], transition, Fields::new())
        .await;
    world.ask(&["job", "why", "a"]).await
}

#[tokio::test]
async fn a_ready_job_waits_for_its_turn_and_its_calls() {
    let world = World::start().await;
    world.note(ACME, "a").await;
    world.note(ACME, "b").await;
    let alone = world.ask(&["job", "why", "a"]).await;
    assert_eq!(whats(&alone), ["lane", "no-worker", "no-quota"]);
    assert_eq!(alone["eta"], json!(null));
    world.register().await;
    let answer = world.ask(&["job", "why", "b"]).await;
    assert_eq!(whats(&answer), ["lane", "burst", "daily"]);
    let details: Vec<_> = (0..3)
        .map(|at| answer["reasons"][at]["detail"].as_str().unwrap())
        .collect();
    assert_eq!(
        details,
        [
            "1 due jobs of its tenant are before it",
            "100 calls are left of 100/10s",
            "200000 calls are left of 200000/1d, 20000 of them kept for high priority",
        ]
    );
    assert!(answer["eta"].as_str().unwrap().ends_with('Z'));
    let table = world.admin(&["job", "why", "b"]).await.stdout;
    assert!(
        table.starts_with("b of acme is ready; it runs at about "),
        "{table}"
    );
    let line = world
        .admin(&["job", "why", "b", "-o", "ndjson"])
        .await
        .stdout;
    assert_eq!(line.lines().count(), 1, "{line}");
}

#[tokio::test]
async fn a_blocked_job_names_what_is_before_it() {
    let mut world = World::start().await;
    let contact = json!({ "email": "jane@example.com" });
    for id in ["first", "second", "third"] {
        world.enqueue(note(ACME, id, &contact)).await;
    }
    world.claim(ACME, 1).await;
    let answer = world.ask(&["job", "why", "third"]).await;
    assert_eq!(answer["state"], "blocked");
    let reason = &answer["reasons"][0];
    assert_eq!(reason["what"], "sequence");
    assert_eq!(
        reason["detail"],
        "2 earlier jobs of its contact must end before it; the first is first, which is running"
    );
    assert_eq!(reason["until"], answer["eta"]);
    assert!(answer["eta"].is_string(), "{answer}");
    let running = world.ask(&["job", "why", "first"]).await;
    assert_eq!(whats(&running), ["running"]);
    assert_eq!(running["eta"], json!(null));
    assert!(running["reasons"][0]["until"].is_string(), "{running}");
}

#[tokio::test]
async fn a_scheduled_job_tells_when_it_is_due() {
    let mut world = World::start().await;
    let mut later = note(ACME, "later", &json!({ "id": "c1" }));
    later["runAt"] = json!("2126-12-01T09:00:00Z");
    world.enqueue(later).await;
    world.register().await;
    let answer = world.ask(&["job", "why", "later"]).await;
    assert_eq!(whats(&answer), ["due", "burst", "daily"]);
    assert_eq!(answer["reasons"][0]["until"], "2126-12-01T09:00:00Z");
    assert_eq!(answer["eta"], "2126-12-01T09:00:00Z");

    world.note(ACME, "again").await;
    let claimed = world.claim(ACME, 1).await;
    let back = Ending::Back {
        after: Duration::from_secs(300),
        attempt: true,
        delivery: true,
    };
    world.settle(&claimed[0], back, Fields::new()).await;
    let answer = world.ask(&["job", "why", "again"]).await;
    assert_eq!(answer["state"], "scheduled");
    assert_eq!(whats(&answer)[0], "retry");
}

#[tokio::test]
async fn a_job_that_has_ended_says_so() {
    let mut world = World::start().await;
    world.dead(ACME, &["a"], Cause::Rejected).await;
    world.ambiguous(ACME, "b").await;
    for (id, remedy) in [("a", "dead retry"), ("b", "dead resolve")] {
        let answer = world.ask(&["job", "why", id]).await;
        assert_eq!(whats(&answer), ["dead"]);
        let detail = answer["reasons"][0]["detail"].as_str().unwrap();
        assert!(detail.contains(remedy), "{detail}");
    }
}

/// It is decided what becomes of it; only what was sent keeps it.
#[tokio::test]
async fn a_job_that_waits_for_its_end_says_what_that_is() {
    let mut world = World::start().await;
    world.note(ACME, "a").await;
    let claimed = world.claim(ACME, 1).await;
    let dead = Ending::Dead {
        cause: Cause::Poison,
        fault: Fault::new("three workers have ended"),
        evidence: None,
    };
    let ending = Ending::Deferred {
        after: Duration::from_secs(300),
        ending: Box::new(dead),
    };
    world.settle(&claimed[0], ending, Fields::new()).await;
    let answer = world.ask(&["job", "why", "a"]).await;
    assert_eq!(whats(&answer)[0], "quarantine");
    let detail = answer["reasons"][0]["detail"].as_str().unwrap();
    assert!(
        detail.starts_with("it will be dead (poison) then"),
        "{detail}"
    );
}

fn of(parent: &Value, id: &str) -> Value {
    let payload = json!({ "contact": parent, "body": id });
    json!({ "type": "AttachNote", "tenant": ACME, "id": id, "payload": payload })
}

/// It is put off again and again, and that is not what it waits for.
#[tokio::test]
async fn a_job_that_goes_by_another_names_it() {
    let mut world = World::start().await;
    world.dead(ACME, &["gone"], Cause::Rejected).await;
    // Of no contact that is known yet: it stands before nobody.
    world.note(ACME, "parent").await;
    let cases = [
        (
            json!({ "job": "gone" }),
            "which is dead: it will be dead too (parent-dead)",
        ),
        (
            json!({ "job": "gone", "wait": true }),
            "which is dead: it waits until that is retried",
        ),
        (
            json!({ "job": "parent" }),
            "which is ready: `job why parent` says",
        ),
    ];
    for (number, (parent, expected)) in cases.iter().enumerate() {
        let id = format!("child{number}");
        world.enqueue(of(parent, &id)).await;
        let answer = world.ask(&["job", "why", &id]).await;
        let reasons = answer["reasons"].as_array().unwrap();
        let reason = reasons.iter().find(|reason| reason["what"] == "parent");
        let reason = reason.unwrap_or_else(|| panic!("{answer}"));
        let detail = reason["detail"].as_str().unwrap();
        let by = format!("it goes by the job {}, ", parent["job"].as_str().unwrap());
        assert!(detail.starts_with(&by), "{detail}");
        assert!(detail.contains(expected), "{detail}");
    }
}

/// One whose parent nobody has stored was looked at, and put off for some seconds.
#[tokio::test]
async fn a_job_that_was_put_off_for_another_tells_no_moment() {
    let mut world = World::start().await;
    world.enqueue(of(&json!({ "job": "never" }), "child")).await;
    let claimed = world.claim(ACME, 1).await;
    let back = Ending::Back {
        after: Duration::from_secs(5),
        attempt: false,
        delivery: false,
    };
    let looked = Fields::from([("lookup", "1".to_owned())]);
    world.settle(&claimed[0], back, looked).await;
    let answer = world.ask(&["job", "why", "child"]).await;
    assert_eq!(answer["state"], "scheduled");
    assert_eq!(whats(&answer)[0], "parent");
    assert_eq!(
        answer["reasons"][0]["detail"],
        "it goes by the job never, which nobody has stored: it is waited for, for 2 minutes in all"
    );
    assert_eq!(answer["eta"], json!(null));
}

#[tokio::test]
async fn a_walk_that_finds_no_room_says_so() {
    let mut world = World::start().await;
    let walk = json!({ "type": "PullContacts", "tenant": ACME, "id": "walk", "payload": {} });
    world.enqueue(walk).await;
    let claimed = world.claim(ACME, 1).await;
    let back = Ending::Back {
        after: Duration::from_secs(300),
        attempt: false,
        delivery: false,
    };
    let looked = Fields::from([("looks", "1".to_owned())]);
    world.settle(&claimed[0], back, looked).await;
    let answer = world.ask(&["job", "why", "walk"]).await;
    assert_eq!(whats(&answer)[0], "backlog");
    assert!(answer["reasons"][0]["until"].is_string(), "{answer}");
}

#[tokio::test]
async fn a_job_for_several_contacts_names_the_first_that_has_not_ended() {
    let world = World::start().await;
    let contacts = json!([{ "id": "a" }, { "id": "b" }]);
    let payload = json!({ "contacts": contacts, "tags": ["x"], "operation": "add" });
    world
        .enqueue(json!({ "type": "BulkTags", "tenant": ACME, "id": "many", "payload": payload }))
        .await;
    world.register().await;
    let answer = world.ask(&["job", "why", "many"]).await;
    assert_eq!(whats(&answer)[..2], ["lane", "parts"]);
    let detail = &answer["reasons"][1]["detail"];
    let expected = "2 jobs of its contacts must end before it; the first is many/1";
    assert_eq!(detail, expected);
    assert_eq!(answer["eta"], json!(null));
}

#[tokio::test]
async fn a_pause_is_a_reason_and_leaves_no_moment() {
    let world = World::start().await;
    world.note(ACME, "a").await;
    world.register().await;
    world.ask(&["tenant", "pause", ACME]).await;
    let answer = world.ask(&["job", "why", "a"]).await;
    assert_eq!(whats(&answer), ["lane", "paused", "burst", "daily"]);
    assert_eq!(answer["eta"], json!(null));
}

/// Those of its contact are before it, and they are not alone.
#[tokio::test]
async fn a_ready_job_counts_those_that_will_overtake_it() {
    let world = World::start().await;
    let contact = json!({ "email": "jane@example.com" });
    for id in ["first", "second", "third"] {
        world.enqueue(note(ACME, id, &contact)).await;
    }
    world.note(ACME, "last").await;
    world.register().await;
    let answer = world.ask(&["job", "why", "last"]).await;
    assert_eq!(
        answer["reasons"][0]["detail"],
        "1 due jobs of its tenant are before it, and about 2 that wait for others of their contacts or for a moment go before it too; \
         that of a contact one job runs at a time sets the pace"
    );
}

#[tokio::test]
async fn what_the_api_says_of_the_quota_is_a_reason() {
    let mut world = World::start().await;
    for id in ["a", "b"] {
        world.note(ACME, id).await;
    }
    let claimed = world.claim(ACME, 1).await;
    let report = Report {
        sent_ms: world.queue.now().await.unwrap() - 1,
        rate: RateReport {
            burst_limit: Some(40),
            daily_limit: Some(200_000),
            daily_remaining: Some(0),
            ..RateReport::default()
        },
    };
    let back = Ending::Back {
        after: Duration::ZERO,
        attempt: false,
        delivery: false,
    };
    let transition = Transition::new(back, Permit::Answered);
    world
        .settle_with(&claimed[0], transition, Fields::new(), Some(report))
        .await;
    let answer = world.ask(&["job", "why", "b"]).await;
    assert_eq!(
        whats(&answer),
        ["lane", "burst", "daily", "announced", "foreign"]
    );
    let reasons = &answer["reasons"];
    assert_eq!(
        reasons[3]["detail"],
        "the API announced a lower burst quota than 100/10s, which is configured: 40/10s counts"
    );
    assert!(
        reasons[4]["detail"]
            .as_str()
            .unwrap()
            .contains("199999 calls"),
        "{answer}"
    );
    // Then somebody else's calls are believed no longer, and the day is free.
    assert!(reasons[4]["until"].is_string(), "{answer}");
    assert_eq!(reasons[2]["until"], reasons[4]["until"]);
    assert!(answer["eta"].is_string(), "{answer}");
}

#[tokio::test]
async fn a_hold_is_told_with_its_end() {
    let throttled = held("throttled", Duration::from_secs(3_600)).await;
    assert_eq!(whats(&throttled)[1], "throttled");
    assert!(throttled["reasons"][1]["until"].is_string(), "{throttled}");
    let unauthorised = held("needs-authorisation", Duration::from_secs(300_000_000)).await;
    assert_eq!(whats(&unauthorised)[1], "needs-authorisation");
    assert_eq!(unauthorised["reasons"][1]["until"], json!(null));
}

/// A tenant whose one call of its window was made, and whose job `b` waits for the next.
async fn exhausted() -> World {
    let mut world = World::start().await;
    world.dead(ACME, &["a"], Cause::Rejected).await;
    world
        .ask(&["tenant", "set", ACME, "--burst", "1/10m"])
        .await;
    world.note(ACME, "b").await;
    world
}

#[tokio::test]
async fn an_exhausted_window_tells_when_a_call_frees() {
    let world = exhausted().await;
    let answer = world.ask(&["job", "why", "b"]).await;
    let lane = &answer["reasons"][0];
    assert_eq!(
        lane["detail"],
        "it is its tenant's next job; the burst quota sets the pace"
    );
    let burst = &answer["reasons"][1];
    assert_eq!(answer["eta"], burst["until"]);
    assert_eq!(
        burst["detail"],
        "0 calls are left of 1/10m; the next one frees then"
    );
    assert!(burst["until"].is_string(), "{answer}");
}

/// What comes back before the end of the window that Redis has forgotten lets nothing through.
#[tokio::test]
async fn nothing_is_foretold_for_a_window_that_counts_as_full() {
    let world = exhausted().await;
    let before = world.ask(&["job", "why", "b"]).await["eta"].clone();
    let noticed = world.queue.now().await.unwrap() + 60_000;
    let travel = format!("{noticed}/{noticed}/0/{noticed}");
    let config = world.queue.keys(0).config();
    world.server.cli(["HSET", &config, "travel", &travel]).await;
    let answer = world.ask(&["job", "why", "b"]).await;
    assert_eq!(whats(&answer), ["lane", "burst", "daily", "forgotten"]);
    let reasons = &answer["reasons"];
    let until = &reasons[3]["until"];
    assert_eq!([&answer["eta"], &reasons[1]["until"]], [until, until]);
    assert!(until.as_str() > before.as_str(), "{answer} {before}");
}
