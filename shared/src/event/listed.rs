//! What a poll has found of the contacts of a list of `SMSFactor`'s.

use serde_json::{Map, Value};

use super::{Data, Event, Kind, Person, Source, hashed_id};
use crate::{
    job::{Phone, Tenant},
    smsfactor::Row,
};

const KIND: &str = "sms.contact";
const INFOS: [&str; 4] = ["info1", "info2", "info3", "info4"];

/// What has become of a contact of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was not there before.
    Added,
    /// It was there, with another number or something else said of it. What was said and is no more is told as an empty text.
    Changed,
    /// It is there no more; what is told of it is what was known.
    Removed,
}

impl Change {
    fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
        }
    }
}

/// A contact of a list that was found to be another than before.
#[derive(Debug, Clone, Copy)]
pub struct ListChange<'a> {
    /// The list.
    pub list: &'a str,
    /// How often the list was read from end to end before: what comes back to what it was is another event then.
    pub round: u64,
    /// What has become of it.
    pub change: Change,
    /// The contact.
    pub row: &'a Row,
    /// The same as it was known before, where it has changed. What was not said then is not told as cleared now: that would undo what others say.
    pub before: Option<&'a Row>,
}

/// Found again, since whoever found it has died, it is the same event.
pub(super) fn event(tenant: &Tenant, found: &ListChange<'_>) -> Event {
    let phone = format!("+{}", found.row.number);
    let contact = Person::of(None, None, Some(&phone));
    let phone = contact.phone.as_ref().map(Phone::as_str);
    let named = [
        ("listId", Some(found.list)),
        ("id", Some(found.row.id.as_str())),
        ("change", Some(found.change.as_str())),
        ("phone", phone),
    ];
    let members = named.into_iter().chain(INFOS.into_iter().zip(infos(found)));
    let members: Map<String, Value> = members
        .filter_map(|(name, text)| Some((name.to_owned(), text?.into())))
        .collect();
    let (data, truncated) = Data::bounded(members);
    Event {
        source: Source::Smsfactor,
        kind: Kind::named(KIND),
        tenant: tenant.clone(),
        id: hashed_id(Source::Smsfactor.as_str(), parts(found)),
        occurred_at: None,
        contact,
        truncated,
        data,
    }
}

/// What is said of it, and of what was cleared that it is nothing now.
fn infos<'a>(found: &ListChange<'a>) -> [Option<&'a str>; 4] {
    let before = found.before.map(|before| &before.infos);
    std::array::from_fn(|index| {
        let was_said = before.is_some_and(|before| before[index].is_some());
        let said = found.row.infos[index].as_deref();
        said.or_else(|| was_said.then_some(""))
    })
}

fn parts(found: &ListChange<'_>) -> Vec<Vec<u8>> {
    let named = [
        KIND,
        found.list,
        &found.row.id,
        found.change.as_str(),
        &found.row.number,
    ];
    let infos = found.row.infos.iter();
    let infos = infos.map(|info| info.as_deref().unwrap_or_default());
    let texts = named.into_iter().chain(infos).map(Into::into);
    let round = found.round.to_be_bytes().to_vec();
    texts.chain([round]).collect()
}
