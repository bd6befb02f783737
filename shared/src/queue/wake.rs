//! Waiting for work without asking for it all the time.

use std::time::Duration;

use super::{Queue, connection::Connection, error::QueueError};

/// How long one blocking wait takes at the most.
const WAIT: Duration = Duration::from_secs(5);

/// A connection of its own on which an idle worker waits for a shard's wake-up token.
pub struct Wake {
    connection: Connection,
    key: String,
}

impl Queue {
    /// Puts a token back for another worker.
    pub async fn pass_on(&self, shard: u16) -> Result<(), QueueError> {
        let script = &self.scripts().wake;
        let _: String = self.call(shard, script, &(), super::no_tail).await?;
        Ok(())
    }

    /// Opens a connection to wait on.
    pub async fn wake(&self, shard: u16) -> Result<Wake, QueueError> {
        let connection = self.inner.server.connect_blocking().await?;
        Ok(Wake {
            connection,
            key: self.keys(shard).wake(),
        })
    }
}

impl Wake {
    /// Waits until there may be work; `false` if nothing came for a while.
    pub async fn wait(&mut self) -> Result<bool, QueueError> {
        let mut command = redis::cmd("BLPOP");
        command.arg(&self.key).arg(WAIT.as_secs());
        let answer = tokio::time::timeout(
            WAIT * 2,
            self.connection.run::<Option<(String, String)>>(&command),
        )
        .await;
        match answer {
            Ok(token) => Ok(token?.is_some()),
            Err(_) => Err(QueueError::Unreachable(
                "no answer while waiting for work".into(),
            )),
        }
    }
}
