use serde_json::json;

use super::*;

fn read(path: &str, all: bool) -> Result<Wanted, Error> {
    Wanted::read(&tenant(), path, Vec::new(), None, all)
}

fn tenant() -> Tenant {
    "loc".parse().unwrap()
}

fn contact() -> ContactId {
    "c1".parse().unwrap()
}

#[track_caller]
fn refused(wanted: Result<Wanted, Error>) -> String {
    wanted.err().expect("it is refused").to_string()
}

#[test]
fn every_read_has_its_path() {
    let (email, phone) = ("a+b@c.co".parse().unwrap(), "+15551234567".parse().unwrap());
    let page = Page {
        limit: Some(5),
        query: Some("ada & bob".to_owned()),
        start_after: Some(7),
        start_after_id: Some("c0".to_owned()),
    };
    let of_business = OfBusiness {
        limit: None,
        skip: Some(20),
        query: None,
    };
    let search = json!({ "pageLimit": 20 }).as_object().unwrap().clone();
    for (path, request) in [
        ("contacts/c1", Request::get_contact(&contact())),
        ("/contacts/c1/", Request::get_contact(&contact())),
        ("contacts/c1/tasks", Request::list_tasks(&contact())),
        ("contacts/c1/tasks/t1", Request::get_task(&contact(), "t1")),
        ("contacts/c1/notes", Request::list_notes(&contact())),
        ("contacts/c1/notes/n1", Request::get_note(&contact(), "n1")),
        (
            "contacts/c1/appointments",
            Request::list_appointments(&contact()),
        ),
        (
            "contacts",
            Request::list_contacts(&tenant(), &Page::default()),
        ),
        (
            "contacts/?limit=5&query=ada%20%26%20bob&startAfter=7&startAfterId=c0",
            Request::list_contacts(&tenant(), &page),
        ),
        (
            "contacts/business/b1?skip=20",
            Request::list_by_business(&tenant(), "b1", &of_business),
        ),
        (
            "contacts/search/duplicate?email=a+b@c.co",
            Request::search_duplicate(&tenant(), Lookup::Email(&email)),
        ),
        (
            "contacts/search/duplicate?number=+15551234567",
            Request::search_duplicate(&tenant(), Lookup::Phone(&phone)),
        ),
        (
            "contacts/search",
            Request::search(&tenant(), search.clone()),
        ),
    ] {
        let wanted = read(path, false).unwrap();
        assert!(wanted == Wanted::Answer(request), "{path}");
    }
}

#[test]
fn lists_can_be_had_whole() {
    let listed = Walk::new(Which::Listed(Some("ada".to_owned())), 5);
    let of_business = Walk::new(Which::OfBusiness("b1".to_owned(), None), 100);
    for (path, walk) in [
        ("contacts?query=ada&limit=5", listed),
        ("contacts/business/b1", of_business),
    ] {
        assert!(
            read(path, true).unwrap() == Wanted::Everybody(walk),
            "{path}"
        );
    }
    let body = json!({ "query": "ada", "pageLimit": 7 })
        .as_object()
        .unwrap()
        .clone();
    let found = Wanted::read(&tenant(), "contacts/search", Vec::new(), Some(body), true);
    let rest = json!({ "query": "ada" }).as_object().unwrap().clone();
    assert!(found.unwrap() == Wanted::Everybody(Walk::new(Which::Found(rest), 7)));
}

#[test]
fn what_makes_no_sense_is_refused() {
    for (path, all, why) in [
        ("", false, "nothing can be read there"),
        ("tasks", false, "nothing can be read there"),
        ("contacts/c1/tags", false, "nothing can be read there"),
        ("contacts/c1/notes/n1/x", false, "nothing can be read there"),
        ("contacts/..%2fx", false, "the contact's id"),
        ("contacts/c1/notes/%2e%2e", false, "the note's id"),
        ("contacts/%ff", false, "UTF-8"),
        ("contacts/c1?limit=5", false, "limit means nothing here"),
        ("contacts?limit=101", false, "from 1 to 100"),
        ("contacts?limit=5&limit=6", false, "twice"),
        ("contacts?locationId=other", false, "--tenant"),
        ("contacts?startAfter=x", false, "whole number"),
        (
            "contacts?startAfter=7",
            true,
            "startAfter means nothing here",
        ),
        (
            "contacts/business/b?skip=7",
            true,
            "skip means nothing here",
        ),
        ("contacts/search/duplicate", false, "an email or a number"),
        ("contacts/search/duplicate?email=x", false, "email: "),
        ("contacts/c1", true, "--all"),
        ("contacts/search/duplicate?email=a@b.co", true, "--all"),
    ] {
        let told = refused(read(path, all));
        assert!(told.contains(why), "{path}: {told}");
    }
}

#[test]
fn a_body_is_for_searches_and_names_no_place_if_all_is_wanted() {
    let read = |path: &str, body: Value, all| {
        let body = body.as_object().cloned();
        refused(Wanted::read(&tenant(), path, Vec::new(), body, all))
    };
    assert!(read("contacts", json!({}), false).contains("only contacts/search"));
    assert!(read("contacts/search", json!({ "locationId": "l" }), false).contains("locationId"));
    for place in [json!({ "page": 2 }), json!({ "searchAfter": [] })] {
        assert!(read("contacts/search", place, true).contains("with --all"));
    }
    assert!(read("contacts/search", json!({ "pageLimit": 500 }), true).contains("from 1 to 100"));
}
