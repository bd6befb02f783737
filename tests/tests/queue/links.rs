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
    link.unlink("crm", at(1));
    assert!(put(queue, &link).await);
    dig_up(&bench, "crm/a").await;
    assert_eq!(bench.snapshot().await, empty);
    // Whoever had read it before is told.
    let mut link = read(queue, &["ghl/1"]).await;
    see(&mut link, "ghl", "Ada");
    link.unlink("crm", at(1));
    assert!(put(queue, &link).await);
    assert_eq!(bench.snapshot().await, empty);
}

/// That a record is gone is all that is left of it, and not for long.
async fn dig_up(bench: &Bench, name: &str) {
    let graves: Vec<String> = bench.server.get(["KEYS", "*:gone:*"]).await;
    assert_eq!(graves.len(), 1, "{graves:?}");
    assert!(graves[0].ends_with(&format!(":gone:{TENANT}/{name}")));
    let left: i64 = bench.server.get(["PTTL", &graves[0]]).await;
    let week = 7 * 86_400_000;
    assert!(left <= week && left > week - 86_400_000, "{left}");
    let _: u64 = bench.server.get(["DEL", &graves[0]]).await;
}

/// Until somebody writes of it there, or it is linked again, what comes late is known to be of one that is gone.
#[tokio::test]
async fn a_record_that_is_gone_is_known_to_be() {
    let bench = Bench::start().await;
    let queue = &bench.queue();
    let mut link = read(queue, &["ghl/1", "crm/a", "erp/x"]).await;
    see(&mut link, "ghl", "Ada");
    link.unlink("crm", at(60));
    assert!(put(queue, &link).await);
    let names = ["crm/a", "erp/x", "ghl/1"].map(|name| name.parse::<RecordName>().unwrap());
    let gone = queue.gone(TENANT, &names).await.unwrap();
    assert_eq!(gone.keys().collect::<Vec<_>>(), [&names[0]]);
    let is_news = |second, name: &str| {
        gone[&names[0]].is_news(&Saying {
            system: "crm",
            at: at(second),
            is_dated: true,
            fields: json!({ "name": name, "city": "" })
                .as_object()
                .unwrap()
                .clone(),
        })
    };
    assert!(!is_news(61, " Ada "), "what GHL had said comes back");
    assert!(!is_news(60, "Augusta"), "it is from before");
    assert!(is_news(61, "Augusta"));
    let mut link = read(queue, &["crm/a"]).await;
    assert_eq!(link.memory.values(), serde_json::Map::new());
    link.revive(&names[0]);
    assert!(put(queue, &link).await);
    assert!(queue.gone(TENANT, &names).await.unwrap().is_empty());
}

/// Whose record it is says a person, and not the last one who has named it.
#[tokio::test]
async fn two_contacts_never_become_one() {
    let bench = Bench::start().await;
    let queue = &bench.queue();
    for names in [["ghl/1", "crm/a"], ["ghl/2", "crm/b"]] {
        let link = read(queue, &names).await;
        assert_eq!(link.contest(), None);
        assert!(put(queue, &link).await);
    }
    for (names, whose, other) in [
        (["ghl/2", "crm/a"], "2", "1"),
        (["crm/a", "ghl/2"], "1", "1"),
        (["crm/a", "ghl/3"], "1", "1"),
        (["ghl/3", "crm/a"], "1", "1"),
    ] {
        let link = read(queue, &names).await;
        assert_eq!(
            (&*link.records["ghl"], link.contest()),
            (whose, Some(other)),
            "{names:?}"
        );
    }
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
