//! Why Redis refused or could not be asked: a type that says what to do. Decided by error codes, never by an error's text.

use std::{error::Error, io, sync::Arc};

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
    #[error("Redis denies access ({0}): check user, password and ACL rights in PENSTOCK_REDIS_URL")]
    Denied(String),
    /// The server, or what it holds, cannot be used by this program at all.
    #[error("{0}")]
    Unsuitable(String),
    /// The job was stored, but not as durably as asked; repeating it with the same id is harmless.
    #[error("Redis did not confirm the write as durable ({0}): repeat with the same ids")]
    Unconfirmed(String),
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
                | Self::Unconfirmed(_)
        )
    }

    /// Says where it was looked for: the first thing that whoever has to mend it asks.
    pub(super) fn at(self, address: &str) -> Self {
        match self {
            Self::Unreachable(why) => Self::Unreachable(format!("{address}: {why}")),
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

/// What is wrong with the other end's TLS: the only invalid data that a connection knows before Redis has said anything.
fn distrust(error: &RedisError) -> Option<String> {
    let inner: &Arc<dyn Error + Send + Sync> = error.source()?.downcast_ref()?;
    let io = inner.downcast_ref::<io::Error>()?;
    (io.kind() == io::ErrorKind::InvalidData).then(|| in_a_line(&io.to_string()))
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
            | (_, "NOAUTH" | "WRONGPASS" | "NOPERM") => Self::Denied(if code.is_empty() {
                "authentication failed".into()
            } else {
                code
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
                Some(why) => Self::Unsuitable(format!(
                    "Redis' certificate is not accepted ({why}): see PENSTOCK_REDIS_CA, and the host's name in PENSTOCK_REDIS_URL"
                )),
                None => Self::Unreachable(error.category().into()),
            },
            (ErrorKind::InvalidClientConfig, _) => {
                Self::Unsuitable(format!("PENSTOCK_REDIS_URL cannot be used: {error}"))
            }
            _ => Self::Unexpected(in_a_line(&error.to_string())),
        }
    }
}
