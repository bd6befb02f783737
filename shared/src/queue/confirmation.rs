//! What `replicated:N` promises: nothing that Redis has answered is acted upon before N replicas have it.

use std::{
    num::NonZeroU8,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use redis::{Cmd, FromRedisValue, RedisResult};

use super::{
    connection::{Connection, Server},
    error::QueueError,
};
use crate::{settings::Durability, span::millis};

/// How long replicas may take to confirm.
const PATIENCE: Duration = Duration::from_secs(1);
/// Who waits for replicas holds up all others on the same connection.
const CONNECTIONS: usize = 8;

/// How a transition's answer becomes one that may be acted upon.
pub(super) struct Confirmation {
    /// How many replicas must have it.
    replicas: NonZeroU8,
    connections: Vec<Connection>,
    turn: AtomicUsize,
}

impl Confirmation {
    /// `None` where nobody is to be waited for.
    pub(super) async fn open(
        server: &Server,
        durability: Durability,
    ) -> Result<Option<Self>, QueueError> {
        let Durability::Replicated(replicas) = durability else {
            return Ok(None);
        };
        let mut connections = Vec::with_capacity(CONNECTIONS);
        for _ in 0..CONNECTIONS {
            connections.push(server.connect().await?);
        }
        Ok(Some(Self {
            replicas,
            connections,
            turn: AtomicUsize::new(0),
        }))
    }

    /// Runs a transition, and says how many replicas have what it wrote. All goes to one server, on one connection, one behind the other: if
    /// that breaks, or its server is no primary any more, there is no answer, and so nothing is confirmed that the next primary may lack.
    /// `mark` writes something: WAIT speaks of its own connection's writes, and a transition that is repeated writes nothing.
    pub(super) async fn run<T: FromRedisValue>(
        &self,
        transition: &Cmd,
        mark: &Cmd,
    ) -> RedisResult<(T, u64)> {
        let mut pipeline = redis::pipe();
        pipeline.add_command(transition.clone());
        pipeline.add_command(mark.clone()).ignore();
        pipeline
            .cmd("WAIT")
            .arg(self.replicas.get())
            .arg(millis(PATIENCE));
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        self.connections[turn % self.connections.len()]
            .run_all(&pipeline)
            .await
    }

    /// Whether so many are enough.
    pub(super) fn check(&self, replicas: u64) -> Result<(), QueueError> {
        if replicas >= u64::from(self.replicas.get()) {
            return Ok(());
        }
        Err(QueueError::Unconfirmed(format!(
            "{replicas} of {} replicas have it",
            self.replicas
        )))
    }
}
