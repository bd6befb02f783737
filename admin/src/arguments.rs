//! The command line.

mod access;
mod ghl;

use std::{path::PathBuf, time::Duration};

use clap::{
    ArgGroup, Args, Parser, Subcommand,
    builder::{PossibleValuesParser, TypedValueParser},
};
use penstock_shared::{
    job::{JobId, JobType, Tenant},
    outcome::Cause,
    queue::{dead::Filter, govern::Own, links::RecordName},
    quota::QuotaError,
    settings, span,
};

pub(crate) use self::{
    access::{Revoke, Rotate, TokensCommand},
    ghl::{Get, GhlCommand},
};
use crate::{dead::pace::Pace, render::Format};

const EXAMPLES: &str = "\
Examples:
  penstock-admin stats                                    how many jobs there are, by state
  penstock-admin tenants --watch                          the same by tenant, again every second
  penstock-admin job why order-4711                       what a job waits for, and until when
  penstock-admin dead causes                              why jobs died
  penstock-admin dead list --cause rejected -o ndjson     these, for a program
  penstock-admin dead edit order-4711 --payload fixed.json
  penstock-admin dead retry order-4711                    repaired and sent again
  penstock-admin dead retry --all --cause exhausted --rate 5/s --yes
  penstock-admin tenant pause ve9EPM428h8vShlRW1KT        nothing of this tenant is started
  penstock-admin ghl get contacts/ocQHyuzHvysMo5N5VsXc    a contact as the API has it
  penstock-admin quarantine                               which were raised, since the API was late

Exit codes: 0 done; 1 it could not be done (Redis away …); 2 the input, the arguments or the settings were wrong.";

/// Looks into and repairs a running Penstock.
#[derive(Debug, Parser)]
#[command(name = "penstock-admin", after_help = EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// How to print: a table for people, one JSON document, or one JSON object a line [default: table]
    #[arg(
        short,
        long,
        global = true,
        value_enum,
        value_name = "FORMAT",
        help_heading = "Common options"
    )]
    pub(crate) output: Option<Format>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show how many jobs there are, by state
    #[command(
        after_help = "Examples:\n  penstock-admin stats -o json\n  penstock-admin stats --watch 5s"
    )]
    Stats(Watch),
    /// Show every tenant: its jobs, the calls it has left, whether it is held, and when its backlog is done
    #[command(
        after_help = "Examples:\n  penstock-admin tenants\n  penstock-admin tenants --watch -o ndjson"
    )]
    Tenants(Watch),
    /// Look at one job
    #[command(subcommand)]
    Job(JobCommand),
    /// Look at, repair, send again or delete dead letters
    #[command(subcommand)]
    Dead(DeadCommand),
    /// List effects that are there more than once, as sweeps have found them: where notes and tasks carry markers
    #[command(
        after_help = "Examples:\n  penstock-admin twins\n  penstock-admin twins --tenant ve9EPM428h8vShlRW1KT -o json"
    )]
    Twins(TwinsOf),
    /// Look at what a record is in several systems
    #[command(subcommand)]
    Link(LinkCommand),
    /// List the quarantines that were raised since the API was late, by job type, or set them back
    #[command(
        after_help = "Examples:\n  penstock-admin quarantine\n  penstock-admin quarantine reset CreateTask"
    )]
    Quarantine(QuarantineOf),
    /// Pause a tenant, resume it, give it quotas of its own, or let it write
    #[command(subcommand)]
    Tenant(TenantCommand),
    /// List, add, rotate or revoke what tenants call the API with
    #[command(subcommand)]
    Tokens(TokensCommand),
    /// Try whether a tenant's jobs could run: reads as they would, and tells what is missing
    #[command(
        after_help = "Examples:\n  penstock-admin check ve9EPM428h8vShlRW1KT\n\nExit codes: 0 they could; 1 they could not, or it could not be tried; 2 the arguments or settings were wrong."
    )]
    Check {
        /// The tenant
        tenant: Tenant,
    },
    /// Read from the API, as a tenant's jobs would
    #[command(subcommand)]
    Ghl(GhlCommand),
    /// Print the users that Redis should know, one for each role
    ///
    /// The roles: client (stores jobs), intake (`penstock-producer serve`), worker, admin-read, admin-write, metrics. Nothing is sent to Redis.
    #[command(
        after_help = "Examples:\n  penstock-admin acl                                         each of them off until it has a password\n  penstock-admin acl --passwords-from roles.txt | redis-cli\n  penstock-admin acl --passwords-from roles.txt --file >> users.acl"
    )]
    Acl(Acl),
}

#[derive(Debug, Args)]
pub(crate) struct Acl {
    /// What the users' names begin with
    #[arg(long, value_name = "PREFIX", default_value = "penstock")]
    pub(crate) user_prefix: String,
    /// The prefix of every key [what `PENSTOCK_NAMESPACE` says, if not said]
    #[arg(long, value_name = "NAMESPACE", value_parser = settings::namespace)]
    pub(crate) namespace: Option<String>,
    /// Takes passwords from this file, a line each: ROLE:PASSWORD. Only their SHA-256 is printed
    #[arg(long, value_name = "FILE")]
    pub(crate) passwords_from: Option<PathBuf>,
    /// Prints them as they stand in the file that Redis' `aclfile` names
    #[arg(long)]
    pub(crate) file: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// Show it again and again, this far apart [1s if not said]
    #[arg(long, value_name = "INTERVAL", num_args = 0..=1, default_missing_value = "1s", value_parser = interval)]
    pub(crate) watch: Option<Duration>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum JobCommand {
    /// Show a job with the history of its attempts, until it is done
    #[command(
        after_help = "Examples:\n  penstock-admin job show order-4711\n  penstock-admin job show order-4711 --tenant ve9EPM428h8vShlRW1KT --reveal -o json"
    )]
    Show(Show),
    /// Say why a job is not running now, and when it will
    #[command(after_help = "Examples:\n  penstock-admin job why order-4711")]
    Why(OneJob),
}

#[derive(Debug, Args)]
pub(crate) struct QuarantineOf {
    #[command(subcommand)]
    pub(crate) command: Option<QuarantineCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum QuarantineCommand {
    /// Set quarantines back to what the workers' settings say; workers know within some seconds
    #[command(
        after_help = "Examples:\n  penstock-admin quarantine reset                           all of them\n  penstock-admin quarantine reset CreateTask AttachNote"
    )]
    Reset {
        /// Of these job types; of all, if none is named
        #[arg(value_name = "TYPE", value_parser = job_type())]
        types: Vec<JobType>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum LinkCommand {
    /// Show what a record is called in each system, the values that count, who lacks them, and which conflicts there were
    #[command(
        after_help = "Examples:\n  penstock-admin link show ghl/ocQHyuzHvysMo5N5VsXc --tenant ve9EPM428h8vShlRW1KT\n  penstock-admin link show crm/p-17 --tenant ve9EPM428h8vShlRW1KT --reveal -o json"
    )]
    Show(ShowLink),
}

#[derive(Debug, Args)]
pub(crate) struct ShowLink {
    /// The record, by any of its systems and what it is called there
    #[arg(value_name = "SYSTEM/ID")]
    pub(crate) record: RecordName,
    /// Whose it is
    #[arg(long)]
    pub(crate) tenant: Tenant,
    /// Show values in full; they are masked otherwise
    #[arg(long)]
    pub(crate) reveal: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TwinsOf {
    /// Only this tenant's
    #[arg(long)]
    pub(crate) tenant: Option<Tenant>,
}

/// One job, by its id.
#[derive(Debug, Args)]
pub(crate) struct OneJob {
    /// The job's id
    #[arg(value_name = "ID")]
    pub(crate) id: JobId,
    /// Whose it is; needed where two tenants use the same id
    #[arg(long)]
    pub(crate) tenant: Option<Tenant>,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    #[command(flatten)]
    pub(crate) job: OneJob,
    /// Show emails, phones, names and texts in full; they are masked otherwise
    #[arg(long)]
    pub(crate) reveal: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeadCommand {
    /// List dead letters, oldest first
    #[command(
        after_help = "Examples:\n  penstock-admin dead list --tenant ve9EPM428h8vShlRW1KT --cause rejected\n  penstock-admin dead list --limit 1000 --after order-4711 -o ndjson"
    )]
    List(List),
    /// Show a dead letter in full
    #[command(
        after_help = "Examples:\n  penstock-admin dead show order-4711\n  penstock-admin dead show order-4711 --reveal -o json"
    )]
    Show(Show),
    /// Count dead letters by cause
    #[command(after_help = "Examples:\n  penstock-admin dead causes")]
    Causes,
    /// Write dead letters as jobs that `penstock-producer enqueue` takes, personal data included
    ///
    /// Each line has an id of its own, made of the dead job's id and the time of its death: enqueuing it twice is
    /// harmless. The dead letters stay. Those that may have taken effect are left out unless asked for.
    #[command(
        after_help = "Examples:\n  penstock-admin dead export --cause exhausted | penstock-producer enqueue\n  penstock-admin dead export -o json    one array, as POST /v1/jobs takes it"
    )]
    Export(Export),
    /// Send dead letters again, with their attempts counted anew
    #[command(
        after_help = "Examples:\n  penstock-admin dead retry order-4711 order-4712\n  penstock-admin dead retry --all --cause exhausted              how many these are\n  penstock-admin dead retry --all --cause exhausted --rate 5/s --yes"
    )]
    Retry(Retry),
    /// Replace the payload of a dead letter; it stays dead until it is retried
    #[command(
        after_help = "Examples:\n  penstock-admin dead edit order-4711 --payload fixed.json\n  penstock-admin dead show order-4711 --reveal -o json | jq .payload | sed s/@exmaple/@example/ \\\n    | penstock-admin dead edit order-4711 --payload -"
    )]
    Edit(Edit),
    /// Delete dead letters for good
    #[command(
        after_help = "Examples:\n  penstock-admin dead delete order-4711\n  penstock-admin dead delete --all --cause undecodable --yes"
    )]
    Delete(Selection),
    /// Decide ambiguous dead letters: whether what was sent took effect
    #[command(
        after_help = "Examples:\n  penstock-admin dead resolve order-4711 --done --effect 7Zpmn0VZnGCRhZyZ      it did, as this note or task\n  penstock-admin dead resolve order-4711 order-4712 --resend                  they did not: send them again"
    )]
    Resolve(Resolve),
}

/// Which dead letters.
#[derive(Debug, Args)]
pub(crate) struct Filters {
    /// Only this tenant's
    #[arg(long)]
    pub(crate) tenant: Option<Tenant>,
    /// Only of this type
    #[arg(long = "type", value_name = "TYPE", value_parser = PossibleValuesParser::new(JobType::ALL.iter().map(|job_type| job_type.as_str())))]
    pub(crate) job_type: Option<String>,
    /// Only with this cause
    #[arg(long, value_parser = PossibleValuesParser::new(Cause::ALL.map(Cause::as_str)))]
    pub(crate) cause: Option<String>,
}

impl Filters {
    pub(crate) fn to_filter(&self) -> Filter {
        Filter {
            tenant: self
                .tenant
                .as_ref()
                .map(|tenant| tenant.as_str().to_owned()),
            job_type: self.job_type.clone(),
            cause: self.cause.clone(),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) filters: Filters,
    /// The most rows
    #[arg(long, default_value = "100", value_parser = limit)]
    pub(crate) limit: usize,
    /// Go on after this row: the last one's id, or TENANT/ID where two tenants use the same id
    #[arg(long, value_name = "ID")]
    pub(crate) after: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    #[command(flatten)]
    pub(crate) filters: Filters,
    /// Also those that may have taken effect; `--cause ambiguous` asks for them too
    #[arg(long)]
    pub(crate) undecided: bool,
}

/// Dead letters by id, or all that match.
#[derive(Debug, Args)]
pub(crate) struct Selection {
    /// The dead letters' ids
    #[arg(value_name = "ID", required_unless_present = "all", conflicts_with_all = ["all", "yes", "job_type", "cause"])]
    pub(crate) ids: Vec<JobId>,
    /// All that match the filters; only counted without --yes
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) filters: Filters,
    /// Do it to all of them
    #[arg(long, requires = "all")]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Retry {
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// How many become due in a time, such as 5/s or 100/10m; without it all do at once
    #[arg(long)]
    pub(crate) rate: Option<Pace>,
}

#[derive(Debug, Args)]
pub(crate) struct Edit {
    #[command(flatten)]
    pub(crate) job: OneJob,
    /// The whole new payload as JSON; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) payload: PathBuf,
}

// The group that is derived would count the ids as a decision.
#[derive(Debug, Args)]
#[group(skip)]
#[command(group = ArgGroup::new("decision").required(true).args(["done", "resend"]))]
pub(crate) struct Resolve {
    /// The dead letters' ids
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<JobId>,
    /// Whose they are; needed where two tenants use the same id
    #[arg(long)]
    pub(crate) tenant: Option<Tenant>,
    /// It took effect: the job is done
    #[arg(long)]
    pub(crate) done: bool,
    /// It did not: it is sent again, without looking for its effect first
    #[arg(long)]
    pub(crate) resend: bool,
    /// The API's id of the note or task that is its effect: of one dead letter only
    #[arg(long, value_name = "EFFECTID", requires = "done", conflicts_with = "resend", value_parser = effect)]
    pub(crate) effect: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TenantCommand {
    /// Start nothing of this tenant; calls in flight end as usual
    #[command(after_help = "Examples:\n  penstock-admin tenant pause ve9EPM428h8vShlRW1KT")]
    Pause {
        /// The tenant
        tenant: Tenant,
    },
    /// Let it go on: a pause, a hold and an open breaker end
    #[command(after_help = "Examples:\n  penstock-admin tenant resume ve9EPM428h8vShlRW1KT")]
    Resume {
        /// The tenant
        tenant: Tenant,
    },
    /// Let it write; one that was connected by OAuth only reads until then. Its jobs that wait for that go on at once
    #[command(
        after_help = "Examples:\n  penstock-admin tenant allow-writes ve9EPM428h8vShlRW1KT\n  penstock-admin tenant allow-writes 4tzEc22ZvFWcRtTMDPY4     a company: for all of its locations of which nothing else is said"
    )]
    AllowWrites {
        /// The tenant, or a company
        tenant: Tenant,
    },
    /// Let it only read: its jobs that write wait, and so does what comes after them for the same contact
    #[command(after_help = "Examples:\n  penstock-admin tenant deny-writes ve9EPM428h8vShlRW1KT")]
    DenyWrites {
        /// The tenant, or a company
        tenant: Tenant,
    },
    /// Give it quotas or a weight of its own
    #[command(
        after_help = "Examples:\n  penstock-admin tenant set ve9EPM428h8vShlRW1KT --burst 50/10s --daily 100000/1d\n  penstock-admin tenant set ve9EPM428h8vShlRW1KT --burst default              as everybody again"
    )]
    Set(Set),
}

// The group that is derived would count the tenant as a change.
#[derive(Debug, Args)]
#[group(skip)]
#[command(group = ArgGroup::new("change").required(true).multiple(true).args(["burst", "daily", "weight"]))]
pub(crate) struct Set {
    /// The tenant
    pub(crate) tenant: Tenant,
    /// The most calls in any such window, such as 50/10s; `default` is what the workers say
    #[arg(long, value_name = "QUOTA", value_parser = own)]
    pub(crate) burst: Option<Own>,
    /// The most calls in any such longer window, such as 100000/1d; `default` is what the workers say
    #[arg(long, value_name = "QUOTA", value_parser = own)]
    pub(crate) daily: Option<Own>,
    /// Its share among tenants, 1 to 100; 1 is everybody's: so many turns for each turn of another
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) weight: Option<u32>,
}

/// Rows in one listing: what is held in memory at once.
const MAX_ROWS: usize = 10_000;

fn job_type() -> impl TypedValueParser<Value = JobType> {
    let names = JobType::ALL.iter().map(|job_type| job_type.as_str());
    PossibleValuesParser::new(names).try_map(|name| name.parse::<JobType>())
}

fn own(text: &str) -> Result<Own, String> {
    match text {
        "default" => Ok(Own::Default),
        _ => text
            .parse()
            .map(Own::Quota)
            .map_err(|error: QuotaError| error.to_string()),
    }
}

fn limit(text: &str) -> Result<usize, String> {
    let number = text.parse().ok();
    number
        .filter(|limit| (1..=MAX_ROWS).contains(limit))
        .ok_or_else(|| format!("must be 1 to {MAX_ROWS}; --after goes on from there"))
}

fn interval(text: &str) -> Result<Duration, String> {
    let every = span::parse(text).map_err(|error| error.to_string())?;
    if every < Duration::from_millis(100) {
        return Err("must be at least 100ms".to_owned());
    }
    Ok(every)
}

fn effect(text: &str) -> Result<String, String> {
    let sound = (1..=128).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic());
    sound
        .then(|| text.to_owned())
        .ok_or_else(|| "must be 1 to 128 visible ASCII characters".to_owned())
}
