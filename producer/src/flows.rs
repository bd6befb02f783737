//! `penstock-producer flows`: looks at a file of flows, and tries one out, without a queue.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use penstock_shared::{
    event::{Event, Source},
    flow::{self, Flow, Flows, Known, News, Plan},
    job::{Job, Payload, Tenant},
    program::{Exit, Failure, print},
    settings::Settings,
};
use serde_json::{Value, json};

/// What to do with the flows.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The file of flows; without it the one that `PENSTOCK_FLOWS` names
    #[arg(long, value_name = "FILE", global = true)]
    file: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say everything that is wrong with the file
    #[command(after_help = "Examples:\n  penstock-producer flows check --file flows.toml")]
    Check,
    /// Print the jobs that an event would make by one flow, one JSON object a line
    #[command(
        after_help = "Examples:\n  penstock-producer flows test call-back --file flows.toml                        with the trigger's example\n  penstock-producer flows test call-back --event reply.json | jq\n\nExit codes: 0 the jobs are printed, none if a condition does not hold; 1 the flow fails on this event; 2 the file, the event or the arguments are wrong."
    )]
    Test(Test),
}

#[derive(Debug, Args)]
struct Test {
    /// The flow's name
    #[arg(value_name = "FLOW")]
    flow: String,
    /// The body of a webhook, as its sender sends it, or an event as `dead show` gives it; without one, the trigger's example
    #[arg(long, value_name = "FILE")]
    event: Option<PathBuf>,
    /// The contact as GHL has it, for a flow that looks at it
    #[arg(long, value_name = "FILE")]
    contact: Option<PathBuf>,
}

/// Does it.
pub fn run(arguments: &Arguments, settings: &Settings) -> Result<Exit, Failure> {
    let path = arguments.file.as_ref().or(settings.intake.flows.as_ref());
    let path = path.ok_or_else(|| {
        Failure::bad_input(anyhow!(
            "no file of flows: name it with --file or PENSTOCK_FLOWS"
        ))
    })?;
    let flows = load(path)?;
    match &arguments.command {
        Command::Check => {
            let count = flows.iter().count();
            print(&format!(
                "{}: {count} flows, nothing wrong\n",
                path.display()
            ))?;
            Ok(Exit::Done)
        }
        Command::Test(test) => try_out(&flows, test),
    }
}

fn load(path: &Path) -> Result<Flows, Failure> {
    let text = read(path)?;
    Flows::load(&text).map_err(|faults| {
        for fault in faults {
            eprintln!("{}: {fault}", path.display());
        }
        Failure::silent(Exit::BadInput)
    })
}

fn read(path: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(path);
    text.with_context(|| format!("{} cannot be read", path.display()))
        .map_err(Failure::bad_input)
}

fn try_out(flows: &Flows, test: &Test) -> Result<Exit, Failure> {
    let flow = flows.named(&test.flow).ok_or_else(|| {
        let names: Vec<_> = flows.iter().map(|flow| flow.name.as_str()).collect();
        let names = names.join(", ");
        Failure::bad_input(anyhow!(
            "no flow is called {}; there are {names}",
            test.flow
        ))
    })?;
    let event = match &test.event {
        Some(path) => event(flow, &read(path)?).map_err(|error| {
            Failure::bad_input(error.context(format!("{} is no event", path.display())))
        })?,
        None => flow::sample(flow).ok_or_else(|| {
            let message = "nobody knows what events of this kind hold: give one with --event";
            Failure::bad_input(anyhow!(message))
        })?,
    };
    if !flow.begins_with(&event) {
        eprintln!(
            "note: a {} of {} does not begin this flow; what follows is what it would make",
            event.kind, event.tenant
        );
    }
    let contact = test.contact.as_deref().map(contact).transpose()?;
    let mut known = Known {
        now: Timestamp::now(),
        contact: Some(contact.unwrap_or_default()),
        links: json!({}),
        news: None,
    };
    // As if nothing had been known of the record before.
    let word = flows.word(&event, &known);
    if let Some(broken) = word.iter().flat_map(|word| &word.broken).next() {
        return Err(Failure::failed(anyhow!("{broken}")));
    }
    known.news = word.as_ref().map(News::all_of);
    show(&flows.plan_one(flow, &event, &known))
}

fn contact(path: &Path) -> Result<Value, Failure> {
    let read = serde_json::from_str(&read(path)?);
    read.with_context(|| format!("{} is not JSON", path.display()))
        .map_err(Failure::bad_input)
}

/// The event in a file: as it is stored, by itself or in its job, or as the flow's sender sends it.
fn event(flow: &Flow, text: &str) -> anyhow::Result<Event> {
    let document: Value = serde_json::from_str(text)?;
    let of_job = document.pointer("/payload/event");
    let of_payload = of_job.or_else(|| document.get("event"));
    let is_event = |told: &&Value| told.get("source").is_some() && told.get("kind").is_some();
    if let Some(told) = of_payload.into_iter().chain([&document]).find(is_event) {
        return stored(told);
    }
    let tenant = flow.tenants.first().cloned();
    let tenant = tenant.map_or_else(|| "example".parse::<Tenant>(), Ok)?;
    let bytes = text.as_bytes();
    match flow::sample(flow).map(|sample| sample.source) {
        Some(Source::Ghl) => Ok(Event::from_ghl(bytes, None)?.event),
        Some(Source::Smore) => first(Event::from_smore(bytes, &tenant)?),
        Some(Source::Smsfactor) => {
            // Its body does not say of which type it is.
            let told = flow
                .on
                .as_str()
                .strip_prefix("sms.")
                .map(|name| match name {
                    "reply" => "mo",
                    "delivery" => "dlr",
                    other => other,
                });
            let told = told.map(str::parse).transpose()?;
            first(Event::from_smsfactor(bytes, &tenant, told.as_ref())?)
        }
        Some(Source::Named(_)) | None => Err(anyhow!(
            "an event of a connector is given as it is stored, with source, kind and data"
        )),
    }
}

fn stored(document: &Value) -> anyhow::Result<Event> {
    let tenant = document
        .get("tenant")
        .cloned()
        .unwrap_or_else(|| json!("example"));
    let job = json!({ "type": "HandleEvent", "tenant": tenant, "payload": { "event": document } });
    let job = Job::from_value(job).map_err(|faults| {
        let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
        anyhow!(faults.join("; "))
    })?;
    match job.payload {
        Payload::HandleEvent(handle) => Ok(handle.event),
        _ => Err(anyhow!("it is another job")),
    }
}

fn first(events: Vec<Event>) -> anyhow::Result<Event> {
    let first = events.into_iter().next();
    first.ok_or_else(|| anyhow!("it tells of nothing"))
}

fn show(plan: &Plan) -> Result<Exit, Failure> {
    for planned in &plan.jobs {
        print(&format!("{}\n", serde_json::to_string(&planned.job)?))?;
    }
    if plan.jobs.is_empty() && plan.broken.is_empty() {
        eprintln!("no job: a condition does not hold for this event");
    }
    for broken in &plan.broken {
        eprintln!("{broken}");
    }
    if plan.broken.is_empty() {
        Ok(Exit::Done)
    } else {
        Ok(Exit::Failed)
    }
}
