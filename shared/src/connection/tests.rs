use std::{fs, path::Path};

use http::{HeaderMap, HeaderValue, header::RETRY_AFTER};
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::*;
use crate::{
    job::{Job, Payload},
    wire::{CallError, End, Response},
};

fn parse(text: &str) -> Result<Connections, String> {
    Connections::parse(text, Path::new("/etc/connections.toml")).map_err(|error| error.to_string())
}

fn bearer(auth: Option<&Auth>) -> Option<String> {
    match auth? {
        Auth::Bearer(token) => Some(token.expose_secret().to_owned()),
        _ => None,
    }
}

#[test]
fn a_token_is_all_that_the_known_ones_need() {
    let known = parse("[smsfactor]\ntoken = 'sms'\n[connection.smore]\ntoken = 'smore'\n").unwrap();
    let smsfactor = known.smsfactor.unwrap();
    assert_eq!(smsfactor.base_url, "https://api.smsfactor.com");
    assert_eq!(smsfactor.quotas.0.to_string(), "10/1s");
    let smore = &known.others[&"smore".parse().unwrap()];
    assert_eq!(smore.base_url, "https://smore.im/api/v1");
    assert_eq!(smore.quotas.0.to_string(), "20/1m");
    assert_eq!(bearer(smore.auth.of("any")).as_deref(), Some("smore"));
    assert!(!format!("{smsfactor:?}{smore:?}").contains("\"sm"));
}

#[test]
fn a_tenants_own_goes_before_what_is_everybodys() {
    let text = "[smsfactor]\ntoken = 'all'\n[smsfactor.tenants.acme]\ntoken = 'own'\n";
    let auth = parse(text).unwrap().smsfactor.unwrap().auth;
    assert_eq!(bearer(auth.of("acme")).as_deref(), Some("own"));
    assert_eq!(bearer(auth.of("other")).as_deref(), Some("all"));
    let text = "[smsfactor.tenants.acme]\ntoken = 'own'\n";
    let auth = parse(text).unwrap().smsfactor.unwrap().auth;
    assert!(auth.of("other").is_none());
}

#[test]
fn an_account_is_a_tenants_own_where_no_other_has_its_token() {
    let text = "[smsfactor]\ntoken = 'all'\n[smsfactor.tenants.acme]\ntoken = 'own'\n\
        [smsfactor.tenants.one]\ntoken = 'same'\n[smsfactor.tenants.two]\ntoken = 'same'\n[smsfactor.tenants.odd]\ntoken = 'all'\n";
    let auth = parse(text).unwrap().smsfactor.unwrap().auth;
    let own = ["acme", "one", "two", "odd", "other"].map(|tenant| auth.is_own(tenant));
    assert_eq!(own, [true, false, false, false, false]);
    for (one, other, shared) in [
        ("one", "two", true),
        ("other", "another", true),
        ("other", "odd", true),
        ("acme", "acme", true),
        ("acme", "other", false),
        ("acme", "one", false),
    ] {
        assert_eq!(auth.is_shared(one, other), shared, "{one} {other}");
        assert_eq!(auth.is_shared(other, one), shared, "{other} {one}");
    }
}

#[test]
fn every_way_to_prove_oneself_is_read() {
    let text = "[connection.a]\nbase_url = 'http://a/'\nheader = 'X-Api-Key'\ntoken = 'k'\n\
        [connection.b]\nbase_url = 'http://b'\nuser = 'u'\ntoken = 'p'\ndaily = '100/1d'\ntimeout = '2s'\n\
        [connection.c]\nbase_url = 'http://c'\nauth = 'none'\nidempotency_header = 'Idempotency-Key'\nprobe = '/up'\nforbidden = 'hold'\n";
    let known = parse(text).unwrap().others;
    let of = |name: &str| &known[&name.parse().unwrap()];
    assert_eq!(of("a").base_url, "http://a");
    assert!(matches!(of("a").auth.of("t"), Some(Auth::Header(name, _)) if name == "x-api-key"));
    assert!(matches!(of("b").auth.of("t"), Some(Auth::Basic(user, _)) if user == "u"));
    assert_eq!(of("b").quotas.1.to_string(), "100/1d");
    assert_eq!(of("b").timeout, Some(Duration::from_secs(2)));
    assert!(matches!(of("c").auth.of("t"), Some(Auth::Nothing)));
    assert_eq!(
        of("c").idempotency_header.as_ref().unwrap(),
        "idempotency-key"
    );
    assert_eq!(of("c").probe.as_ref().unwrap().as_str(), "/up");
    assert_eq!(of("a").forbidden, Forbidden::Reject);
    assert_eq!(of("c").forbidden, Forbidden::Hold);
}

#[test]
fn what_makes_no_sense_is_named_with_its_line() {
    for (text, told) in [
        ("[smsfactor]\n", "line 1: smsfactor.token: missing"),
        ("\n[smsfactor]\ntoken = 5\n", "line 3: smsfactor"),
        (
            "\n\n[connection.crm]\ntoken = 'x'\n",
            "line 3: connection.crm.base_url: missing",
        ),
        (
            "[connection.ghl]\ntoken = 'x'\n",
            "connection.ghl: its name has job types",
        ),
        (
            "[connection.Crm]\ntoken = 'x'\n",
            "connection.Crm: its name must",
        ),
        (
            "[smsfactor]\ntoken = 'x'\nquota = '0/1s'\n",
            "smsfactor.quota",
        ),
        (
            "[smsfactor]\ntoken = 'x'\ndaily = '5/1s'\n",
            "smsfactor.daily",
        ),
        (
            "[smsfactor]\ntoken = 'x'\ntimeout = '1h'\n",
            "smsfactor.timeout",
        ),
        (
            "[smsfactor]\ntoken = 'x'\nheader = 'X-A'\n",
            "smsfactor.header",
        ),
        (
            "[smsfactor]\ntoken = 'x'\nforbidden = 'hold'\n",
            "smsfactor.forbidden",
        ),
        ("[smsfactor]\ntoken = 'x'\nother = 1\n", "smsfactor"),
        (
            "[smsfactor]\ntoken = ['x', 'y']\n",
            "smsfactor.token: there are several",
        ),
        (
            "[smsfactor]\ntoken = \"x\\ny\"\n",
            "smsfactor.token: no header",
        ),
        (
            "[connection.a]\nbase_url = 'ftp://a'\ntoken = 'x'\n",
            "connection.a.base_url",
        ),
        (
            "[connection.a]\nbase_url = 'http://a'\nauth = 'none'\ntoken = 'x'\n",
            "connection.a.auth",
        ),
        (
            "[connection.a]\nbase_url = 'http://a'\nauth = 'basic'\ntoken = 'x'\n",
            "connection.a.user: missing",
        ),
        ("[smsfactor\n", "line 1: not TOML"),
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.contains(told), "{text}: {error}");
    }
}

#[test]
fn a_secret_may_be_in_a_file_beside() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("key"), "from-a-file\n").unwrap();
    let path = folder.path().join("connections.toml");
    fs::write(&path, "[smsfactor]\ntoken_file = 'key'\n").unwrap();
    let auth = Connections::load(&path).unwrap().smsfactor.unwrap().auth;
    assert_eq!(bearer(auth.of("t")).as_deref(), Some("from-a-file"));
    let missing = Connections::load(&folder.path().join("none.toml")).unwrap_err();
    assert!(missing.to_string().starts_with("PENSTOCK_CONNECTIONS: "));
}

fn judged(status: u16, body: &str) -> Result<Answered, CallError> {
    judged_by(status, body, End::Whole)
}

/// As one judges for whom 409 counts as done.
fn judged_by(status: u16, body: &str, end: End) -> Result<Answered, CallError> {
    let headers: HeaderMap = [(RETRY_AFTER, HeaderValue::from_static("7"))]
        .into_iter()
        .collect();
    let response = Response {
        status,
        headers: &headers,
        body: body.as_bytes(),
        end,
        now: Timestamp::UNIX_EPOCH,
    };
    client::judge(&response, |status| status == 409)
}

#[test]
fn answers_are_judged_by_http_alone() {
    assert_eq!(judged(201, "{\"id\":1}").unwrap().body.unwrap()["id"], 1);
    assert_eq!(judged(200, "<html>").unwrap().body, None);
    for (status, expected) in [
        (301, "Rejected"),
        (303, "Unreadable"),
        (400, "Rejected"),
        (401, "Unauthorized"),
        (403, "Rejected"),
        (404, "PartNotFound"),
        (408, "ServerError"),
        (429, "Throttled"),
        (503, "ServerError"),
    ] {
        let told = format!("{:?}", judged(status, "").unwrap_err());
        assert!(told.starts_with(expected), "{status}: {told}");
    }
}

#[test]
fn a_403_of_the_system_itself_refuses_one_call_and_a_page_of_another_none() {
    let meaning = |forbidden: Forbidden, body: &str| {
        let error = forbidden.meaning(judged(403, body).unwrap_err());
        format!("{error:?}")
    };
    let (refusal, page) = ("{\"message\":\"not yours\"}", "<html>blocked</html>");
    for (forbidden, body, expected) in [
        (Forbidden::Reject, refusal, "Rejected"),
        (Forbidden::Reject, "", "Rejected"),
        (Forbidden::Reject, page, "ServerError"),
        (Forbidden::Hold, refusal, "Unauthorized"),
        (Forbidden::Hold, "", "Unauthorized"),
        (Forbidden::Hold, page, "ServerError"),
    ] {
        let told = meaning(forbidden, body);
        assert!(told.starts_with(expected), "{forbidden:?} {body}: {told}");
    }
    // What is refused otherwise is not about the token.
    let other = Forbidden::Hold.meaning(judged(400, refusal).unwrap_err());
    assert!(matches!(other, CallError::Rejected { .. }), "{other}");
}

/// It would stand beside the connection's own, and which of the two counts only the other end knows.
#[test]
fn a_job_sets_no_header_of_its_connections_own() {
    let text = "[connection.a]\nbase_url = 'http://a'\nheader = 'X-Api-Key'\ntoken = 'k'\nidempotency_header = 'Idempotency-Key'\n\
        [connection.b]\nbase_url = 'http://b'\ntoken = 't'\n";
    let known = parse(text).unwrap().others;
    let own_header = |name: &str, header: &str| {
        let payload = json!({ "connection": name, "method": "GET", "path": "/", "headers": { header: "mine", "X-Other": "x" } });
        let job = Job::from_value(json!({ "type": "HttpCall", "tenant": "t", "payload": payload }));
        let Payload::HttpCall(call) = job.unwrap().payload else {
            panic!("a call");
        };
        let connection = &known[&name.parse().unwrap()];
        let auth = connection.auth.of("t").unwrap();
        connection.own_header(auth, &call).map(str::to_owned)
    };
    for header in [
        "x-api-key",
        "X_API_KEY",
        "idempotency-key",
        "Idempotency_Key",
    ] {
        assert_eq!(own_header("a", header).as_deref(), Some(header));
        assert_eq!(own_header("b", header), None, "{header}");
    }
    assert_eq!(own_header("a", "X-Mine"), None);
}

#[test]
fn what_counts_as_done_is_read_as_a_success() {
    let answered = judged(409, "{\"id\":\"p1\"}").unwrap();
    assert_eq!(
        (answered.status, &answered.body.unwrap()["id"]),
        (409, &"p1".into())
    );
    let cut = judged_by(409, "{", End::Cut("gone".into())).unwrap_err();
    assert!(matches!(cut, CallError::Unanswered { .. }), "{cut}");
    let other = judged(412, "{}").unwrap_err();
    assert!(matches!(other, CallError::Rejected { .. }), "{other}");
}
