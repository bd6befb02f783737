//! `dead edit` and `dead resolve`.

use penstock_shared::{outcome::Cause, queue::settle::Fields};
use serde_json::json;

use crate::world::{ACME, World};

const FIXED: &str =
    r#"{"contact":{"email":"fixed@example.com"},"body":"Called about the leak","pinned":true}"#;

async fn with_letter() -> World {
    let mut world = World::start().await;
    world.dead(ACME, &["a"], Cause::Rejected).await;
    world
}

#[tokio::test]
async fn a_payload_is_replaced_and_only_names_are_told() {
    let mut world = with_letter().await;
    let args = ["dead", "edit", "a", "--payload", "-", "-o", "json"];
    let finished = world.admin_with(&args, FIXED).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let expected = json!({ "matched": 1, "changed": 1, "fields": ["contact.email", "pinned"] });
    assert_eq!(finished.json(), expected);
    assert!(!finished.stderr.contains("fixed@"), "{finished:?}");
    let shown = world.ask(&["dead", "show", "a", "--reveal"]).await;
    assert_eq!(shown["payload"]["contact"]["email"], "fixed@example.com");
    assert_eq!(shown["state"], "dead");

    let finished = world.admin_with(&args, FIXED).await;
    let expected = json!({ "matched": 1, "changed": 0, "fields": [] });
    assert_eq!((finished.code, finished.json()), (Some(0), expected));
    world.ask(&["dead", "retry", "a"]).await;
    assert_eq!(world.claim(ACME, 1).await.len(), 1);
}

#[tokio::test]
async fn a_payload_comes_from_a_file_too() {
    let world = with_letter().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), FIXED).unwrap();
    let path = file.path().to_string_lossy();
    let answer = world.ask(&["dead", "edit", "a", "--payload", &path]).await;
    assert_eq!(answer["changed"], 1);
    let refused = world
        .refused(&["dead", "edit", "a", "--payload", "/nowhere/at.json"])
        .await;
    assert!(refused.contains("--payload /nowhere/at.json"), "{refused}");
}

#[tokio::test]
async fn a_faulty_payload_is_refused_with_every_path() {
    let world = with_letter().await;
    let before = world.server.snapshot().await;
    let large = format!(
        r#"{{"contact":{{"id":"c"}},"body":"{}"}}"#,
        "x".repeat(70_000)
    );
    for (payload, said) in [
        (
            r#"{"contact":{"email":"no"},"colour":"red"}"#,
            &[
                "payload.contact.email: ",
                "payload.body: missing",
                "payload.colour: unknown field",
            ][..],
        ),
        ("not json", &["payload"]),
        ("", &["payload"]),
        (&large, &["65536 bytes"]),
        (
            r#"{"contact":{"email":"a***@example.com"},"body":"x"}"#,
            &["payload.contact.email: this is the masked value"],
        ),
        (
            r#"{"contact":{"email":"b@example.com"},"body":"*** (21 characters)"}"#,
            &["payload.body: this is the masked value"],
        ),
    ] {
        let finished = world
            .admin_with(&["dead", "edit", "a", "--payload", "-"], payload)
            .await;
        assert_eq!(finished.code, Some(2), "{finished:?}");
        for said in said {
            assert!(
                finished.stderr.contains(said),
                "{said}: {}",
                finished.stderr
            );
        }
    }
    assert_eq!(world.server.snapshot().await, before);
}

#[tokio::test]
async fn what_cannot_be_edited_says_why() {
    let mut world = with_letter().await;
    world.ambiguous(ACME, "unsure").await;
    world.note(ACME, "alive").await;
    world.garble(ACME, "a").await;
    for (id, said) in [
        ("unsure", "may have taken effect"),
        ("alive", "is not dead"),
        ("nobody", "there is no job"),
        ("a", "cannot be decoded"),
    ] {
        let finished = world
            .admin_with(&["dead", "edit", id, "--payload", "-"], FIXED)
            .await;
        assert_eq!(finished.code, Some(2), "{finished:?}");
        assert!(finished.stderr.contains(said), "{}", finished.stderr);
    }
}

#[tokio::test]
async fn an_ambiguous_one_is_done_when_a_person_says_so() {
    let mut world = World::start().await;
    world.ambiguous(ACME, "a").await;
    world.ambiguous(ACME, "b").await;
    world.ambiguous(ACME, "c").await;
    let args = ["dead", "resolve", "a", "--done", "--effect", "n1"];
    assert_eq!(
        world.ask(&args).await,
        json!({ "matched": 1, "changed": 1 })
    );
    let shown = world.ask(&["job", "show", "a"]).await;
    assert_eq!(
        (&shown["state"], &shown["effect"]),
        (&json!("done"), &json!("n1"))
    );
    let refused = world
        .refused(&["dead", "resolve", "b", "--done", "--effect", "n1"])
        .await;
    assert!(
        refused.contains("that effect is another job's"),
        "{refused}"
    );
    let answer = world.ask(&["dead", "resolve", "b", "--done"]).await;
    assert_eq!(answer["changed"], 1);
    assert_eq!(world.ask(&["stats"]).await["dead"], 1);
}

#[tokio::test]
async fn an_ambiguous_one_is_sent_again_without_its_journal() {
    let mut world = World::start().await;
    world.ambiguous(ACME, "a").await;
    assert_eq!(world.ask(&["dead", "show", "a"]).await["undecided"], true);
    // Redis has forgotten the call of this one.
    world.note(ACME, "forgotten").await;
    world.bury(ACME, Cause::Ambiguous, Fields::new()).await;
    let shown = world.ask(&["dead", "show", "forgotten"]).await;
    assert_eq!(shown["undecided"], true);
    let answer = world.ask(&["dead", "resolve", "a", "--resend"]).await;
    assert_eq!(answer, json!({ "matched": 1, "changed": 1 }));
    let claimed = world.claim(ACME, 1).await;
    assert_eq!(claimed[0].run.text("intent"), None);
}

#[tokio::test]
async fn several_are_decided_at_once_and_an_effect_is_of_one() {
    let mut world = World::start().await;
    for id in ["a", "b", "c"] {
        world.ambiguous(ACME, id).await;
    }
    let before = world.server.snapshot().await;
    for (args, said) in [
        (
            &["dead", "resolve", "a", "b", "--done", "--effect", "n1"][..],
            "--effect is the effect of one",
        ),
        (
            &["dead", "resolve", "a", "nobody", "--done"],
            "there is no job nobody",
        ),
        (
            &["dead", "resolve", "nobody", "a", "noone", "--resend"],
            "there is no job noone",
        ),
        (
            &["dead", "resolve", "nobody", "a", "noone", "--resend"],
            "there is no job nobody",
        ),
    ] {
        let refused = world.refused(args).await;
        assert!(refused.contains(said), "{refused}");
    }
    assert_eq!(world.server.snapshot().await, before);
    let both = json!({ "matched": 2, "changed": 2 });
    let done = world.ask(&["dead", "resolve", "a", "b", "--done"]).await;
    assert_eq!(done, both);
    let one = world
        .ask(&["dead", "resolve", "c", "--resend", "--tenant", ACME])
        .await;
    assert_eq!(one["changed"], 1);
    assert_eq!(world.ask(&["stats"]).await["dead"], 0);
}

#[tokio::test]
async fn only_an_ambiguous_one_is_decided() {
    let world = with_letter().await;
    let before = world.server.snapshot().await;
    for decision in ["--done", "--resend"] {
        let refused = world.refused(&["dead", "resolve", "a", decision]).await;
        assert!(refused.contains("not ambiguous"), "{refused}");
    }
    for args in [
        &["dead", "resolve", "a"][..],
        &["dead", "resolve", "a", "--done", "--resend"],
        &["dead", "resolve", "a", "--resend", "--effect", "n1"],
        &["dead", "resolve", "a", "--done", "--effect", ""],
    ] {
        // By what it says, whatever the job is.
        let refused = world.refused(args).await;
        assert!(refused.contains("--help"), "{refused}");
    }
    assert_eq!(world.server.snapshot().await, before);
}
