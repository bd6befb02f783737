//! The search with filters.

use penstock_tests::sandbox::Options;
use serde_json::{Value, json};

use crate::client::{Client, LOCATION};

/// A location with these contacts, each with its number as its city, the odd ones tagged.
async fn with_contacts(count: usize) -> Client {
    let client = Client::generous().await;
    for at in 1..=count {
        let tags: &[&str] = if at % 2 == 1 { &["odd"] } else { &[] };
        let contact = json!({
            "id": format!("c{at}"), "locationId": LOCATION, "name": format!("Ann {at}"), "city": at.to_string(), "tags": tags
        });
        client.running.seed_contact(&contact).unwrap();
    }
    client
        .running
        .seed_contact(&json!({"locationId": "another", "tags": ["odd"]}))
        .unwrap();
    client
}

async fn search(client: &Client, more: Value) -> (u16, Value) {
    let mut body = json!({"locationId": LOCATION, "pageLimit": 2});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    client.post("/contacts/search", body).await
}

fn ids(told: &Value) -> Vec<&str> {
    let contacts = told["contacts"].as_array().unwrap().iter();
    contacts
        .map(|contact| contact["id"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn pages_follow_one_another_by_number() {
    let client = with_contacts(5).await;
    for (page, found) in [
        (1, vec!["c5", "c4"]),
        (2, vec!["c3", "c2"]),
        (3, vec!["c1"]),
        (4, vec![]),
    ] {
        let (status, told) = search(&client, json!({"page": page})).await;
        assert_eq!(
            (status, ids(&told), &told["total"]),
            (200, found, &json!(5))
        );
    }
}

#[tokio::test]
async fn pages_follow_one_another_by_where_the_last_ended() {
    let client = with_contacts(5).await;
    for (sort, order) in [
        (json!([]), ["c5", "c4", "c3", "c2", "c1"]),
        (
            json!([{"field": "dateAdded", "direction": "asc"}]),
            ["c1", "c2", "c3", "c4", "c5"],
        ),
    ] {
        let (_, mut told) = search(&client, json!({"sort": sort})).await;
        let mut walked: Vec<String> = Vec::new();
        while let Some(last) = told["contacts"].as_array().unwrap().last() {
            let after = last["searchAfter"].clone();
            walked.extend(ids(&told).into_iter().map(str::to_owned));
            told = search(&client, json!({"sort": sort, "searchAfter": after}))
                .await
                .1;
        }
        assert_eq!(walked, order);
    }
}

#[tokio::test]
async fn a_walk_goes_on_though_the_contact_it_stands_on_is_deleted() {
    let client = with_contacts(3).await;
    let (_, told) = search(&client, json!({})).await;
    let after = told["contacts"][1]["searchAfter"].clone();
    client.delete("/contacts/c2").await;
    let (_, told) = search(&client, json!({"searchAfter": after})).await;
    assert_eq!(ids(&told), ["c1"]);
}

#[tokio::test]
async fn what_was_updated_last_comes_first_when_asked_for() {
    let client = with_contacts(3).await;
    // Dates are in milliseconds, and of equal ones the younger contact would come first.
    client.running.set_faults(["delay=2ms".parse().unwrap()]);
    client.put("/contacts/c1", json!({"state": "AL"})).await;
    let sort = json!([{"field": "dateUpdated", "direction": "desc"}]);
    let (_, told) = search(&client, json!({"sort": sort})).await;
    assert_eq!(ids(&told), ["c1", "c3"]);
}

#[tokio::test]
async fn filters_and_text_narrow_it() {
    let client = with_contacts(5).await;
    let odd = json!({"field": "tags", "operator": "eq", "value": ["odd"]});
    let one = json!({"field": "city", "operator": "eq", "value": "1"});
    for (more, found) in [
        (json!({"filters": [odd]}), vec!["c5", "c3"]),
        (json!({"filters": [odd, one]}), vec!["c1"]),
        (json!({"query": "ANN 4"}), vec!["c4"]),
        (json!({"query": "ann 4", "filters": [odd]}), vec![]),
        (
            json!({"filters": [{"group": "OR", "filters": [one, {"field": "city", "operator": "eq", "value": "2"}]}]}),
            vec!["c2", "c1"],
        ),
    ] {
        let (status, told) = search(&client, more.clone()).await;
        assert_eq!((status, ids(&told)), (200, found), "{more}");
    }
}

#[tokio::test]
async fn what_it_does_not_take_is_refused() {
    let client = with_contacts(1).await;
    let (status, told) = client.post("/contacts/search", json!({})).await;
    assert_eq!(
        (status, &told["message"]),
        (
            422,
            &json!([
                "locationId should not be empty",
                "locationId must be a string",
                "pageLimit should not be empty",
                "pageLimit must be a number conforming to the specified constraints",
            ])
        )
    );
    for (more, complaint) in [
        (json!({"limit": 1}), "property limit should not exist"),
        (
            json!({"pageLimit": 501}),
            "pageLimit must not be greater than 500",
        ),
        (
            json!({"pageLimit": "20"}),
            "pageLimit must be a number conforming to the specified constraints",
        ),
        (json!({"page": 0}), "page must not be less than 1"),
        (json!({"page": 1.5}), "page must be an integer number"),
        (
            json!({"page": 21, "pageLimit": 500}),
            "page and pageLimit must not reach beyond 10000 records: use searchAfter",
        ),
        (
            json!({"page": 1, "searchAfter": [1, "c1"]}),
            "page should not be given with searchAfter",
        ),
        (
            json!({"searchAfter": [1, "c9"]}),
            "searchAfter must be that of a contact of an earlier page",
        ),
        (
            json!({"searchAfter": ["c1"]}),
            "searchAfter must be that of a contact of an earlier page",
        ),
        (json!({"filters": {}}), "filters must be an array"),
        (
            json!({"filters": [{"field": "x"}]}),
            "filters.0.field must be one of",
        ),
        (
            json!({"sort": [{"field": "city", "direction": "asc"}]}),
            "sort.0.field must be one of",
        ),
        (
            json!({"sort": [{"field": "dateAdded", "direction": "up"}]}),
            "sort.0.direction must be one of",
        ),
    ] {
        let (status, told) = search(&client, more.clone()).await;
        let message = told["message"][0].as_str().unwrap();
        assert!(
            status == 422 && message.starts_with(complaint),
            "{more}: {told}"
        );
    }
}

#[tokio::test]
async fn it_does_not_show_yet_what_a_lag_hides() {
    let faults = vec!["search-lag=1h:op=search-contacts-advanced".parse().unwrap()];
    let client = Client::of(Options {
        faults,
        ..Options::default()
    })
    .await;
    client.seed("c1");
    assert_eq!(search(&client, json!({})).await.1["total"], 0);
    client.running.set_faults([]);
    assert_eq!(search(&client, json!({})).await.1["total"], 1);
}
