//! The contacts API.

use http::Method;

use super::{query, row};
use crate::sandbox::api::operation::Operation;
use crate::sandbox::api::{
    appointments, business, contacts, enrolment, followers, notes, page, search, shapes, tags,
    tasks,
};

const NOTES: &str = "/contacts/{contactId}/notes";
const NOTE: &str = "/contacts/{contactId}/notes/{id}";
const TASKS: &str = "/contacts/{contactId}/tasks";
const TASK: &str = "/contacts/{contactId}/tasks/{taskId}";
const TAGS: &str = "/contacts/{contactId}/tags";
const CONTACT: &str = "/contacts/{contactId}";
const FOLLOWERS: &str = "/contacts/{contactId}/followers";
const CAMPAIGN: &str = "/contacts/{contactId}/campaigns/{campaignId}";
const WORKFLOW: &str = "/contacts/{contactId}/workflow/{workflowId}";

/// Where two paths match, the first wins.
pub(super) static ROWS: &[Operation] = &[
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
    )
    .reads(),
    row(
        "add-remove-contact-from-business",
        Method::POST,
        "/contacts/bulk/business",
        200,
        Some(shapes::BULK_BUSINESS),
        business::assign,
    )
    .unscoped(),
    row(
        "create-association",
        Method::POST,
        "/contacts/bulk/tags/update/{type}",
        201,
        Some(shapes::BULK_TAGS),
        tags::bulk,
    )
    .unscoped(),
    row(
        "get-contact",
        Method::GET,
        CONTACT,
        200,
        None,
        contacts::get,
    )
    .reads(),
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
    row("get-all-notes", Method::GET, NOTES, 200, None, notes::list).reads(),
    row(
        "create-note",
        Method::POST,
        NOTES,
        201,
        Some(shapes::CREATE_NOTE),
        notes::create,
    ),
    row("get-note", Method::GET, NOTE, 200, None, notes::get).reads(),
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
    row("get-all-tasks", Method::GET, TASKS, 200, None, tasks::list).reads(),
    row(
        "create-task",
        Method::POST,
        TASKS,
        201,
        Some(shapes::CREATE_TASK),
        tasks::create,
    ),
    row("get-task", Method::GET, TASK, 200, None, tasks::get).reads(),
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
    )
    .reads(),
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
