//! The page about flows: its tables are complete, and each test that they name is there.

use std::{collections::BTreeSet, fs, path::Path};

use penstock_shared::{
    flow::{Flows, trigger::TRIGGERS},
    job::JobType,
};
use penstock_tests::harness::run;
use serde_json::Value;

use crate::stage::shipped;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The rows under a heading: what each is about, and the test that shows it.
fn rows<'a>(page: &'a str, heading: &str) -> Vec<(&'a str, &'a str)> {
    let (_, under) = page
        .split_once(&format!("\n### {heading}\n"))
        .expect("the heading is there");
    let under = under.split("\n#").next().unwrap_or_default();
    let rows = under.lines().filter(|line| line.starts_with("| `"));
    let rows = rows.map(|line| {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").collect();
        let bare = |cell: &'a str| cell.trim_matches(['`', ' ']);
        let (name, test) = (bare(cells[0]), bare(cells[cells.len() - 1]));
        (name, test)
    });
    rows.collect()
}

fn names<'a>(rows: &[(&'a str, &'a str)]) -> BTreeSet<&'a str> {
    let names: BTreeSet<_> = rows.iter().map(|(name, _)| *name).collect();
    assert_eq!(names.len(), rows.len(), "a row stands there twice");
    names
}

#[test]
fn every_trigger_action_and_ready_made_flow_has_its_row_and_its_test() {
    let page = fs::read_to_string(root().join("docs/FLOWS.md")).unwrap();
    let triggers = rows(&page, "Triggers");
    let known: BTreeSet<_> = TRIGGERS.iter().map(|trigger| trigger.kind).collect();
    assert_eq!(names(&triggers), known);
    let actions = rows(&page, "Actions");
    let public = JobType::ALL.iter().filter(|job_type| job_type.is_public());
    assert_eq!(
        names(&actions),
        public.map(|job_type| job_type.as_str()).collect()
    );
    let ready = rows(&page, "Ready-made flows");
    let text = fs::read_to_string(shipped("flows.toml")).unwrap();
    let flows = Flows::load(&text).unwrap();
    assert_eq!(
        names(&ready),
        flows.iter().map(|flow| flow.name.as_str()).collect()
    );
    for (name, test) in triggers.into_iter().chain(actions).chain(ready) {
        let (file, function) = test
            .split_once("::")
            .unwrap_or_else(|| panic!("{name}: {test} names no test"));
        let source = fs::read_to_string(root().join(file));
        let source = source.unwrap_or_else(|error| panic!("{name}: {file}: {error}"));
        let is_there = source.contains(&format!("fn {function}("));
        assert!(is_there, "{name}: {file} has no test {function}");
    }
}

/// What the page shows is read as any file of flows is.
#[test]
fn the_flows_that_the_page_shows_are_right() {
    let page = fs::read_to_string(root().join("docs/FLOWS.md")).unwrap();
    let blocks = page.split("```toml\n").skip(1);
    let blocks: Vec<_> = blocks
        .filter_map(|block| block.split("```").next())
        .collect();
    assert!(!blocks.is_empty());
    for block in blocks {
        let read = Flows::load(block);
        assert!(read.is_ok(), "{block}\n{:?}", read.err());
    }
}

/// Tried out, it is as if nothing had been known of the record before.
#[tokio::test]
async fn a_flow_that_keeps_records_the_same_can_be_tried_out() {
    let file = shipped("flows.toml");
    let args = [
        "flows",
        "test",
        "contact-to-crm",
        "--file",
        file.to_str().unwrap(),
    ];
    let tried = run("penstock-producer", args, &[], "").await;
    assert_eq!(tried.code, Some(0), "{}", tried.stderr);
    let jobs: Vec<Value> = tried
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let types: Vec<_> = jobs
        .iter()
        .map(|job| job["type"].as_str().unwrap())
        .collect();
    assert_eq!(types, ["HttpCall", "LinkRecord"]);
    assert_eq!(jobs[0]["payload"]["body"]["firstName"], "Ada");
}
