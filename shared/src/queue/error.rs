//! Why Redis refused or could not be asked: a type that says what to do. Decided by error codes, never by an error's text.

use std::{error::Error, io, mem, sync::Arc};

use redis::{ErrorKind, RedisError, ServerErrorKind};

/// What went wrong between a program and its Redis.
#[derive(Debug, Clone, thiserror::Error)]
pub enum QueueError {
    /// No connection, or no answer in time: whether the last command took effect is unknown. Every transition may be repeated.
    #[error("Redis cannot be reached ({0}): is it running, and is PENSTOCK_REDIS_URL right?")]
    Unreachable(String),
    /// Redis is starting, failing over or otherwise not serving yet.
    #[error("Redis is not ready yet ({0}): it is loading or failing over; try again in a moment")]
    NotReady(String),
    /// `maxmemory` is reached, or the share of it that is for new jobs: nothing new is stored until there is room.
    #[error(
        "Redis is full (its maxmemory is reached, or the share of it that PENSTOCK_REDIS_MEMORY gives to intake): nothing new is stored; give it more memory or wait until workers have drained it"
    )]
    Full,
    /// The server is a replica, or was demoted to one.
    #[error(
        "this Redis is a read-only replica: PENSTOCK_REDIS_URL must name the primary, or its Sentinels"
    )]
    ReadOnly,
    /// Redis cannot write to its disk and refuses writes.
    #[error(
        "Redis refuses writes because it cannot persist them (MISCONF): see its log, its disk may be full"
    )]
    CannotPersist,
    /// Wrong password, or an ACL user without the needed rights.
    #[error("Redis denies access ({0}): {remedy}", remedy = to_get_in(.0))]
    Denied(String),
    /// Redis does not have the scripts of this version, and this user may not load them: another program has to.
    #[error(
        "Redis does not have this version's functions (yet, or any more), and the user in PENSTOCK_REDIS_URL may not load them: start a program whose user may first, a worker, or `penstock-admin` with a command that changes something as `admin-write`"
    )]
    NotLoaded,
    /// What should be the address of a Redis is none.
    #[error(
        "PENSTOCK_REDIS_URL is not the address of a Redis ({0}): write redis://[user:password@]host:port[/database], with %-signs for what is special in user and password (@ is %40, / is %2F, # is %23)"
    )]
    Misaddressed(String),
    /// The server, or what it holds, cannot be used by this program at all.
    #[error("{0}")]
    Unsuitable(String),
    /// The job was stored, but not as durably as asked; repeating it with the same id is harmless.
    #[error("Redis did not confirm the write as durable ({0}): repeat with the same ids")]
    Unconfirmed(String),
    /// Between the check of a batch and its end another program has taken an id of it: a part of the batch is stored.
    #[error(
        "another job was stored under an id of the batch meanwhile: a part of it is stored; repeat all of it, with the ids that are named, to be told which"
    )]
    Overtaken,
    /// An answer that no version of this program could have expected.
    #[error("Redis gave an unexpected answer: {0}")]
    Unexpected(String),
}

impl QueueError {
    /// Whether trying again later can help without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Unreachable(_)
                | Self::NotReady(_)
                | Self::Full
                | Self::CannotPersist
                | Self::ReadOnly
                | Self::NotLoaded
                | Self::Unconfirmed(_)
        )
    }

    /// Whether whoever reads of one need not be told of the other.
    pub fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Denied(said), Self::Denied(other)) => first_word(said) == first_word(other),
            _ => mem::discriminant(self) == mem::discriminant(other),
        }
    }

    /// A Redis that could not be connected to. Says where it was looked for: the first thing that whoever has to mend it asks.
    pub(super) fn at(address: &str, error: RedisError) -> Self {
        let hint = hint(&error, address);
        let hint = hint.map_or_else(String::new, |hint| format!("; {hint}"));
        match Self::from(error) {
            Self::Unreachable(why) => Self::Unreachable(format!("{address}: {why}{hint}")),
            Self::Unexpected(answer) => Self::Unsuitable(format!(
                "what answers at {address} cannot be used as a Redis ({answer}): is PENSTOCK_REDIS_URL right?"
            )),
            other => other,
        }
    }

    /// Says which script an unexpected answer came from.
    pub(super) fn in_script(self, name: &str) -> Self {
        match self {
            Self::Unexpected(answer) => Self::Unexpected(format!("{name}: {answer}")),
            other => other,
        }
    }
}

/// The code of a refusal, of a pipeline that of the first one; empty if Redis did not refuse anything.
pub(super) fn code(error: &RedisError) -> String {
    let refusals = error.clone().into_server_errors();
    let first = refusals.as_ref().and_then(|refusals| refusals.first());
    let code = first.map_or_else(|| error.code(), |(_, refusal)| Some(refusal.code()));
    code.unwrap_or_default().to_owned()
}

/// Whether it was said by a server that is no primary.
pub(super) fn is_demoted(error: &RedisError) -> bool {
    matches!(
        code(error).as_str(),
        "READONLY" | "MASTERDOWN" | "UNBLOCKED"
    )
}

fn io_error(error: &RedisError) -> Option<&io::Error> {
    let inner: &Arc<dyn Error + Send + Sync> = error.source()?.downcast_ref()?;
    inner.downcast_ref::<io::Error>()
}

/// What may be wrong with an address where something listens, and does not speak as it should. A Redis without TLS waits for more of what it
/// takes for a command; one with TLS ends the connection.
fn hint(error: &RedisError, address: &str) -> Option<&'static str> {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof};
    match (address.starts_with("rediss"), io_error(error)?.kind()) {
        (true, TimedOut) => {
            Some("it may not speak TLS at that port: then the address begins with redis")
        }
        (false, ConnectionAborted | ConnectionReset | UnexpectedEof) => {
            Some("it may speak TLS at that port: then the address begins with rediss")
        }
        _ => None,
    }
}

/// What is wrong with the other end's TLS: the only invalid data that a connection knows before Redis has said anything.
fn distrust(error: &RedisError) -> Option<String> {
    let io = io_error(error)?;
    if io.kind() != io::ErrorKind::InvalidData {
        return None;
    }
    let tls = io.get_ref().and_then(|inner| inner.downcast_ref());
    Some(match tls {
        Some(rustls::Error::InvalidMessage(_)) => {
            "what answers there does not speak TLS: PENSTOCK_REDIS_URL begins with rediss, so it must name the port that Redis' `tls-port` says, or begin with redis".to_owned()
        }
        _ => format!(
            "Redis' certificate is not accepted ({}): see PENSTOCK_REDIS_CA, and the host's name in PENSTOCK_REDIS_URL",
            in_a_line(&io.to_string())
        ),
    })
}

/// Whether a script may not do what it does, for the rights of who calls it. There is no code for that: only these words, of Redis 7.0, and of later
/// versions and Valkey.
pub(super) fn is_denied_within(error: &RedisError) -> bool {
    const WORDS: [&str; 2] = [
        "The user executing the script can't",
        "ACL failure in script",
    ];
    let said = error.to_string();
    code(error) == "ERR" && WORDS.iter().any(|words| said.contains(words))
}

/// What Redis says of a right that is lacking.
fn lacking(error: &RedisError) -> String {
    let refusals = error.clone().into_server_errors();
    let first = refusals.as_ref().and_then(|refusals| refusals.first());
    let detail = first.and_then(|(_, refusal)| refusal.details());
    match detail.or(error.detail()) {
        Some(detail) => format!("NOPERM {}", in_a_line(detail)),
        None => "NOPERM".to_owned(),
    }
}

fn first_word(said: &str) -> &str {
    said.split(' ').next().unwrap_or_default()
}

/// What helps against a refusal of which this is said.
fn to_get_in(said: &str) -> &'static str {
    match first_word(said) {
        "NOPERM" => {
            "the user in PENSTOCK_REDIS_URL lacks a right, or has its rights in another PENSTOCK_NAMESPACE; `penstock-admin acl` prints what each program's user needs"
        }
        _ => "check user and password in PENSTOCK_REDIS_URL",
    }
}

fn in_a_line(text: &str) -> String {
    text.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

impl From<RedisError> for QueueError {
    fn from(error: RedisError) -> Self {
        let code = code(&error);
        match (error.kind(), code.as_str()) {
            (_, "OOM") => Self::Full,
            (_, "MISCONF") => Self::CannotPersist,
            (ErrorKind::Server(ServerErrorKind::ReadOnly), _) => Self::ReadOnly,
            (ErrorKind::AuthenticationFailed | ErrorKind::Server(ServerErrorKind::NoPerm), _)
            | (_, "NOAUTH" | "WRONGPASS" | "NOPERM") => Self::Denied(match code.as_str() {
                "" => "authentication failed".into(),
                // It names the user, and the command that it may not give.
                "NOPERM" => lacking(&error),
                _ => code,
            }),
            (
                ErrorKind::Server(
                    ServerErrorKind::BusyLoading
                    | ServerErrorKind::ClusterDown
                    | ServerErrorKind::MasterDown
                    | ServerErrorKind::TryAgain
                    // A slot is on its way from one node of a cluster to another.
                    | ServerErrorKind::Moved
                    | ServerErrorKind::Ask,
                ),
                _,
            )
            | (_, "BUSY" | "NOREPLICAS" | "UNBLOCKED") => Self::NotReady(code),
            (ErrorKind::MasterNameNotFoundBySentinel, _) => {
                Self::Unreachable("no Sentinel knows its primary".into())
            }
            (ErrorKind::Io | ErrorKind::ClusterConnectionNotFound, _) => match distrust(&error) {
                Some(why) => Self::Unsuitable(why),
                None => Self::Unreachable(match io_error(&error) {
                    Some(io) => in_a_line(&io.to_string()),
                    None => error.category().into(),
                }),
            },
            (ErrorKind::InvalidClientConfig, _) => {
                let why = error.to_string();
                let why = why.split(" - ").next().unwrap_or_default();
                Self::Misaddressed(in_a_line(why))
            }
            _ => Self::Unexpected(in_a_line(&error.to_string())),
        }
    }
}
