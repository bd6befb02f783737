//! The same tag for many contacts of one tenant: with and without coalescing.

use penstock_tests::sandbox::Window;
use serde_json::json;

use penstock_tests::fixture::Scenarios;

use crate::{
    sheet::Sheet,
    stage::{Api, Stage, new},
};

pub(crate) async fn run(scenarios: &Scenarios, sheet: &mut Sheet) {
    let contacts = scenarios.scaled(5_000);
    let (together, calls) = one(contacts, "on").await;
    let (singly, _) = one(contacts, "off").await;
    let name = format!("a tag for {contacts} contacts at 100/1s");
    sheet.line(
        &format!("{name}: one call each, s"),
        format!("{singly:.1}"),
        "",
    );
    sheet.line(
        &format!("{name}: coalesced, s"),
        format!("{together:.2}"),
        "",
    );
    let ratio = format!("1/{:.0}", singly / together);
    sheet.line(&format!("{name}: of the time"), ratio, "≤ 1/20");
    sheet.line(&format!("{name}: calls"), calls, "1 for up to 100 contacts");
}

/// How long it took from the first call to the last answer, and how many calls it was.
async fn one(contacts: u32, coalesce: &'static str) -> (f64, usize) {
    let api = Api {
        burst: "100/1s",
        window: Window::Sliding,
        latency: "20ms",
    };
    let mut stage = Stage::start(&api, &[("PENSTOCK_COALESCE", coalesce)]).await;
    let mut jobs = Vec::new();
    for number in 0..contacts {
        let id = format!("contact-{number}");
        let seeded = stage
            .sandbox
            .seed_contact(&json!({ "id": id, "locationId": "acme" }));
        seeded.expect("a contact");
        let payload = json!({ "contact": { "id": id }, "tags": ["campaign"] });
        jobs.push(new("AddTags", "acme", &payload));
    }
    stage.enqueue(&jobs).await;
    stage.workers(1).await;
    stage.done(contacts.into()).await;
    let calls = stage.calls_of("acme");
    let end = calls.iter().filter_map(|call| call.done_at).max();
    let took = end.expect("they are answered").since(calls[0].at);
    (took.as_secs_f64(), calls.len())
}
