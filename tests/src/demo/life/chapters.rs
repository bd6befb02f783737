//! Her life, station by station: what somebody does, and then what comes of it until nothing moves any more.

use anyhow::{Context, ensure};
use jiff::Timestamp;
use penstock_shared::queue::links::RecordName;
use reqwest::Method;
use serde_json::{Value, json};

use super::Life;
use super::books::{self, Books};
use super::portrait::{DIGITS, Portrait};
use super::sighting::Sighting;
use crate::ready::{FORM, STAFF, TENANT};
use crate::sandbox::Kind;

/// Her records.
struct Ids {
    contact: String,
    profile: String,
}

/// All of it, and what the ledgers say then.
pub(super) async fn tell(life: &mut Life<'_>) -> anyhow::Result<Books> {
    let ids = answers_a_form(life).await?;
    is_served(life, &ids).await?;
    asks_to_be_called(life).await?;
    is_edited_at_the_crm(life, &ids).await?;
    is_edited_on_both_sides(life, &ids).await?;
    says_stop(life, &ids).await?;
    let before = portrait(life, &ids)?;
    let name = RecordName::new("ghl", &ids.contact);
    let link = life
        .stage
        .queue
        .link(TENANT, &[name], Timestamp::now())
        .await?;
    is_deleted(life, &ids).await?;

    let told = books::effects(&books::ledgers(life.stage));
    life.timeline.station("Every webhook comes once more").await;
    let webhooks = life.tell_again().await?;
    life.settle().await?;
    let moved = books::effects(&books::ledgers(life.stage)) - told;
    let text = format!("{webhooks} webhooks: {moved} changes");
    life.timeline.show(&[Sighting::aside(text)]);
    Ok(Books {
        moved,
        ledgers: books::ledgers(life.stage),
        messages: books::messages(life.stage, DIGITS),
        before,
        after: Portrait::take(life.stage, &ids.contact, &ids.profile)?,
        conflicts: link.memory.conflicts().to_vec(),
        webhooks,
        stats: life.stage.queue.stats().await?,
    })
}

async fn answers_a_form(life: &mut Life<'_>) -> anyhow::Result<Ids> {
    life.timeline
        .station(
            "Zoé answers a form: a contact, its tasks, a note; a profile; an entry of the list",
        )
        .await;
    let answer = |kind: &str, question: &str, value: &str| json!({ "question": question, "questionType": format!("input-{kind}"), "answerType": kind, kind: value });
    let response = json!({
        "formId": FORM,
        "answers": [
            answer("string", "What is your name?", "Zoé Martin"),
            answer("email", "Your e-mail?", "Zoe.Martin@example.com"),
            answer("phone", "Your phone?", "06 12 34 56 78"),
            answer("string", "How can we help?", "Solar panels, please"),
        ],
    });
    life.act_at_crm("Zoé answers a form", ("responses", &response))?;
    life.settle().await?;
    let calls = life.stage.systems.ghl.calls_after(0);
    let changes = calls.iter().filter_map(|call| call.effect.as_ref());
    let mut changes = changes.map(|effect| &effect.change);
    let contact = changes.find(|change| change.kind == Kind::Contact);
    let made = life.stage.systems.smore.effects();
    let profile = made.iter().find(|effect| effect.change.kind == "profile");
    Ok(Ids {
        contact: contact
            .and_then(|change| change.id.clone())
            .context("no contact was made")?,
        profile: profile.context("no profile was made")?.change.id.clone(),
    })
}

async fn is_served(life: &mut Life<'_>, ids: &Ids) -> anyhow::Result<()> {
    life.timeline
        .station("Staff gets a task by SMS, and a note “SMS: …” goes to her")
        .await;
    let tasks = format!("/contacts/{}/tasks", ids.contact);
    let task = json!({ "title": "Prepare Zoé's offer", "dueDate": "2030-03-01T09:00:00Z", "completed": false, "assignedTo": STAFF.0 });
    life.act_in_ghl("a task for staff", (Method::POST, &tasks), &task)
        .await?;
    life.settle().await?;
    note(life, ids, "Hello Zoé, your offer is ready!").await
}

/// Somebody writes a note that is to be sent to her.
async fn note(life: &mut Life<'_>, ids: &Ids, text: &str) -> anyhow::Result<()> {
    let notes = format!("/contacts/{}/notes", ids.contact);
    let note = json!({ "body": format!("SMS: {text}") });
    life.act_in_ghl("a note “SMS: …”", (Method::POST, &notes), &note)
        .await?;
    life.settle().await
}

async fn asks_to_be_called(life: &mut Life<'_>) -> anyhow::Result<()> {
    life.timeline
        .station("She replies “call me”: a task, a transcript, and an alert")
        .await;
    let reply = (DIGITS, "Thank you! Please call me tomorrow");
    life.act_by_sms("she replies: call me …", reply)?;
    life.settle().await
}

async fn is_edited_at_the_crm(life: &mut Life<'_>, ids: &Ids) -> anyhow::Result<()> {
    life.timeline
        .station(
            "Somebody edits her at the CRM: GHL and the list follow, and the echoes go no further",
        )
        .await;
    let profile = ids.profile.as_str();
    let edited = json!({ "id": profile, "lastName": "Martin-Roux", "status": "won" });
    life.act_at_crm("another last name; won", ("profiles", &edited))?;
    life.settle().await?;
    let tagged = json!({ "profileId": profile, "add": ["vip"] });
    life.act_at_crm("the tag vip", ("tags", &tagged))?;
    let noted = json!({ "profileId": profile, "body": "Met her in Lyon" });
    life.act_at_crm("a note", ("notes", &noted))?;
    life.settle().await
}

/// GHL's edit is the older one, and its webhook is under way with the CRM's.
async fn is_edited_on_both_sides(life: &mut Life<'_>, ids: &Ids) -> anyhow::Result<()> {
    life.timeline
        .station("Both sides edit her at once: of each field the newer value wins")
        .await;
    let contact = format!("/contacts/{}", ids.contact);
    let edited = json!({ "firstName": "Zoë", "lastName": "Roux" });
    life.act_in_ghl("Zoë Roux", (Method::PUT, &contact), &edited)
        .await?;
    let edited = json!({ "id": ids.profile, "firstName": "Zoé-Lou" });
    life.act_at_crm("Zoé-Lou, a moment later", ("profiles", &edited))?;
    life.settle().await
}

async fn says_stop(life: &mut Life<'_>, ids: &Ids) -> anyhow::Result<()> {
    life.timeline
        .station(
            "She replies STOP: do not disturb, a tag, the blacklist; a note is no SMS any more",
        )
        .await;
    life.act_by_sms("she replies: STOP", (DIGITS, "STOP"))?;
    life.settle().await?;
    note(life, ids, "Are you sure?").await
}

async fn is_deleted(life: &mut Life<'_>, ids: &Ids) -> anyhow::Result<()> {
    life.timeline
        .station("She is deleted in GHL: off the list")
        .await;
    let contact = format!("/contacts/{}", ids.contact);
    life.act_in_ghl("deleted", (Method::DELETE, &contact), &Value::Null)
        .await?;
    life.settle().await
}

/// Her, side by side.
fn portrait(life: &mut Life<'_>, ids: &Ids) -> anyhow::Result<Portrait> {
    let her = Portrait::take(life.stage, &ids.contact, &ids.profile)?;
    ensure!(!her.contact.is_null(), "she is not in GHL any more");
    println!("\n== Zoé, as each of them has her\n");
    let show = |name: &str, cells: &[String; 3]| {
        let [ghl, sms, crm] = cells;
        println!("  {name:<8} {ghl:<28} {sms:<28} {crm}");
    };
    show("", &["GHL", "SMSFactor", "CRM"].map(str::to_owned));
    her.rows()
        .iter()
        .for_each(|(name, cells)| show(name, cells));
    println!();
    Ok(her)
}
