//! A connection to one server that is given up once it is of no use any more: it has stopped to answer, since what stands between may have forgotten
//! it and acknowledge what nobody reads; or the attempt to open it has failed in a way that the library would remember for ever.

use std::sync::Arc;

use parking_lot::Mutex;
use redis::{
    Client, ErrorKind, RedisError, RedisResult,
    aio::{ConnectionManager, ConnectionManagerConfig},
};

/// A connection that many tasks share.
#[derive(Clone)]
pub(in crate::queue) struct Renewed(Arc<Shared>);

struct Shared {
    client: Client,
    config: ConnectionManagerConfig,
    /// How often it was renewed, and the connection.
    opened: Mutex<(u64, ConnectionManager)>,
}

impl Renewed {
    pub(super) async fn connect(
        client: Client,
        config: ConnectionManagerConfig,
    ) -> RedisResult<Self> {
        let connection = ConnectionManager::new_with_config(client.clone(), config.clone()).await?;
        Ok(Self::over(client, config, connection))
    }

    /// One that connects as it is first used.
    pub(super) fn lazy(client: Client, config: ConnectionManagerConfig) -> RedisResult<Self> {
        let connection = lazy(&client, &config)?;
        Ok(Self::over(client, config, connection))
    }

    fn over(
        client: Client,
        config: ConnectionManagerConfig,
        connection: ConnectionManager,
    ) -> Self {
        Self(Arc::new(Shared {
            client,
            config,
            opened: Mutex::new((0, connection)),
        }))
    }

    /// Runs something. What got no answer may have been done all the same; what comes after it is sent on another connection.
    pub(super) async fn run<T, F: Future<Output = RedisResult<T>>>(
        &self,
        run: impl FnOnce(ConnectionManager) -> F,
    ) -> RedisResult<T> {
        let (number, connection) = self.0.opened.lock().clone();
        let answer = run(connection).await;
        if answer.as_ref().is_err_and(is_of_no_use) {
            self.0.renew(number);
        }
        answer
    }
}

impl Shared {
    /// Once, for however many commands went unanswered on it.
    fn renew(&self, number: u64) {
        let mut opened = self.opened.lock();
        if opened.0 == number
            && let Ok(fresh) = lazy(&self.client, &self.config)
        {
            *opened = (number + 1, fresh);
        }
    }
}

fn lazy(client: &Client, config: &ConnectionManagerConfig) -> RedisResult<ConnectionManager> {
    ConnectionManager::new_lazy_with_config(client.clone(), config.clone())
}

/// The manager connects anew by itself after an error of the network, but not where there was none for too long; and of an attempt to connect that
/// failed otherwise (its greeting was cut off in the middle, the password was refused) it tells everybody after (redis 1.8.1,
/// `aio/connection_manager.rs`, `reconnect_if_io_error`).
fn is_of_no_use(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Io => error.is_timeout(),
        // The server has answered.
        ErrorKind::Server(_) | ErrorKind::Extension | ErrorKind::UnexpectedReturnType => false,
        _ => true,
    }
}
