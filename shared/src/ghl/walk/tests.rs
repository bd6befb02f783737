use std::cell::RefCell;

use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::json;

use super::*;

/// An API with so many contacts, and how it is made to go wrong.
struct Api {
    contacts: u64,
    /// The most that it lists, whatever it is asked for.
    most: u64,
    /// Whether contacts say where a search goes on.
    marks: bool,
    /// Whether it is always the first page that it answers.
    stuck: bool,
    calls: RefCell<Vec<Request>>,
}

fn api(contacts: u64) -> Api {
    Api {
        contacts,
        most: 100,
        marks: true,
        stuck: false,
        calls: RefCell::default(),
    }
}

impl Api {
    fn contact(&self, number: u64) -> Value {
        let id = format!("c{number}");
        let mut contact = json!({ "id": id, "dateAdded": "1970-01-01T00:00:01.500Z" });
        if self.marks {
            contact["searchAfter"] = json!([number, id]);
        }
        contact
    }

    fn answer(&self, request: &Request) -> Answer {
        let said = |name| {
            let said = request.query.iter().find(|(own, _)| *own == name);
            said.map(|(_, text)| text.clone())
        };
        let body = request.body.clone().unwrap_or_default();
        let limit = said("limit").map_or(body["pageLimit"].as_u64(), |text| text.parse().ok());
        let limit = limit.unwrap();
        let behind = |id: &str| id[1..].parse::<u64>().unwrap() + 1;
        let first = match (said("skip"), said("startAfterId"), &body["searchAfter"]) {
            _ if self.stuck => 0,
            (Some(skip), ..) => skip.parse().unwrap(),
            (_, Some(id), _) => behind(&id),
            (.., Value::Array(mark)) => behind(mark[1].as_str().unwrap()),
            _ => (body["page"].as_u64().unwrap_or(1) - 1) * limit,
        };
        let last = (first + limit.min(self.most)).min(self.contacts);
        let contacts: Vec<_> = (first..last).map(|number| self.contact(number)).collect();
        self.calls.borrow_mut().push(request.clone());
        answer(json!({ "contacts": contacts }))
    }

    /// The ids of all contacts that the walk meets, or why it came to no end.
    async fn walked(&self, walk: Walk) -> Result<Vec<String>, CallError> {
        let call = async |request| Ok::<_, CallError>(self.answer(&request));
        let tenant = "loc".parse().unwrap();
        let pages: Vec<_> = walk.pages(tenant, call).boxed_local().try_collect().await?;
        Ok(pages.iter().flatten().map(id).collect())
    }

    fn bodies(&self) -> Vec<Value> {
        let calls = self.calls.borrow();
        let bodies = calls.iter().map(|call| call.body.clone());
        bodies.map(Option::unwrap).collect()
    }
}

fn answer(body: Value) -> Answer {
    Answer {
        status: 200,
        body,
        trace_id: None,
    }
}

fn ids(count: u64) -> Vec<String> {
    (0..count).map(|number| format!("c{number}")).collect()
}

fn found() -> Which {
    Which::Found(Map::new())
}

fn each() -> [Which; 3] {
    let business = Which::OfBusiness("b".to_owned(), None);
    [found(), Which::Listed(None), business]
}

#[tokio::test]
async fn every_contact_is_met_once_whichever_way() {
    for which in each() {
        for (contacts, calls) in [(0, 1), (1, 2), (40, 3), (41, 4)] {
            let api = api(contacts);
            let met = api.walked(Walk::new(which.clone(), 20)).await;
            assert_eq!(met.unwrap(), ids(contacts));
            assert_eq!(api.calls.borrow().len(), calls, "{contacts}");
        }
    }
}

/// Its own bound is not told: a page that is shorter than asked for is not the last.
#[tokio::test]
async fn an_api_that_lists_fewer_than_asked_for_is_walked_to_its_end() {
    for which in each() {
        let api = Api {
            most: 25,
            ..api(60)
        };
        let met = api.walked(Walk::new(which, 100)).await;
        assert_eq!(met.unwrap(), ids(60));
    }
}

#[tokio::test]
async fn a_search_goes_beyond_ten_thousand() {
    let api = api(10_250);
    let met = api.walked(Walk::new(found(), 100)).await.unwrap();
    assert_eq!(met, ids(10_250));
    let bodies = api.bodies();
    let first = json!({ "locationId": "loc", "pageLimit": 100, "page": 1 });
    let second = json!({ "locationId": "loc", "pageLimit": 100, "searchAfter": [99, "c99"] });
    assert_eq!(bodies[..2], [first, second]);
}

/// Where contacts do not say what comes behind them, pages are counted off, as far as the API counts.
#[tokio::test]
async fn a_search_without_marks_is_counted_off_and_says_where_that_ends() {
    let few = Api {
        marks: false,
        ..api(250)
    };
    assert_eq!(few.walked(Walk::new(found(), 100)).await.unwrap(), ids(250));
    assert_eq!(few.bodies()[2]["page"], 3);
    let many = Api {
        marks: false,
        ..api(10_001)
    };
    let ended = many.walked(Walk::new(found(), 100)).await.unwrap_err();
    assert!(ended.to_string().contains("searchAfter"), "{ended}");
    assert_eq!(many.calls.borrow().len(), 100);
}

#[tokio::test]
async fn an_api_that_does_not_go_on_is_not_asked_for_ever() {
    for which in each() {
        let api = Api {
            stuck: true,
            ..api(60)
        };
        let ended = api.walked(Walk::new(which, 20)).await.unwrap_err();
        assert!(ended.to_string().contains("once more"), "{ended}");
        assert_eq!(api.calls.borrow().len(), 2);
    }
}

#[test]
fn the_list_goes_on_by_what_it_is_told_or_by_the_last_contacts_date() {
    let walk = Walk::new(Which::Listed(Some("ann".to_owned())), 1);
    let contact = json!({ "id": "c0", "dateAdded": "1970-01-01T00:00:01.500Z" });
    let told = json!({ "contacts": [contact], "meta": { "startAfter": 7, "startAfterId": "c0" } });
    for (body, start_after) in [(told, "7"), (json!({ "contacts": [contact] }), "1500")] {
        let leg = walk.leg(&Place::default(), &answer(body)).unwrap();
        let request = walk.request(&"loc".parse().unwrap(), &leg.next.unwrap());
        let query = request.query.iter();
        let query: Vec<_> = query.map(|(name, text)| (*name, text.as_str())).collect();
        let expected = [
            ("locationId", "loc"),
            ("limit", "1"),
            ("query", "ann"),
            ("startAfter", start_after),
            ("startAfterId", "c0"),
        ];
        assert_eq!(query, expected);
    }
}

#[test]
fn a_place_is_written_down_small_and_read_again() {
    let walk = Walk::new(found(), 1);
    let long = json!([1, "x".repeat(5_000)]);
    for (mark, kept) in [
        (json!([5, "c0"]), true),
        (long, false),
        (json!("c0"), false),
    ] {
        let contact = json!({ "id": "c0", "email": "a@b.co", "searchAfter": mark });
        let leg = walk.leg(&Place::default(), &answer(json!({ "contacts": [contact] })));
        let place = leg.unwrap().next.unwrap();
        let written = json!(place).to_string();
        assert!(written.len() < 1_500 && !written.contains("a@b.co"));
        assert_eq!(written.contains("mark"), kept);
        assert_eq!(serde_json::from_str::<Place>(&written).unwrap(), place);
    }
}

#[test]
fn a_page_that_names_no_contacts_is_no_end() {
    for body in [
        json!({}),
        json!({ "contacts": null }),
        json!({ "contacts": [{ "name": "x" }] }),
        json!({ "contacts": [{ "id": "../x" }] }),
    ] {
        let leg = Walk::new(found(), 20).leg(&Place::default(), &answer(body));
        assert!(matches!(leg, Err(CallError::Unreadable { .. })));
    }
}

#[test]
fn a_job_walks_by_search_or_by_business() {
    for (payload, path) in [
        (
            json!({ "query": "ann", "pageLimit": 5 }),
            "/contacts/search",
        ),
        (
            json!({ "query": "ann", "businessId": "b" }),
            "/contacts/business/b",
        ),
    ] {
        let job = json!({ "type": "PullContacts", "tenant": "loc", "payload": payload });
        let job = crate::job::Job::from_value(job).unwrap();
        let request = Request::of(&job.payload, &job.tenant, None).unwrap();
        assert_eq!(request.path, path);
        let said = request.query.iter().any(|(_, text)| text == "ann");
        assert!(said || request.body.unwrap()["query"] == "ann");
    }
}
