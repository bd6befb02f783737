//! `enqueue`: lines in every form that a good one may have, and the order in which they run.

use penstock_tests::fixture::{Draft, job};

use crate::stage::{ACME, Stage, counts, lines, text};

#[tokio::test]
async fn line_ends_marks_and_blanks_do_not_matter() {
    let stage = Stage::start().await;
    let jobs: Vec<String> = ["a", "b", "c", "d"].map(|id| text(&job(id))).into();
    let file = format!(
        "\u{feff}{}\r\n\n  \t \r\n{}\n  {}  \n\r\n{}",
        jobs[0], jobs[1], jobs[2], jobs[3]
    );
    let finished = stage.enqueue(&[], file).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(finished.stdout, counts(4, 0, 0));
    assert_eq!(stage.ids(ACME).await, ["a", "b", "c", "d"]);
}

#[tokio::test]
async fn nothing_to_enqueue_is_no_fault() {
    let stage = Stage::start().await;
    for nothing in ["", "\n", "\r\n\r\n", "\u{feff}", "\u{feff}\n  "] {
        let finished = stage.enqueue(&[], nothing).await;
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert_eq!(finished.stdout, counts(0, 0, 0));
    }
}

#[tokio::test]
async fn a_job_keeps_every_field_of_its_line() {
    let mut stage = Stage::start().await;
    let line = r#"{"type":"CreateTask","tenant":"acme","id":"whole \"4711\" / ü","priority":"high","maxAttempts":3,"runAt":"2020-12-01T10:00:00+01:00",
        "payload":{"contact":{"email":" Rosan@Deos.COM "},"title":"Call","dueDate":"2030-01-01T10:00:00.5+01:00","body":"now","completed":false,"assignedTo":"u1"}}"#;
    let finished = stage.enqueue(&[], line.replace('\n', " ")).await;
    assert_eq!(finished.stdout, counts(1, 0, 0), "{}", finished.stderr);
    let claimed = stage.claim_one(ACME).await;
    assert_eq!(claimed.reference.id(), "whole \"4711\" / ü");
    let found = stage.queue.find("whole \"4711\" / ü", None).await.unwrap();
    let stored = found[0].job.as_ref().unwrap();
    let payload = serde_json::to_value(&stored.payload).unwrap();
    let expected = serde_json::json!({ "type": "CreateTask", "payload": {
        "contact": { "email": "rosan@deos.com" }, "title": "Call", "dueDate": "2030-01-01T09:00:00Z",
        "body": "now", "completed": false, "assignedTo": "u1",
    }});
    assert_eq!(payload, expected);
    assert_eq!(stored.max_attempts.map(u32::from), Some(3));
    assert_eq!(stored.run_at.unwrap().to_string(), "2020-12-01T09:00:00Z");
}

/// One line of each of two contacts in turn; more than one call to Redis takes.
fn of_two_contacts() -> Vec<Draft> {
    let emails = ["ann@example.com", "bob@example.com"];
    let nth = |number: usize| job(&format!("{number:03}")).email(emails[number % 2]);
    (0..300).map(nth).collect()
}

#[tokio::test]
async fn lines_of_one_contact_run_in_their_order() {
    let mut stage = Stage::start().await;
    let mut jobs = of_two_contacts();
    // Neither priority nor another spelling of the address changes it.
    jobs[298] = job("298").email("ANN@example.com").high();
    let finished = stage.enqueue(&[], lines(&jobs)).await;
    assert_eq!(finished.stdout, counts(300, 0, 0), "{}", finished.stderr);
    let order = stage.drain(ACME).await;
    for contact in 0..2 {
        let ran: Vec<usize> = order
            .iter()
            .map(|id| id.parse().unwrap())
            .filter(|number| number % 2 == contact)
            .collect();
        let expected: Vec<usize> = (0..300).filter(|number| number % 2 == contact).collect();
        assert_eq!(ran, expected);
    }
}
