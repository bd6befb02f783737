//! Forms, and what people answered.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::account::Account;
use super::answer::{error, not_found};
use crate::sandbox::Moment;
use crate::stand::draw::Draw;
use crate::stand::{Answer, Input, Letter, Refusal};

/// The most responses that one answer lists.
const PAGE: usize = 100;

/// A form.
#[derive(Debug)]
pub(super) struct Form {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) responses: Vec<Value>,
}

impl Form {
    pub(super) fn shown(&self) -> Value {
        json!({"id": self.id, "title": self.title, "responseCount": self.responses.len()})
    }
}

/// Whose account it is.
pub(super) fn profile() -> Answer {
    let body = json!({"id": "account", "name": "Stand-in", "email": "account@smore.example"});
    Answer::json(200, body)
}

pub(super) fn all(account: &Account) -> Answer {
    let forms: Vec<_> = account.forms.iter().map(Form::shown).collect();
    Answer::json(200, json!({"forms": forms}))
}

pub(super) fn get(account: &mut Account, input: &Input<'_>) -> Result<Answer, Refusal> {
    let form = find(account, input.param("form"))?;
    Ok(Answer::json(200, form.shown()))
}

/// Oldest first, those after the one of the id `after`.
pub(super) fn responses(account: &mut Account, input: &Input<'_>) -> Result<Answer, Refusal> {
    let form = find(account, input.param("form"))?;
    let limit = input.request.query("limit").unwrap_or("20").parse().ok();
    let limit = limit.filter(|limit| (1..=PAGE).contains(limit));
    let message = format!("limit must be from 1 to {PAGE}");
    let limit = limit.ok_or_else(|| error(422, Some(&message)))?;
    let start = match input.request.query("after") {
        None => 0,
        Some(id) => position(form, id)? + 1,
    };
    let page: Vec<_> = form.responses.iter().skip(start).take(limit).collect();
    let more = start + page.len() < form.responses.len();
    let body = json!({"responses": page, "hasMore": more});
    Ok(Answer::json(200, body))
}

pub(super) fn response(account: &mut Account, input: &Input<'_>) -> Result<Answer, Refusal> {
    let form = find(account, input.param("form"))?;
    let at = position(form, input.param("id"))?;
    Ok(Answer::json(200, form.responses[at].clone()))
}

pub(super) fn find<'a>(account: &'a Account, id: &str) -> Result<&'a Form, Refusal> {
    let form = account.forms.iter().find(|form| form.id == id);
    form.ok_or_else(|| not_found("form"))
}

fn position(form: &Form, id: &str) -> Result<usize, Refusal> {
    let at = form.responses.iter().position(|known| known["id"] == id);
    at.ok_or_else(|| not_found("response"))
}

/// What somebody answers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Answered {
    form_id: String,
    answers: Vec<Map<String, Value>>,
    #[serde(default)]
    custom_fields: Vec<Value>,
    #[serde(default)]
    ending: Option<Value>,
    #[serde(default)]
    metadata: Map<String, Value>,
}

/// Enters an answer to a form, as the API shows it; and the letter that tells of it.
pub(super) fn answer(
    account: &mut Account,
    answered: Answered,
    now: Moment,
) -> Result<(Value, Letter), String> {
    let Account { forms, draw, .. } = account;
    let form = forms.iter_mut().find(|form| form.id == answered.form_id);
    let form = form.ok_or("formId: there is no such form")?;
    let answers = answered.answers.into_iter();
    let answers = answers.map(|answer| complete(answer, draw));
    let answers = answers.collect::<Result<Vec<_>, _>>()?;
    let ending = answered.ending;
    let response = json!({
        "id": draw.word(10), "token": draw.word(16), "submittedAt": now.rfc3339(),
        "ending": ending.unwrap_or_else(|| json!({"name": "Thank you!", "score": null})),
        "metadata": answered.metadata, "customFields": answered.custom_fields, "answers": answers,
    });
    form.responses.push(response.clone());
    let letter = Letter {
        kind: "responses",
        scope: Some(form.id.clone()),
        body: json!({"id": draw.uuid(), "type": "responses", "responses": [response]}),
    };
    Ok((response, letter))
}

/// An answer with an id, if it has a question, both types, and its value under the name of the answer's type.
fn complete(mut answer: Map<String, Value>, draw: &mut Draw) -> Result<Value, String> {
    for name in ["question", "questionType", "answerType"] {
        if !answer.get(name).is_some_and(Value::is_string) {
            return Err(format!("answers: each needs a text `{name}`"));
        }
    }
    let kind = answer["answerType"].as_str().unwrap_or_default();
    if !answer.contains_key(kind) {
        return Err(format!("answers: one of the type {kind} needs `{kind}`"));
    }
    let id = || Value::from(format!("field-{}", draw.hex(12)));
    answer.entry("id").or_insert_with(id);
    Ok(Value::Object(answer))
}
