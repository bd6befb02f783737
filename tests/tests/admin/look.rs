//! `stats`, `tenants`, `job show`, `dead list`, `dead show`, `dead causes`.

use std::time::Duration;

use jiff::Timestamp;
use penstock_shared::{
    job::{JobType, state::Ending},
    link::Saying,
    outcome::Cause,
    queue::settle::Fields,
};
use serde_json::json;

use crate::world::{ACME, World, column, note};

/// One job in every state.
async fn every_state() -> World {
    let mut world = World::start().await;
    world.dead(ACME, &["died"], Cause::Rejected).await;
    world.note(ACME, "done").await;
    let claimed = world.claim(ACME, 1).await;
    let result = json!({ "noteId": "n1" });
    let ending = Ending::Done {
        result,
        effect: Some("n1".into()),
    };
    world.settle(&claimed[0], ending, Fields::new()).await;
    let contact = json!({ "phone": "+15551234567" });
    world.enqueue(note(ACME, "running", &contact)).await;
    world.claim(ACME, 1).await;
    world.enqueue(note(ACME, "blocked", &contact)).await;
    world.note(ACME, "ready").await;
    let mut later = note(ACME, "later", &contact);
    later["runAt"] = json!("2126-12-01T09:00:00Z");
    world.enqueue(later).await;
    world
}

#[tokio::test]
async fn stats_count_every_state() {
    let world = every_state().await;
    let expected = json!({
        "scheduled": 1, "ready": 1, "blocked": 1, "running": 1, "dead": 1, "doneTotal": 1, "workers": 1, "eligible": 1,
    });
    assert_eq!(world.ask(&["stats"]).await, expected);
    for (job_type, seconds) in [(JobType::CreateTask, 120), (JobType::AttachNote, 90)] {
        let to = Duration::from_secs(seconds);
        world.queue.raise_quarantine(job_type, to).await.unwrap();
    }
    let table = world.admin(&["stats"]).await;
    assert!(
        table.stdout.contains("doneTotal")
            && table.stdout.contains("AttachNote 90s · CreateTask 2m"),
        "{}",
        table.stdout
    );
    // What Redis promises is for those to say that run on.
    assert_eq!(table.stderr, "");
    let listed = world.admin(&["quarantine"]).await.stdout;
    let rows: Vec<_> = listed.lines().map(str::split_whitespace).collect();
    let rows: Vec<Vec<_>> = rows.into_iter().map(Iterator::collect).collect();
    let expected = [
        ["type", "raisedTo"],
        ["AttachNote", "90s"],
        ["CreateTask", "2m"],
    ];
    assert_eq!(rows, expected);
    let reset = world.ask(&["quarantine", "reset"]).await;
    assert_eq!(reset, json!({ "matched": 2, "changed": 2 }));
    let none = world.ask(&["quarantine", "reset", "AddTags"]).await;
    assert_eq!(none, json!({ "matched": 0, "changed": 0 }));
    let refused = world.refused(&["quarantine", "reset", "tasks"]).await;
    assert!(refused.contains("CreateTask"), "{refused}");
    let lines = world.admin(&["stats", "-o", "ndjson"]).await.stdout;
    assert_eq!(lines.lines().count(), 1, "{lines}");
}

#[tokio::test]
async fn tenants_have_their_counts_and_calls_left() {
    let world = every_state().await;
    world.note("zenith", "other").await;
    let rows = world.ask(&["tenants"]).await;
    assert_eq!(column(&rows, "tenant"), [ACME, "zenith"]);
    let eta = rows[0]["eta"].clone();
    assert!(eta.as_str().unwrap().ends_with('Z'), "{eta}");
    // Two calls have ended, one is in flight.
    let expected = json!({
        "tenant": ACME, "ready": 1, "scheduled": 1, "blocked": 1, "running": 1, "dead": 1, "burstLeft": 97,
        "dailyLeft": 199_997, "heldUntil": null, "why": null, "paused": false, "eta": eta,
    });
    assert_eq!(rows[0], expected);
}

#[tokio::test]
async fn a_job_is_shown_in_every_state() {
    let world = every_state().await;
    let show = async |id: &str| world.ask(&["job", "show", id]).await;
    for (id, state) in [("died", "dead"), ("done", "done"), ("running", "running")] {
        assert_eq!(show(id).await["state"], state, "{id}");
    }
    let done = show("done").await;
    assert_eq!(
        (&done["result"]["noteId"], &done["effect"]),
        (&json!("n1"), &json!("n1"))
    );
    let running = show("running").await;
    assert_eq!(running["worker"], "worker-1");
    assert!(running["leaseUntil"].is_string(), "{running}");
    let later = show("later").await;
    assert_eq!(later["runAt"], "2126-12-01T09:00:00Z");
    assert_eq!(later["dueAt"], "2126-12-01T09:00:00Z");
    assert_eq!(later["history"], json!([]));
}

#[tokio::test]
async fn personal_data_is_masked_unless_revealed() {
    let world = every_state().await;
    for command in ["job", "dead"] {
        for format in ["table", "json", "ndjson"] {
            let shown = world.admin(&[command, "show", "died", "-o", format]).await;
            assert_eq!(shown.code, Some(0), "{shown:?}");
            assert!(shown.stdout.contains("d***@example.com"), "{shown:?}");
            for secret in ["died@example.com", "leak"] {
                assert!(
                    !shown.stdout.contains(secret),
                    "{command} {format}: {shown:?}"
                );
            }
        }
        let shown = world.ask(&[command, "show", "died", "--reveal"]).await;
        let payload =
            json!({ "contact": { "email": "died@example.com" }, "body": "Called about the leak" });
        assert_eq!(shown["payload"], payload);
    }
}

#[tokio::test]
async fn a_dead_letter_is_shown_whole() {
    let world = every_state().await;
    let shown = world.ask(&["dead", "show", "died"]).await;
    for (name, value) in [
        ("id", json!("died")),
        ("type", json!("AttachNote")),
        ("tenant", json!(ACME)),
        ("state", json!("dead")),
        ("cause", json!("rejected")),
        ("error", json!("the API said no")),
        ("httpStatus", json!(422)),
        ("attempts", json!(1)),
        ("deliveries", json!(1)),
        ("undecided", json!(false)),
        ("lastError", json!("the API said no")),
        (
            "history",
            json!([{ "error": "the API said no", "status": 422 }]),
        ),
    ] {
        assert_eq!(shown[name], value, "{name}");
    }
    let refused = world.refused(&["dead", "show", "ready"]).await;
    assert!(
        refused.contains("ready of acme is not dead, it is ready"),
        "{refused}"
    );
}

#[tokio::test]
async fn what_cannot_be_decoded_is_shown_as_bytes() {
    let world = every_state().await;
    world.garble(ACME, "died").await;
    let shown = world.ask(&["dead", "show", "died"]).await;
    assert_eq!(
        (&shown["rawBytes"], &shown["raw"]),
        (&json!(7), &json!(null))
    );
    let shown = world.ask(&["dead", "show", "died", "--reveal"]).await;
    assert_eq!(shown["raw"], "Z2FyYmFnZQ==");
    let listed = world.ask(&["dead", "list"]).await;
    assert_eq!(listed[0]["type"], json!(null));
}

#[tokio::test]
async fn dead_letters_are_listed_by_what_is_asked() {
    let mut world = World::with_shards(4).await;
    world.dead(ACME, &["a", "b", "c"], Cause::Rejected).await;
    world.dead("zenith", &["a", "d"], Cause::Exhausted).await;
    let list = async |args: &[&str]| world.ask(&[&["dead", "list"], args].concat()).await;
    let all = list(&[]).await;
    assert_eq!(column(&all, "id"), ["a", "b", "c", "a", "d"]);
    let dead_at = all[4]["deadAt"].clone();
    let expected = json!({
        "id": "d", "type": "AttachNote", "tenant": "zenith", "cause": "exhausted", "error": "the API said no",
        "httpStatus": 422, "attempts": 1, "deadAt": dead_at,
    });
    assert_eq!(all[4], expected);
    for (args, ids) in [
        (&["--tenant", "zenith"][..], &["a", "d"][..]),
        (&["--cause", "rejected"], &["a", "b", "c"]),
        (&["--cause", "rejected", "--tenant", "zenith"], &[]),
        (&["--type", "AttachNote", "--limit", "1"], &["a"]),
        (&["--type", "AddTags"], &[]),
        (&["--after", "b"], &["c", "a", "d"]),
        (&["--after", "b", "--limit", "1"], &["c"]),
        (&["--after", "acme/a", "--limit", "2"], &["b", "c"]),
        (&["--after", "a", "--tenant", "zenith"], &["d"]),
    ] {
        assert_eq!(column(&list(args).await, "id"), ids, "{args:?}");
    }
    for (after, said) in [("a", "TENANT/a"), ("gone", "start again")] {
        let refused = world.refused(&["dead", "list", "--after", after]).await;
        assert!(refused.contains(said), "{refused}");
    }
}

#[tokio::test]
async fn causes_are_counted() {
    let mut world = World::start().await;
    assert_eq!(world.ask(&["dead", "causes"]).await, json!([]));
    world.dead(ACME, &["a"], Cause::Rejected).await;
    world.dead(ACME, &["b", "c"], Cause::Poison).await;
    let expected = json!([{ "cause": "poison", "count": 2 }, { "cause": "rejected", "count": 1 }]);
    assert_eq!(world.ask(&["dead", "causes"]).await, expected);
}

#[tokio::test]
async fn an_id_that_two_tenants_use_needs_the_tenant() {
    let world = World::start().await;
    world.note(ACME, "order-1").await;
    world.note("zenith", "order-1").await;
    for command in ["show", "why"] {
        let refused = world.refused(&["job", command, "order-1"]).await;
        assert!(
            refused.contains("(acme, zenith): say which with --tenant"),
            "{refused}"
        );
        let shown = world
            .ask(&["job", command, "order-1", "--tenant", "zenith"])
            .await;
        assert_eq!(shown["tenant"], "zenith");
    }
    let refused = world.refused(&["job", "show", "order-2"]).await;
    assert!(refused.contains("there is no job order-2"), "{refused}");
}

/// What was decided against whom is there to be read; values only for whoever asks for them.
#[tokio::test]
async fn a_link_shows_what_counts_and_its_conflicts() {
    let world = World::start().await;
    let names = ["ghl/1", "crm/a"].map(|name| name.parse().unwrap());
    let now = Timestamp::UNIX_EPOCH;
    let mut link = world.queue.link(ACME, &names, now).await.unwrap();
    for (system, second, name) in [("crm", 200, "Ada Lovelace"), ("ghl", 100, "Ada")] {
        let fields = json!({ "name": name });
        link.memory.see(&Saying {
            system,
            at: Timestamp::from_second(second).unwrap(),
            is_dated: true,
            fields: fields.as_object().unwrap().clone(),
        });
    }
    assert!(world.queue.put_link(ACME, &link).await.unwrap());
    let show = ["link", "show", "crm/a", "--tenant", ACME];
    let shown = world.ask(&show).await;
    assert_eq!(shown["records"], json!({ "crm": "a", "ghl": "1" }));
    assert_eq!(shown["lacking"], json!({ "ghl": ["name"] }));
    let conflict =
        json!({ "field": "name", "kept": "crm", "dropped": "ghl", "at": "1970-01-01T00:01:40Z" });
    assert_eq!(shown["conflicts"], json!([conflict]));
    assert!(!shown.to_string().contains("Ada"), "{shown}");
    let shown = world.ask(&[&show[..], &["--reveal"]].concat()).await;
    assert_eq!(shown["fields"]["name"]["value"], "Ada Lovelace");
    let unknown = world
        .admin(&["link", "show", "crm/b", "--tenant", ACME])
        .await;
    assert!(
        unknown.stderr.contains("nothing is known of crm/b"),
        "{}",
        unknown.stderr
    );
    let nameless = world
        .admin(&["link", "show", "crm", "--tenant", ACME])
        .await;
    assert!(
        nameless.stderr.contains("must be a system"),
        "{}",
        nameless.stderr
    );
}
