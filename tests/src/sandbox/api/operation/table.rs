//! The table of operations, one row each. Those of the official document that are missing are to be added as rows.

use http::Method;

use super::{Done, Input, Operation};
use crate::sandbox::api::answer::Answer;
use crate::sandbox::api::shape::Shape;
use crate::sandbox::api::world::World;
use crate::sandbox::api::{contacts, notes, page, shapes, tags, tasks};

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

const fn search(id: &'static str, path: &'static str, query: Shape, run: Run) -> Operation {
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

/// All of them; where two paths match, the first wins.
pub(super) static OPERATIONS: &[Operation] = &[
    search(
        "get-duplicate-contact",
        "/contacts/search/duplicate",
        shapes::DUPLICATE_QUERY,
        contacts::find_duplicate,
    ),
    search("get-contacts", "/contacts", shapes::LIST_QUERY, page::list),
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
];
