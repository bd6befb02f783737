//! The table of operations, one row each: all that the official document has; a test holds them against it wherever that
//! document is at hand.

use http::Method;

use super::{Done, Input, Operation};
use crate::sandbox::api::answer::Answer;
use crate::sandbox::api::shape::Shape;
use crate::sandbox::api::world::World;
use crate::sandbox::api::{
    appointments, business, contacts, enrolment, followers, notes, page, search, shapes, tags,
    tasks,
};

type Run = fn(&mut World, &Input<'_>) -> Result<Done, Answer>;

const fn row(
    id: &'static str,
    method: Method,
    path: &'static str,
    ok: u16,
    body: Option<Shape>,
    run: Run,
) -> Operation {
    Operation {
        id,
        method,
        path,
        query: &[],
        body,
        ok,
        run,
    }
}

const fn query(id: &'static str, path: &'static str, query: Shape, run: Run) -> Operation {
    Operation {
        id,
        method: Method::GET,
        path,
        query,
        body: None,
        ok: 200,
        run,
    }
}

const NOTES: &str = "/contacts/{contactId}/notes";
const NOTE: &str = "/contacts/{contactId}/notes/{id}";
const TASKS: &str = "/contacts/{contactId}/tasks";
const TASK: &str = "/contacts/{contactId}/tasks/{taskId}";
const TAGS: &str = "/contacts/{contactId}/tags";
const CONTACT: &str = "/contacts/{contactId}";
const FOLLOWERS: &str = "/contacts/{contactId}/followers";
const CAMPAIGN: &str = "/contacts/{contactId}/campaigns/{campaignId}";
const WORKFLOW: &str = "/contacts/{contactId}/workflow/{workflowId}";

/// All of them; where two paths match, the first wins.
pub(super) static OPERATIONS: &[Operation] = &[
    query(
        "get-duplicate-contact",
        "/contacts/search/duplicate",
        shapes::DUPLICATE_QUERY,
        contacts::find_duplicate,
    ),
    query(
        "get-contacts-by-businessId",
        "/contacts/business/{businessId}",
        shapes::BUSINESS_QUERY,
        business::contacts,
    ),
    query("get-contacts", "/contacts", shapes::LIST_QUERY, page::list),
    row(
        "create-contact",
        Method::POST,
        "/contacts",
        201,
        Some(shapes::CREATE_CONTACT),
        contacts::create,
    ),
    row(
        "upsert-contact",
        Method::POST,
        "/contacts/upsert",
        200,
        Some(shapes::UPSERT_CONTACT),
        contacts::upsert,
    ),
    row(
        "search-contacts-advanced",
        Method::POST,
        "/contacts/search",
        200,
        Some(shapes::SEARCH),
        search::search,
    ),
    row(
        "add-remove-contact-from-business",
        Method::POST,
        "/contacts/bulk/business",
        200,
        Some(shapes::BULK_BUSINESS),
        business::assign,
    ),
    row(
        "create-association",
        Method::POST,
        "/contacts/bulk/tags/update/{type}",
        201,
        Some(shapes::BULK_TAGS),
        tags::bulk,
    ),
    row(
        "get-contact",
        Method::GET,
        CONTACT,
        200,
        None,
        contacts::get,
    ),
    row(
        "update-contact",
        Method::PUT,
        CONTACT,
        200,
        Some(shapes::UPDATE_CONTACT),
        contacts::update,
    ),
    row(
        "delete-contact",
        Method::DELETE,
        CONTACT,
        200,
        None,
        contacts::delete,
    ),
    row(
        "add-tags",
        Method::POST,
        TAGS,
        201,
        Some(shapes::TAGS),
        tags::add,
    ),
    row(
        "remove-tags",
        Method::DELETE,
        TAGS,
        200,
        Some(shapes::TAGS),
        tags::remove,
    ),
    row("get-all-notes", Method::GET, NOTES, 200, None, notes::list),
    row(
        "create-note",
        Method::POST,
        NOTES,
        201,
        Some(shapes::CREATE_NOTE),
        notes::create,
    ),
    row("get-note", Method::GET, NOTE, 200, None, notes::get),
    row(
        "update-note",
        Method::PUT,
        NOTE,
        200,
        Some(shapes::UPDATE_NOTE),
        notes::update,
    ),
    row(
        "delete-note",
        Method::DELETE,
        NOTE,
        200,
        None,
        notes::delete,
    ),
    row("get-all-tasks", Method::GET, TASKS, 200, None, tasks::list),
    row(
        "create-task",
        Method::POST,
        TASKS,
        201,
        Some(shapes::CREATE_TASK),
        tasks::create,
    ),
    row("get-task", Method::GET, TASK, 200, None, tasks::get),
    row(
        "update-task",
        Method::PUT,
        TASK,
        200,
        Some(shapes::UPDATE_TASK),
        tasks::update,
    ),
    row(
        "delete-task",
        Method::DELETE,
        TASK,
        200,
        None,
        tasks::delete,
    ),
    row(
        "update-task-completed",
        Method::PUT,
        "/contacts/{contactId}/tasks/{taskId}/completed",
        200,
        Some(shapes::COMPLETE_TASK),
        tasks::update,
    ),
    row(
        "get-appointments-for-contact",
        Method::GET,
        "/contacts/{contactId}/appointments",
        200,
        None,
        appointments::list,
    ),
    row(
        "add-followers-contact",
        Method::POST,
        FOLLOWERS,
        201,
        Some(shapes::FOLLOWERS),
        followers::add,
    ),
    row(
        "remove-followers-contact",
        Method::DELETE,
        FOLLOWERS,
        200,
        Some(shapes::FOLLOWERS),
        followers::remove,
    ),
    row(
        "remove-contact-from-every-campaign",
        Method::DELETE,
        "/contacts/{contactId}/campaigns/removeAll",
        200,
        None,
        enrolment::remove_from_campaigns,
    ),
    row(
        "add-contact-to-campaign",
        Method::POST,
        CAMPAIGN,
        201,
        Some(shapes::CAMPAIGN),
        enrolment::add_to_campaign,
    ),
    row(
        "remove-contact-from-campaign",
        Method::DELETE,
        CAMPAIGN,
        200,
        None,
        enrolment::remove_from_campaign,
    ),
    row(
        "add-contact-to-workflow",
        Method::POST,
        WORKFLOW,
        200,
        Some(shapes::WORKFLOW),
        enrolment::add_to_workflow,
    ),
    row(
        "delete-contact-from-workflow",
        Method::DELETE,
        WORKFLOW,
        200,
        Some(shapes::WORKFLOW),
        enrolment::remove_from_workflow,
    ),
];

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// The official document, where `PENSTOCK_GHL_SPEC` names the folder that has `apps/contacts.json`.
    fn official() -> Option<Value> {
        let folder = std::env::var_os("PENSTOCK_GHL_SPEC")?;
        let text = std::fs::read(std::path::Path::new(&folder).join("apps/contacts.json")).unwrap();
        Some(serde_json::from_slice(&text).unwrap())
    }

    /// Id, method, path, status of success, whether it takes a body, and its query's fields with whether they are required.
    type Row = (String, String, String, u16, bool, Vec<(String, bool)>);

    fn here(operation: &Operation) -> Row {
        let fields = operation.query.iter();
        let mut query: Vec<_> = fields
            .map(|field| (field.name.to_owned(), field.required))
            .collect();
        query.sort();
        (
            operation.id.to_owned(),
            operation.method.to_string(),
            operation.path.to_owned(),
            operation.ok,
            operation.body.is_some(),
            query,
        )
    }

    fn documented(path: &str, method: &str, operation: &Value) -> Row {
        let parameters = operation["parameters"].as_array().unwrap().iter();
        let mut query: Vec<_> = parameters
            .filter(|parameter| parameter["in"] == "query")
            .map(|parameter| {
                let name = parameter["name"].as_str().unwrap();
                (name.to_owned(), parameter["required"] == true)
            })
            .collect();
        query.sort();
        let statuses = operation["responses"].as_object().unwrap().keys();
        let mut statuses = statuses.map(|status| status.parse().unwrap());
        (
            operation["operationId"].as_str().unwrap().to_owned(),
            method.to_uppercase(),
            path.trim_end_matches('/').to_owned(),
            statuses.find(|status| (200..300).contains(status)).unwrap(),
            operation.get("requestBody").is_some(),
            query,
        )
    }

    #[test]
    fn the_table_is_that_of_the_official_document() {
        let Some(document) = official() else {
            eprintln!("skipped: PENSTOCK_GHL_SPEC does not name a folder with apps/contacts.json");
            return;
        };
        let paths = document["paths"].as_object().unwrap().iter();
        let mut official: Vec<Row> = paths
            .flat_map(|(path, methods)| {
                let methods = methods.as_object().unwrap().iter();
                methods.map(move |(method, operation)| documented(path, method, operation))
            })
            .collect();
        let mut table: Vec<Row> = OPERATIONS.iter().map(here).collect();
        official.sort();
        table.sort();
        assert_eq!(table, official);
    }
}
