//! What a program counts, as it tells whoever asks for its `/metrics`.

use std::time::Duration;

use super::wait_until;

/// What a program that listens there answers to a GET: the status and the body, or nothing if it does not.
pub async fn get(address: &str, path: &str) -> Option<(u16, String)> {
    let answer = reqwest::get(format!("http://{address}{path}")).await.ok()?;
    Some((answer.status().as_u16(), answer.text().await.ok()?))
}

/// Waits until this line is among the metrics.
///
/// # Panics
/// When it is not within `patience`.
pub async fn until_counted(address: &str, line: &str, patience: Duration) {
    wait_until(&format!("{line} to be counted"), patience, || async {
        let (_, text) = get(address, "/metrics").await?;
        text.lines().any(|counted| counted == line).then_some(())
    })
    .await;
}
