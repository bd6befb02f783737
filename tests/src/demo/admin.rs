//! What an operator does, with the admin program.

use std::io::Write;

use anyhow::{Context, ensure};
use serde_json::Value;

use super::progress::wait_for_rest;
use super::scene::Scene;
use super::workload::{REJECTED_DOMAIN, Workload};

const ADMIN: &str = "penstock-admin";

/// One command's JSON.
pub(super) async fn ask(scene: &Scene, args: &[&str]) -> anyhow::Result<Value> {
    let done = scene
        .run(ADMIN, &[args, &["-o", "json"]].concat(), "")
        .await;
    ensure!(
        done.code == Some(0),
        "{ADMIN} {}: {}",
        args.join(" "),
        done.stderr.trim()
    );
    serde_json::from_str(&done.stdout)
        .with_context(|| format!("{ADMIN} {} gave no JSON", args.join(" ")))
}

/// Runs one command and shows what an operator would see.
pub(super) async fn show(scene: &Scene, args: &[&str]) -> anyhow::Result<()> {
    println!("$ {ADMIN} {}", args.join(" "));
    let done = scene.run(ADMIN, args, "").await;
    ensure!(
        done.code == Some(0),
        "{ADMIN} {}: {}",
        args.join(" "),
        done.stderr.trim()
    );
    done.stdout.lines().for_each(|line| println!("  {line}"));
    Ok(())
}

/// Looks at the first dead letter of a wrong address, puts the address right, and retries it.
pub(super) async fn repair_one(scene: &Scene, workload: &Workload) -> anyhow::Result<()> {
    let tenant = workload.tenants[0].as_str();
    let letters = ask(
        scene,
        &["dead", "list", "--tenant", tenant, "--cause", "rejected"],
    )
    .await?;
    let letter = letters.as_array().and_then(|letters| letters.first());
    let id = letter
        .and_then(|letter| letter["id"].as_str())
        .context("no dead letter has the cause `rejected`")?;
    let id = id.to_owned();
    show(scene, &["dead", "show", &id]).await?;

    // Masked values could not be enqueued again.
    let whole = ask(scene, &["dead", "show", &id, "--reveal"]).await?;
    let repaired = whole["payload"]
        .to_string()
        .replace(REJECTED_DOMAIN, "example.com");
    let mut file = tempfile::NamedTempFile::new().context("no temporary file can be made")?;
    file.write_all(repaired.as_bytes())
        .context("the repaired payload cannot be written")?;
    let path = file.path().to_string_lossy().into_owned();
    show(scene, &["dead", "edit", &id, "--payload", &path]).await?;
    show(scene, &["dead", "retry", &id]).await?;
    wait_for_rest(scene).await?;
    show(scene, &["job", "show", &id]).await
}
