//! The users that Redis should know, one for each role: what each may do with which keys.
//!
//! A script runs with its caller's rights, so whoever may call one may also send the commands that are in it. The keys are the real boundary;
//! within them a role is given the commands that its scripts need, and no others.

use super::keys::Keys;

/// What a program is to Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Stores jobs, and nothing else.
    Client,
    /// The same, and tells what became of them.
    Intake,
    /// Delivers jobs.
    Worker,
    /// Looks, and changes nothing.
    AdminRead,
    /// Repairs.
    AdminWrite,
    /// Counts.
    Metrics,
}

/// Every role, in the order in which they are printed.
pub const ROLES: [Role; 6] = [
    Role::Client,
    Role::Intake,
    Role::Worker,
    Role::AdminRead,
    Role::AdminWrite,
    Role::Metrics,
];

/// What a connection needs before it has a key. `CONFIG GET` is not among it: it tells the passwords of others.
const GREET: &str =
    "+ping +time +info +wait +role +select +asking +client|setname +cluster|slots +cluster|shards";
const COUNT: &str =
    "+exists +hget +hmget +hlen +llen +scard +zcard +zcount +zscore +zmscore +zrank";
const LOOK: &str = "+get +hexists +lindex +lrange +sismember +zrange +zrangebyscore";
/// What tells all that is in a key of any size.
const LIST: &str = "+smembers +hgetall +hkeys +hscan +zscan +hrandfield";
const WRITE: &str = "+set +hset +hsetnx +hincrby +lpush +rpush +sadd +zadd +pexpire";
/// Takes entries out of keys; none of these names a key as a whole.
const TAKE: &str = "+srem +hdel +lpop +ltrim +zrem +zpopmin +zremrangebyscore";

impl Role {
    /// Its name, as it stands in that of its user.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Intake => "intake",
            Self::Worker => "worker",
            Self::AdminRead => "admin-read",
            Self::AdminWrite => "admin-write",
            Self::Metrics => "metrics",
        }
    }

    /// The rules of its user: those of `ACL SETUSER`, without name and password.
    pub fn rules(self, namespace: &str, shards: u16) -> String {
        let keys = Keys::pattern(namespace, shards);
        let mut rules = vec!["reset on".to_owned(), GREET.to_owned()];
        rules.extend(self.selectors(&keys));
        rules.join(" ")
    }

    fn selectors(self, keys: &Keys) -> Vec<String> {
        let all = [format!("~{}*", keys.prefix())];
        let read_all = [format!("%R~{}*", keys.prefix())];
        // A script's call names these two.
        let call = |more: &str| {
            selector(
                &["+fcall", more],
                &[format!("~{}", keys.prefix()), format!("~{}", keys.config())],
            )
        };
        let whole = |verbs| selector(&[verbs, COUNT, LOOK, LIST, WRITE, TAKE], &all);
        match self {
            Self::Client => vec![
                call(""),
                selector(&[COUNT, LOOK, WRITE, TAKE], &workings(keys)),
                own_jobs(keys),
            ],
            Self::Intake => vec![
                call(""),
                selector(&[COUNT, LOOK, WRITE, TAKE], &workings(keys)),
                own_jobs(keys),
                selector(&[COUNT, LOOK, LIST], &standing(keys)),
                accounts(keys),
            ],
            Self::Worker => vec![whole("+fcall +eval +function|load +blpop +del +rename")],
            Self::AdminRead => vec![call(""), selector(&[COUNT, LOOK, LIST], &read_all)],
            Self::AdminWrite => vec![whole("+fcall +eval +function|load +del +rename")],
            Self::Metrics => vec![
                selector(
                    &[COUNT],
                    &read(&[
                        keys.dead(),
                        keys.dead_of("*"),
                        keys.leases(),
                        keys.running(),
                        keys.due("*"),
                        keys.high("*"),
                        keys.line("*"),
                        keys.later("*"),
                        keys.wait("*"),
                        keys.blocked("*"),
                    ]),
                ),
                selector(&[COUNT, LOOK, LIST], &read(&numbers(keys))),
            ],
        }
    }
}

/// Commands, and the keys that they may be used with.
fn selector(commands: &[&str], keys: &[String]) -> String {
    let commands = commands.join(" ");
    format!("({} {})", commands.trim(), keys.join(" "))
}

fn read(keys: &[String]) -> Vec<String> {
    keys.iter().map(|key| format!("%R~{key}")).collect()
}

/// What a stored job goes into: lanes, sequences, counters. Ids stand there, but nothing of what a job says.
fn workings(keys: &Keys) -> Vec<String> {
    let families = [
        keys.config(),
        keys.tenants(),
        keys.counts(),
        keys.open(),
        keys.lanes(),
        keys.lane("*"),
        keys.burst("*"),
        keys.day("*"),
        keys.line("*"),
        keys.ghosts("*"),
        keys.due("*"),
        keys.high("*"),
        keys.wait("*"),
        keys.later("*"),
        keys.turns("*"),
        keys.seq("*"),
        keys.blocked("*"),
        keys.priority("*"),
        keys.alias("*"),
        keys.wake(),
    ];
    let mut workings: Vec<_> = families.iter().map(|key| format!("~{key}")).collect();
    workings.extend(read(&[keys.running(), keys.run("*")]));
    workings
}

/// The jobs themselves: by their ids, and never to be taken out.
fn own_jobs(keys: &Keys) -> String {
    selector(
        &["+exists +hexists +hget +hmget +hset"],
        &[format!("~{}", keys.job("*"))],
    )
}

/// What accounts have granted, and which of their browsers have come back: to be kept and taken back, and never to be taken out.
fn accounts(keys: &Keys) -> String {
    let families = [
        keys.grant("*"),
        keys.grants(),
        keys.access(),
        keys.writes(),
        keys.install("*"),
    ];
    let families: Vec<_> = families.iter().map(|key| format!("~{key}")).collect();
    selector(
        &["+hget +hmget +hgetall +hset +hincrby +zadd +zrange +set"],
        &families,
    )
}

/// What tells where a job stands and what it came to.
fn standing(keys: &Keys) -> Vec<String> {
    let mut standing = read(&numbers(keys));
    standing.extend(read(&[
        keys.job("*"),
        keys.run("*"),
        keys.history("*"),
        keys.running(),
        keys.leases(),
        keys.groups(),
    ]));
    standing.extend(read(&[
        keys.alias("*"),
        keys.seq("*"),
        keys.blocked("*"),
        keys.wait("*"),
        keys.later("*"),
        keys.due("*"),
        keys.high("*"),
        keys.line("*"),
    ]));
    standing
}

/// What holds nothing but counts, moments and tenants' names.
fn numbers(keys: &Keys) -> [String; 14] {
    [
        keys.config(),
        keys.quarantine(),
        keys.tenants(),
        keys.counts(),
        keys.open(),
        keys.causes(),
        keys.lanes(),
        keys.lane("*"),
        keys.burst("*"),
        keys.day("*"),
        keys.workers(),
        keys.worker("*"),
        keys.refused(),
        keys.ghosts("*"),
    ]
}
