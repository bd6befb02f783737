//! `SmsBlacklist`: a number is on the blacklist, or it is not.

use penstock_shared::{
    job::{Membership, SmsBlacklist},
    outcome::Outcome,
    smsfactor::Request,
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
    wanted: &SmsBlacklist,
    turn: &mut Turn<'_>,
) -> Result<Outcome, Stop> {
    let way = smsfactor(courier, job, turn)?;
    let result = match wanted.operation {
        Membership::Add => {
            let request = Request::add_to_blacklist(&wanted.phone);
            way.send(turn, &request).await?;
            json!({})
        }
        Membership::Remove => remove(way, job, wanted, turn).await?,
    };
    Ok(Outcome::Delivered {
        result,
        effect: None,
        permit: turn.permit(),
    })
}

/// It is taken off by its id there.
async fn remove(
    way: Way<'_>,
    job: &Assignment,
    wanted: &SmsBlacklist,
    turn: &mut Turn<'_>,
) -> Result<Value, Stop> {
    let page = |start| Request::blacklist(&wanted.phone, start);
    let found = lookup::find(way, job, turn, &wanted.phone, page).await?;
    lookup::is_over(job);
    for (at, there) in found.iter().enumerate() {
        if at > 0 {
            lookup::learnt(turn, &found[at..]).await?;
        }
        let request = Request::remove_blacklisted(&there.id);
        match way.send(turn, &request).await {
            Ok(_) | Err(Stop::Call(CallError::PartNotFound { .. })) => {}
            Err(stop) => return Err(stop),
        }
    }
    Ok(json!({ "removed": found.len() }))
}
