//! `dead retry` and `dead delete`.

use penstock_shared::{
    job::state::{Ending, Transition},
    outcome::{Cause, Fault, Permit},
    queue::settle::Fields,
};
use serde_json::{Value, json};

use crate::world::{ACME, World, column, note};

fn tally(matched: u64, changed: u64) -> Value {
    json!({ "matched": matched, "changed": changed })
}

async fn with_letters() -> World {
    let mut world = World::with_shards(2).await;
    world.dead(ACME, &["a", "b", "c"], Cause::Rejected).await;
    world.dead("zenith", &["d"], Cause::Exhausted).await;
    world
}

#[tokio::test]
async fn named_ones_are_retried_with_their_own_priority() {
    let mut world = with_letters().await;
    let mut high = note(ACME, "h", &json!({ "id": "c1" }));
    high["priority"] = json!("high");
    world.enqueue(high).await;
    world.bury(ACME, Cause::Rejected, Fields::new()).await;
    let answer = world.ask(&["dead", "retry", "a", "h"]).await;
    assert_eq!(answer, tally(2, 2));
    let claimed = world.claim(ACME, 9).await;
    let tickets: Vec<_> = claimed.iter().map(|job| job.reference.ticket()).collect();
    assert_eq!(tickets, ["2h", "1a"]);
    let shown = world.ask(&["job", "show", "a"]).await;
    assert_eq!(shown["attempts"], 0);
    assert_eq!(shown["history"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn those_of_one_contact_keep_their_order() {
    let mut world = World::start().await;
    let contact = json!({ "email": "jane@example.com" });
    for id in ["z", "y", "x"] {
        world.enqueue(note(ACME, id, &contact)).await;
        world.bury(ACME, Cause::Rejected, Fields::new()).await;
    }
    assert_eq!(
        world.ask(&["dead", "retry", "x", "y", "z"]).await,
        tally(3, 3)
    );
    let mut order = Vec::new();
    for _ in 0..3 {
        let claimed = world.claim(ACME, 9).await;
        assert_eq!(claimed.len(), 1);
        order.push(claimed[0].reference.id().to_owned());
        let done = Ending::Done {
            result: json!({}),
            effect: None,
        };
        world.settle(&claimed[0], done, Fields::new()).await;
    }
    assert_eq!(order, ["z", "y", "x"]);
}

#[tokio::test]
async fn all_of_them_are_only_counted_without_yes() {
    let world = with_letters().await;
    let before = world.server.snapshot().await;
    for command in ["retry", "delete"] {
        let args = ["dead", command, "--all", "--cause", "rejected"];
        assert_eq!(world.ask(&args).await, tally(3, 0));
        let finished = world.admin(&args).await;
        assert_eq!(finished.code, Some(0));
        assert!(finished.stderr.contains("--yes"), "{finished:?}");
        let none = ["dead", command, "--all", "--cause", "poison", "--yes"];
        let finished = world.admin(&none).await;
        assert!(
            finished.stderr.contains("no dead letter matches"),
            "{finished:?}"
        );
    }
    assert_eq!(world.server.snapshot().await, before);
}

#[tokio::test]
async fn all_of_them_are_retried_as_low_at_the_pace_asked_for() {
    let mut world = with_letters().await;
    let args = [
        "dead", "retry", "--all", "--tenant", ACME, "--rate", "1/h", "--yes",
    ];
    assert_eq!(world.ask(&args).await, tally(3, 3));
    assert_eq!(column(&world.ask(&["dead", "list"]).await, "id"), ["d"]);
    let stats = world.ask(&["stats"]).await;
    assert_eq!(
        (&stats["ready"], &stats["scheduled"]),
        (&json!(1), &json!(2))
    );
    let claimed = world.claim(ACME, 9).await;
    assert_eq!(claimed[0].reference.ticket(), "0a");
    let due = async |id| {
        let shown = world.ask(&["job", "show", id]).await;
        let due = shown["dueAt"].as_str().unwrap().parse::<jiff::Timestamp>();
        due.unwrap().as_millisecond()
    };
    assert_eq!(due("c").await - due("b").await, 3_600_000);
}

#[tokio::test]
async fn many_pages_are_retried_to_the_last() {
    let mut world = World::start().await;
    for count in 0..25 {
        for number in 0..10 {
            world.note(ACME, &format!("{count}-{number}")).await;
        }
        // A tenant gets no more than half of a worker's slots.
        for claimed in world.claim(ACME, 20).await {
            let fault = Fault::new("no");
            let ending = Ending::Dead {
                cause: Cause::Exhausted,
                fault,
                evidence: None,
            };
            // Provably unsent: otherwise the quota would end the test.
            let transition = Transition {
                ending,
                permit: Permit::Unsent,
                hold: None,
                api: None,
                fault: None,
                unanswered: false,
                decided: None,
                read_only: false,
            };
            world.settle_as(&claimed, transition, Fields::new()).await;
        }
    }
    let args = ["dead", "retry", "--all", "--yes"];
    assert_eq!(world.ask(&args).await, tally(250, 250));
    assert_eq!(world.ask(&["stats"]).await["ready"], 250);
    assert_eq!(world.ask(&args).await, tally(0, 0));
}

#[tokio::test]
async fn named_ones_that_cannot_be_retried_are_told() {
    let world = with_letters().await;
    world.note(ACME, "alive").await;
    world.garble(ACME, "b").await;
    let finished = world
        .admin(&["dead", "retry", "a", "b", "alive", "nobody", "-o", "json"])
        .await;
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert_eq!(finished.json(), tally(2, 1));
    for said in [
        "b of acme: nothing there could run",
        "alive of acme is not dead, it is ready",
        "there is no job nobody",
    ] {
        assert!(
            finished.stderr.contains(said),
            "{said}: {}",
            finished.stderr
        );
    }
    // Among all of them, one that cannot be retried is told, but no fault of the input.
    let finished = world
        .admin(&["dead", "retry", "--all", "--yes", "-o", "json"])
        .await;
    assert_eq!((finished.code, finished.json()), (Some(0), tally(3, 2)));
    assert!(finished.stderr.contains("b of acme"), "{finished:?}");
}

#[tokio::test]
async fn dead_letters_are_deleted_for_good() {
    let world = with_letters().await;
    world.garble(ACME, "b").await;
    assert_eq!(world.ask(&["dead", "delete", "b"]).await, tally(1, 1));
    assert_eq!(
        column(&world.ask(&["dead", "list"]).await, "id"),
        ["a", "c", "d"]
    );
    assert_eq!(
        world.ask(&["dead", "delete", "--all", "--yes"]).await,
        tally(3, 3)
    );
    assert_eq!(world.ask(&["dead", "causes"]).await, json!([]));
    let refused = world.refused(&["dead", "delete", "a"]).await;
    assert!(refused.contains("there is no job a"), "{refused}");
    // The id is free again.
    world.note(ACME, "a").await;
}

#[tokio::test]
async fn a_selection_that_makes_no_sense_is_refused() {
    let world = with_letters().await;
    let before = world.server.snapshot().await;
    for args in [
        &["dead", "retry"][..],
        &["dead", "retry", "a", "--all"],
        &["dead", "retry", "a", "--cause", "rejected"],
        &["dead", "retry", "a", "--yes"],
        &["dead", "retry", "a", "--rate", "2000/s"],
        &["dead", "retry", "--all", "--cause", "boredom", "--yes"],
        &["dead", "delete", "--all", "--type", "Nothing", "--yes"],
        &["dead", "delete", "--all", "--tenant", "a/b", "--yes"],
    ] {
        world.refused(args).await;
    }
    assert_eq!(world.server.snapshot().await, before);
}

#[tokio::test]
async fn an_id_of_two_tenants_changes_nothing_until_it_is_told_which() {
    let mut world = World::start().await;
    world.dead(ACME, &["a", "b"], Cause::Rejected).await;
    world.dead("zenith", &["b"], Cause::Rejected).await;
    let refused = world.refused(&["dead", "delete", "a", "b"]).await;
    assert!(refused.contains("--tenant"), "{refused}");
    assert_eq!(world.ask(&["stats"]).await["dead"], 3);
    let args = ["dead", "delete", "b", "b", "--tenant", "zenith"];
    assert_eq!(world.ask(&args).await, tally(1, 1));
}

/// To be sent again is not what a person decides of it.
#[tokio::test]
async fn who_retries_an_ambiguous_one_is_told_how_to_decide_it() {
    let mut world = World::start().await;
    world.dead(ACME, &["a"], Cause::Rejected).await;
    world.ambiguous(ACME, "b").await;
    for (id, told) in [("a", false), ("b", true)] {
        let finished = world.admin(&["dead", "retry", id]).await;
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let said = finished.stderr.contains("`dead resolve` decides");
        assert_eq!(said, told, "{finished:?}");
    }
}
