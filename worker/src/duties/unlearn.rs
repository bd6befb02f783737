//! Drops, tenant by tenant and page by page, what is known of contacts whose references turned out to be one, once it is old.

use std::time::Duration;

use penstock_shared::queue::{Queue, error::QueueError};

/// Between two pages.
const PAUSE: Duration = Duration::from_secs(1);
/// Between two rounds over all tenants.
const ROUND: Duration = Duration::from_secs(600);

/// Unlearns for ever. It is never urgent: an error only ends the round.
pub async fn run(queue: Queue) {
    loop {
        tokio::time::sleep(ROUND).await;
        if let Err(error) = round(&queue).await {
            tracing::debug!(%error, "old knowledge of contacts stays for another round");
        }
    }
}

async fn round(queue: &Queue) -> Result<(), QueueError> {
    for tenant in queue.tenants().await? {
        let mut cursor = Some("0".to_owned());
        while let Some(at) = cursor {
            cursor = queue.unlearn(&tenant, &at).await?;
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}
