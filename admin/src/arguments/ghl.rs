//! `ghl`: what is asked of the API.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use penstock_shared::job::Tenant;

#[derive(Debug, Subcommand)]
pub(crate) enum GhlCommand {
    /// Read a contact, its tasks, notes or appointments, or lists of contacts
    ///
    /// The paths: contacts/ID, contacts/ID/tasks, contacts/ID/tasks/TASK, contacts/ID/notes, contacts/ID/notes/NOTE, contacts/ID/appointments,
    /// contacts (limit, query, startAfter, startAfterId), contacts/business/ID (limit, skip, query), contacts/search/duplicate (email or number), and
    /// contacts/search, which takes a body. Each call takes a permit of the tenant's quota, of those that are not kept for high priority.
    #[command(
        after_help = "Examples:\n  penstock-admin ghl get contacts/ocQHyuzHvysMo5N5VsXc --reveal\n  penstock-admin ghl get contacts/ocQHyuzHvysMo5N5VsXc/notes -o json\n  penstock-admin ghl get contacts/search/duplicate --query email=ada@example.com\n  penstock-admin ghl get 'contacts?query=lovelace' --all -o ndjson\n  penstock-admin ghl get contacts/search --body filters.json --all\n\nExit codes: 0 done; 1 it could not be read (no permit, the tenant is held, the API refused …); 2 the arguments or settings were wrong."
    )]
    Get(Get),
}

#[derive(Debug, Args)]
pub(crate) struct Get {
    /// What: a path of the API's, with or without `?name=value&…`, percent-encoded
    #[arg(value_name = "PATH")]
    pub(crate) path: String,
    /// Whose; needed where there are several tenants
    #[arg(long)]
    pub(crate) tenant: Option<Tenant>,
    /// A parameter more, as it is; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = parameter)]
    pub(crate) query: Vec<(String, String)>,
    /// The body of a search as JSON, without locationId; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) body: Option<PathBuf>,
    /// All contacts of a list, page by page: waits for the permit of each
    #[arg(long)]
    pub(crate) all: bool,
    /// Show emails, phones, names and texts in full; they are masked otherwise
    #[arg(long)]
    pub(crate) reveal: bool,
}

fn parameter(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("must be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
