//! `SMSFactor`: lists, the blacklist, unassigned numbers, and replies.

use serde_json::{Value, json};

use crate::smsfactor::{NUMBER, OTHER, client, sms};

#[tokio::test]
async fn a_list_is_made_and_added_to_as_documented() {
    let client = client().await;
    let body = json!({"list": {"name": "My list", "contacts": {"gsm": [
        {"value": NUMBER, "info1": "Louis", "info2": "de Broglie", "info3": "1892", "info4": "Dieppe"}, {"value": OTHER, "info1": "Richard"},
    ]}}});
    let (_, mut made) = client.post("/list", body).await;
    let id = made["id"].take();
    let id = id.as_str().unwrap();
    assert_eq!(id.len(), 24);
    assert_eq!(
        made,
        json!({"status": 1, "message": "OK", "contacts": 2, "invalid": 0, "duplicates": 0, "id": null})
    );
    let more = json!({"list": {"listId": id, "contacts": {"gsm": [{"value": NUMBER}, {"value": "06"}, {"value": "33612345676"}]}}});
    let (_, added) = client.post("/list", more).await;
    assert_eq!(
        added,
        json!({"status": 1, "message": "OK", "contacts": 1, "invalid": 1, "duplicates": 1, "id": id})
    );
    let (_, list) = client.get(&format!("/list/{id}?start=0&length=1")).await;
    assert_eq!(
        (&list["name"], &list["contacts"], &list["totalRecords"]),
        (&json!("My list"), &json!("3"), &json!(3))
    );
    let row = &list["list"][0];
    assert_eq!(
        (
            &row["destination"],
            &row["info4"],
            list["list"].as_array().unwrap().len()
        ),
        (&json!(NUMBER), &json!("Dieppe"), 1)
    );
    let (_, found) = client.get(&format!("/list/{id}?search=Richard")).await;
    assert_eq!(
        (
            &found["list"][0]["destination"],
            &found["totalDisplayRecords"]
        ),
        (&json!(OTHER), &json!(1))
    );
    let (_, all) = client.get("/lists").await;
    assert_eq!(
        all["lists"],
        json!([{"id": id, "name": "My list", "contacts": "3"}])
    );
    assert_eq!(
        client.kinds(),
        ["list", "list-contact", "list-contact", "list-contact"]
    );
    let nowhere = json!({"list": {"listId": "none", "contacts": {"gsm": []}}});
    assert_eq!(client.post("/list", nowhere).await.1["status"], -5);
}

#[tokio::test]
async fn contacts_of_a_list_are_changed_and_removed() {
    let client = client().await;
    let list = json!({"name": "A", "contacts": [{"value": NUMBER, "info1": "Louis"}, {"value": OTHER}, {"value": "33612345676"}]});
    let list = client.running.steer("lists", &list).unwrap();
    let path = |at: usize| {
        let id = list["contacts"][at]["id"].as_str().unwrap();
        format!("/list/contact/{id}")
    };
    let list_path = format!("/list/{}", list["id"].as_str().unwrap());
    let numbers = async || {
        let (_, shown) = client.get(&list_path).await;
        let rows = shown["list"].as_array().unwrap().clone();
        let numbers = rows
            .iter()
            .map(|row| row["destination"].as_str().unwrap().to_owned());
        numbers.collect::<Vec<_>>()
    };
    let edit = json!({"value": NUMBER, "info2": "changed"});
    assert_eq!(client.put(&path(1), edit).await.1["status"], 1);
    assert_eq!(numbers().await, [NUMBER, NUMBER, "33612345676"]);
    let id = list["id"].as_str().unwrap();
    let deduplicate = format!("/list/deduplicate/{id}");
    assert_eq!(client.put(&deduplicate, json!({})).await.1["status"], 1);
    assert_eq!(numbers().await, [NUMBER, "33612345676"]);
    let npai = json!({"npai": {"contacts": {"gsm": [{"value": "33612345676"}]}}});
    assert_eq!(client.post("/npai", npai).await.1["added_contacts"], 1);
    client
        .put(&format!("/list/{id}/npai/clear"), json!({}))
        .await;
    assert_eq!(numbers().await, [NUMBER]);
    assert_eq!(client.delete(&path(0)).await.1["status"], 1);
    assert_eq!(client.delete(&path(0)).await.1["status"], -5);
    assert_eq!(
        client.put(&path(2), json!({"info1": "a"})).await.1["status"],
        -5
    );
    assert_eq!(
        client.put(&path(2), json!({"name": "a"})).await.1["status"],
        -7
    );
    assert_eq!(client.delete(&list_path).await.1["status"], 1);
    assert_eq!(client.get(&list_path).await.1["status"], -5);
    assert_eq!(
        client.kinds(),
        [
            "list-contact-update",
            "list-contact-delete",
            "npai",
            "list-contact-delete",
            "list-contact-delete",
            "list-delete"
        ]
    );
}

#[tokio::test]
async fn the_blacklist_is_read_and_written_as_documented() {
    let client = client().await;
    let body = json!({"blacklist": {"contacts": {"gsm": [{"value": NUMBER, "info1": "Isaac"}, {"value": OTHER}, {"value": NUMBER}]}}});
    let (_, added) = client.post("/blacklist", body).await;
    assert_eq!(
        added,
        json!({"status": 1, "message": "OK", "added_contacts": 2})
    );
    let (_, shown) = client.get("/blacklist").await;
    let row = &shown["list"][0];
    assert_eq!(
        (
            &row["destination"],
            &row["info1"],
            &row["user_information"],
            &row["batch_id"],
            &shown["totalRecords"]
        ),
        (
            &json!(NUMBER),
            &json!("Isaac"),
            &json!([]),
            &Value::Null,
            &json!(2)
        )
    );
    let path = format!("/blacklist/contact/{}", row["id"].as_str().unwrap());
    assert_eq!(client.delete(&path).await.1["status"], 1);
    assert_eq!(client.delete(&path).await.1["status"], -5);
    assert_eq!(
        client.kinds(),
        ["blacklist", "blacklist", "blacklist-delete"]
    );
    let (_, npai) = client.get("/npai").await;
    assert_eq!(npai["totalRecords"], 0);
}

#[tokio::test]
async fn replies_are_listed_by_page_and_by_date() {
    let client = client().await;
    let (_, sent) = client
        .post("/send", sms(&[("job-1", NUMBER)], "Hello"))
        .await;
    for (from, message) in [(NUMBER, "one"), (NUMBER, "STOP please"), (OTHER, "two")] {
        let reply = json!({"from": from, "message": message});
        client.running.steer("replies", &reply).unwrap();
    }
    let (_, all) = client.get("/messages/mo").await;
    let rows = all["replies"].as_array().unwrap();
    assert_eq!((rows.len(), &all["totalRecords"]), (3, &json!(3)));
    assert_eq!(
        (
            &rows[0]["message_id"],
            &rows[0]["destination"],
            &rows[0]["campaign_id"]
        ),
        (&json!("job-1"), &json!(NUMBER), &sent["ticket"])
    );
    let (_, page) = client.get("/messages/mo?start=2&length=5").await;
    assert_eq!(
        (&page["replies"][0]["message"], &page["totalRecords"]),
        (&json!("two"), &json!(3))
    );
    let date = rows[0]["date"].as_str().unwrap();
    let day = &date[..10];
    for (window, found) in [
        (format!("date_start={date}"), 3),
        (format!("date_start={day}"), 3),
        ("date_start=2100-01-01".to_owned(), 0),
        ("date_end=2000-01-01%2000:00:00".to_owned(), 0),
        (format!("date_start={date}&date_end=2100-01-01"), 3),
    ] {
        let (_, told) = client.get(&format!("/messages/mo?{window}")).await;
        assert_eq!(told["totalRecords"], found, "{window}");
    }
    assert_eq!(
        client.get("/messages/mo?date_start=soon").await.1["status"],
        -7
    );
    assert_eq!(client.get("/messages/mo?length=all").await.1["status"], -7);
    let ticket = sent["ticket"].as_str().unwrap();
    let (_, own) = client.get(&format!("/campaign/{ticket}/mo")).await;
    assert_eq!(own["totalRecords"], 2);
    assert_eq!(client.get("/campaign/1/mo").await.1["status"], -5);
    let (_, blacklist) = client.get("/blacklist").await;
    assert_eq!(blacklist["list"][0]["campaign_id"], sent["ticket"]);
}
