//! Jobs on their way in.

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use super::scene::Scene;
use super::workload::{BAD_LINES, Workload};

/// `penstock-producer enqueue`, with a few lines that are no jobs.
pub(super) async fn from_file(scene: &Scene, workload: &Workload) -> anyhow::Result<()> {
    println!("$ penstock-producer enqueue jobs.ndjson");
    let done = scene
        .run("penstock-producer", &["enqueue", "-"], &workload.lines())
        .await;
    let refused = done.stderr.lines().filter(|line| line.starts_with("line "));
    refused.for_each(|line| println!("  {line}"));
    println!("  {}", done.stdout.trim());
    let expected =
        json!({"accepted": workload.in_file(), "duplicates": 0, "rejected": BAD_LINES.len()});
    let told: Value = serde_json::from_str(&done.stdout).unwrap_or_default();
    ensure!(
        told == expected && done.code == Some(2),
        "expected {expected} and exit code 2:\n{}",
        done.stderr
    );
    Ok(())
}

/// `POST /v1/jobs`, and one request that is refused.
pub(super) async fn over_http(scene: &Scene, workload: &Workload) -> anyhow::Result<()> {
    println!("$ POST {}/v1/jobs", scene.intake);
    let mut accepted = 0;
    for batch in workload.batches() {
        let (status, body) = scene.post_jobs(&batch).await?;
        ensure!(status == 202, "the intake answered {status}: {body}");
        let jobs = body["jobs"]
            .as_array()
            .context("the intake named no jobs")?;
        accepted += jobs
            .iter()
            .filter(|job| job["status"] == "accepted")
            .count();
    }
    println!("  202: {accepted} jobs accepted");
    if accepted + workload.in_file() != workload.accepted() {
        bail!(
            "{} were offered over HTTP",
            workload.accepted() - workload.in_file()
        );
    }
    let (status, problem) = scene.post_jobs(&workload.bad_batch()).await?;
    println!("  {status}: {problem}");
    ensure!(
        status == 422,
        "an array with a faulty job is to be refused with 422"
    );
    Ok(())
}
