//! Links: whoever changes one must have read it as it is, and what is no more a part of one is found by nobody.

use jiff::Timestamp;
use penstock_shared::{
    link::{Saying, Told},
    queue::{
        Queue,
        links::{Link, RecordName},
    },
};
use penstock_tests::fixture::Bench;
use serde_json::json;

use crate::seal;

const TENANT: &str = "acme";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

async fn read(queue: &Queue, names: &[&str]) -> Link {
    let names: Vec<RecordName> = names.iter().map(|name| name.parse().unwrap()).collect();
    queue.link(TENANT, &names, at(0)).await.unwrap()
}

async fn put(queue: &Queue, link: &Link) -> bool {
    queue.put_link(TENANT, link).await.unwrap()
}

fn see(link: &mut Link, system: &str, name: &str) {
    let fields = json!({ "name": name });
    link.memory.see(&Saying {
        system,
        at: at(0),
        is_dated: true,
        fields: fields.as_object().unwrap().clone(),
    });
}

async fn is_known(queue: &Queue, name: &str) -> bool {
    let found = queue.known_link(TENANT, &name.parse().unwrap()).await;
    found.unwrap().is_some()
}

/// What was learnt of the other one meanwhile is not lost with it.
#[tokio::test]
async fn two_become_one_only_as_both_were_read() {
    let bench = Bench::start().await;
    let queue = &bench.queue();
    for name in ["ghl/1", "crm/a"] {
        assert!(put(queue, &read(queue, &[name]).await).await);
    }
    let one = read(queue, &["ghl/1", "crm/a"]).await;
    for name in ["ghl/1", "crm/a"] {
        let mut other = read(queue, &[name]).await;
        see(&mut other, "crm", name);
        assert!(put(queue, &other).await);
        let before = bench.snapshot().await;
        assert!(!put(queue, &one).await, "{name} was written since");
        assert_eq!(bench.snapshot().await, before);
    }
    assert!(put(queue, &read(queue, &["ghl/1", "crm/a"]).await).await);
    let link = read(queue, &["crm/a"]).await;
    assert_eq!(link.records["ghl"], "1");
    assert_eq!(link.memory.values()["name"], "ghl/1");
}

/// A contact of whom there were two profiles: the one that it is from now on is the only one that leads to it.
#[tokio::test]
async fn a_record_that_another_has_replaced_leads_nowhere() {
    let bench = Bench::start().await;
    let queue = &bench.queue();
    assert!(put(queue, &read(queue, &["ghl/1", "crm/a"]).await).await);
    assert!(put(queue, &read(queue, &["crm/b"]).await).await);
    assert!(put(queue, &read(queue, &["ghl/1", "crm/b"]).await).await);
    assert!(!is_known(queue, "crm/a").await);
    let link = read(queue, &["crm/b"]).await;
    assert_eq!((&*link.records["ghl"], &*link.records["crm"]), ("1", "b"));
    let conflict = &link.memory.conflicts()[0];
    assert_eq!((&*conflict.kept, &*conflict.dropped), ("b", "a"));
    // The other begins anew, and takes nothing away.
    assert!(put(queue, &read(queue, &["crm/a"]).await).await);
    assert_eq!(read(queue, &["ghl/1"]).await.records["crm"], "b");
}

#[tokio::test]
async fn of_an_unlinked_record_nothing_is_left() {
    let bench = Bench::start().await;
    let queue = &bench.queue();
    let empty = bench.snapshot().await;
    let mut link = read(queue, &["ghl/1", "crm/a"]).await;
    see(&mut link, "crm", "Ada");
    let told = Told {
        kind: "crm.changed".to_owned(),
        data: json!({}),
        at: at(0),
    };
    link.tell("crm", told);
    assert!(put(queue, &link).await);
    let mut link = read(queue, &["ghl/1"]).await;
    assert_eq!(link.told.len(), 1);
    link.unlink("crm");
    assert!(put(queue, &link).await);
    assert_eq!(bench.snapshot().await, empty);
    // Whoever had read it before is told.
    let mut link = read(queue, &["ghl/1"]).await;
    see(&mut link, "ghl", "Ada");
    link.unlink("crm");
    assert!(put(queue, &link).await);
    assert_eq!(bench.snapshot().await, empty);
}

/// What is known of somebody is kept for a while, and sealed; what he is called, until he is unlinked.
#[tokio::test]
async fn what_is_known_is_sealed_and_ends() {
    let bench = seal::bench(seal::keys(seal::OLD)).await;
    let queue = &bench.queue();
    let mut link = read(queue, &["ghl/1", "crm/a"]).await;
    see(&mut link, "crm", "canary");
    let told = Told {
        kind: "crm.changed".to_owned(),
        data: json!({ "name": "canary" }),
        at: at(0),
    };
    link.tell("crm", told);
    assert!(put(queue, &link).await);
    assert!(!format!("{:?}", bench.snapshot().await).contains("canary"));
    let days = 86_400_000;
    for (key, most) in [("known", 400 * days), ("told", 7 * days), ("link", -1)] {
        let keys: Vec<String> = bench.server.get(["KEYS", &format!("*:{key}:*")]).await;
        let left: i64 = bench.server.get(["PTTL", &keys[0]]).await;
        assert!(left <= most && left >= most - days, "{key}: {left}");
    }
}
