//! What is stored of grants: sealed, with a version, by whoever has read it.

use std::time::Duration;

use penstock_shared::{
    ghl::{Grant, GrantState, fingerprint},
    queue::{
        error::QueueError,
        grants::{Expect, GrantName, Kind, Put, Write},
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

/// Who holds the answer to a spent refresh token stores it again as long as it is not certain that it is stored.
#[tokio::test]
async fn a_write_that_is_repeated_is_known_again() {
    let stage = Stage::start().await;
    let (queue, name) = (&stage.queue, granted(ACME));
    let put = async |grant: &Grant, write: &Write| {
        queue
            .write_grant(&name, grant, write, None, None)
            .await
            .unwrap()
    };
    let first = Write::new(Expect::Version(0));
    assert_eq!(put(&grant("one", "r-one"), &first).await, Put::Stored);
    let spent = Write::new(Expect::Spent(fingerprint(&"r-one".into())));
    for _ in 0..2 {
        assert_eq!(put(&grant("two", "r-two"), &spent).await, Put::Stored);
    }
    assert_eq!(put(&grant("one", "r-one"), &first).await, Put::Overtaken);
    assert_eq!(queue.grant(&name).await.unwrap().unwrap().version, 2);
}

/// It may have been broken off after the first of its two steps.
#[tokio::test]
async fn a_repeated_revocation_takes_back_the_permission_to_write() {
    let stage = Stage::start().await;
    let (queue, name) = (&stage.queue, granted(ACME));
    let revoked = grant("one", "r-one").in_state(GrantState::Revoked);
    let expect = Expect::Version(0);
    queue
        .put_grant(&name, &revoked, &expect, None, None)
        .await
        .unwrap();
    queue.allow_writes(ACME, Some(true)).await.unwrap();
    assert!(!queue.revoke_grant(&name).await.unwrap());
    let known = queue.known_of(ACME, Some(APP)).await.unwrap();
    assert_eq!(known.writes, None);
}

/// Anybody may connect a company: that must neither end the adoption of locations nor get them.
#[tokio::test]
async fn of_several_companies_the_one_that_somebody_lets_write_is_asked() {
    let stage = Stage::start().await;
    let (queue, location) = (&stage.queue, ACME.parse().unwrap());
    let company = async |id: &str| {
        let name = GrantName::new(Kind::Company, APP, id);
        let (grant, expect) = (grant("token", "refresh"), Expect::Version(0));
        queue
            .put_grant(&name, &grant, &expect, None, None)
            .await
            .unwrap();
    };
    company("ours").await;
    company("strangers").await;
    let adopted = async || queue.installed(APP, None, &location).await.unwrap();
    assert!(!adopted().await);
    queue.allow_writes("ours", Some(true)).await.unwrap();
    assert!(adopted().await);
    let stored = queue.grant(&granted(ACME)).await.unwrap().unwrap();
    assert_eq!(stored.grant.company.as_deref(), Some("ours"));
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
