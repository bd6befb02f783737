//! A CRM as a generic connector finds one: profiles with tags, notes, records, milestones and a timeline.

pub(super) mod entries;
pub(super) mod profiles;
pub(super) mod tags;

use serde_json::{Value, json};

use super::account::Account;
use super::answer::error;
use crate::sandbox::Moment;
use crate::stand::{Answer, Change, Letter, Refusal, Request};
use profiles::Profile;

/// What the CRM's webhooks are about, as against those of forms.
pub(super) const SCOPE: &str = "crm";
const UNKNOWN: &str = "profile not found";

/// All profiles, in the order of their creation.
#[derive(Debug, Default)]
pub(super) struct Crm {
    profiles: Vec<Profile>,
}

/// Who changes something, and when.
#[derive(Clone, Copy, Debug)]
pub(super) enum Origin {
    /// A call.
    Api(Moment),
    /// Somebody at the CRM's own pages.
    User(Moment),
}

/// What a change came to.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) shown: Value,
    change: Change,
    pub(super) letters: Vec<Letter>,
}

impl Origin {
    const fn at(self) -> Moment {
        match self {
            Self::Api(at) | Self::User(at) => at,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Api(_) => "api",
            Self::User(_) => "user",
        }
    }
}

impl Done {
    fn answer(self, status: u16) -> Answer {
        Answer::json(status, self.shown)
            .changed([self.change])
            .telling(self.letters)
    }
}

impl Crm {
    pub(super) fn shown(&self) -> Value {
        let profiles: Vec<_> = self.profiles.iter().map(Profile::shown).collect();
        json!({"profiles": profiles})
    }

    /// The contacts that a request names, for faults: by id, email or phone.
    pub(super) fn named_in(&self, request: &Request) -> Vec<String> {
        let body = request.json().unwrap_or_default();
        let fields = ["email", "phone"].into_iter();
        let fields = fields.filter_map(|name| body[name].as_str().map(str::to_owned));
        let segments = request.path().split('/');
        let known = |id: &&str| self.profiles.iter().any(|profile| profile.id == *id);
        segments
            .filter(known)
            .map(str::to_owned)
            .chain(fields)
            .collect()
    }

    fn get_mut(&mut self, id: &str) -> Result<&mut Profile, String> {
        let profile = self.profiles.iter_mut().find(|profile| profile.id == id);
        profile.ok_or_else(|| UNKNOWN.to_owned())
    }

    fn get(&self, id: &str) -> Result<&Profile, Refusal> {
        let profile = self.profiles.iter().find(|profile| profile.id == id);
        profile.ok_or_else(|| missing(UNKNOWN))
    }
}

fn missing(message: &str) -> Refusal {
    error(404, Some(message))
}

/// The letter that tells of a change; none for one made by a call, where such are not told.
fn letter(
    account: &mut Account,
    kind: &'static str,
    origin: Origin,
    profile: &Value,
    more: (&str, Value),
) -> Vec<Letter> {
    if matches!(origin, Origin::Api(_)) && !account.options.crm_echo {
        return Vec::new();
    }
    let mut body = json!({
        "id": account.draw.uuid(), "type": kind, "occurredAt": origin.at().rfc3339(), "origin": origin.name(), "profile": profile,
    });
    let (name, value) = more;
    if !name.is_empty() {
        body[name] = value;
    }
    let scope = Some(SCOPE.to_owned());
    vec![Letter { kind, scope, body }]
}
