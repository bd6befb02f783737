//! Hears that credentials have changed, so that no call carries what another program has replaced for long.

use std::time::Duration;

use super::repeat;
use crate::tokens::Tokens;

/// How soon a worker knows: what somebody forbids is to end soon.
const PAUSE: Duration = Duration::from_secs(1);

/// Listens for ever.
pub async fn run(tokens: Tokens) {
    repeat("learn of credentials", PAUSE, || tokens.learn()).await;
}
