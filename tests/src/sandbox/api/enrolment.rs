//! Campaigns and workflows. Adding a contact is no idempotent thing: each call enrols it again, and nothing can be read back.
//!
//! What removing answers where the contact was never in is not documented; here it is a success.

use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::directory::Asset;
use super::effect::{Change, Kind};
use super::operation::{Done, Input};
use super::world::World;

/// What is entered, and the parameter that names it.
const CAMPAIGN: (Asset, &str) = (Asset::Campaign, "campaignId");
const WORKFLOW: (Asset, &str) = (Asset::Workflow, "workflowId");

/// `POST /contacts/{contactId}/campaigns/{campaignId}`
pub(super) fn add_to_campaign(world: &mut World, input: &Input<'_>) -> Result<Done, Answer> {
    enrol(world, input, CAMPAIGN, Kind::Campaign)
}

/// `DELETE /contacts/{contactId}/campaigns/{campaignId}`
pub(super) fn remove_from_campaign(world: &mut World, input: &Input<'_>) -> Result<Done, Answer> {
    enrol(world, input, CAMPAIGN, Kind::CampaignRemoved)
}

/// `DELETE /contacts/{contactId}/campaigns/removeAll`
pub(super) fn remove_from_campaigns(world: &mut World, input: &Input<'_>) -> Result<Done, Answer> {
    let id = &world.contact(input.param("contactId"))?.id;
    let change = Change::of(Kind::CampaignsRemoved, id, id, id, &Map::new());
    Ok(Done::changed(json!({"succeded": true}), change))
}

/// `POST /contacts/{contactId}/workflow/{workflowId}`
pub(super) fn add_to_workflow(world: &mut World, input: &Input<'_>) -> Result<Done, Answer> {
    enrol(world, input, WORKFLOW, Kind::Workflow)
}

/// `DELETE /contacts/{contactId}/workflow/{workflowId}`
pub(super) fn remove_from_workflow(world: &mut World, input: &Input<'_>) -> Result<Done, Answer> {
    enrol(world, input, WORKFLOW, Kind::WorkflowRemoved)
}

/// Puts the contact in, or takes it out: the ledger alone knows who is where, since no operation tells.
fn enrol(
    world: &World,
    input: &Input<'_>,
    (asset, name): (Asset, &str),
    kind: Kind,
) -> Result<Done, Answer> {
    let contact = world.contact(input.param("contactId"))?;
    let id = input.param(name);
    world.asset(asset, id, &contact.location)?;
    let mut content = input.body.clone();
    content.insert(name.to_owned(), Value::from(id));
    let change = Change::of(kind, id, &contact.id, &contact.id, &content);
    Ok(Done::changed(json!({"succeded": true}), change))
}
