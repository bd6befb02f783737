//! What a call changed.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// A change of the API's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// What was changed and how.
    pub kind: Kind,
    /// The id of the note, task, contact, campaign, workflow, location or company; a bulk change has none.
    pub id: Option<String>,
    /// The contact that it belongs to; a bulk change has none, nor has one of access.
    pub contact_id: Option<String>,
    /// The contacts of a bulk change.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<String>,
    /// A hash of kind, contact and content: equal for effects that nobody could tell apart.
    pub fingerprint: String,
    /// What was written, as JSON, where the sandbox keeps it: it may be personal, so it is never shown.
    #[serde(skip)]
    pub content: Option<Box<str>>,
}

/// The kinds of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A contact came to be, by create or by upsert.
    Contact,
    /// A contact's fields were written.
    ContactUpdate,
    /// A contact was deleted, and all it had.
    ContactDelete,
    /// A contact got tags.
    Tags,
    /// A contact lost tags.
    TagsRemoved,
    /// Many contacts got or lost tags.
    BulkTags,
    /// A contact got followers.
    Followers,
    /// A contact lost followers.
    FollowersRemoved,
    /// Many contacts were put into a business, or taken out of theirs.
    Business,
    /// A contact was added to a campaign: the change's id is the campaign's.
    Campaign,
    /// A contact was removed from a campaign.
    CampaignRemoved,
    /// A contact was removed from every campaign.
    CampaignsRemoved,
    /// A contact was added to a workflow: the change's id is the workflow's.
    Workflow,
    /// A contact was removed from a workflow.
    WorkflowRemoved,
    /// A note came to be.
    Note,
    /// A note was written anew.
    NoteUpdate,
    /// A note was deleted.
    NoteDelete,
    /// A task came to be.
    Task,
    /// A task was changed, completed or opened again.
    TaskUpdate,
    /// A task was deleted.
    TaskDelete,
    /// A user installed the app, and a code was given for it. The change's id is that of the location or company, here and below.
    Authorization,
    /// Tokens were given for a code.
    Tokens,
    /// Tokens were given for a refresh token, which is used up.
    TokensRefreshed,
    /// A location's token was given to its company.
    LocationToken,
}

impl Kind {
    /// Whether doing it twice leaves two of them, or starts it twice.
    pub const fn is_creation(self) -> bool {
        matches!(
            self,
            Self::Contact | Self::Note | Self::Task | Self::Campaign | Self::Workflow
        )
    }

    /// Whether it is about access rather than contacts.
    pub const fn is_access(self) -> bool {
        matches!(
            self,
            Self::Authorization | Self::Tokens | Self::TokensRefreshed | Self::LocationToken
        )
    }
}

impl Change {
    /// A change of something that one contact has, or of the contact itself. `scope` is what content is compared within: the
    /// contact, or for a contact itself its location.
    pub(in crate::sandbox) fn of(
        kind: Kind,
        id: &str,
        contact_id: &str,
        scope: &str,
        content: &Map<String, Value>,
    ) -> Self {
        Self {
            kind,
            id: Some(id.to_owned()),
            contact_id: Some(contact_id.to_owned()),
            contacts: Vec::new(),
            fingerprint: fingerprint(kind, scope, content),
            content: text(content),
        }
    }

    /// A change of who has access: to a location or a company.
    pub(super) fn of_access(kind: Kind, id: &str) -> Self {
        Self {
            kind,
            id: Some(id.to_owned()),
            contact_id: None,
            contacts: Vec::new(),
            fingerprint: fingerprint(kind, id, &Map::new()),
            content: None,
        }
    }

    pub(super) fn of_many(kind: Kind, contacts: Vec<String>, content: &Map<String, Value>) -> Self {
        let fingerprint = fingerprint(kind, &contacts.join(" "), content);
        Self {
            kind,
            id: None,
            contact_id: None,
            contacts,
            fingerprint,
            content: text(content),
        }
    }
}

fn text(content: &Map<String, Value>) -> Option<Box<str>> {
    serde_json::to_string(content).ok().map(Into::into)
}

/// 128 bits of SHA-256, in hexadecimal.
pub(crate) fn fingerprint(
    kind: impl Serialize,
    scope: &str,
    content: &Map<String, Value>,
) -> String {
    // Sorted, since the order of keys says nothing.
    let content: BTreeMap<&String, &Value> = content.iter().collect();
    let text = serde_json::to_string(&(kind, scope, content)).unwrap_or_default();
    let hash = Sha256::digest(text)
        .iter()
        .take(16)
        .fold(0_u128, |hash, byte| hash << 8 | u128::from(*byte));
    format!("{hash:032x}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn print(kind: Kind, scope: &str, content: &Value) -> String {
        fingerprint(kind, scope, content.as_object().unwrap())
    }

    #[test]
    fn a_fingerprint_is_kind_scope_and_content() {
        let first = print(Kind::Note, "c1", &json!({"body": "a", "title": "b"}));
        assert_eq!(first.len(), 32);
        assert_eq!(
            first,
            print(Kind::Note, "c1", &json!({"title": "b", "body": "a"}))
        );
        assert_ne!(
            first,
            print(Kind::Task, "c1", &json!({"body": "a", "title": "b"}))
        );
        assert_ne!(
            first,
            print(Kind::Note, "c2", &json!({"body": "a", "title": "b"}))
        );
        assert_ne!(
            first,
            print(Kind::Note, "c1", &json!({"body": "a", "title": "c"}))
        );
    }
}
