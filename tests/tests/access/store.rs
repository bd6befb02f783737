//! What is stored of grants: sealed, with a version, by whoever has read it.

use std::time::Duration;

use penstock_shared::{
    ghl::{Grant, GrantState, fingerprint},
    queue::{
        error::QueueError,
        grants::{Expect, GrantName, Kind, Put},
    },
};

use crate::stage::{ACME, APP, Stage, granted, without_keys};

fn grant(token: &str, refresh: &str) -> Grant {
    Grant {
        refresh: Some(refresh.into()),
        ..Grant::private(vec![token.into()])
    }
}

#[tokio::test]
async fn who_has_read_another_version_is_overtaken() {
    let stage = Stage::start().await;
    let (queue, name) = (&stage.queue, granted(ACME));
    let put = async |grant: &Grant, expect: &Expect| {
        queue
            .put_grant(&name, grant, expect, None, None)
            .await
            .unwrap()
    };
    let first = grant("one", "r-one");
    assert_eq!(put(&first, &Expect::Version(0)).await, Put::Stored);
    assert_eq!(put(&first, &Expect::Version(0)).await, Put::Overtaken);
    assert_eq!(
        put(&grant("two", "r-two"), &Expect::Version(1)).await,
        Put::Stored
    );
    assert_eq!(put(&first, &Expect::Version(1)).await, Put::Overtaken);
    // The answer to a refresh token counts as long as that one is there, whatever was written.
    let spent = |refresh: &str| Expect::Spent(fingerprint(&refresh.into()));
    let given_up = grant("two", "r-two").in_state(GrantState::NeedsAuthorisation);
    assert_eq!(put(&given_up, &Expect::Version(2)).await, Put::Stored);
    assert_eq!(
        put(&grant("late", "r-late"), &spent("r-one")).await,
        Put::Overtaken
    );
    assert_eq!(
        put(&grant("three", "r-three"), &spent("r-two")).await,
        Put::Stored
    );
    let stored = queue.grant(&name).await.unwrap().unwrap();
    assert_eq!(
        (stored.version, stored.grant.state),
        (4, GrantState::Active)
    );
    assert_eq!(stored.grant.stamp(), fingerprint(&"three".into()));
}

#[tokio::test]
async fn one_is_the_refresher_and_who_was_before_is_fenced() {
    let stage = Stage::start().await;
    let (queue, name) = (stage.queue.at(1_000), granted(ACME));
    let term = Duration::from_secs(2);
    let first = queue.be_refresher("a", term).await.unwrap();
    assert!(first.is_some());
    assert_eq!(queue.be_refresher("a", term).await.unwrap(), first);
    assert_eq!(queue.be_refresher("b", term).await.unwrap(), None);
    let later = queue.at(3_001);
    let second = later.be_refresher("b", term).await.unwrap();
    assert!(second.is_some() && second != first);
    let put = async |fence| {
        let grant = grant("one", "r-one");
        let expect = Expect::Version(0);
        later
            .put_grant(&name, &grant, &expect, None, fence)
            .await
            .unwrap()
    };
    assert_eq!(put(first).await, Put::Fenced);
    assert_eq!(put(second).await, Put::Stored);
    // The clock was set back: nobody waits until then.
    let set_back = stage.queue.at(1);
    assert!(set_back.be_refresher("c", term).await.unwrap().is_some());
}

#[tokio::test]
async fn a_late_wish_renews_nothing() {
    let stage = Stage::start().await;
    let (queue, name) = (&stage.queue, granted(ACME));
    let never = Some(u64::MAX >> 12);
    let one = grant("one", "r-one");
    queue
        .put_grant(&name, &one, &Expect::Version(0), never, None)
        .await
        .unwrap();
    assert!(!queue.hasten_grant(&name, "other").await.unwrap());
    assert!(queue.due_grants(9).await.unwrap().is_empty());
    assert!(queue.hasten_grant(&name, &one.stamp()).await.unwrap());
    assert_eq!(
        queue.due_grants(9).await.unwrap(),
        std::slice::from_ref(&name)
    );
    queue
        .postpone_grant(&name, Duration::from_secs(60))
        .await
        .unwrap();
    assert!(queue.due_grants(9).await.unwrap().is_empty());
}

#[tokio::test]
async fn nothing_is_stored_unsealed_and_nothing_opens_elsewhere() {
    let stage = Stage::start().await;
    let name = granted(ACME);
    let secret = grant("c4n4ry-access", "c4n4ry-refresh");
    let keyless = without_keys(&stage).await;
    let expect = Expect::Version(0);
    let refused = keyless.put_grant(&name, &secret, &expect, None, None).await;
    let Err(QueueError::Unsuitable(why)) = refused else {
        panic!("{refused:?}")
    };
    assert!(why.contains("PENSTOCK_ENCRYPTION_KEYS"), "{why}");
    stage
        .queue
        .put_grant(&name, &secret, &expect, None, None)
        .await
        .unwrap();
    let stored = format!("{:?}", stage.redis.snapshot().await);
    assert!(!stored.contains("c4n4ry"), "{stored}");
    let locked = keyless.grant(&name).await.unwrap_err();
    assert!(
        locked.to_string().contains("PENSTOCK_ENCRYPTION_KEYS"),
        "{locked}"
    );
    // Another's sealed tokens are of no use in its place.
    let other = GrantName::new(Kind::Location, APP, "other");
    let keys = stage.queue.keys(0);
    let (from, to) = (keys.grant(name.as_str()), keys.grant(other.as_str()));
    stage.redis.cli(["COPY", &from, &to]).await;
    assert!(stage.queue.grant(&other).await.is_err());
    stage
        .redis
        .cli(["HSET", &to, "secrets", r#"{"tokens":["x"],"refresh":null}"#])
        .await;
    assert!(stage.queue.grant(&other).await.is_err());
}

#[tokio::test]
async fn a_permit_that_is_no_jobs_counts() {
    let stage = Stage::start().await;
    let _worker = stage.worker_with(&[("PENSTOCK_GHL_BURST", "2/10s")]).await;
    // What whoever asks believes of the quota counts for nothing where a worker has told.
    let believed = ("50/10s".parse().unwrap(), "50/1d".parse().unwrap());
    let take = async || stage.queue.take_permit(ACME, believed).await.unwrap();
    for _ in 0..2 {
        assert_eq!(take().await, None);
    }
    let wait = take().await;
    assert!(
        wait.is_some_and(|wait| wait > Duration::from_secs(5)),
        "{wait:?}"
    );
}
