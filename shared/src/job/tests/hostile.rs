//! Documents that mean harm.

use proptest::prelude::*;

use crate::job::{Job, MAX_JOB_BYTES};

fn refusal(bytes: &[u8]) -> String {
    let faults = Job::parse(bytes).expect_err("it was accepted");
    let lines: Vec<_> = faults.iter().map(|fault| format!("{fault}\n")).collect();
    lines.concat()
}

#[test]
fn what_is_not_json_is_one_fault() {
    for (bytes, message) in [
        (
            &b""[..],
            "not valid JSON: EOF while parsing a value at column 0\n",
        ),
        (
            b"{\"type\":NaN}",
            "not valid JSON: expected value at column 9\n",
        ),
        (
            b"{\"maxAttempts\":1e999}",
            "not valid JSON: number out of range at column 20\n",
        ),
        (b"{\"id\":\"\xff\"}", "not valid UTF-8 at byte 8\n"),
        (
            b"{\"id\":\"\\ud800\"}",
            "not valid JSON: unexpected end of hex escape at column 14\n",
        ),
        (
            b"{} {}",
            "not valid JSON: trailing characters at column 4\n",
        ),
        (
            b"{\n\"type\"}",
            "not valid JSON: expected `:` at line 2 column 7\n",
        ),
    ] {
        assert_eq!(refusal(bytes), message);
    }
}

#[test]
fn depth_is_bounded() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}1{}", open.repeat(8_000), close.repeat(8_000));
        assert!(refusal(deep.as_bytes()).contains("levels deep"));
        assert!(refusal(open.repeat(8_000).as_bytes()).contains("levels deep"));
    }
}

#[test]
fn size_is_bounded() {
    let job = |filler: usize| {
        let body = "x".repeat(filler);
        format!(
            r#"{{"type":"AttachNote","tenant":"t","payload":{{"contact":{{"id":"c"}},"body":"{body}"}}}}"#
        )
    };
    let room = MAX_JOB_BYTES - job(0).len();
    assert!(Job::parse(job(room).as_bytes()).is_ok());
    let message = "a job may have 65536 bytes; this one has 65537\n";
    assert_eq!(refusal(job(room + 1).as_bytes()), message);
    let value = serde_json::from_str(&job(room + 1)).unwrap();
    assert_eq!(
        format!("{}\n", Job::from_value(value).unwrap_err()[0]),
        message
    );
}

#[test]
fn repeated_members_are_refused_at_every_depth() {
    let job = br#"{"type":"UpsertContact","tenant":"t","tenant":"u","payload":{"email":"a@b.io","email":null,
        "customFields":[{"id":"f","field_value":{"a":{"b":1,"b":2}}}]}}"#;
    let again = "given more than once";
    assert_eq!(
        refusal(job),
        format!(
            "tenant: {again}\npayload.email: {again}\npayload.customFields[0].field_value.a.b: {again}\n"
        )
    );
}

#[test]
fn names_that_are_no_names_are_not_repeated() {
    let refused = refusal(
        br#"{"bob@example.com":1,"+15551234567":2,"a\u001b[31m\n":3,"":4,"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa":5}"#,
    );
    for part in ["bob", "555", "\u{1b}", "aaaa"] {
        assert!(!refused.contains(part), "{refused}");
    }
    assert!(
        refused.contains("(a name of 15 characters): unknown field\n"),
        "{refused}"
    );
}

#[test]
fn a_thousand_faults_are_counted_not_listed() {
    let members: Vec<_> = (0..1_000).map(|n| format!(r#""f{n}":0"#)).collect();
    let faults =
        Job::parse(format!(r#"{{{},"payload":0}}"#, members.join(",")).as_bytes()).unwrap_err();
    assert_eq!(faults.len(), 101);
    assert_eq!(faults[100].to_string(), "and 902 more faults");
}

#[test]
fn values_are_not_repeated() {
    let secret = "rosan@@deos.com";
    let job = format!(
        r#"{{"type":"{secret}","tenant":"{secret}","id":"{secret}\n","priority":"{secret}","runAt":"{secret}",
        "maxAttempts":"{secret}","payload":{{"email":"{secret}","phone":"{secret}","dateOfBirth":"{secret}"}}}}"#
    );
    assert!(!refusal(job.as_bytes()).contains("rosan"));
    let job = job.replacen(secret, "UpsertContact", 1);
    let refused = refusal(job.as_bytes());
    assert!(
        refused.contains("payload.email") && !refused.contains("rosan"),
        "{refused}"
    );
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Job::parse(&bytes);
    }

    #[test]
    fn no_text_makes_it_panic(text in r#"[\{\}\[\]",:\\ud8eE.0-9a-zA-Z\-\+]{0,100}"#) {
        let _ = Job::parse(text.as_bytes());
    }
}
