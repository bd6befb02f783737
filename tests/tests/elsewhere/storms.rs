//! Storms: flows that feed each other are stopped with an alarm, what was not followed is kept, and all else goes on.

use penstock_shared::job::state::State;
use penstock_tests::harness::{Program, free_port, until_counted, wait_until};
use serde_json::{Value, json};

use crate::stage::{ACME, PATIENCE, Stage};

/// What happens here is told there, and the other way round: whoever wrote this has not thought of it.
const LOOP: &str = r#"
[[flow]]
name = "to-there"
on = "here.changed"
do = [{ job = "HttpCall", payload = { connection = "there", method = "POST", path = "/hooks/there", body = { id = "{{ data.id }}", after = "{{ event.id }}" } } }]

[[flow]]
name = "to-here"
on = "there.changed"
do = [{ job = "HttpCall", payload = { connection = "here", method = "POST", path = "/hooks/here", body = { id = "{{ data.id }}", after = "{{ event.id }}" } } }]

[[flow]]
name = "calm"
on = "calm.said"
do = [{ job = "SendSms", payload = { to = "+33612345678", text = "{{ data.id }}" } }]
"#;

const HOOKS: &str = "\
[generic.here]\ntenant = 'acme'\nscheme = 'none'\nkind = 'here.changed'\n\
[generic.there]\ntenant = 'acme'\nscheme = 'none'\nkind = 'there.changed'\n\
[generic.calm]\ntenant = 'acme'\nscheme = 'none'\nkind = 'calm.said'\n";

/// The door that webhooks come in by.
struct Door {
    url: String,
    _program: Program,
}

impl Door {
    async fn open(stage: &Stage) -> Self {
        let hooks = stage.file("hooks.toml", HOOKS);
        let program = Program::new("penstock-producer")
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env("PENSTOCK_REDIS_URL", stage.redis.url())
            .env("PENSTOCK_HOOKS", hooks)
            .start();
        let line = program
            .wait_for_line("listening on http://", PATIENCE)
            .await;
        program.wait_for_line("connected to Redis", PATIENCE).await;
        let at = line.find("http://").unwrap();
        let url = line[at..].split_whitespace().next().unwrap();
        Self {
            url: url.trim_end_matches('/').to_owned(),
            _program: program,
        }
    }

    async fn tell(&self, hook: &str, body: &Value) {
        let url = format!("{}/hooks/{hook}", self.url);
        let post = reqwest::Client::new().post(url).body(body.to_string());
        assert_eq!(post.send().await.unwrap().status(), 200);
    }

    fn connections(&self, stage: &Stage) -> String {
        let both = ["here", "there"].map(|name| {
            let url = &self.url;
            format!("[connection.{name}]\nbase_url = '{url}'\nauth = 'none'\nquota = '1000/1s'\n")
        });
        stage.connections() + &both.concat()
    }
}

async fn storms(stage: &Stage) -> Vec<Value> {
    let letters = stage.ask(&["dead", "list", "--cause", "storm"]).await;
    letters.as_array().unwrap().clone()
}

#[tokio::test]
async fn flows_that_feed_each_other_are_stopped_and_all_else_goes_on() {
    let stage = Stage::start().await;
    let door = Door::open(&stage).await;
    let flows = stage.flows(LOOP);
    let metrics = format!("127.0.0.1:{}", free_port());
    let settings = [
        ("PENSTOCK_FLOWS", flows.to_str().unwrap()),
        // A loop that a connection's quota holds back never comes to many in a minute.
        ("PENSTOCK_STORM", "1000/1m,5/1h"),
        ("PENSTOCK_METRICS_LISTEN", &metrics),
    ];
    let worker = stage
        .worker_with(&door.connections(&stage), &settings)
        .await;
    door.tell("here", &json!({ "id": "r1", "after": "" })).await;
    let alarm = worker.wait_for_line("a storm of events", PATIENCE).await;
    for said in [
        "ERROR",
        "most=5/1h",
        "kind=here.changed",
        "flows=\"to-there\"",
        "tenant=\"acme\"",
    ] {
        assert!(alarm.contains(said), "{said}: {alarm}");
    }
    let letters = wait_until("the event to be dead", PATIENCE, || async {
        Some(storms(&stage).await).filter(|letters| !letters.is_empty())
    })
    .await;
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert_eq!(letters[0]["type"], "HandleEvent");
    until_counted(&metrics, "penstock_event_storms_total 1", PATIENCE).await;
    // Whoever else changes is told of.
    door.tell("calm", &json!({ "id": "r1" })).await;
    door.tell("here", &json!({ "id": "r2", "after": "" })).await;
    let sent = stage.sms.until(|seen| seen.effects == 1);
    tokio::time::timeout(PATIENCE, sent).await.unwrap();
    // Of the same record nothing is, but it is kept.
    door.tell("here", &json!({ "id": "r1", "after": "by hand" }))
        .await;
    wait_until("all of it to be dead", PATIENCE, || async {
        // That of the other record has become a loop, and a storm, of its own.
        (storms(&stage).await.len() == 3).then_some(())
    })
    .await;
    let id = letters[0]["id"].as_str().unwrap();
    let shown = stage.ask(&["dead", "show", id, "--reveal"]).await;
    assert_eq!(shown["payload"]["event"]["data"]["id"], "r1");
    let alarms = worker.stderr().into_iter();
    let alarms = alarms.filter(|line| line.contains("a storm of events"));
    assert_eq!(alarms.count(), 2);
}

#[tokio::test]
async fn what_a_storm_held_is_followed_once_it_is_over_and_a_person_says_so() {
    let stage = Stage::start().await;
    let door = Door::open(&stage).await;
    for at in 0..8 {
        door.tell("calm", &json!({ "id": "r1", "at": at })).await;
    }
    let flows = stage.flows(LOOP);
    let settings = [
        ("PENSTOCK_FLOWS", flows.to_str().unwrap()),
        ("PENSTOCK_STORM", "5/5s"),
    ];
    let _worker = stage
        .worker_with(&door.connections(&stage), &settings)
        .await;
    let sent = stage.sms.until(|seen| seen.effects == 5);
    tokio::time::timeout(PATIENCE, sent).await.unwrap();
    let letters = wait_until("the others to be kept", PATIENCE, || async {
        Some(storms(&stage).await).filter(|letters| letters.len() == 3)
    })
    .await;
    wait_until("the storm to be over", PATIENCE, || async {
        let left: Vec<String> = stage.redis.get(["KEYS", "penstock:{0}:storm:*"]).await;
        left.is_empty().then_some(())
    })
    .await;
    for letter in &letters {
        let id = letter["id"].as_str().unwrap();
        stage.ask(&["dead", "retry", id, "--tenant", ACME]).await;
        stage.until_state(id, State::Done).await;
    }
    let sent = stage.sms.until(|seen| seen.effects == 8);
    tokio::time::timeout(PATIENCE, sent).await.unwrap();
}
