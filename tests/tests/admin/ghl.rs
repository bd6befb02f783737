//! `ghl get`: what is read from the API, by permits of the tenant's.

use std::{collections::HashMap, io::Write as _, time::Duration};

use penstock_shared::{
    job::state::{BACK_AT_ONCE, Hold, Transition},
    outcome::Permit,
    queue::reference::Lane,
};
use penstock_tests::{
    harness::{Finished, run},
    sandbox::{Options, Running, Sandbox},
};
use serde_json::{Value, json};

use crate::world::{ACME, World};

/// Somebody's name, which is shown to nobody who does not ask for it.
const NAME: &str = "C4n4ry Lovelace";

struct Api {
    world: World,
    sandbox: Running,
}

impl Api {
    async fn start() -> Self {
        Self::with_quota("100000/10s").await
    }

    async fn with_quota(burst: &str) -> Self {
        let mut options = Options::default();
        options.quota.burst = burst.parse().unwrap();
        Self {
            world: World::start().await,
            sandbox: Sandbox::start(options).await.unwrap(),
        }
    }

    fn people(&self, count: usize) {
        for number in 0..count {
            let contact = json!({
                "id": format!("c{number}"), "locationId": ACME, "name": NAME, "email": format!("ada{number}@example.com"),
            });
            self.sandbox.seed_contact(&contact).unwrap();
        }
    }

    /// A task and a note of the contact's, by their ids.
    async fn parts(&self, contact: &str) -> (String, String) {
        let add = async |what: &str, kind: &str, body: Value| {
            let url = format!("{}/contacts/{contact}/{what}", self.sandbox.url());
            let request = reqwest::Client::new().post(url).bearer_auth("pit-somebody");
            let request = request.header("version", "2021-07-28").json(&body);
            let made: Value = request.send().await.unwrap().json().await.unwrap();
            made[kind]["id"].as_str().unwrap().to_owned()
        };
        let task =
            json!({ "title": "Call", "dueDate": "2030-01-01T09:00:00Z", "completed": false });
        let task = add("tasks", "task", task).await;
        (task, add("notes", "note", json!({ "body": "Once" })).await)
    }

    /// Workers that live have said what the quota is.
    async fn quota(&self, burst: &str) {
        let quotas = (burst.parse().unwrap(), "200000/1d".parse().unwrap());
        let about = HashMap::new();
        let queue = &self.world.queue;
        queue.register(0, "worker-1", quotas, &about).await.unwrap();
    }

    async fn get(&self, args: &[&str]) -> Finished {
        self.get_with(&[("PENSTOCK_GHL_TOKEN", "pit-test")], args)
            .await
    }

    async fn get_with(&self, settings: &[(&str, &str)], args: &[&str]) -> Finished {
        let (redis, api) = (self.world.server.url(), self.sandbox.url());
        let places = [
            ("PENSTOCK_REDIS_URL", redis.as_str()),
            ("PENSTOCK_GHL_BASE_URL", api.as_str()),
        ];
        let args = [&["ghl", "get"], args].concat();
        run("penstock-admin", args, &[&places, settings].concat(), "").await
    }

    async fn read(&self, args: &[&str]) -> Value {
        let finished = self
            .get(&[args, &["--tenant", ACME, "-o", "json"]].concat())
            .await;
        assert_eq!(finished.code, Some(0), "{args:?}: {}", finished.stderr);
        finished.json()
    }

    async fn fails(&self, args: &[&str], says: &str) {
        let finished = self.get(&[args, &["--tenant", ACME]].concat()).await;
        assert_eq!(
            (finished.code, finished.stdout.as_str()),
            (Some(1), ""),
            "{args:?}"
        );
        assert!(finished.stderr.contains(says), "{}", finished.stderr);
    }

    fn calls(&self) -> u64 {
        self.sandbox.summary().calls
    }

    /// The calls of the burst window that are taken.
    async fn taken(&self) -> u64 {
        let outlook = self.world.queue.outlook(&Lane::ghl(ACME)).await.unwrap();
        outlook.ledger.burst.unwrap().taken
    }
}

#[tokio::test]
async fn what_belongs_to_a_contact_is_read_and_masked() {
    let api = Api::start().await;
    api.people(1);
    let shown = api.read(&["contacts/c0"]).await;
    let contact = &shown["contact"];
    assert_eq!(
        (&contact["id"], &contact["email"]),
        (&json!("c0"), &json!("a***@example.com"))
    );
    assert!(!shown.to_string().contains("C4n4ry"), "{shown}");
    let revealed = api.read(&["contacts/c0", "--reveal"]).await;
    assert_eq!(revealed["contact"]["name"], NAME);
    for (path, list) in [
        ("contacts/c0/tasks", "tasks"),
        ("contacts/c0/notes", "notes"),
        ("contacts/c0/appointments", "events"),
    ] {
        assert_eq!(api.read(&[path]).await[list], json!([]), "{path}");
    }
    let found = api
        .read(&[
            "contacts/search/duplicate",
            "--query",
            "email=ada0@example.com",
        ])
        .await;
    assert_eq!(found["contact"]["id"], "c0");
    // What is not there is the API's to say.
    api.fails(&["contacts/nobody"], "contact not found").await;
    api.fails(&["contacts/c0/tasks/nothing"], "not found").await;
    // People and programs see the same.
    let table = api.get(&["contacts/c0", "--tenant", ACME]).await;
    let lines = api
        .get(&["contacts/c0", "--tenant", ACME, "-o", "ndjson"])
        .await;
    for told in [table.json(), lines.json()] {
        assert_eq!(told["contact"], shown["contact"]);
    }
    assert_eq!(lines.stdout.lines().count(), 1);
}

/// All ten of them, each a call in the ledger.
#[tokio::test]
async fn every_read_is_a_command() {
    let api = Api::start().await;
    api.people(1);
    let (task, note) = api.parts("c0").await;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(br#"{ "query": "ada0", "pageLimit": 1 }"#)
        .unwrap();
    let body = file.path().to_str().unwrap();
    let (task, note) = (
        format!("contacts/c0/tasks/{task}"),
        format!("contacts/c0/notes/{note}"),
    );
    let reads = [
        (
            &["contacts/search", "--body", body][..],
            "search-contacts-advanced",
        ),
        (
            &[
                "contacts/search/duplicate",
                "--query",
                "email=ada0@example.com",
            ],
            "get-duplicate-contact",
        ),
        (&["contacts"], "get-contacts"),
        (&["contacts/business/b1"], "get-contacts-by-businessId"),
        (&["contacts/c0"], "get-contact"),
        (&["contacts/c0/tasks"], "get-all-tasks"),
        (&[&task], "get-task"),
        (&["contacts/c0/notes"], "get-all-notes"),
        (&[&note], "get-note"),
        (
            &["contacts/c0/appointments"],
            "get-appointments-for-contact",
        ),
    ];
    for (at, (args, operation)) in reads.iter().enumerate() {
        let before = api.sandbox.calls_after(0).len();
        assert_eq!(before, 2 + at);
        api.read(args).await;
        let calls = api.sandbox.calls_after(0);
        assert_eq!(calls.last().unwrap().operation, *operation);
    }
}

/// Whether the API has heard it does not matter: nothing has changed there.
#[tokio::test]
async fn a_read_without_an_answer_is_told_and_asked_again() {
    let api = Api::start().await;
    api.people(1);
    let cut = "cut-after:op=get-contact:count=1".parse().unwrap();
    api.sandbox.set_faults([cut]);
    api.fails(&["contacts/c0"], "no answer").await;
    assert_eq!(api.read(&["contacts/c0"]).await["contact"]["id"], "c0");
    assert_eq!(api.calls(), 2);
}

#[tokio::test]
async fn lists_are_read_page_by_page_or_whole() {
    let api = Api::start().await;
    api.people(45);
    let page = api.read(&["contacts?limit=5"]).await;
    assert_eq!(page["contacts"].as_array().unwrap().len(), 5);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(br#"{ "query": "ada1", "pageLimit": 4 }"#)
        .unwrap();
    let body = file.path().to_str().unwrap();
    let page = api.read(&["contacts/search", "--body", body]).await;
    assert_eq!(
        (page["contacts"].as_array().unwrap().len(), &page["total"]),
        (4, &json!(11))
    );
    for (args, count) in [
        (&["contacts", "--query", "limit=20"][..], 45),
        (&["contacts", "--query", "query=ada44"], 1),
        (&["contacts/search", "--body", body], 11),
        (&["contacts/business/b1"], 0),
    ] {
        let all = api.read(&[args, &["--all"]].concat()).await;
        assert_eq!(all.as_array().unwrap().len(), count, "{args:?}");
    }
    let lines = api
        .get(&["contacts", "--all", "--tenant", ACME, "-o", "ndjson"])
        .await;
    let read = |line: &str| serde_json::from_str::<Value>(line).unwrap()["id"].clone();
    let ids: Vec<_> = lines.stdout.lines().map(read).collect();
    let expected: Vec<_> = (0..45).rev().map(|number| format!("c{number}")).collect();
    assert_eq!(ids, expected);
}

#[tokio::test]
async fn each_call_takes_a_permit_and_none_that_is_kept_for_high_priority() {
    let api = Api::start().await;
    api.people(5);
    // The daily window keeps a tenth: of ten nine are left to a person.
    api.quota("10/5m").await;
    let daily = ["tenant", "set", ACME, "--daily", "10/1d"];
    api.world.ask(&daily).await;
    for taken in 1..=9 {
        api.read(&["contacts/c0"]).await;
        assert_eq!(api.taken().await, taken);
    }
    api.fails(&["contacts/c0"], "come back in").await;
    // Nobody waits for a day to pass.
    api.fails(&["contacts", "--all"], "come back in").await;
    assert_eq!(api.calls(), 9);
}

/// A list that has more pages than the quota has calls waits for them.
#[tokio::test]
async fn a_whole_list_waits_for_its_permits() {
    let api = Api::with_quota("2/1s").await;
    api.people(5);
    api.quota("2/1s").await;
    let settings = [
        ("PENSTOCK_GHL_TOKEN", "pit-test"),
        ("PENSTOCK_HTTP_TIMEOUT", "100ms"),
        ("PENSTOCK_QUARANTINE", "1s"),
    ];
    let args = ["contacts?limit=2", "--all", "--tenant", ACME, "-o", "json"];
    let all = api.get_with(&settings, &args).await;
    assert_eq!(all.code, Some(0), "{}", all.stderr);
    assert_eq!(all.json().as_array().unwrap().len(), 5);
    assert_eq!((api.calls(), api.sandbox.summary().over_quota), (4, 0));
}

#[tokio::test]
async fn a_tenant_that_is_held_is_left_alone() {
    let mut api = Api::start().await;
    api.people(1);
    api.world.ask(&["tenant", "pause", ACME]).await;
    api.fails(&["contacts/c0"], "a person paused it").await;
    api.world.ask(&["tenant", "resume", ACME]).await;
    api.world.note(ACME, "a").await;
    let claimed = api.world.claim(ACME, 1).await;
    let hold = Hold {
        wait: Duration::from_secs(600),
        why: "throttled",
        token: None,
    };
    let transition = Transition {
        hold: Some(hold),
        ..Transition::new(BACK_AT_ONCE, Permit::Answered)
    };
    api.world
        .settle_as(&claimed[0], transition, [].into())
        .await;
    api.fails(&["contacts/c0"], "it is held (throttled): come back at 2")
        .await;
    assert_eq!(api.calls(), 0);
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_before_any_call() {
    let api = Api::start().await;
    let nobody = api.get(&["contacts/c0"]).await;
    assert_eq!(nobody.code, Some(2));
    assert!(nobody.stderr.contains("--tenant"), "{}", nobody.stderr);
    // Where there is but one tenant, it is meant.
    api.world.note(ACME, "a").await;
    api.fails_as_one_of_a_kind().await;
    for args in [
        &["contacts/c0/tags"][..],
        &["contacts?limit=1000"],
        &["contacts/c0", "--all"],
        &["contacts/c0", "--query", "x"],
        &["contacts/search", "--body", "/nowhere/at/all"],
    ] {
        let refused = api.get(&[args, &["--tenant", ACME]].concat()).await;
        assert_eq!(
            (refused.code, refused.stdout.as_str()),
            (Some(2), ""),
            "{args:?}"
        );
    }
    let tokenless = api.get_with(&[], &["contacts/c0", "--tenant", ACME]).await;
    assert_eq!(tokenless.code, Some(1));
    assert!(
        tokenless.stderr.contains("penstock-admin check acme"),
        "{}",
        tokenless.stderr
    );
    assert_eq!(api.calls(), 1);
}

impl Api {
    async fn fails_as_one_of_a_kind(&self) {
        let unknown = self.get(&["contacts/c0"]).await;
        assert_eq!(unknown.code, Some(1), "{}", unknown.stderr);
        assert!(
            unknown.stderr.contains("contact not found"),
            "{}",
            unknown.stderr
        );
    }
}
