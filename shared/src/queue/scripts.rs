//! The scripts, one per transition, each with its contract on top. They are one library of Redis functions, which is loaded once and then
//! called by name; where Redis takes no library, for it is full, the same text is sent as a script.

use sha2::{Digest, Sha256};

use super::keys::lua_keys;

/// What all transitions share, in the order in which it builds up.
const PARTS: [&str; 15] = [
    include_str!("scripts/part/clock.lua"),
    include_str!("scripts/part/write.lua"),
    include_str!("scripts/part/ticket.lua"),
    include_str!("scripts/part/ledger.lua"),
    include_str!("scripts/part/report.lua"),
    include_str!("scripts/part/lane.lua"),
    include_str!("scripts/part/era.lua"),
    include_str!("scripts/part/due.lua"),
    include_str!("scripts/part/pop.lua"),
    include_str!("scripts/part/sequence.lua"),
    include_str!("scripts/part/follow.lua"),
    include_str!("scripts/part/group.lua"),
    include_str!("scripts/part/call.lua"),
    include_str!("scripts/part/dead.lua"),
    include_str!("scripts/part/register.lua"),
];

/// Whether a transition grows memory at the request of a producer or an administrator: it is refused when Redis is full. All others work
/// off what is stored, or say what became of it: they must get through then, or nothing would ever leave it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WhenFull {
    Refused,
    Allowed,
}

/// Whether somebody acts upon what a transition says: then it must be as durable as was promised. All others are repeated anyway, or nobody
/// would miss them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ActedUpon {
    Confirmed,
    Unconfirmed,
}

/// A transition: its name, what it is when Redis is full, whether it is confirmed, and its text.
struct Source(&'static str, WhenFull, ActedUpon, &'static str);

/// A transition as it is called.
pub(super) struct Script {
    pub(super) name: &'static str,
    /// Whether its answer counts only once it is as durable as was promised.
    pub(super) confirmed: bool,
    /// The name of its function in the library.
    pub(super) function: String,
    /// The same as a script of its own.
    pub(super) alone: String,
}

macro_rules! scripts {
    ($($name:ident: $when_full:ident, $acted_upon:ident;)*) => {
        /// Every transition, and the library that they make.
        pub(super) struct Scripts {
            /// What FUNCTION LOAD takes.
            pub(super) library: String,
            $(pub(super) $name: Script),*
        }

        impl Scripts {
            pub(super) fn new() -> Self {
                let sources = [$(Source(
                    stringify!($name), WhenFull::$when_full, ActedUpon::$acted_upon, include_str!(concat!("scripts/", stringify!($name), ".lua")),
                )),*];
                // Each version of the text is a library of its own: programs of two versions work side by side.
                let version = version(&sources);
                let mut scripts = sources.iter().map(|source| source.script(&version));
                Self {
                    library: library(&version, &sources),
                    $($name: scripts.next().expect("one for each name")),*
                }
            }
        }
    };
}

scripts! {
    enqueue: Refused, Confirmed;
    claim: Allowed, Confirmed;
    renew: Allowed, Confirmed;
    advance: Allowed, Confirmed;
    settle: Allowed, Confirmed;
    learn: Allowed, Unconfirmed;
    register: Allowed, Unconfirmed;
    reindex: Allowed, Unconfirmed;
    forget: Allowed, Unconfirmed;
    unlearn: Allowed, Unconfirmed;
    redrive: Refused, Confirmed;
    edit: Refused, Confirmed;
    discard: Allowed, Confirmed;
    resolve: Allowed, Confirmed;
    govern: Allowed, Confirmed;
    release: Allowed, Confirmed;
    wake: Allowed, Unconfirmed;
    position: Allowed, Unconfirmed;
    step: Allowed, Unconfirmed;
    twins: Allowed, Unconfirmed;
    grant: Allowed, Confirmed;
    hasten: Allowed, Confirmed;
    refresher: Allowed, Confirmed;
    allow: Allowed, Confirmed;
    permit: Allowed, Confirmed;
    link: Allowed, Confirmed;
    confirm: Allowed, Unconfirmed;
}

fn version(sources: &[Source]) -> String {
    let mut digest = Sha256::new().chain_update(lua_keys());
    for text in PARTS.iter().chain(sources.iter().map(|source| &source.3)) {
        digest.update(text);
    }
    let digest = digest.finalize();
    digest[..6]
        .iter()
        .fold("penstock_".to_owned(), |name, byte| {
            format!("{name}{byte:02x}")
        })
}

fn library(version: &str, sources: &[Source]) -> String {
    let functions = sources.iter().map(|Source(name, when_full, _, source)| {
        let flags = match when_full {
            WhenFull::Refused => "",
            WhenFull::Allowed => "'allow-oom'",
        };
        // What one transition declares is nobody else's.
        format!(
            "do\nlocal function transition(body)\nregister('{version}_{name}', {{ {flags} }}, body)\nend\n{source}end\n"
        )
    });
    let functions: String = functions.collect();
    format!("#!lua name={version}\n{}{functions}", shared())
}

fn shared() -> String {
    [&lua_keys(), PARTS.concat().as_str()].concat()
}

impl Source {
    fn script(&self, version: &str) -> Script {
        let Self(name, when_full, acted_upon, source) = self;
        let head = match when_full {
            WhenFull::Refused => "#!lua",
            WhenFull::Allowed => "#!lua flags=allow-oom",
        };
        let shared = shared();
        Script {
            name,
            confirmed: *acted_upon == ActedUpon::Confirmed,
            function: format!("{version}_{name}"),
            alone: format!(
                "{head}\nlocal args = ARGV\n{shared}local run\nlocal function transition(body) run = body end\n{source}begin(KEYS, args)\nreturn run()\n"
            ),
        }
    }
}
