//! Reads the flows again when their file has changed.

use std::time::Duration;

use super::repeat;
use crate::flows::FlowFile;

/// How often it looks.
const PAUSE: Duration = Duration::from_secs(1);

/// Looks for ever.
pub async fn run(flows: FlowFile) {
    repeat("reload", PAUSE, || async {
        flows.refresh();
        Ok(())
    })
    .await;
}
