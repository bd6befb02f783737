//! `HttpCall`: one call to whatever a connection leads to.

use penstock_shared::{
    connection::{Answered, Auth, ConnectionClient},
    job::{CallMethod, Entries, HttpCall},
    outcome::{Fault, Outcome},
    queue::record::StoredJob,
    wire::CallError,
};
use serde_json::{Value, json};

use super::{Known, failed, known_now, refused, unknown_way, unproved};
use crate::{
    assignment::Assignment,
    deliver::{self, Courier},
    failpoint,
    gate::{Leaving, Stop, Turn},
    journal,
};

/// The most bytes of one value of a result.
const MOST_BYTES: usize = 4096;

/// Calls it. What may not be repeated is written down first, and is ambiguous where it had no answer: nothing is known by which it could be
/// read back.
pub(super) async fn call(
    courier: &Courier,
    job: &Assignment,
    stored: &StoredJob,
    call: &HttpCall,
    turn: &mut Turn<'_>,
) -> Result<Outcome, Stop> {
    let Some(known) = courier.elsewhere.ways.others.get(&call.connection) else {
        return Err(unknown_way(job, turn));
    };
    known_now(job);
    let auth = known.connection.auth.of(job.reference().tenant());
    let auth = auth.ok_or_else(|| unproved(job, turn))?;
    if let Some(header) = known.connection.own_header(auth, call) {
        return Err(shadowing(header, turn));
    }
    let once = !courier.elsewhere.may_repeat(&stored.payload);
    if once {
        if journal::earlier(courier, job, stored).is_some() {
            return Ok(ambiguous(call, turn));
        }
        probe(job, known, auth, turn).await?;
        failpoint::pass("before-intent");
        let intent = journal::intent(job, stored, known.client.timeout());
        let now = job.clock.now_ms().to_string();
        turn.advance(intent, Some(now)).await?;
        failpoint::pass("after-intent");
    }
    match send(job, &known.client, auth, call, turn).await {
        Ok(answered) => Ok(Outcome::Delivered {
            result: result(call, &answered),
            effect: None,
            permit: turn.permit(),
        }),
        // What was to be deleted is not there: that is done.
        Err(Stop::Call(CallError::PartNotFound { status, .. }))
            if call.method == CallMethod::Delete =>
        {
            Ok(Outcome::Delivered {
                result: json!({ "status": status, "absent": true }),
                effect: None,
                permit: turn.permit(),
            })
        }
        Err(Stop::Call(error)) if once && error.may_have_taken_effect() => Ok(Outcome::Unknown {
            fault: deliver::fault(&error),
            permit: turn.permit(),
        }),
        Err(stop) => {
            if once {
                // Nothing has happened.
                journal::clear(job);
            }
            match stop {
                Stop::Call(error) => Ok(failed(courier, job, error, turn.permit())),
                stop @ Stop::Outcome(_) => Err(stop),
            }
        }
    }
}

async fn send(
    job: &Assignment,
    client: &ConnectionClient,
    auth: &Auth,
    call: &HttpCall,
    turn: &mut Turn<'_>,
) -> Result<Answered, Stop> {
    let leaving = Leaving {
        is_read: call.method == CallMethod::Get,
        timeout: client.timeout(),
    };
    // An id is one tenant's, and tenants may share an account.
    let key = job.reference().job_key();
    let leave = |passage| client.call(passage, auth, call, &key);
    let sent = turn.send(leaving, leave).await?;
    sent.answer.map_err(Stop::Call)
}

/// What an open breaker lets through must be harmless, where anything is known that is: else it is the call itself.
async fn probe(
    job: &Assignment,
    known: &Known<ConnectionClient>,
    auth: &Auth,
    turn: &mut Turn<'_>,
) -> Result<(), Stop> {
    let Some(path) = known
        .connection
        .probe
        .as_ref()
        .filter(|_| job.claimed.probe)
    else {
        return Ok(());
    };
    let leaving = Leaving {
        is_read: true,
        timeout: known.client.timeout(),
    };
    let sent = turn
        .send(leaving, |passage| known.client.read(passage, auth, path))
        .await?;
    match sent.answer {
        // A refusal is an answer too; the call itself will say it better.
        Ok(_)
        | Err(
            CallError::Rejected { .. }
            | CallError::PartNotFound { .. }
            | CallError::Unauthorized { .. },
        ) => Ok(()),
        Err(error) => Err(Stop::Call(error)),
    }
}

/// Which headers are a connection's own, the door does not know.
fn shadowing(header: &str, turn: &Turn<'_>) -> Stop {
    let header = header.to_ascii_lowercase();
    let why =
        format!("payload.headers: {header} is the connection's own, and not the job's to set");
    refused(why, turn)
}

fn ambiguous(call: &HttpCall, turn: &Turn<'_>) -> Outcome {
    Outcome::Ambiguous {
        fault: Fault::new("what was called cannot be read back"),
        evidence: json!({
            "cannotBeReadBack": "HttpCall", "connection": call.connection, "method": call.method,
        }),
        permit: turn.permit(),
    }
}

/// What of the answer its callers may read: what they have named, as far as it is there and not too long.
fn result(call: &HttpCall, answered: &Answered) -> Value {
    let mut result = json!({ "status": answered.status });
    for (name, pointer) in call.result.iter().flat_map(Entries::iter) {
        let body = answered.body.as_ref();
        let value = body.and_then(|body| body.pointer(pointer.as_str()));
        let fits = |value: &&Value| value.to_string().len() <= MOST_BYTES;
        result[name] = value.filter(fits).cloned().unwrap_or_default();
    }
    result
}
