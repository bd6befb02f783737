//! A location has installed the app, or a person has taken it out: its tokens are made from its company's, or thrown away.

use std::time::Duration;

use penstock_shared::{
    event::{Event, Source},
    job::Tenant,
    queue::error::QueueError,
};
use serde_json::Value;

use crate::{
    call::{Calls, Stop},
    deliver::Courier,
};

/// When Redis is asked again.
const AGAIN: Duration = Duration::from_secs(5);

/// Does what an event of GHL's says of the app that this worker calls with.
pub async fn hear(courier: &Courier, event: &Event, calls: &Calls<'_>) -> Result<(), Stop> {
    let Some(app) = courier.api.tokens.app() else {
        return Ok(());
    };
    if event.source != Source::Ghl || !is_of(app, event) {
        return Ok(());
    }
    let done = match event.kind.as_str() {
        "INSTALL" => installed(courier, app, event).await,
        "UNINSTALL" => uninstalled(courier, app, event).await,
        _ => Ok(()),
    };
    done.map_err(|error| {
        tracing::warn!(tenant = %event.tenant, kind = %event.kind, %error, "what was told of the app cannot be stored yet");
        calls.postponed(AGAIN, "waits until what it says of the app can be stored")
    })
}

/// The id of a client begins with that of its app.
fn is_of(app: &str, event: &Event) -> bool {
    text(event, "appId").is_none_or(|id| app == id || app.starts_with(&format!("{id}-")))
}

async fn installed(courier: &Courier, app: &str, event: &Event) -> Result<(), QueueError> {
    let Some(location) = location(event) else {
        return Ok(());
    };
    let company = text(event, "companyId");
    if courier.queue.installed(app, company, &location).await? {
        tracing::info!(tenant = %location, "the location has installed the app: it gets tokens of its company's");
    }
    Ok(())
}

async fn uninstalled(courier: &Courier, app: &str, event: &Event) -> Result<(), QueueError> {
    let (company, location) = (text(event, "companyId"), location(event));
    let taken = courier
        .queue
        .uninstalled(app, company, location.as_ref(), event.occurred_at);
    if taken.await? > 0 {
        tracing::info!(tenant = %event.tenant, "the app was uninstalled: its tokens are thrown away");
    }
    Ok(())
}

fn location(event: &Event) -> Option<Tenant> {
    text(event, "locationId")?.parse().ok()
}

fn text<'a>(event: &'a Event, name: &str) -> Option<&'a str> {
    let text = event.data.members().get(name).and_then(Value::as_str);
    text.filter(|text| !text.is_empty())
}
