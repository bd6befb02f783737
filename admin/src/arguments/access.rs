//! The commands about tokens.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use penstock_shared::job::Tenant;

#[derive(Debug, Subcommand)]
pub(crate) enum TokensCommand {
    /// List what there is to call the API with: never a token, only its fingerprint
    #[command(
        after_help = "Examples:\n  penstock-admin tokens list\n  penstock-admin tokens list --tenant ve9EPM428h8vShlRW1KT -o json"
    )]
    List {
        /// Only this tenant's
        #[arg(long)]
        tenant: Option<Tenant>,
    },
    /// Give a tenant a private integration token of its own, beside the one that it may have
    #[command(
        after_help = "Examples:\n  penstock-admin tokens add ve9EPM428h8vShlRW1KT < token.txt\n  penstock-admin tokens add ve9EPM428h8vShlRW1KT --from token.txt"
    )]
    Add(Given),
    /// Put a new private integration token in front of the newest one, which stays for the time in which both are good; older ones go
    #[command(
        after_help = "Examples:\n  penstock-admin tokens rotate ve9EPM428h8vShlRW1KT < new-token.txt\n  penstock-admin tokens rotate ve9EPM428h8vShlRW1KT --oauth        its OAuth token is renewed now\n  penstock-admin tokens rotate 4tzEc22ZvFWcRtTMDPY4 --company      a company's OAuth token is renewed now"
    )]
    Rotate(Rotate),
    /// Throw tokens away; the API still takes them until they are revoked there. `PENSTOCK_GHL_TOKEN` does not take their place
    #[command(
        after_help = "Examples:\n  penstock-admin tokens revoke ve9EPM428h8vShlRW1KT --fingerprint 1a2b3c4d\n  penstock-admin tokens revoke ve9EPM428h8vShlRW1KT --all             its private tokens\n  penstock-admin tokens revoke ve9EPM428h8vShlRW1KT --oauth           what it granted by OAuth"
    )]
    Revoke(Revoke),
}

/// A token, which is never an argument: those are seen by everybody on the machine.
#[derive(Debug, Args)]
pub(crate) struct Given {
    /// Whose it is
    pub(crate) tenant: Tenant,
    /// Take the token from this file; from standard input if not said
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Rotate {
    #[command(flatten)]
    pub(crate) given: Given,
    /// Have its OAuth token renewed at once
    #[arg(long, conflicts_with = "from")]
    pub(crate) oauth: bool,
    /// Have the OAuth token of a company renewed at once, whose id is given in the place of the tenant
    #[arg(long, conflicts_with = "from")]
    pub(crate) company: bool,
}

// The group that is derived would count the tenant as a choice.
#[derive(Debug, Args)]
#[group(skip)]
#[command(group = ArgGroup::new("which").required(true).args(["fingerprint", "all", "oauth", "company"]))]
pub(crate) struct Revoke {
    /// Whose they are: a tenant, or with --company a company
    pub(crate) tenant: Tenant,
    /// The private token with this fingerprint, as `tokens list` shows it
    #[arg(long, value_name = "FINGERPRINT")]
    pub(crate) fingerprint: Option<String>,
    /// All of its private tokens
    #[arg(long)]
    pub(crate) all: bool,
    /// What it granted by OAuth
    #[arg(long)]
    pub(crate) oauth: bool,
    /// What a company granted by OAuth, for itself and all of its locations
    #[arg(long)]
    pub(crate) company: bool,
}
