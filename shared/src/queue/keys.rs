//! Every key name, for Rust and for the scripts. All keys of a shard carry its hash tag, so that a script may touch any of them on a
//! Redis Cluster.

/// The keys of one shard.
#[derive(Debug, Clone)]
pub struct Keys {
    prefix: String,
}

impl Keys {
    /// The keys of shard `shard` under `namespace`.
    pub fn new(namespace: &str, shard: u16) -> Self {
        Self {
            prefix: format!("{namespace}:{{{shard}}}:"),
        }
    }

    /// The keys of all shards, as patterns.
    pub(super) fn pattern(namespace: &str, shards: u16) -> Self {
        let shard = if shards > 1 { "*" } else { "0" };
        Self {
            prefix: format!("{namespace}:{{{shard}}}:"),
        }
    }

    /// What every key of the shard begins with: the scripts' `KEYS[1]`.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }
}

/// Declares each key once: its accessor, the member that a family is made of, the scripts' constant, and what follows the prefix.
macro_rules! keys {
    ($($(#[$doc:meta])* $name:ident($($member:ident)?) = $constant:literal, $suffix:literal;)*) => {
        impl Keys {
            $($(#[$doc])* pub fn $name(&self $(, $member: &str)?) -> String {
                [self.prefix.as_str(), $suffix $(, $member)?].concat()
            })*
        }

        const NAMES: &[(&str, &str)] = &[$(($constant, $suffix)),*];
    };
}

keys! {
    /// Hash: format, shards, quotas in force, counters (`order`, `fence`), `pulse`, `grace`, the last `death`, `confirmed` (only written to be waited for), `weighted` (once a lane has a weight), `reindexed` (the quotas by which the lanes stand), `shift` (ms that Redis' clock was set by), `stepped` (when that was told), `slack` (how much longer than its window a permit may be held, ms); `run`, `tick`, `era`, `doubt`, `travel`, `filled` and `barrier`, which tell whether Redis has forgotten anything, and `agreed` and `ahead`, whether its clock was set (`part/era.lua`).
    config() = "CONFIG", "config";
    /// Set: every tenant that ever had a job here.
    tenants() = "TENANTS", "tenants";
    /// Hash: `open`, `blocked`, `done` (in all).
    counts() = "COUNTS", "counts";
    /// Hash: tenant → unfinished jobs.
    open() = "OPEN", "open";
    /// Sorted set: lane → the moment (ms) at which it may next be served.
    lanes() = "LANES", "lanes";
    /// Hash per lane: the ledger's sums, hold (until when, and how long), breaker, pause, own quotas, ghosts, what its jobs have cost lately (`pace`).
    lane(lane) = "LANE", "lane:";
    /// Sorted set per lane: `<moment>:<count>`, permits by moment of return, burst window.
    burst(lane) = "BURST", "burst:";
    /// Sorted set per lane: the same, daily window.
    day(lane) = "DAY", "day:";
    /// List per lane: due tickets of normal priority as they came, each behind its rank (6 bytes): most of what is due.
    line(lane) = "LINE", "line:";
    /// Hash per lane: ticket → how often it stands in the line without being there, since it was taken out of the middle.
    ghosts(lane) = "GHOSTS", "ghosts:";
    /// Sorted set per lane: other due tickets → rank (due time less head start, ms).
    due(lane) = "DUE", "due:";
    /// Sorted set per lane: the same, those that count with high priority.
    high(lane) = "HIGH", "high:";
    /// Sorted set per lane: retrying ticket → due (ms). They keep their place in their sequence.
    wait(lane) = "WAIT", "wait:";
    /// Sorted set per lane: scheduled ticket → due (ms). They join their sequence then.
    later(lane) = "LATER", "later:";
    /// Sorted set per lane: the same jobs as order of enqueuing (16 digits) and ticket, so that those of one moment join in that order.
    turns(lane) = "TURNS", "turns:";
    /// Hash per tenant: id → stored job, or what it came to.
    job(tenant) = "JOB", "job:";
    /// Hash: running job's reference → `<token>/<worker>/<role>`, the role being `probe`, `leader`, `rider` or nothing.
    running() = "RUNNING", "running";
    /// Hash: reference of a job that leads others in one call → those, a line each: its order behind the leader or `-`, and its reference.
    groups() = "GROUPS", "groups";
    /// Hash per `<tenant>/<id>` of which a delivery has left something: deliveries, attempts and the journal; or its death.
    run(job) = "RUN", "run:";
    /// List per `<tenant>/<id>`: failed attempts, one JSON line each.
    history(job) = "HISTORY", "history:";
    /// Hash per tenant: sequence → its head.
    seq(tenant) = "SEQ", "seq:";
    /// Sorted set per `<tenant>/<sequence>`: those behind the head, by order of joining.
    blocked(sequence) = "BLOCKED", "blocked:";
    /// Hash per tenant: sequence and priority → how many are blocked, other than normal ones.
    priority(tenant) = "PRIORITY", "priority:";
    /// Hash per tenant: contact key → the one that it turned out to be.
    alias(tenant) = "ALIAS", "alias:";
    /// String per `<tenant>/<contact key>`: the API's id of it, for a day.
    contact(contact) = "CONTACT", "contact:";
    /// Sorted set: running job's reference → end of its lease (ms).
    leases() = "LEASES", "leases";
    /// Sorted set: `<tenant>/<id>` → time of death (ms, and 1/1024 ms where several died in one).
    dead() = "DEAD", "dead";
    /// Sorted set per tenant: the same.
    dead_of(tenant) = "DEAD_TENANT", "dead-of:";
    /// Sorted set per cause: the same.
    dead_by(cause) = "DEAD_CAUSE", "dead-by:";
    /// Hash: cause → count.
    causes() = "CAUSES", "causes";
    /// List: `<ms>/<tenant>/<id>` in the order of ending, for forgetting.
    ended() = "ENDED", "ended";
    /// Hash per tenant: id of a created note or task → the job that made it.
    effects(tenant) = "EFFECTS", "effects:";
    /// Sorted set: worker → last seen (ms).
    workers() = "WORKERS", "workers";
    /// Hash per worker: its quotas, its slots, its last claim, what it is.
    worker(worker) = "WORKER", "worker:";
    /// Set: workers that have not yet said what they were told by the server before this one.
    doubters() = "DOUBTERS", "doubters";
    /// Hash: lane → fingerprint of the token that the API refused for it; `<lane>/writes` → 1: jobs of it wait until their tenant may write.
    refused() = "REFUSED", "refused";
    /// Sorted set, in the first shard only: job type → what its quarantine was raised to (ms), since the API was late; 0: a person has set it back.
    quarantine() = "QUARANTINE", "quarantine";
    /// Hash: `<tenant>/<id>/<when it was due first, ms>` → the effects of one job that are there twice, JSON.
    twins() = "TWINS", "twins";
    /// Sorted set: the same → when they were found first (ms).
    twins_found() = "TWINS_FOUND", "twins-found";
    /// Hash: `<token>/<reference>` → what that delivery has come to, and when it said so (as under a job's id): it has made something, and the job was another's by then.
    late_effects() = "LATE_EFFECTS", "late-effects";
    /// List: at most one token, taken by an idle worker.
    wake() = "WAKE", "wake";
}

/// Declares keys of which few scripts know: these are told their names as arguments, since Lua takes no more than 200 locals.
macro_rules! keys_apart {
    ($($(#[$doc:meta])* $name:ident($($member:ident)?) = $suffix:literal;)*) => {
        impl Keys {
            $($(#[$doc])* pub fn $name(&self $(, $member: &str)?) -> String {
                [self.prefix.as_str(), $suffix $(, $member)?].concat()
            })*
        }

        #[cfg(test)]
        const APART: &[&str] = &[$($suffix),*];
    };
}

keys_apart! {
    /// Hash, in the first shard only, per `<kind>/<app>/<id>`: what was granted, its secrets sealed, and its version.
    grant(grant) = "grant:";
    /// Sorted set, in the first shard only: every such name → when that is to be renewed (ms), or infinity.
    grants() = "grants";
    /// Hash, in the first shard only: `changes`, which counts what was said of grants and writing; `holder`, `until` and `fence` of whoever renews grants.
    access() = "access";
    /// Hash, in the first shard only: tenant, or company for its locations → whether a person lets it write, `1` or `0`.
    writes() = "writes";
    /// Hash per tenant: `<system>/<record>` → the link that it is a part of.
    records(tenant) = "records:";
    /// Hash per `<tenant>/<link>`: what one record is in several systems, and its version.
    link(link) = "link:";
    /// String per the same: what is known of it, JSON; kept for a long while.
    known(link) = "known:";
    /// String per the same: the events by which its systems have told something new last, JSON; kept for a while.
    told(link) = "told:";
    /// String per `<tenant>/<system>/<record>` of a record that is gone: since when, and what was known of it, JSON; kept for a while.
    gone(record) = "gone:";
    /// String per `<tenant>/<id>` of a text message that is not done: what its receiver or the network has told of it, JSON; kept for a while.
    report(message) = "report:";
    /// Sorted set per tenant: flow on a cadence → its last moment that was made (ms); kept for a while.
    moments(tenant) = "moments:";
    /// Hash per tenant: `replies` → until when they were polled (ms); `list/<id>` → how often that list was read from end to end.
    polls(tenant) = "polls:";
    /// Hash per `<tenant>/<list>`: contact → `<round>/<what was said of it>` as it was polled last; kept for a while.
    listed(list) = "listed:";
    /// Sorted set per `<tenant>/<events>` that have their kind and their record in common: event that led to jobs → when (ms); kept for a moment.
    gusts(events) = "gusts:";
    /// String per the same and `/<window in ms>`: there as long as they are a storm.
    storm(events) = "storm:";
    /// String, in the first shard only, per number of an installation that a browser has come back from: it counts once.
    install(number) = "install:";
}

/// The names as locals of Lua, and the function that gives them their values for a shard's prefix.
pub(super) fn lua_keys() -> String {
    let constants: Vec<_> = NAMES.iter().map(|(constant, _)| *constant).collect();
    let mut text = format!("local {}\n", constants.join(", "));
    text.push_str("local prefix_in_use\nlocal function name_keys(prefix)\n  if prefix == prefix_in_use then return end\n");
    for (constant, suffix) in NAMES {
        text.extend(["  ", constant, " = prefix .. '", suffix, "'\n"]);
    }
    text.push_str("  prefix_in_use = prefix\nend\n");
    text
}

#[cfg(test)]
mod tests {
    use super::{APART, Keys, NAMES};

    #[test]
    fn keys_carry_the_namespace_and_the_hash_tag() {
        let keys = Keys::new("penstock", 3);
        assert_eq!(keys.job("acme"), "penstock:{3}:job:acme");
        assert_eq!(keys.wake(), "penstock:{3}:wake");
    }

    #[test]
    fn no_two_names_are_one() {
        for (i, (constant, suffix)) in NAMES.iter().enumerate() {
            for (other, text) in &NAMES[i + 1..] {
                assert!(constant != other && suffix != text, "{constant} {suffix}");
            }
            assert!(!APART.contains(suffix), "{suffix}");
        }
        for (i, suffix) in APART.iter().enumerate() {
            assert!(!APART[i + 1..].contains(suffix), "{suffix}");
        }
    }
}
