//! `ghl get`: reads from the API, within the tenant's quota.

mod caller;
mod path;

use std::{
    io::{self, Read as _},
    path::Path,
    pin::pin,
};

use anyhow::{Context as _, anyhow};
use futures::TryStreamExt as _;
use penstock_shared::{
    job::Tenant,
    program::{Exit, Failure},
    queue::Queue,
    settings::Settings,
};
use serde_json::{Map, Value};

use self::{
    caller::{Caller, Patience},
    path::Wanted,
};
use crate::{arguments::Get, mask::masked, render::Format};

/// The most bytes of a body.
const LONGEST_BODY: u64 = 64 * 1024;

/// Reads what the path says, and prints it as the API says it.
pub(crate) async fn get(
    queue: &Queue,
    settings: &Settings,
    format: Format,
    get: Get,
) -> Result<Exit, Failure> {
    let tenant = match get.tenant {
        Some(tenant) => tenant,
        None => only_tenant(queue).await?,
    };
    let body = get.body.as_deref().map(read_body).transpose()?;
    let wanted = Wanted::read(&tenant, &get.path, get.query, body, get.all);
    let wanted = wanted.map_err(Failure::bad_input)?;
    let shown = |value: Value| if get.reveal { value } else { masked(&value) };
    match wanted {
        Wanted::Answer(request) => {
            let caller = Caller::new(queue, settings, &tenant, Patience::None).await?;
            format.value(&shown(caller.call(&request).await?.body))?;
        }
        Wanted::Everybody(walk) => {
            let caller = Caller::new(queue, settings, &tenant, Patience::Some).await?;
            let pages = walk.pages(tenant.clone(), async |request| caller.call(&request).await);
            let mut pages = pin!(pages);
            let mut all = Vec::new();
            while let Some(page) = pages.try_next().await? {
                let mut page = page.into_iter().map(shown);
                // One document has to be whole; lines are written as they come.
                if format == Format::Ndjson {
                    page.try_for_each(|contact| format.value(&contact))?;
                } else {
                    all.extend(page);
                }
            }
            if format != Format::Ndjson {
                format.value(&Value::Array(all))?;
            }
        }
    }
    Ok(Exit::Done)
}

/// Whose it is where nobody says it.
async fn only_tenant(queue: &Queue) -> Result<Tenant, Failure> {
    let tenants = queue.tenants().await?;
    let why = match &tenants[..] {
        [only] => return only.parse().map_err(Failure::bad_input),
        [] => "no tenant is known here: say whose it is with --tenant",
        _ => "there are several tenants: say whose it is with --tenant",
    };
    Err(Failure::bad_input(anyhow!(why)))
}

fn read_body(path: &Path) -> Result<Map<String, Value>, Failure> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        io::stdin().take(LONGEST_BODY + 1).read_to_string(&mut text)
    } else {
        let file = std::fs::File::open(path);
        file.and_then(|file| file.take(LONGEST_BODY + 1).read_to_string(&mut text))
    };
    let named = path.display();
    read.with_context(|| format!("cannot read {named}"))
        .map_err(Failure::bad_input)?;
    if text.len() as u64 > LONGEST_BODY {
        let why = anyhow!("{named} has more than {LONGEST_BODY} bytes");
        return Err(Failure::bad_input(why));
    }
    let body = serde_json::from_str(&text).with_context(|| format!("{named} is no JSON object"));
    body.map_err(Failure::bad_input)
}
