//! Flows on a cadence: each moment once, whoever makes it and whoever dies.

use std::time::Duration;

use jiff::Timestamp;
use penstock_tests::harness::wait_until;

use crate::stage::{ACME, ANN, PATIENCE, Stage};

/// A message at each moment, which says which it is and which was before.
fn tick(every: &str) -> String {
    format!(
        "[[flow]]\nname = 'tick'\non = 'schedule'\nevery = '{every}'\ntenant = '{ACME}'\n\
         [[flow.do]]\njob = 'SendSms'\n\
         payload = {{ to = '{ANN}', text = '{{{{ data.previous }}}} {{{{ data.at }}}}' }}\n"
    )
}

/// The moments that were told of, each behind the one before it.
fn moments(stage: &Stage) -> Vec<(Timestamp, Timestamp)> {
    let sent = stage.sms_effects("sms").into_iter();
    let texts = sent.map(|sms| sms.change.content["text"].as_str().unwrap().to_owned());
    let moments = texts.map(|text| {
        let (previous, at) = text.split_once(' ').unwrap();
        (previous.parse().unwrap(), at.parse().unwrap())
    });
    moments.collect()
}

async fn until_moments(stage: &Stage, count: usize) -> Vec<(Timestamp, Timestamp)> {
    wait_until(&format!("{count} moments"), PATIENCE, || async {
        let moments = moments(stage);
        (moments.len() >= count).then_some(moments)
    })
    .await
}

#[tokio::test]
async fn each_moment_is_made_once_whichever_worker_dies() {
    let stage = Stage::start().await;
    let flows = stage.flows(&tick("10s"));
    let settings = [("PENSTOCK_FLOWS", flows.to_str().unwrap())];
    let connections = stage.connections();
    let mut first = stage.worker_with(&connections, &settings).await;
    let _second = stage.worker_with(&connections, &settings).await;
    until_moments(&stage, 1).await;
    first.kill9();
    let told = until_moments(&stage, 2).await;
    for (before, after) in told.iter().zip(&told[1..]) {
        assert!(before.1 < after.1, "{told:?}");
        assert_eq!(before.1, after.0, "{told:?}");
    }
}

#[tokio::test]
async fn of_what_an_outage_has_missed_only_the_last_is_made() {
    let stage = Stage::start().await;
    let (now, every) = (stage.queue.now().await.unwrap(), 10_000);
    let last = now - now % every - 60 * every;
    let kept = stage.queue.keep_moment(ACME, "tick", last, None).await;
    kept.unwrap();
    let flows = stage.flows(&tick("10s"));
    let settings = [("PENSTOCK_FLOWS", flows.to_str().unwrap())];
    let _worker = stage.worker_with(&stage.connections(), &settings).await;
    let told = until_moments(&stage, 1).await;
    let (previous, at) = told[0];
    assert_eq!(previous.as_millisecond(), i64::try_from(last).unwrap());
    assert!(at.duration_since(previous).unsigned_abs() >= Duration::from_secs(600));
}

#[tokio::test]
async fn another_cadence_counts_as_soon_as_it_is_read() {
    let stage = Stage::start().await;
    let flows = stage.flows(&tick("7d"));
    let settings = [("PENSTOCK_FLOWS", flows.to_str().unwrap())];
    let _worker = stage.worker_with(&stage.connections(), &settings).await;
    let weekly = until_moments(&stage, 1).await;
    stage.flows(&tick("10s"));
    let told = until_moments(&stage, 2).await;
    assert_eq!(told[0], weekly[0]);
    assert_eq!(told[1].0, weekly[0].1);
}
