//! What a worker does beside delivering: one loop a file.

pub mod credentials;
pub mod forget;
pub mod late_effect;
pub mod lateness;
pub mod reauthorise;
pub mod refresh;
pub mod register;
pub mod reload;
pub mod renew;
pub mod schedule;
pub mod unlearn;

use std::time::Duration;

use penstock_shared::queue::error::QueueError;

use crate::patience::Patience;

/// Does it for ever: after a pause once it is done, with patience while it fails.
async fn repeat<F>(what: &'static str, pause: Duration, round: impl Fn() -> F)
where
    F: Future<Output = Result<(), QueueError>>,
{
    let mut patience = Patience::new(what);
    loop {
        match round().await {
            Ok(()) => {
                patience.succeeded();
                tokio::time::sleep(pause).await;
            }
            Err(error) => patience.failed(&error).await,
        }
    }
}
