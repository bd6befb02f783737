//! Lists and the blacklist: what is wanted is there, however often it is said.

use penstock_tests::fixture::{Draft, job};
use serde_json::{Value, json};

use crate::{
    stage::{ANN, ANN_THERE, Stage},
    wire::server,
};

fn listed(id: &str, list: &str, more: Value) -> Draft {
    let mut payload = json!({ "listId": list, "phone": ANN });
    if let (Value::Object(all), Value::Object(more)) = (&mut payload, more) {
        all.extend(more);
    }
    job(id).what("SmsListContact", payload)
}

fn list(stage: &Stage, contacts: &Value) -> String {
    let list = json!({ "name": "Guests", "contacts": contacts });
    let made = stage.sms.steer("lists", &list).unwrap();
    made["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_number_is_added_changed_and_taken_out() {
    let stage = Stage::start().await;
    let _worker = stage.worker().await;
    let list = list(&stage, &json!([]));
    let ann = json!({ "info1": "Ann", "info2": "Lee" });
    stage
        .enqueue(&[
            listed("add", &list, ann.clone()),
            listed("again", &list, ann),
            listed("change", &list, json!({ "info1": "Anna" })),
            listed("out", &list, json!({ "operation": "remove" })),
            listed("gone", &list, json!({ "operation": "remove" })),
        ])
        .await;
    let added = stage.result("add").await;
    let id = &stage.sms_effects("list-contact")[0].change.id;
    assert_eq!(added, json!({ "contactId": id, "changed": true }));
    assert_eq!(stage.result("again").await["changed"], false);
    assert_eq!(stage.result("change").await["changed"], true);
    assert_eq!(stage.result("out").await, json!({ "removed": 1 }));
    assert_eq!(stage.result("gone").await, json!({ "removed": 0 }));
    let kinds: Vec<_> = stage
        .sms
        .effects()
        .into_iter()
        .map(|effect| effect.change.kind)
        .collect();
    let expected = ["list-contact", "list-contact-update", "list-contact-delete"];
    assert_eq!(kinds, expected);
    let changed = &stage.sms_effects("list-contact-update")[0].change.content;
    assert_eq!(
        (&changed["info1"], &changed["info2"]),
        (&json!("Anna"), &json!("Lee"))
    );
}

/// By its row: the number that it had is in the list no more.
#[tokio::test]
async fn a_contact_whose_number_changes_takes_its_row_along() {
    const OTHER: &str = "+33687654321";
    let stage = Stage::start().await;
    let _worker = stage.worker().await;
    let list = list(&stage, &json!([{ "value": ANN_THERE, "info1": "Ann" }]));
    let keep = async |id: &str, row: &Value, phone: &str| {
        let more = json!({ "contactId": row, "contact": { "id": "c1" }, "phone": phone });
        stage.enqueue(&[listed(id, &list, more)]).await;
        stage.result(id).await
    };
    stage.enqueue(&[listed("known", &list, json!({}))]).await;
    let row = stage.result("known").await["contactId"].clone();
    let (changed, unchanged) = (
        json!({ "contactId": row, "changed": true }),
        json!({ "contactId": row, "changed": false }),
    );
    assert_eq!(keep("moved", &row, OTHER).await, changed);
    assert_eq!(keep("same", &row, OTHER).await, unchanged);
    // It comes to a number that is there already: what is left of it is that one.
    stage.enqueue(&[listed("second", &list, json!({}))]).await;
    let second = stage.result("second").await["contactId"].clone();
    let joined = keep("joined", &row, ANN).await;
    assert_eq!(joined, json!({ "contactId": second, "changed": false }));
    let gone = stage.sms_effects("list-contact-delete");
    assert_eq!(gone.len(), 1);
    assert_eq!(gone[0].change.content["destination"], OTHER[1..]);
    // And where its row is not there any more it gets another.
    let third = keep("anew", &row, OTHER).await;
    assert_eq!(third["changed"], true);
    let out =
        json!({ "contactId": third["contactId"], "operation": "remove", "phone": "+33611111111" });
    stage.enqueue(&[listed("out", &list, out)]).await;
    assert_eq!(stage.result("out").await, json!({ "removed": 1 }));
}

#[tokio::test]
async fn a_number_is_found_among_thousands() {
    let stage = Stage::start().await;
    let _worker = stage.worker().await;
    let many: Vec<_> = (0..2_500)
        .map(|at| json!({ "value": format!("336{at:08}") }))
        .chain([json!({ "value": ANN_THERE, "info1": "Ann" })])
        .collect();
    let list = list(&stage, &json!(many));
    stage
        .enqueue(&[listed("same", &list, json!({ "info1": "Ann" }))])
        .await;
    assert_eq!(stage.result("same").await["changed"], false);
}

#[tokio::test]
async fn a_list_that_is_not_there_is_refused() {
    let stage = Stage::start().await;
    let _worker = stage.worker().await;
    stage.enqueue(&[listed("lost", "nowhere", json!({}))]).await;
    let dead = stage.dead("lost").await;
    assert_eq!(dead.cause, "rejected");
    assert!(dead.run.text("error").unwrap().contains("list not found"));
}

const SAYS_NOTHING: &str = "HTTP/1.1 200 OK\r\ncontent-length: 27\r\nconnection: close\r\n\r\n{\"status\":1,\"message\":\"OK\"}";

/// Else the number would stay in a list that it is to leave, or come into one twice.
#[tokio::test]
async fn a_list_that_cannot_be_read_is_not_an_empty_one() {
    let stage = Stage::start().await;
    let (url, heads) = server(SAYS_NOTHING).await;
    let connections = stage.connections().replace(&stage.sms.url(), &url);
    let _worker = stage.worker_with(&connections, &[]).await;
    let out = listed("out", "guests", json!({ "operation": "remove" }));
    let add = listed("add", "guests", json!({}));
    stage.enqueue(&[out, add]).await;
    for id in ["out", "add"] {
        let dead = stage.dead(id).await;
        assert_eq!(dead.cause, "rejected");
        let error = dead.run.text("error").unwrap();
        assert!(error.contains("nothing that can be read"), "{error}");
    }
    assert!(heads.lock().iter().all(|head| head.starts_with("GET ")));
}

#[tokio::test]
async fn a_look_up_is_kept_where_the_next_call_finds_no_permit() {
    let stage = Stage::start().await;
    let slow = stage.connections().replace("1000/1s", "1/1s");
    let _worker = stage.worker_with(&slow, &[]).await;
    let list = list(&stage, &json!([]));
    stage.enqueue(&[listed("add", &list, json!({}))]).await;
    stage.result("add").await;
    let calls = (stage.sms_calls("get-list"), stage.sms_calls("post-list"));
    // Before, and for what the list calls it.
    assert_eq!(calls, (2, 1));
}

/// With one permit at a time each delivery goes on where the last one was.
#[tokio::test]
async fn each_call_of_many_has_a_permit_and_none_is_repeated() {
    const OTHER: &str = "+33687654321";
    let stage = Stage::start().await;
    let slow = stage.connections().replace("1000/1s", "1/1s");
    let _worker = stage.worker_with(&slow, &[]).await;
    let list = list(
        &stage,
        &json!([{ "value": ANN_THERE }, { "value": &OTHER[1..] }]),
    );
    let url = format!("{}/list/{list}", stage.sms.url());
    let asked = reqwest::Client::new().get(url).bearer_auth("somebody");
    let asked = asked.header("accept", "application/json").send().await;
    let shown: Value = asked.unwrap().json().await.unwrap();
    let [ann, other] = [0, 1].map(|at| shown["list"][at]["id"].clone());
    let more = |row: &Value, phone: &str| json!({ "contactId": row, "contact": { "id": "c1" }, "phone": phone, "info1": "Ann" });
    stage
        .enqueue(&[
            listed("joined", &list, more(&ann, OTHER)),
            listed("anew", &list, more(&ann, ANN)),
        ])
        .await;
    assert_eq!(stage.result("joined").await["contactId"], other);
    let anew = stage.result("anew").await;
    assert_eq!(
        anew["contactId"],
        stage.sms_effects("list-contact")[0].change.id
    );
    let kinds: Vec<_> = stage
        .sms
        .effects()
        .into_iter()
        .map(|effect| effect.change.kind)
        .collect();
    assert_eq!(
        kinds,
        ["list-contact-update", "list-contact-delete", "list-contact"]
    );
    assert_eq!(stage.sms_calls("put-list-contact"), 2);
}

#[tokio::test]
async fn the_blacklist_is_kept() {
    let stage = Stage::start().await;
    let _worker = stage.worker().await;
    let number = |id: &str, operation: &str| {
        job(id).what(
            "SmsBlacklist",
            json!({ "phone": ANN, "operation": operation }),
        )
    };
    stage
        .enqueue(&[
            number("on", "add"),
            number("off", "remove"),
            number("still", "remove"),
        ])
        .await;
    stage.result("on").await;
    assert_eq!(stage.result("off").await, json!({ "removed": 1 }));
    assert_eq!(stage.result("still").await, json!({ "removed": 0 }));
    let effects = (
        stage.sms_effects("blacklist").len(),
        stage.sms_effects("blacklist-delete").len(),
    );
    assert_eq!(effects, (1, 1));
}
