//! The tags of a profile.

use serde::Deserialize;
use serde_json::json;

use super::{Done, Origin, letter, missing};
use crate::smore::account::Account;
use crate::smore::answer::read;
use crate::stand::{Answer, Change, Input, Refusal};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tags {
    tags: Vec<String>,
}

pub(in crate::smore) fn post(account: &mut Account, input: &Input<'_>) -> Result<Answer, Refusal> {
    let Tags { tags } = read(input)?;
    let origin = Origin::Api(input.now);
    let done = change(account, input.param("id"), &tags, &[], origin);
    done.map(|done| done.answer(200))
        .map_err(|error| missing(&error))
}

pub(in crate::smore) fn delete(
    account: &mut Account,
    input: &Input<'_>,
) -> Result<Answer, Refusal> {
    let Tags { tags } = read(input)?;
    let origin = Origin::Api(input.now);
    let done = change(account, input.param("id"), &[], &tags, origin);
    done.map(|done| done.answer(200))
        .map_err(|error| missing(&error))
}

/// Adds and removes tags, and tells of those that were not there, or were.
pub(in crate::smore) fn change(
    account: &mut Account,
    id: &str,
    add: &[String],
    remove: &[String],
    origin: Origin,
) -> Result<Done, String> {
    let profile = account.crm.get_mut(id)?;
    profile.tags.retain(|tag| !remove.contains(tag));
    let new = add.iter().filter(|tag| !profile.tags.contains(tag));
    let new: Vec<String> = new.cloned().collect();
    profile.tags.extend(new);
    profile.touch(origin.at());
    let shown = profile.shown();
    let (kind, told) = if remove.is_empty() {
        ("profile.tagged", "tags-added")
    } else {
        ("profile.untagged", "tags-removed")
    };
    let content = json!({"add": add, "remove": remove});
    let letters = letter(account, kind, origin, &shown, ("tags", content.clone()));
    Ok(Done {
        shown,
        change: Change::write(told, id, Some(id), content),
        letters,
    })
}
