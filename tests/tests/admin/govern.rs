//! `tenant pause`, `tenant resume`, `tenant set`.

use serde_json::json;

use crate::world::{ACME, World};

#[tokio::test]
async fn a_paused_tenant_is_not_served_until_it_is_resumed() {
    let mut world = World::start().await;
    world.note(ACME, "a").await;
    world.register().await;
    let expected = json!({
        "tenant": ACME, "paused": true, "heldUntil": null, "why": null, "burst": "100/10s", "daily": "200000/1d",
        "weight": null,
    });
    assert_eq!(world.ask(&["tenant", "pause", ACME]).await, expected);
    assert_eq!(world.ask(&["tenants"]).await[0]["paused"], true);
    assert_eq!(world.claim(ACME, 1).await.len(), 0);
    let resumed = world.ask(&["tenant", "resume", ACME]).await;
    assert_eq!(resumed["paused"], false);
    assert_eq!(world.claim(ACME, 1).await.len(), 1);
}

#[tokio::test]
async fn a_tenant_has_quotas_of_its_own() {
    let mut world = World::start().await;
    for id in ["a", "b", "c"] {
        world.note(ACME, id).await;
    }
    let args = ["--burst", "2/10s", "--daily", "50/1d", "--weight", "3"];
    let set = world
        .ask(&[&["tenant", "set", ACME], &args[..]].concat())
        .await;
    assert_eq!(
        (&set["burst"], &set["daily"], &set["weight"]),
        (&json!("2/10s"), &json!("50/1d"), &json!(3))
    );
    assert_eq!(world.claim(ACME, 9).await.len(), 2);
    let tenants = world.ask(&["tenants"]).await;
    assert_eq!(
        (&tenants[0]["burstLeft"], &tenants[0]["dailyLeft"]),
        (&json!(0), &json!(48))
    );
}

#[tokio::test]
async fn nonsense_is_refused_and_strangers_are_noted() {
    let world = World::start().await;
    let before = world.server.snapshot().await;
    for args in [
        &["tenant", "set", ACME][..],
        &["tenant", "set", ACME, "--burst", "0/10s"],
        &["tenant", "set", ACME, "--burst", "100"],
        &["tenant", "set", ACME, "--weight", "0"],
        &["tenant", "pause", "a/b"],
        &["tenant", "pause"],
    ] {
        world.refused(args).await;
    }
    assert_eq!(world.server.snapshot().await, before);
    let paused = world.admin(&["tenant", "pause", "stranger"]).await;
    assert_eq!(paused.code, Some(0));
    assert!(paused.stderr.contains("no job of stranger"), "{paused:?}");
}
