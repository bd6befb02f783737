//! Lanes of other destinations than GHL: a quota, holds and a place in counts of their own, and one order per contact across all of them.

use std::collections::HashMap;

use penstock_shared::{
    job::{Destination, Job, Payload, Priority, state::State},
    outcome::Cause,
    queue::{
        dead::{DeadLetter, Filter},
        govern::Govern,
        reference::Lane,
        repair::{Changed, Named, Redrive},
    },
    quota::Quotas,
};
use penstock_tests::fixture::{Bench, Draft, dead, done, job};
use serde_json::json;

const ANN: &str = "+33612345678";

/// A call by this connection, in the order of this contact if it names one.
fn call(id: &str, connection: &str, phone: Option<&str>) -> Draft {
    let mut payload = json!({ "connection": connection, "method": "GET", "path": "/a" });
    if let Some(phone) = phone {
        payload["contact"] = json!({ "phone": phone });
    }
    job(id).what("HttpCall", payload)
}

/// A worker that knows these quotas of other destinations.
async fn knows(bench: &Bench, worker: &str, elsewhere: &[(&str, &str)]) {
    let mut quotas = Quotas::from(("100/10s".parse().unwrap(), "200000/1d".parse().unwrap()));
    for (name, burst) in elsewhere {
        let destination: Destination = name.parse().unwrap();
        let quota = (burst.parse().unwrap(), Quotas::UNLIMITED.1);
        quotas.elsewhere.insert(destination, quota);
    }
    let (queue, about) = (bench.queue(), HashMap::new());
    queue.register(0, worker, quotas, &about).await.unwrap();
}

async fn letter(bench: &Bench, id: &str) -> DeadLetter {
    let letters = bench.queue().dead(&Filter::default(), 10, None).await;
    let mut found = letters.unwrap().into_iter().filter(|dead| dead.id == id);
    found.next().unwrap()
}

#[tokio::test]
async fn a_contacts_jobs_run_in_order_wherever_they_go() {
    let mut bench = Bench::start().await;
    knows(&bench, "w", &[("crm", "10/1s"), ("smsfactor", "10/1s")]).await;
    let sms = json!({ "to": ANN, "text": "t" });
    bench
        .enqueue(&[
            call("first", "crm", Some(ANN)),
            job("second").what("SendSms", sms),
            job("third").phone(ANN),
            call("free", "crm", None),
        ])
        .await;
    let mut order = Vec::new();
    loop {
        let given = bench.claim(40).await;
        if given.is_empty() {
            break;
        }
        let ends: Vec<_> = given.iter().map(done).collect();
        order.extend(given.iter().map(|job| job.reference.id().to_owned()));
        bench.settle(&ends).await;
    }
    order.retain(|id| id != "free");
    assert_eq!(order, ["first", "second", "third"]);
}

#[tokio::test]
async fn each_destination_has_a_quota_of_its_own() {
    let mut bench = Bench::start().await;
    knows(&bench, "w", &[("crm", "2/10s"), ("shop", "3/10s")]).await;
    let crm = ["a", "b", "c", "d"].map(|id| call(id, "crm", None));
    let shop = ["s", "t", "u", "v"].map(|id| call(id, "shop", None));
    bench.enqueue(&crm).await;
    bench.enqueue(&shop).await;
    bench.enqueue(&[job("ghl")]).await;
    let mut given = Vec::new();
    loop {
        let claimed = bench.claim(40).await;
        if claimed.is_empty() {
            break;
        }
        given.extend(claimed);
    }
    let count = |name: &str| {
        let of = given
            .iter()
            .filter(|job| job.reference.lane().destination() == name);
        of.count()
    };
    assert_eq!((count("crm"), count("shop"), count("ghl")), (2, 3, 1));
    let ends: Vec<_> = given.iter().map(done).collect();
    bench.settle(&ends).await;
    bench.pass(9_999);
    assert!(bench.claim(40).await.is_empty());
    bench.pass(1);
    assert_eq!(bench.claim(40).await.len(), 3);
}

#[tokio::test]
async fn what_no_worker_knows_waits_until_one_does() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[call("a", "crm", None)]).await;
    assert!(bench.claim(40).await.is_empty());
    let lane = Lane::of(&"crm".parse().unwrap(), "acme");
    assert!(!bench.queue().is_served(&lane).await.unwrap());
    knows(&bench, "v", &[("crm", "10/1s")]).await;
    assert!(bench.queue().is_served(&lane).await.unwrap());
    assert_eq!(bench.claim_ids(40).await, ["a"]);
}

#[tokio::test]
async fn a_tenant_is_paused_everywhere_and_counted_everywhere() {
    let mut bench = Bench::start().await;
    knows(&bench, "w", &[("crm", "10/1s")]).await;
    bench.enqueue(&[call("a", "crm", None), job("b")]).await;
    let stats = bench.queue().stats().await.unwrap();
    assert_eq!(stats.ready, 2);
    let tenants = bench.queue().tenant_stats().await.unwrap();
    assert_eq!((tenants.len(), tenants[0].ready), (1, 2));
    bench.queue().govern("acme", &Govern::Pause).await.unwrap();
    assert!(bench.claim(40).await.is_empty());
    bench.queue().govern("acme", &Govern::Resume).await.unwrap();
    assert_eq!(bench.claim(40).await.len(), 2);
}

/// And to what a worker knows only later.
#[tokio::test]
async fn what_no_worker_knew_as_its_tenant_was_paused_is_paused_too() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[call("a", "crm", None)]).await;
    let other = call("z", "crm", None).of("zenith");
    bench.enqueue(&[other]).await;
    bench.queue().govern("acme", &Govern::Pause).await.unwrap();
    knows(&bench, "v", &[("crm", "10/1s")]).await;
    assert_eq!(bench.claim_ids(40).await, ["z"]);
    bench.enqueue(&[call("b", "crm", None)]).await;
    assert!(bench.claim(40).await.is_empty());
    let lane = Lane::of(&"crm".parse().unwrap(), "acme");
    assert!(bench.queue().outlook(&lane).await.unwrap().status.paused);
    bench.queue().govern("acme", &Govern::Resume).await.unwrap();
    assert!(!bench.queue().outlook(&lane).await.unwrap().status.paused);
    assert_eq!(bench.claim_ids(40).await, ["a", "b"]);
}

#[tokio::test]
async fn what_no_worker_knew_as_its_tenant_was_resumed_goes_on_too() {
    let mut bench = Bench::start().await;
    bench.queue().govern("acme", &Govern::Pause).await.unwrap();
    bench.enqueue(&[call("a", "crm", None)]).await;
    bench.queue().govern("acme", &Govern::Resume).await.unwrap();
    knows(&bench, "v", &[("crm", "10/1s")]).await;
    assert_eq!(bench.claim_ids(40).await, ["a"]);
}

#[tokio::test]
async fn a_dead_letter_goes_back_to_its_own_lane_and_to_no_other() {
    let mut bench = Bench::start().await;
    knows(&bench, "w", &[("crm", "10/1s"), ("shop", "10/1s")]).await;
    bench.enqueue(&[call("a", "crm", None)]).await;
    let a = bench.claim_one().await;
    bench.settle(&[dead(&a, Cause::Rejected)]).await;
    assert_eq!(bench.state_of("a").await, State::Dead);
    let found = letter(&bench, "a").await;
    let edited = |connection: &str| {
        let json = json!({ "connection": connection, "method": "GET", "path": "/b" });
        let job_type = "HttpCall".parse().unwrap();
        let payload = Payload::parse(job_type, json.to_string().as_bytes()).unwrap();
        let (tenant, id) = ("acme".parse().unwrap(), "a".parse().unwrap());
        Job {
            payload,
            ..found.job.as_ref().unwrap().to_job(tenant, id)
        }
    };
    let queue = bench.queue();
    let changed = queue.edit(&found, &edited("shop")).await.unwrap();
    assert_eq!(changed, Changed::Elsewhere);
    assert_eq!(
        queue.edit(&found, &edited("crm")).await.unwrap(),
        Changed::Ok
    );
    let again = Redrive {
        letter: Named::of(&found),
        priority: Priority::Normal,
        delay: std::time::Duration::ZERO,
    };
    let changed = queue.redrive(&[again], false).await.unwrap();
    assert_eq!(changed, [Changed::Ok]);
    let again = bench.claim_one().await;
    assert_eq!(again.reference.lane().as_str(), "crm/acme");
}
