use http::HeaderMap;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::{
    job::Phone,
    wire::{CallError, End, Response},
};

fn judged(request: &Request, status: u16, body: &str) -> Result<Answer, CallError> {
    classify::response(
        request,
        &Response {
            status,
            headers: &HeaderMap::new(),
            body: body.as_bytes(),
            end: End::Whole,
            now: Timestamp::UNIX_EPOCH,
        },
    )
}

fn phone() -> Phone {
    "+33612345678".parse().unwrap()
}

fn message(phone: &Phone) -> Message<'_> {
    Message {
        to: phone,
        text: "Bonjour",
        sender: None,
        push_type: None,
        send_at: None,
        unicode: None,
        id: "job-1",
    }
}

fn sent(status: u16, body: &str) -> Result<Answer, CallError> {
    judged(&Request::send(&message(&phone())), status, body)
}

#[test]
fn a_message_is_written_as_the_vendor_has_it() {
    let phone = phone();
    let request = Request::send(&Message {
        sender: Some("Acme"),
        push_type: Some("alert"),
        send_at: Some("2026-07-01T10:00:00Z".parse().unwrap()),
        unicode: Some(false),
        ..message(&phone)
    });
    let expected = json!({ "sms": {
        "message": { "text": "Bonjour", "pushtype": "alert", "sender": "Acme", "delay": "2026-07-01 12:00:00", "unicode": 0 },
        "recipients": { "gsm": [{ "gsmsmsid": "job-1", "value": "33612345678" }] },
    } });
    assert_eq!(request.body, Some(expected));
    assert!(!request.is_read());
    assert!(!format!("{request:?}").contains("612345678"));
}

#[test]
fn ids_lead_nowhere_else() {
    let request = Request::remove_listed("../send?a#b");
    assert_eq!(request.path, "/list/contact/%2E%2E%2Fsend%3Fa%23b");
}

#[test]
fn what_counts_is_the_status_in_the_body() {
    let ok = r#"{"status":1,"message":"OK","ticket":"14672468","cost":1,"credits":"642","total":1,"sent":1}"#;
    let receipt = sent(200, ok).unwrap().receipt().unwrap();
    assert_eq!(receipt.ticket.as_deref(), Some("14672468"));
    assert_eq!((receipt.cost, receipt.credits), (Some(1), Some(642)));
    for (status, body, expected) in [
        (200, r#"{"status":-1}"#, "Unauthorized"),
        (401, "{}", "Unauthorized"),
        (403, r#"{"error":"no"}"#, "Unauthorized"),
        (403, "<html>", "ServerError"),
        (200, r#"{"status":"-3"}"#, "Depleted"),
        (402, r#"{"status":-3}"#, "Depleted"),
        (200, r#"{"status":-4,"details":"bad delay"}"#, "Rejected"),
        (200, r#"{"status":-7}"#, "Rejected"),
        (200, r#"{"error":"no such thing"}"#, "Rejected"),
        (200, r#"{"status":-99}"#, "ServerError"),
        (200, "<xml/>", "Unreadable"),
        (200, r#"{"message":"OK"}"#, "Unreadable"),
        (301, "", "ServerError"),
        (429, "", "Throttled"),
        (500, r#"{"error":"x"}"#, "ServerError"),
        (400, "{}", "Rejected"),
    ] {
        let error = sent(status, body).unwrap_err();
        let told = format!("{error:?}");
        assert!(told.starts_with(expected), "{status} {body}: {told}");
    }
}

#[test]
fn under_moderation_is_accepted_whatever_http_says() {
    for status in [200, 400, 500] {
        let answer = sent(status, r#"{"status":-8,"message":"Under moderation"}"#).unwrap();
        assert!(answer.receipt().unwrap().moderated, "{status}");
    }
}

#[test]
fn what_was_sent_to_nobody_is_refused_with_the_reason() {
    for (counted, reason) in [
        ("blacklisted", "on the blacklist"),
        ("invalid", "not valid"),
        ("npai", "not assigned"),
    ] {
        let body = format!(r#"{{"status":1,"total":1,"sent":0,"{counted}":1}}"#);
        let error = sent(200, &body).unwrap().receipt().unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[test]
fn rows_are_found_wherever_they_are() {
    let row = json!({ "id": 7, "value": "+33612345678", "info1": "Ann", "info2": "" });
    let other = json!({ "id": "8", "value": "33600000000" });
    for body in [
        json!({ "status": 1, "list": [other, row] }),
        json!({ "status": 1, "list": { "contacts": { "gsm": [other, row] } } }),
        json!({ "status": 1, "a": [], "b": [1], "contacts": [other, row] }),
    ] {
        let page = read(body).page("33612345678");
        let infos = [Some("Ann".to_owned()), None, None, None];
        assert_eq!(
            page.found,
            [Listed {
                id: "7".to_owned(),
                infos
            }]
        );
        assert_eq!(page.rows, 2);
    }
    assert_eq!(read(Value::Null).page("1").rows, 0);
}

fn read(body: Value) -> Answer {
    Answer {
        status: 200,
        body,
        moderated: false,
    }
}

/// What is there would count as gone, or be added again.
#[test]
fn what_says_nothing_of_rows_is_not_taken_for_none() {
    let row = json!({ "id": 7, "value": "0033612345678" });
    let page = |body: Value| read(body).page("33612345678");
    for (body, is_understood, found) in [
        (json!({ "status": 1, "list": [] }), true, 0),
        (json!({ "list": { "contacts": { "gsm": [] } } }), true, 0),
        (json!({ "blacklist": [] }), true, 0),
        (json!({ "totalRecords": "0" }), true, 0),
        (json!({ "rows": [row] }), true, 1),
        (json!({ "rows": [{ "value": "33600000000" }] }), true, 0),
        (json!({ "status": 1, "message": "OK" }), false, 0),
        (json!({ "list": { "id": 7, "name": "Guests" } }), false, 0),
        (json!({ "list": [{ "id": 7, "name": "Guests" }] }), false, 0),
        (json!({ "totalRecords": 3, "list": [] }), true, 0),
        // It can neither be changed nor taken out.
        (
            json!({ "list": [row, { "value": "33612345678" }] }),
            false,
            1,
        ),
    ] {
        let page = page(body.clone());
        let read = (page.is_understood, page.found.len());
        assert_eq!(read, (is_understood, found), "{body}");
    }
}

#[test]
fn a_page_that_was_cut_is_not_the_last() {
    let rows = |count: usize| vec![json!({ "id": 7, "destination": "336" }); count];
    for (start, count, total, is_last) in [
        (0, 99, None, true),
        (0, 100, None, false),
        (0, 1_000, None, false),
        (100, 0, None, true),
        (0, 100, Some(250), false),
        (200, 50, Some(250), true),
        (0, 7, Some(250), false),
        (7, 0, Some(250), true),
    ] {
        let mut body = json!({ "replies": rows(count) });
        if let Some(total) = total {
            body["totalRecords"] = total.into();
        }
        let answer = read(body);
        let told = format!("{count} from {start} on, of {total:?}");
        assert_eq!(answer.page("1").is_last(start), is_last, "{told}");
        assert_eq!(answer.replies().is_last(start), is_last, "{told}");
    }
}

#[test]
fn a_reply_is_of_whoever_it_names() {
    let body = json!({ "replies": [
        { "message_id": "m", "destination": "33612345678" },
        { "message_id": "m", "destination": "33600000000" },
        { "message_id": "m" },
        { "destination": "33612345678" },
    ] });
    let replies = read(body).replies();
    let of = replies.rows.iter().map(|reply| reply.may_be_from(&phone()));
    assert_eq!(of.collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(replies.count, 4);
    assert!(!format!("{replies:?}").contains("612345678"));
}

/// The vendor's pages do not show what every answer looks like: a look at the credits is what closes an open breaker.
#[test]
fn what_is_only_read_may_go_without_a_status() {
    let reading = |status, body| judged(&Request::credits(), status, body);
    for body in [
        r#"{"credits":642}"#,
        r#"[{"id":"1"}]"#,
        r#"{"credits":1,"error":null}"#,
    ] {
        assert_eq!(
            reading(200, body).unwrap().body,
            body.parse::<Value>().unwrap()
        );
        assert!(sent(200, body).is_err(), "{body}");
    }
    for (status, body, expected) in [
        (200, r#"{"error":"no"}"#, "Rejected"),
        (200, r#"{"status":-99}"#, "ServerError"),
        (200, "642", "Unreadable"),
        (200, "<xml/>", "Unreadable"),
        (500, r#"{"credits":642}"#, "ServerError"),
    ] {
        let told = format!("{:?}", reading(status, body).unwrap_err());
        assert!(told.starts_with(expected), "{status} {body}: {told}");
    }
}

#[test]
fn a_thing_that_is_not_there_is_told_from_a_wrong_request() {
    let gone = judged(&Request::remove_listed("x"), 200, r#"{"status":-5}"#).unwrap_err();
    assert!(matches!(
        gone,
        CallError::PartNotFound {
            what: "contact",
            ..
        }
    ));
    let wrong = sent(200, r#"{"status":-5}"#).unwrap_err();
    assert!(matches!(wrong, CallError::Rejected { .. }));
}
