//! The table of operations, one row each.

use http::Method;

use super::account::Account;
use super::{hooks, lists, register, reports, send, tokens};
use crate::stand::Operation;

/// All of them; where two paths match, the first wins.
pub(super) static OPERATIONS: &[Operation<Account>] = &[
    Operation::new("send", Method::POST, "/send", send::send),
    Operation::new("send-lists", Method::POST, "/send/lists", send::send_lists),
    Operation::new("simulate", Method::POST, "/send/simulate", send::simulate),
    Operation::new(
        "simulate-lists",
        Method::POST,
        "/send/lists/simulate",
        send::simulate_lists,
    ),
    Operation::new("cancel", Method::DELETE, "/send/{ticket}", send::cancel),
    Operation::new("post-list", Method::POST, "/list", lists::post),
    Operation::new("get-lists", Method::GET, "/lists", |account, _| {
        Ok(lists::all(account))
    }),
    Operation::new("get-list", Method::GET, "/list/{id}", lists::get),
    Operation::new("delete-list", Method::DELETE, "/list/{id}", lists::delete),
    Operation::new(
        "put-list-contact",
        Method::PUT,
        "/list/contact/{id}",
        lists::put_contact,
    ),
    Operation::new(
        "delete-list-contact",
        Method::DELETE,
        "/list/contact/{id}",
        lists::delete_contact,
    ),
    Operation::new(
        "deduplicate-list",
        Method::PUT,
        "/list/deduplicate/{id}",
        lists::deduplicate,
    ),
    Operation::new(
        "clear-list-npai",
        Method::PUT,
        "/list/{id}/npai/clear",
        lists::clear_npai,
    ),
    Operation::new("get-blacklist", Method::GET, "/blacklist", |account, _| {
        Ok(account.blacklist.shown())
    }),
    Operation::new(
        "post-blacklist",
        Method::POST,
        "/blacklist",
        register::add_to_blacklist,
    ),
    Operation::new(
        "delete-blacklist-contact",
        Method::DELETE,
        "/blacklist/contact/{id}",
        register::remove_from_blacklist,
    ),
    Operation::new("get-npai", Method::GET, "/npai", |account, _| {
        Ok(account.npai.shown())
    }),
    Operation::new("post-npai", Method::POST, "/npai", register::add_to_npai),
    Operation::new("get-replies", Method::GET, "/messages/mo", reports::replies),
    Operation::new(
        "get-campaign-replies",
        Method::GET,
        "/campaign/{ticket}/mo",
        reports::campaign_replies,
    ),
    Operation::new("get-account", Method::GET, "/account", |account, _| {
        Ok(reports::account(account))
    }),
    Operation::new("get-credits", Method::GET, "/credits", |account, _| {
        Ok(reports::credits(account))
    }),
    Operation::new("get-webhooks", Method::GET, "/webhook", |account, _| {
        Ok(hooks::all(account))
    }),
    Operation::new("post-webhook", Method::POST, "/webhook", hooks::post),
    Operation::new("put-webhook", Method::PUT, "/webhook/{id}", hooks::put),
    Operation::new(
        "delete-webhook",
        Method::DELETE,
        "/webhook/{id}",
        hooks::delete,
    ),
    Operation::new("get-tokens", Method::GET, "/token", |account, input| {
        Ok(tokens::all(account, input.now))
    }),
    Operation::new("post-token", Method::POST, "/token", tokens::post),
    Operation::new(
        "delete-token",
        Method::DELETE,
        "/token/{id}",
        tokens::delete,
    ),
];
