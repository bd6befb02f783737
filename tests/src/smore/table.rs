//! The table of operations, one row each. Paths that are settings are written as those below.

use http::Method;

use super::account::Account;
use super::{crm, forms, hooks, oauth};
use crate::stand::{Answer, Input, Operation, Refusal};

/// Where `Paths::authorize` leads.
pub(super) const AUTHORIZE: &str = "/~authorize";
/// Where `Paths::token` leads.
pub(super) const TOKEN: &str = "/~token";
/// What is under `Paths::api`.
pub(super) const API: &str = "/~api";

const TAGS: &str = "/crm/v1/profiles/{id}/tags";
const NOTES: &str = "/crm/v1/profiles/{id}/notes";
const RECORDS: &str = "/crm/v1/profiles/{id}/records";
const MILESTONES: &str = "/crm/v1/profiles/{id}/milestones";
const TIMELINE: &str = "/crm/v1/profiles/{id}/timeline";
const PROFILES: &str = "/crm/v1/profiles";
const PROFILE: &str = "/crm/v1/profiles/{id}";
const WEBHOOKS: &str = "/~api/forms/{form}/webhooks";

const fn row(
    id: &'static str,
    method: Method,
    path: &'static str,
    run: fn(&mut Account, &Input<'_>) -> Result<Answer, Refusal>,
) -> Operation<Account> {
    Operation::new(id, method, path, run)
}

/// All of them; where two paths match, the first wins.
pub(super) static OPERATIONS: &[Operation<Account>] = &[
    row("authorize", Method::GET, AUTHORIZE, oauth::authorize),
    row("token", Method::POST, TOKEN, oauth::token),
    row("get-profile", Method::GET, "/~api/profile", |_, _| {
        Ok(forms::profile())
    }),
    row("get-forms", Method::GET, "/~api/forms", |account, _| {
        Ok(forms::all(account))
    }),
    row("get-form", Method::GET, "/~api/forms/{form}", forms::get),
    row(
        "get-responses",
        Method::GET,
        "/~api/forms/{form}/responses",
        forms::responses,
    ),
    row(
        "get-response",
        Method::GET,
        "/~api/forms/{form}/responses/{id}",
        forms::response,
    ),
    row("get-webhooks", Method::GET, WEBHOOKS, hooks::all),
    row("create-webhook", Method::POST, WEBHOOKS, hooks::post),
    row(
        "delete-webhook",
        Method::DELETE,
        "/~api/forms/{form}/webhooks/{id}",
        hooks::delete,
    ),
    row(
        "crm-create-profile",
        Method::POST,
        PROFILES,
        crm::profiles::post,
    ),
    row(
        "crm-find-profiles",
        Method::GET,
        PROFILES,
        crm::profiles::find,
    ),
    row("crm-get-profile", Method::GET, PROFILE, crm::profiles::get),
    row(
        "crm-update-profile",
        Method::PATCH,
        PROFILE,
        crm::profiles::patch,
    ),
    row(
        "crm-delete-profile",
        Method::DELETE,
        PROFILE,
        crm::profiles::delete,
    ),
    row("crm-add-tags", Method::POST, TAGS, crm::tags::post),
    row("crm-remove-tags", Method::DELETE, TAGS, crm::tags::delete),
    row("crm-get-notes", Method::GET, NOTES, crm::entries::notes),
    row(
        "crm-create-note",
        Method::POST,
        NOTES,
        crm::entries::post_note,
    ),
    row(
        "crm-get-records",
        Method::GET,
        RECORDS,
        crm::entries::records,
    ),
    row(
        "crm-create-record",
        Method::POST,
        RECORDS,
        crm::entries::post_record,
    ),
    row(
        "crm-get-milestones",
        Method::GET,
        MILESTONES,
        crm::entries::milestones,
    ),
    row(
        "crm-create-milestone",
        Method::POST,
        MILESTONES,
        crm::entries::post_milestone,
    ),
    row(
        "crm-get-timeline",
        Method::GET,
        TIMELINE,
        crm::entries::timeline,
    ),
    row(
        "crm-create-timeline-entry",
        Method::POST,
        TIMELINE,
        crm::entries::post_timeline,
    ),
];
