//! What polls have found before: it comes back as it was, and is sealed where payloads are.

use std::collections::BTreeSet;

use penstock_shared::{queue::polls::Known, smsfactor::Row};
use penstock_tests::fixture::Bench;

use crate::seal;

fn row(id: &str) -> Row {
    Row {
        id: id.to_owned(),
        number: "33612345678".to_owned(),
        infos: [Some("canary".to_owned()), None, None, None],
    }
}

#[tokio::test]
async fn what_is_known_of_a_list_is_sealed_and_comes_back() {
    let bench = seal::bench(seal::keys(seal::OLD)).await;
    let (queue, rows) = (bench.queue(), [row("1"), row("2")]);
    queue.keep_listed("acme", "l", 3, &rows).await.unwrap();
    let stored = format!("{:?}", bench.snapshot().await);
    assert!(!stored.contains("canary") && !stored.contains("336123"));
    let asked = [row("2"), row("3")];
    let known = queue.listed("acme", "l", &asked).await.unwrap();
    let two = Known {
        round: 3,
        row: row("2"),
    };
    assert_eq!(known, [Some(two), None]);
    // Moved to another place it is nobody's.
    let key = "test:{0}:listed:acme/l";
    let moved: String = bench.server.get(["HGET", key, "1"]).await;
    bench.server.cli(["HSET", key, "3", &moved]).await;
    assert!(queue.listed("acme", "l", &asked).await.is_err());
}

/// One that was held up comes to its end after those that came later.
#[tokio::test]
async fn what_was_polled_by_then_is_never_set_back() {
    let bench = Bench::start().await;
    let queue = bench.queue();
    for until in [5, 9, 7] {
        queue.keep_replies_until("acme", until).await.unwrap();
    }
    assert_eq!(queue.replies_until("acme").await.unwrap(), Some(9));
}

#[tokio::test]
async fn all_of_a_long_list_is_gone_through() {
    let bench = Bench::start().await;
    let queue = bench.queue();
    let rows: Vec<_> = (0..1_200).map(|id| row(&id.to_string())).collect();
    queue.keep_listed("acme", "l", 0, &rows).await.unwrap();
    queue.keep_listed("acme", "m", 0, &rows).await.unwrap();
    let (mut seen, mut cursor) = (BTreeSet::new(), Some("0".to_owned()));
    while let Some(at) = cursor {
        let (next, known) = queue.scan_listed("acme", "l", &at).await.unwrap();
        seen.extend(known.into_iter().map(|known| known.row.id));
        cursor = next;
    }
    assert_eq!(seen.len(), 1_200);
    let ids: Vec<_> = seen.iter().map(String::as_str).collect();
    queue.drop_listed("acme", "l", &ids).await.unwrap();
    let known = queue.listed("acme", "l", &rows).await.unwrap();
    assert!(known.iter().all(Option::is_none));
    let other = queue.listed("acme", "m", &rows).await.unwrap();
    assert!(other.iter().all(Option::is_some));
    queue.keep_list_round("acme", "m", 4).await.unwrap();
    let rounds = [
        queue.list_round("acme", "l").await.unwrap(),
        queue.list_round("acme", "m").await.unwrap(),
    ];
    assert_eq!(rounds, [0, 4]);
}
