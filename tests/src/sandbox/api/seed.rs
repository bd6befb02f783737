//! What tests put into the world without a call.

use serde_json::{Map, Value, json};

use super::contact::Item;
use super::directory::Asset;
use super::shape::{self, Shape};
use super::world::World;
use super::{appointments, shapes};
use crate::sandbox::clock::Moment;

/// The kinds of things that can be seeded. Each may have an `id` of the test's choice, and is given one else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seed {
    /// A contact: the body of a create.
    Contact,
    /// An appointment of the contact `contactId`, with the fields that the API shows.
    Appointment,
    /// A business of the location `locationId`. From the first one on, businesses that were not seeded are unknown.
    Business,
    /// A campaign of the location `locationId`. From the first one on, campaigns that were not seeded are unknown.
    Campaign,
    /// A workflow of the location `locationId`. From the first one on, workflows that were not seeded are unknown.
    Workflow,
}

impl Seed {
    const ALL: [Self; 5] = [
        Self::Contact,
        Self::Appointment,
        Self::Business,
        Self::Campaign,
        Self::Workflow,
    ];

    /// Its name in answers.
    pub(in crate::sandbox) const fn name(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Appointment => "appointment",
            Self::Business => "business",
            Self::Campaign => "campaign",
            Self::Workflow => "workflow",
        }
    }

    /// Its name in paths.
    pub(in crate::sandbox) const fn plural(self) -> &'static str {
        match self {
            Self::Contact => "contacts",
            Self::Appointment => "appointments",
            Self::Business => "businesses",
            Self::Campaign => "campaigns",
            Self::Workflow => "workflows",
        }
    }

    /// The one with that name in paths.
    pub(in crate::sandbox) fn at(plural: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|seed| seed.plural() == plural)
    }

    const fn shape(self) -> Shape {
        match self {
            Self::Contact => shapes::SEED_CONTACT,
            Self::Appointment => shapes::SEED_APPOINTMENT,
            Self::Business | Self::Campaign | Self::Workflow => shapes::SEED_ASSET,
        }
    }

    /// Puts one into the world. Answers it as it is shown, or what is wrong with the body.
    pub(in crate::sandbox) fn plant(
        self,
        world: &mut World,
        body: &Map<String, Value>,
        now: Moment,
    ) -> Result<Value, Vec<String>> {
        let faults = shape::faults(self.shape(), body);
        if !faults.is_empty() {
            return Err(faults);
        }
        let id = self.id(world, body)?;
        let location = text(body, "locationId").unwrap_or_default();
        match self {
            Self::Contact => Ok(world.create(id, location, body, now).shown()),
            Self::Appointment => appointment(world, id, body, now),
            Self::Business => Ok(asset(world, Asset::Business, id, body)),
            Self::Campaign => Ok(asset(world, Asset::Campaign, id, body)),
            Self::Workflow => Ok(asset(world, Asset::Workflow, id, body)),
        }
    }

    fn id(self, world: &mut World, body: &Map<String, Value>) -> Result<String, Vec<String>> {
        let Some(id) = text(body, "id") else {
            return Ok(world.next_id());
        };
        if id.is_empty() || id.len() > 128 || self.is_taken(world, id) {
            let fault = format!(
                "id must be 1 to 128 bytes and of no {} that exists",
                self.name()
            );
            return Err(vec![fault]);
        }
        Ok(id.to_owned())
    }

    fn is_taken(self, world: &World, id: &str) -> bool {
        match self {
            Self::Contact => world.knows(id),
            // They are only ever listed by contact.
            Self::Appointment => false,
            Self::Business => world.directory.knows(Asset::Business, id),
            Self::Campaign => world.directory.knows(Asset::Campaign, id),
            Self::Workflow => world.directory.knows(Asset::Workflow, id),
        }
    }
}

fn appointment(
    world: &mut World,
    id: String,
    body: &Map<String, Value>,
    now: Moment,
) -> Result<Value, Vec<String>> {
    let mut fields = body.clone();
    let contact_id = text(body, "contactId").unwrap_or_default();
    fields.retain(|name, _| !["id", "contactId"].contains(&name.as_str()));
    let contact = world.contact_mut(contact_id);
    let contact = contact.map_err(|_| vec!["contactId must be of a contact".to_owned()])?;
    let event = Item::new(id, now, fields);
    let shown = appointments::shown(contact, &event);
    contact.appointments.push(event);
    Ok(shown)
}

fn asset(world: &mut World, asset: Asset, id: String, body: &Map<String, Value>) -> Value {
    let location = text(body, "locationId").unwrap_or_default();
    let shown = json!({"id": id, "locationId": location, "name": body.get("name")});
    world.directory.add(asset, id, location);
    shown
}

fn text<'a>(body: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str)
}
