//! Smore to GHL.

use serde_json::{Value, json};

use crate::stage::World;

fn answer(kind: &str, question: &str, value: &str) -> Value {
    json!({ "question": question, "questionType": format!("input-{kind}"), "answerType": kind, kind: value })
}

#[tokio::test]
async fn an_answered_form_is_a_contact_with_its_tasks_and_a_note() {
    let world = World::start().await;
    let name = "ليلى \u{202e}abc\u{202c} 王 👩🏽‍🚀";
    let response = json!({
        "formId": "f1",
        "answers": [
            answer("string", "What is your name?", name), answer("email", "And your e-mail?", "Leila@Example.com"),
            answer("phone", "Your phone?", "06 12 34 56 78"), answer("string", "Anything else?", "Ring {{ twice }}"),
        ],
        "ending": { "name": "Winner", "score": 7 },
    });
    world.smore.steer("responses", &response).unwrap();
    let contact = world
        .contact(("email", "leila@example.com"), "the contact", |contact| {
            contact["tags"] == json!(["smore"])
        })
        .await;
    assert_eq!(contact["phone"], "+33612345678");
    assert_eq!(
        format!(
            "{} {}",
            contact["firstName"].as_str().unwrap(),
            contact["lastName"].as_str().unwrap()
        ),
        name
    );
    let id = contact["id"].as_str().unwrap();
    let tasks = world.listed(id, "tasks", 2).await;
    let mut titles: Vec<_> = tasks
        .iter()
        .map(|task| task["title"].as_str().unwrap())
        .collect();
    titles.sort_unstable();
    assert_eq!(titles, ["Send the contract", "Welcome call"]);
    let notes = world.notes(id, 1).await;
    for said in [
        name,
        "What is your name?",
        "Leila@Example.com",
        "Ring {{ twice }}",
        "Ending: Winner",
    ] {
        assert!(notes[0].contains(said), "{said} in {notes:?}");
    }
    assert_eq!(world.rest().await, 0);
}
