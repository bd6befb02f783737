//! Which task or note of a contact a job is about.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    fault::Noted,
    path_id::PathId,
    read::{Place, Read},
};

/// A task or a note, by the API's own id: `{"id":"…"}`.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum EffectRef {
    /// The API's own id.
    Id(PathId),
}

impl EffectRef {
    /// The API's id of it.
    pub fn id(&self) -> &PathId {
        let Self::Id(id) = self;
        id
    }
}

impl Read for EffectRef {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        let id = fields.required("id");
        fields.finish();
        id.map(Self::Id)
    }
}
