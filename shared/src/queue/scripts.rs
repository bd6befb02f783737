//! The scripts, one per transition, each with its contract on top. What their reply codes mean is said here once.

use super::keys::lua_constants;

/// A script ready to be called: source and SHA-1.
pub(super) struct Script {
    pub(super) name: &'static str,
    pub(super) source: String,
    pub(super) hash: String,
}

const CLOCK: &str = include_str!("scripts/part/clock.lua");
const WRITE: &str = include_str!("scripts/part/write.lua");
const TICKET: &str = include_str!("scripts/part/ticket.lua");
const LEDGER: &str = include_str!("scripts/part/ledger.lua");
const LANE: &str = include_str!("scripts/part/lane.lua");
const SEQUENCE: &str = include_str!("scripts/part/sequence.lua");
const DEAD: &str = include_str!("scripts/part/dead.lua");

/// Grows memory at the request of a producer or an administrator: refused when Redis is full.
const REFUSED_WHEN_FULL: &str = "#!lua";
/// Works off what is stored, or says what became of it: must get through when Redis is full, or nothing would ever leave it.
const ALLOWED_WHEN_FULL: &str = "#!lua flags=allow-oom";

macro_rules! scripts {
    ($($name:ident: $head:ident, [$($part:ident),*];)*) => {
        /// Every script.
        pub(super) struct Scripts { $(pub(super) $name: Script),* }

        impl Scripts {
            pub(super) fn new() -> Self {
                Self { $($name: assemble(
                    stringify!($name), $head, &[CLOCK, WRITE, TICKET, $($part),*],
                    include_str!(concat!("scripts/", stringify!($name), ".lua")),
                )),* }
            }
        }
    };
}

scripts! {
    enqueue: REFUSED_WHEN_FULL, [LEDGER, LANE, SEQUENCE];
    claim: ALLOWED_WHEN_FULL, [LEDGER, LANE, SEQUENCE];
    renew: ALLOWED_WHEN_FULL, [];
    advance: ALLOWED_WHEN_FULL, [LEDGER, LANE, SEQUENCE];
    settle: ALLOWED_WHEN_FULL, [LEDGER, LANE, SEQUENCE];
    learn: ALLOWED_WHEN_FULL, [LEDGER, LANE, SEQUENCE];
    register: ALLOWED_WHEN_FULL, [];
    forget: ALLOWED_WHEN_FULL, [];
    unlearn: ALLOWED_WHEN_FULL, [LEDGER, LANE, SEQUENCE];
    redrive: REFUSED_WHEN_FULL, [LEDGER, LANE, SEQUENCE, DEAD];
    edit: REFUSED_WHEN_FULL, [DEAD];
    discard: ALLOWED_WHEN_FULL, [DEAD];
    resolve: ALLOWED_WHEN_FULL, [DEAD];
    govern: ALLOWED_WHEN_FULL, [LEDGER, LANE];
    wake: ALLOWED_WHEN_FULL, [LEDGER, LANE];
    position: ALLOWED_WHEN_FULL, [];
}

fn assemble(name: &'static str, head: &str, parts: &[&str], body: &str) -> Script {
    let mut source = format!("{head}\n{}", lua_constants());
    for part in parts {
        source.push_str(part);
    }
    source.push_str(body);
    let hash = redis::Script::new(&source).get_hash().to_owned();
    Script { name, source, hash }
}
