//! `enqueue`: lines that are refused, and the good ones between them that are not.

use penstock_tests::fixture::job;

use crate::stage::{ACME, Stage, counts, text};

/// A job with this in the place of its tags' payload.
fn with_payload(job_type: &str, payload: &str) -> Vec<u8> {
    format!(r#"{{"type":"{job_type}","tenant":"acme","payload":{payload}}}"#).into()
}

/// A good payload, and this member beside it.
fn with_member(member: &str) -> Vec<u8> {
    format!(
        r#"{{"type":"AddTags","tenant":"acme","payload":{{"contact":{{"id":"c"}},"tags":["t"]}},{member}}}"#
    )
    .into()
}

fn task(due: &str) -> Vec<u8> {
    let payload = format!(r#"{{"contact":{{"id":"c"}},"title":"t","dueDate":{due}}}"#);
    with_payload("CreateTask", &payload)
}

fn about(contact: &str) -> Vec<u8> {
    with_payload(
        "AddTags",
        &format!(r#"{{"contact":{contact},"tags":["t"]}}"#),
    )
}

/// Runs a file in which every one of these comes after a good line, and expects each to be refused with what is said
/// beside it, and nothing else to be.
async fn refuse(cases: Vec<(Vec<u8>, Vec<&str>)>) {
    let stage = Stage::start().await;
    let mut file = Vec::new();
    for (index, (bad, _)) in cases.iter().enumerate() {
        file.extend(text(&job(&format!("good-{index:03}"))).into_bytes());
        file.push(b'\n');
        file.extend(bad);
        file.push(b'\n');
    }
    let finished = stage.enqueue(&[], file).await;
    assert_eq!(finished.code, Some(2), "{finished:?}");
    let many = cases.len() as u64;
    assert_eq!(
        finished.stdout,
        counts(many, 0, many),
        "{}",
        finished.stderr
    );
    // Before them come the batch's key, and what Redis promises.
    let told = finished.stderr.lines();
    let told: Vec<&str> = told.filter(|told| told.starts_with("line ")).collect();
    let expected: Vec<String> = cases
        .iter()
        .enumerate()
        .flat_map(|(index, (_, faults))| {
            let line = 2 * index + 2;
            faults
                .iter()
                .map(move |fault| format!("line {line}: {fault}"))
        })
        .collect();
    for (told, expected) in told.iter().zip(&expected) {
        assert!(told.starts_with(expected), "{expected}\n{told}");
    }
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    let good: Vec<_> = (0..cases.len())
        .map(|index| format!("good-{index:03}"))
        .collect();
    assert_eq!(stage.ids(ACME).await, good);
}

fn case(line: impl Into<Vec<u8>>, fault: &'static str) -> (Vec<u8>, Vec<&'static str>) {
    (line.into(), vec![fault])
}

#[tokio::test]
async fn what_is_not_json_is_told_by_its_line() {
    let deep = "[".repeat(30_000);
    let deep_payload = format!(r#"{{"contact":{}1{}}}"#, "[".repeat(40), "]".repeat(40));
    let mut torn = text(&job("x")).into_bytes();
    torn.truncate(20);
    let mut latin = with_member(r#""id":"caf_""#);
    let underscore = latin.iter().rposition(|byte| *byte == b'_').unwrap();
    latin[underscore] = 0xe9;
    let mut with_nul = text(&job("x")).into_bytes();
    with_nul.insert(10, 0);
    refuse(vec![
        case("{", "not valid JSON: "),
        case("nonsense", "not valid JSON: "),
        case(torn, "not valid JSON: "),
        case("{'type':'AddTags'}", "not valid JSON: "),
        case(text(&job("x")) + &text(&job("y")), "not valid JSON: "),
        case(text(&job("x")) + ",", "not valid JSON: "),
        case(deep, "not valid JSON: "),
        case(
            with_payload("AddTags", &deep_payload),
            "not valid JSON: more than 32 levels deep",
        ),
        case(latin, "not valid UTF-8 at byte "),
        case(b"\xff\xfe{\0}\0".as_slice(), "not valid UTF-8 at byte 1"),
        case(with_nul, "not valid JSON: "),
        case(with_member(r#""id":"\ud800""#), "not valid JSON: "),
        case(with_member(r#""maxAttempts":NaN"#), "not valid JSON: "),
        case(with_member(r#""maxAttempts":1e999"#), "not valid JSON: "),
        // A byte order mark anywhere but at the beginning.
        case("\u{feff}".to_owned() + &text(&job("x")), "not valid JSON: "),
    ])
    .await;
}

#[tokio::test]
async fn fields_are_told_by_their_path() {
    let long = |length: usize| "x".repeat(length);
    refuse(vec![
        case("[]", "expected an object, found a list"),
        case("42", "expected an object, found a number"),
        case("null", "expected an object, found null"),
        (b"{}".to_vec(), vec!["tenant: missing", "type: missing", "payload: missing"]),
        case(with_payload("AddTags", "[]"), "payload: expected an object, found a list"),
        case(with_payload("BakeCake", "{}"), "type: "),
        (with_payload("AddTags", "{}"), vec!["payload.contact: missing", "payload.tags: missing"]),
        case(about(r#""c""#), "payload.contact: expected an object, found a string"),
        case(with_member(r#""colour":1"#), "colour: unknown field"),
        case(with_member(r#""run_at":1"#), "run_at: unknown field; did you mean runAt?"),
        case(with_member(r#""id":7"#), "id: expected a string, found a number"),
        case(with_member(r#""id":null"#), "id: null is not allowed here"),
        case(with_member(r#""id":"""#), "id: must have 1 to 128 characters"),
        case(with_member(&format!(r#""id":"{}""#, long(129))), "id: must have 1 to 128 characters"),
        case(with_member(r#""id":"a\u0000b""#), "id: must not contain control characters"),
        case(with_member(r#""priority":"urgent""#), "priority: "),
        case(with_member(r#""maxAttempts":0"#), "maxAttempts: "),
        case(with_member(r#""maxAttempts":1001"#), "maxAttempts: "),
        case(with_member(r#""tenant":"other""#), "tenant: given more than once"),
        case(
            with_payload("AddTags", r#"{"contact":{"id":"c"},"tags":["t"],"tags":["u"]}"#),
            "payload.tags: given more than once",
        ),
        case(
            with_payload("AddTags", r#"{"contact":{"id":"c"},"tags":["t",1]}"#),
            "payload.tags[1]: expected a string, found a number",
        ),
        case(
            with_payload("AddTags", r#"{"contact":{"id":"c"},"tags":["a\u0000b"]}"#),
            "payload.tags[0]: ",
        ),
        case(
            format!(
                r#"{{"type":"AddTags","tenant":"{}","payload":{{"contact":{{"id":"c"}},"tags":["t"]}}}}"#,
                long(129)
            ),
            "tenant: must be 1 to 128 characters",
        ),
    ])
    .await;
}

#[tokio::test]
async fn dates_phones_and_emails_that_cannot_be_are_refused() {
    refuse(vec![
        case(task(r#""tomorrow""#), "payload.dueDate: "),
        case(task(r#""2026-02-30T09:00:00Z""#), "payload.dueDate: "),
        case(task(r#""2026-12-01""#), "payload.dueDate: "),
        case(task(r#""2026-12-01T09:00:00""#), "payload.dueDate: "),
        case(task(r#""2026-12-01T25:00:00Z""#), "payload.dueDate: "),
        case(
            task("1796115600"),
            "payload.dueDate: expected a string, found a number",
        ),
        case(with_member(r#""runAt":"2026-13-01T09:00:00Z""#), "runAt: "),
        case(with_member(r#""runAt":"soon""#), "runAt: "),
        case(
            about(r#"{"phone":"5551234567"}"#),
            "payload.contact.phone: ",
        ),
        case(
            about(r#"{"phone":"+0551234567"}"#),
            "payload.contact.phone: ",
        ),
        case(about(r#"{"phone":"+1555"}"#), "payload.contact.phone: "),
        case(
            about(r#"{"phone":"+1555123456789012345"}"#),
            "payload.contact.phone: ",
        ),
        case(about(r#"{"email":"jane"}"#), "payload.contact.email: "),
        case(
            about(r#"{"email":"jane@localhost"}"#),
            "payload.contact.email: ",
        ),
        case(
            about(r#"{"email":"jane doe@example.com"}"#),
            "payload.contact.email: ",
        ),
        case(
            about(r#"{"email":"jane@@example.com"}"#),
            "payload.contact.email: ",
        ),
        case(about(r#"{"id":"../c"}"#), "payload.contact.id: "),
        case(
            about("{}"),
            "payload.contact: exactly one of id, email, phone and job is needed",
        ),
        case(
            about(r#"{"id":"c","email":"jane@example.com"}"#),
            "payload.contact: exactly one of id, email and phone is needed",
        ),
        case(
            with_payload("UpsertContact", r#"{"firstName":"Jane"}"#),
            "payload",
        ),
    ])
    .await;
}

#[tokio::test]
async fn every_fault_of_a_line_is_told_in_its_order() {
    let line = r#"{"tenant":"a/b","type":"CreateTask","payload":{"dueDate":"soon","title":7,"contact":{"phone":"1"}},"priority":1}"#;
    let faults = vec![
        "tenant: ",
        "payload.dueDate: ",
        "payload.title: ",
        "payload.contact.phone: ",
        "priority: ",
    ];
    refuse(vec![(line.into(), faults)]).await;
}

#[tokio::test]
async fn lines_that_are_too_long_are_refused_whatever_their_length() {
    let padded = |size: usize| {
        let note = text(&job("big").note("?"));
        note.replace('?', &"x".repeat(size - note.len() + 1))
    };
    refuse(vec![
        case(
            padded(65_537),
            "a job may have 65536 bytes; this one has 65537",
        ),
        case(
            padded(65_538),
            "a job may have 65536 bytes; this line has 65538",
        ),
        case(
            padded(5_000_000),
            "a job may have 65536 bytes; this line has 5000000",
        ),
        case(
            vec![b'x'; 5_000_000],
            "a job may have 65536 bytes; this line has 5000000",
        ),
    ])
    .await;
    let stage = Stage::start().await;
    let finished = stage.enqueue(&[], padded(65_536) + "\r\n").await;
    assert_eq!(finished.stdout, counts(1, 0, 0), "{}", finished.stderr);
}

#[tokio::test]
async fn what_is_told_repeats_nothing_personal() {
    let stage = Stage::start().await;
    let bad = [
        about(r#"{"email":"canary@@example.com"}"#),
        about(r#"{"phone":"+1canary"}"#),
        with_payload("AttachNote", r#"{"contact":{"id":"c"},"body":["canary"]}"#),
        with_member(r#""canary@example.com":1"#),
        with_member(r#""id":"canary\u0007""#),
    ];
    let finished = stage.enqueue(&[], bad.join(&b'\n')).await;
    assert_eq!(finished.stdout, counts(0, 0, 5));
    assert!(!finished.stderr.contains("canary"), "{}", finished.stderr);
}
