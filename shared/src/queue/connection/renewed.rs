//! A connection to one server that is given up once it has stopped to answer: what stands between may have forgotten it, and acknowledge what nobody
//! reads.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use redis::{Client, RedisError, RedisResult, aio::ConnectionManager};

use super::{lazy, manager_config};

/// A connection that many tasks share.
#[derive(Clone)]
pub(in crate::queue) struct Renewed(Arc<Shared>);

struct Shared {
    client: Client,
    answer: Option<Duration>,
    /// How often it was renewed, and the connection.
    opened: Mutex<(u64, ConnectionManager)>,
}

impl Renewed {
    pub(super) async fn connect(client: Client, answer: Option<Duration>) -> RedisResult<Self> {
        let config = manager_config(answer);
        let connection = ConnectionManager::new_with_config(client.clone(), config).await?;
        Ok(Self(Arc::new(Shared {
            client,
            answer,
            opened: Mutex::new((0, connection)),
        })))
    }

    /// Runs something. What got no answer in time may have been done all the same; what comes after it is sent on another connection.
    pub(super) async fn run<T, F: Future<Output = RedisResult<T>>>(
        &self,
        run: impl FnOnce(ConnectionManager) -> F,
    ) -> RedisResult<T> {
        let (number, connection) = self.0.opened.lock().clone();
        let answer = run(connection).await;
        if answer.as_ref().is_err_and(RedisError::is_timeout) {
            self.0.renew(number);
        }
        answer
    }
}

impl Shared {
    /// Once, for however many commands went unanswered on it. It connects as it is first used.
    fn renew(&self, number: u64) {
        let mut opened = self.opened.lock();
        if opened.0 == number
            && let Ok(fresh) = lazy(&self.client, manager_config(self.answer))
        {
            *opened = (number + 1, fresh);
        }
    }
}
