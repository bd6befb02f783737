//! What the sandbox answers to full requests has the shape that the document gives it.

use penstock_tests::sandbox::Seed;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Document, document};
use crate::client::{Client, LOCATION};

fn contact(email: &str) -> Value {
    json!({
        "locationId": LOCATION, "firstName": "Rosan", "lastName": "Deo", "email": email, "phone": null, "gender": "male",
        "address1": "3535 1st St N", "city": "Dolomite", "state": "AL", "postalCode": "35061", "country": "US",
        "website": "https://deos.example", "timezone": "America/Chihuahua", "dnd": true,
        "dndSettings": {"SMS": {"status": "active", "message": "m", "code": "101"}},
        "inboundDndSettings": {"all": {"status": "active"}}, "tags": ["nisi sint"], "source": "public api",
        "customFields": [{"id": "6dvNaf7VhkQ9snc5vnjJ", "field_value": "9039160788"}],
        "dateOfBirth": "1990-09-25", "companyName": "DGS", "assignedTo": "y0BeYjuRIlDwsDcOHOJo"
    })
}

type Try<'a> = (&'a str, Method, &'a str, Option<Value>, u16);

async fn check_all(document: &Document, client: &Client, tries: Vec<Try<'_>>) {
    for (operation, method, path, body, status) in tries {
        let (told, answer) = client.call(method, path, body).await;
        assert_eq!(told, status, "{operation}: {answer}");
        document.check(operation, status, &answer);
    }
}

#[tokio::test]
async fn contacts_and_tags_are_answered_as_documented() {
    let Some(document) = document() else { return };
    let client = Client::generous().await;
    client.seed("c1");
    let list = format!("/contacts/?locationId={LOCATION}");
    let tags = json!({"tags": ["a"]});
    let bulk = json!({"contacts": ["c1", "x"], "tags": ["a"], "locationId": LOCATION, "removeAllTags": false});
    let tries = vec![
        (
            "upsert-contact",
            Method::POST,
            "/contacts/upsert",
            Some(contact("a@deos.example")),
            200,
        ),
        (
            "upsert-contact",
            Method::POST,
            "/contacts/upsert",
            Some(json!({"locationId": 1})),
            422,
        ),
        (
            "create-contact",
            Method::POST,
            "/contacts/",
            Some(contact("b@deos.example")),
            201,
        ),
        ("get-contacts", Method::GET, &list, None, 200),
        (
            "update-contact",
            Method::PUT,
            "/contacts/c1",
            Some(json!({"city": "X", "tags": ["a"]})),
            200,
        ),
        ("get-contact", Method::GET, "/contacts/c1", None, 200),
        ("get-contact", Method::GET, "/contacts/none", None, 400),
        (
            "add-tags",
            Method::POST,
            "/contacts/c1/tags",
            Some(tags.clone()),
            201,
        ),
        (
            "remove-tags",
            Method::DELETE,
            "/contacts/c1/tags",
            Some(tags),
            200,
        ),
        (
            "create-association",
            Method::POST,
            "/contacts/bulk/tags/update/add",
            Some(bulk),
            201,
        ),
        ("delete-contact", Method::DELETE, "/contacts/c1", None, 200),
    ];
    check_all(&document, &client, tries).await;
    let unknown = client
        .http
        .get(format!("{}/contacts/c1", client.running.url()))
        .send()
        .await
        .unwrap();
    assert_eq!(unknown.status(), 401);
    document.check("get-contact", 401, &unknown.json().await.unwrap());
}

#[tokio::test]
async fn notes_are_answered_as_documented() {
    let Some(document) = document() else { return };
    let client = Client::generous().await;
    client.seed("c1");
    let note = json!({"body": "lorem ipsum", "userId": "u", "title": "t", "color": "#FFAA00", "pinned": false});
    let (_, created) = client.post("/contacts/c1/notes", note.clone()).await;
    let path = format!(
        "/contacts/c1/notes/{}",
        created["note"]["id"].as_str().unwrap()
    );
    let tries = vec![
        (
            "create-note",
            Method::POST,
            "/contacts/c1/notes",
            Some(note.clone()),
            201,
        ),
        (
            "create-note",
            Method::POST,
            "/contacts/c1/notes",
            Some(json!({})),
            422,
        ),
        (
            "get-all-notes",
            Method::GET,
            "/contacts/c1/notes",
            None,
            200,
        ),
        ("get-note", Method::GET, &path, None, 200),
        ("update-note", Method::PUT, &path, Some(note), 200),
        ("delete-note", Method::DELETE, &path, None, 200),
    ];
    check_all(&document, &client, tries).await;
}

#[tokio::test]
async fn tasks_are_answered_as_documented() {
    let Some(document) = document() else { return };
    let client = Client::generous().await;
    client.seed("c1");
    let task = json!({"title": "t", "body": "b", "dueDate": "2020-10-25T11:00:00Z", "completed": false, "assignedTo": "u"});
    let (_, created) = client.post("/contacts/c1/tasks", task.clone()).await;
    let path = format!(
        "/contacts/c1/tasks/{}",
        created["task"]["id"].as_str().unwrap()
    );
    let completed = format!("{path}/completed");
    let tries = vec![
        (
            "create-task",
            Method::POST,
            "/contacts/c1/tasks",
            Some(task.clone()),
            201,
        ),
        (
            "create-task",
            Method::POST,
            "/contacts/c1/tasks",
            Some(json!({})),
            422,
        ),
        (
            "get-all-tasks",
            Method::GET,
            "/contacts/c1/tasks",
            None,
            200,
        ),
        ("get-task", Method::GET, &path, None, 200),
        ("update-task", Method::PUT, &path, Some(task), 200),
        (
            "update-task-completed",
            Method::PUT,
            &completed,
            Some(json!({"completed": true})),
            200,
        ),
        ("delete-task", Method::DELETE, &path, None, 200),
    ];
    check_all(&document, &client, tries).await;
}

#[tokio::test]
async fn what_a_contact_is_tied_to_is_answered_as_documented() {
    let Some(document) = document() else { return };
    let client = Client::generous().await;
    client.seed("c1");
    let event = json!({
        "contactId": "c1", "calendarId": "k", "status": "booked", "title": "Test", "assignedUserId": "u", "notes": "n",
        "startTime": "2021-07-16 11:00:00", "endTime": "2021-07-16 11:30:00", "address": "A", "groupId": "g",
        "appointmentStatus": "booked", "users": ["u"], "assignedResources": ["r"]
    });
    client.running.seed(Seed::Appointment, &event).unwrap();
    let followers = json!({"followers": ["u1"]});
    let business = json!({"locationId": LOCATION, "ids": ["c1"], "businessId": "b1"});
    let members = format!("/contacts/business/b1?locationId={LOCATION}&limit=10&skip=0&query=");
    let tries = vec![
        (
            "get-appointments-for-contact",
            Method::GET,
            "/contacts/c1/appointments",
            None,
            200,
        ),
        (
            "add-followers-contact",
            Method::POST,
            "/contacts/c1/followers",
            Some(followers.clone()),
            201,
        ),
        (
            "add-followers-contact",
            Method::POST,
            "/contacts/c1/followers",
            Some(json!({})),
            422,
        ),
        (
            "remove-followers-contact",
            Method::DELETE,
            "/contacts/c1/followers",
            Some(followers),
            200,
        ),
        (
            "add-remove-contact-from-business",
            Method::POST,
            "/contacts/bulk/business",
            Some(business),
            200,
        ),
        (
            "add-remove-contact-from-business",
            Method::POST,
            "/contacts/bulk/business",
            Some(json!({})),
            422,
        ),
        (
            "get-contacts-by-businessId",
            Method::GET,
            &members,
            None,
            200,
        ),
        (
            "get-contacts-by-businessId",
            Method::GET,
            "/contacts/business/b1",
            None,
            422,
        ),
        ("get-contact", Method::GET, "/contacts/c1", None, 200),
    ];
    check_all(&document, &client, tries).await;
}

#[tokio::test]
async fn campaigns_and_workflows_are_answered_as_documented() {
    let Some(document) = document() else { return };
    let client = Client::generous().await;
    client.seed("c1");
    let start = json!({"eventStartTime": "2021-06-23T03:30:00+01:00"});
    let tries = vec![
        (
            "add-contact-to-campaign",
            Method::POST,
            "/contacts/c1/campaigns/k",
            Some(json!({})),
            201,
        ),
        (
            "add-contact-to-campaign",
            Method::POST,
            "/contacts/c9/campaigns/k",
            Some(json!({})),
            400,
        ),
        (
            "remove-contact-from-campaign",
            Method::DELETE,
            "/contacts/c1/campaigns/k",
            None,
            200,
        ),
        (
            "remove-contact-from-every-campaign",
            Method::DELETE,
            "/contacts/c1/campaigns/removeAll",
            None,
            200,
        ),
        (
            "add-contact-to-workflow",
            Method::POST,
            "/contacts/c1/workflow/w",
            Some(start.clone()),
            200,
        ),
        (
            "delete-contact-from-workflow",
            Method::DELETE,
            "/contacts/c1/workflow/w",
            Some(start),
            200,
        ),
    ];
    check_all(&document, &client, tries).await;
}
