//! `SmsListContact`: a number is in a list with what is said of it, or it is not there.

use penstock_shared::{
    job::{Membership, SmsListContact},
    outcome::Outcome,
    smsfactor::{Listed, Request},
    wire::CallError,
};
use serde_json::{Value, json};

use super::{lookup, smsfactor, way::Way};
use crate::{
    assignment::Assignment,
    deliver::Courier,
    gate::{Stop, Turn},
};

/// Does what is still to be done.
pub(super) async fn keep(
    courier: &Courier,
    job: &Assignment,
    wanted: &SmsListContact,
    turn: &mut Turn<'_>,
) -> Result<Outcome, Stop> {
    let way = smsfactor(courier, job, turn)?;
    let list = wanted.list_id.as_str();
    let page = |start| Request::list(list, &wanted.phone, start);
    let found = lookup::find(way, job, turn, &wanted.phone, page).await?;
    lookup::is_over(job);
    let result = match wanted.operation {
        Membership::Add => add(way, wanted, &found, turn).await?,
        Membership::Remove => json!({ "removed": remove(way, &found, turn).await? }),
    };
    Ok(Outcome::Delivered {
        result,
        effect: None,
        permit: turn.permit(),
    })
}

async fn add(
    way: Way<'_>,
    wanted: &SmsListContact,
    found: &[Listed],
    turn: &mut Turn<'_>,
) -> Result<Value, Stop> {
    let (list, infos) = (wanted.list_id.as_str(), wanted.infos());
    let Some(there) = found.first() else {
        let request = Request::add_to_list(list, &wanted.phone, infos);
        way.send(turn, &request).await?;
        return Ok(json!({ "changed": true }));
    };
    let mut pairs = infos.iter().zip(&there.infos);
    let differs = pairs
        .any(|(wanted, there)| wanted.is_some_and(|text| text != there.as_deref().unwrap_or("")));
    if differs {
        let request = Request::update_listed(&there.id, &wanted.phone, infos);
        way.send(turn, &request).await?;
    }
    Ok(json!({ "contactId": there.id, "changed": differs }))
}

/// Takes out every one of them; what is not there any more is out.
async fn remove(way: Way<'_>, found: &[Listed], turn: &mut Turn<'_>) -> Result<usize, Stop> {
    for there in found {
        match way.send(turn, &Request::remove_listed(&there.id)).await {
            Ok(_) | Err(Stop::Call(CallError::PartNotFound { .. })) => {}
            Err(stop) => return Err(stop),
        }
    }
    Ok(found.len())
}
