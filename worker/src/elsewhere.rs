//! Jobs for other systems than GHL: the ways there, and what each job type does by them.

mod blacklist;
mod holder;
mod http;
mod list;
mod lookup;
mod poll;
mod report;
mod sms;
mod unknown;
mod way;
mod word;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use penstock_shared::{
    connection::{Connection, ConnectionClient, Connections},
    job::{ConnectionName, Destination, HttpCall, Payload},
    outcome::{Cause, Fault, Outcome, Permit},
    program::{Failure, VERSION},
    queue::{record::StoredJob, reference::Lane, run::field},
    quota::Quota,
    settings::Settings,
    smsfactor::SmsFactorClient,
    wire::CallError,
};

pub(crate) use self::report::hear;
use self::way::Way;
use crate::{
    assignment::Assignment,
    deliver::{self, Courier, FOR_ANOTHER},
    gate::{Stop, Turn},
};

/// Why it is not known what is there.
const NOT_UNDERSTOOD: &str =
    "the answer says nothing that can be read, and does not say that there is nothing";

/// The ways to other systems that all deliveries share. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Elsewhere {
    ways: Arc<Ways>,
}

#[derive(Debug)]
struct Ways {
    smsfactor: Option<Known<SmsFactorClient>>,
    others: BTreeMap<ConnectionName, Known<ConnectionClient>>,
    /// How long a message of which nobody knows whether it was sent waits for word of it.
    report_wait: Duration,
}

/// A way that this worker knows.
#[derive(Debug)]
struct Known<C> {
    client: C,
    connection: Connection,
}

impl Elsewhere {
    /// The ways that the settings name.
    pub fn open(settings: &Settings) -> Result<Self, Failure> {
        let connections = match &settings.elsewhere.connections {
            Some(path) => Connections::load(path).map_err(Failure::bad_input)?,
            None => Connections::default(),
        };
        let longest = settings.ghl.http_timeout;
        let agent = format!("penstock/{VERSION}");
        let timeout = |name: &str, connection: &Connection| {
            let timeout = connection.timeout.unwrap_or(longest);
            // The permit of a call whose worker has died comes back when that can no longer arrive: no worker knows of a longer time.
            if timeout > longest {
                return Err(Failure::bad_input(anyhow::anyhow!(
                    "PENSTOCK_CONNECTIONS: the timeout of {name} is longer than PENSTOCK_HTTP_TIMEOUT"
                )));
            }
            Ok(timeout)
        };
        let smsfactor = connections.smsfactor.map(|connection| {
            let timeout = timeout("smsfactor", &connection)?;
            let client = SmsFactorClient::new(&connection.base_url, timeout, &agent);
            let client = client.map_err(Failure::bad_input)?;
            Ok::<_, Failure>(Known { client, connection })
        });
        let others = connections.others.into_iter().map(|(name, connection)| {
            let timeout = timeout(name.as_str(), &connection)?;
            let client = ConnectionClient::new(&connection, timeout, &agent);
            let client = client.map_err(Failure::bad_input)?;
            Ok::<_, Failure>((name, Known { client, connection }))
        });
        let ways = Ways {
            smsfactor: smsfactor.transpose()?,
            others: others.collect::<Result<_, _>>()?,
            report_wait: settings.elsewhere.sms_report_wait,
        };
        Ok(Self {
            ways: Arc::new(ways),
        })
    }

    /// How many calls an account may make, of each destination that there is a way to.
    pub fn quotas(&self) -> impl Iterator<Item = (Destination, (Quota, Quota))> {
        let smsfactor = self.ways.smsfactor.iter();
        let smsfactor = smsfactor.map(|way| (Destination::SMSFACTOR, way.connection.quotas));
        let others = self.ways.others.iter();
        smsfactor
            .chain(others.map(|(name, way)| (name.destination().clone(), way.connection.quotas)))
    }

    /// What tells what proves a lane's calls apart from what did before. `None` where there is nothing.
    pub fn stamp(&self, lane: &Lane) -> Option<String> {
        let connection = self.connection(lane.destination())?;
        let auth = connection.auth.of(lane.tenant())?;
        Some(auth.fingerprint())
    }

    /// Whether the job may be called twice: it says so, or the other end knows a repeated call again.
    pub fn may_repeat(&self, payload: &Payload) -> bool {
        payload.is_idempotent()
            || matches!(payload, Payload::HttpCall(call) if self.knows_again(call))
    }

    fn knows_again(&self, call: &HttpCall) -> bool {
        let way = self.ways.others.get(&call.connection);
        way.is_some_and(|way| way.connection.idempotency_header.is_some())
    }

    fn connection(&self, destination: &str) -> Option<&Connection> {
        if destination == Destination::SMSFACTOR.as_str() {
            return self.ways.smsfactor.as_ref().map(|way| &way.connection);
        }
        let mut others = self.ways.others.iter();
        let found = others.find(|(name, _)| name.as_str() == destination);
        found.map(|(_, way)| &way.connection)
    }
}

/// Delivers a job that goes elsewhere; `None` if it does not.
pub async fn deliver(
    courier: &Courier,
    job: &Assignment,
    stored: &StoredJob,
    turn: &mut Turn<'_>,
) -> Option<Result<Outcome, Stop>> {
    let delivered = match &stored.payload {
        Payload::SendSms(sms) => sms::send(courier, job, stored, sms, turn).await,
        Payload::SmsListContact(contact) => list::keep(courier, job, contact, turn).await,
        Payload::SmsBlacklist(number) => blacklist::keep(courier, job, number, turn).await,
        Payload::PollSms(wanted) => poll::poll(courier, job, wanted, turn).await,
        Payload::HttpCall(call) => http::call(courier, job, stored, call, turn).await,
        _ => return None,
    };
    Some(match delivered {
        Err(Stop::Call(error)) => Ok(failed(courier, job, error, turn.permit())),
        other => other,
    })
}

/// What a failed call means that may be repeated.
fn failed(courier: &Courier, job: &Assignment, error: CallError, permit: Permit) -> Outcome {
    if matches!(error, CallError::Unauthorized { .. }) {
        let stamp = courier.elsewhere.stamp(job.reference().lane());
        return Outcome::Unauthorized {
            fault: deliver::fault(&error),
            token: stamp.unwrap_or_default(),
            permit,
        };
    }
    courier.repeatable(job, error, permit)
}

/// This worker does not know the way: another may.
fn unknown_way(job: &Assignment, turn: &Turn<'_>) -> Stop {
    let destination = job.reference().lane().destination();
    tracing::warn!(
        job = job.reference().id(),
        tenant = job.reference().tenant(),
        destination,
        "a job is for a connection that this worker does not know: it waits for one that does"
    );
    job.note(field::NO_CONNECTION, destination);
    turn.postponed(
        FOR_ANOTHER,
        "it is for a connection that this worker does not know",
    )
}

/// There is nothing that would prove who calls.
fn unproved(job: &Assignment, turn: &Turn<'_>) -> Stop {
    let destination = job.reference().lane().destination();
    Outcome::Unauthorized {
        fault: Fault::new(format!(
            "there is no token of {destination} for this tenant: add one to the file that PENSTOCK_CONNECTIONS names"
        )),
        token: String::new(),
        permit: turn.permit(),
    }
    .into()
}

/// It is for a person to decide what becomes of it.
fn refused(why: impl Into<String>, turn: &Turn<'_>) -> Stop {
    Outcome::Rejected {
        cause: Cause::Rejected,
        fault: Fault::new(why),
        permit: turn.permit(),
    }
    .into()
}

/// The way to `SMSFactor`, for this job's tenant.
fn smsfactor<'a>(courier: &'a Courier, job: &Assignment, turn: &Turn<'_>) -> Result<Way<'a>, Stop> {
    let Some(known) = &courier.elsewhere.ways.smsfactor else {
        return Err(unknown_way(job, turn));
    };
    known_now(job);
    let auth = known.connection.auth.of(job.reference().tenant());
    let token = auth.and_then(|auth| auth.secret());
    Ok(Way {
        client: &known.client,
        token: token.ok_or_else(|| unproved(job, turn))?,
    })
}

/// The connection is known: that it was not is over.
fn known_now(job: &Assignment) {
    if job.claimed.run.text(field::NO_CONNECTION).is_some() {
        job.note(field::NO_CONNECTION, "");
    }
}
