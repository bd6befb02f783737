//! What the systems saw that jobs go to: their ledgers, told alike.

use std::sync::Arc;

use serde::Serialize;

use crate::sandbox::{self, Kind, Moment};
use crate::stand;

/// A system that jobs go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    /// The API of `GoHighLevel`.
    Ghl,
    /// That of `SMSFactor`.
    SmsFactor,
    /// A CRM that a connection leads to.
    Crm,
}

impl System {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Ghl, Self::SmsFactor, Self::Crm];
}

/// A call that one of them saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// Which of them.
    pub system: System,
    /// Its place there in the order of arrival.
    pub seq: u64,
    /// When it arrived.
    pub at: Moment,
    /// Whose quota it used.
    pub tenant: Arc<str>,
    /// The operation's name.
    pub operation: &'static str,
    /// Its path.
    pub path: Box<str>,
    /// The status of the answer; none if there was none.
    pub status: Option<u16>,
    /// The fault that it met.
    pub fault: Option<Arc<str>>,
    /// What it changed.
    pub effect: Option<Effect>,
    /// When it was answered, or its connection cut.
    #[serde(skip)]
    pub done_at: Option<Moment>,
}

/// What a call changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Effect {
    /// Its place in the order of all effects there.
    pub order: u64,
    /// When it happened.
    pub at: Moment,
    /// What doing it twice is.
    pub nature: Nature,
    /// The id of what was made or changed.
    pub id: Option<String>,
    /// The contacts that it concerns, as they are named there.
    pub contacts: Vec<String>,
    /// What was written, as JSON.
    #[serde(skip)]
    pub content: Box<str>,
}

/// What it is if something is done twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Nature {
    /// A contact came to be: it is one too many, but one that is upserted again is still one.
    Contact,
    /// It is there twice.
    Creation,
    /// It is the same as once.
    Write,
}

impl From<sandbox::Call> for Call {
    fn from(call: sandbox::Call) -> Self {
        Self {
            system: System::Ghl,
            seq: call.seq,
            at: call.at,
            tenant: call.tenant,
            operation: call.operation,
            path: call.path,
            status: call.status,
            fault: call.fault,
            // Who gets a token is no job's affair.
            effect: call
                .effect
                .filter(|effect| !effect.change.kind.is_access())
                .map(Effect::from),
            done_at: call.done_at,
        }
    }
}

impl From<sandbox::Effect> for Effect {
    fn from(effect: sandbox::Effect) -> Self {
        let change = effect.change;
        let contacts = change.contact_id.into_iter().chain(change.contacts);
        Self {
            order: effect.order,
            at: effect.at,
            nature: match change.kind {
                Kind::Contact => Nature::Contact,
                kind if kind.is_creation() => Nature::Creation,
                _ => Nature::Write,
            },
            id: change.id,
            contacts: contacts.collect(),
            content: change.content.unwrap_or_default(),
        }
    }
}

impl Call {
    /// One that a stand-in saw, whose only account is this tenant's.
    ///
    /// # Panics
    /// When it changed several things: no job of the laboratory's does.
    pub fn of_stand(system: System, tenant: &str, call: stand::Call) -> Self {
        assert!(
            call.effects.len() < 2,
            "the laboratory's jobs change one thing each"
        );
        Self {
            system,
            seq: call.seq,
            at: call.at,
            tenant: tenant.into(),
            operation: call.operation,
            path: call.path,
            status: call.status,
            fault: call.fault,
            effect: call.effects.into_iter().next().map(Effect::from),
            done_at: call.done_at,
        }
    }
}

impl From<stand::Effect> for Effect {
    fn from(effect: stand::Effect) -> Self {
        let change = effect.change;
        Self {
            order: effect.order,
            at: effect.at,
            nature: if change.creation {
                Nature::Creation
            } else {
                Nature::Write
            },
            id: Some(change.id),
            contacts: change.contact_id.into_iter().collect(),
            // There is nothing in it that JSON could not say.
            content: serde_json::to_string(&change.content)
                .unwrap_or_default()
                .into(),
        }
    }
}
