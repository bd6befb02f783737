//! The page about flows: its tables are complete, and each test that they name is there.

mod operations;
mod table;

use std::collections::BTreeSet;

use penstock_shared::{
    flow::{Flows, trigger::TRIGGERS},
    job::JobType,
};
use penstock_tests::harness::run;
use serde_json::Value;

use self::table::{have_their_tests, names, page, rows};
use crate::stage::{shipped, shipped_flows};

const PAGE: &str = "docs/FLOWS.md";

#[test]
fn every_trigger_action_and_ready_made_flow_has_its_row_and_its_test() {
    let page = page(PAGE);
    let triggers = rows(&page, "### Triggers");
    let known: BTreeSet<_> = TRIGGERS.iter().map(|trigger| trigger.kind).collect();
    assert_eq!(names(&triggers), known);
    let actions = rows(&page, "### Actions");
    let public = JobType::ALL.iter().filter(|job_type| job_type.is_public());
    assert_eq!(
        names(&actions),
        public.map(|job_type| job_type.as_str()).collect()
    );
    let ready = rows(&page, "### Ready-made flows");
    let flows = Flows::load(&shipped_flows()).unwrap();
    assert_eq!(
        names(&ready),
        flows.iter().map(|flow| flow.name.as_str()).collect()
    );
    have_their_tests(&[triggers, actions, ready].concat());
}

/// What the pages show is read as any file of flows is.
#[test]
fn the_flows_that_the_pages_show_are_right() {
    for page in [PAGE, "README.md"].map(page) {
        let blocks = page.split("```toml\n").skip(1);
        let blocks = blocks.filter_map(|block| block.split("```").next());
        let flows: Vec<_> = blocks
            .filter(|block| block.starts_with("[[flow]]"))
            .collect();
        assert!(!flows.is_empty());
        for flow in flows {
            let read = Flows::load(flow);
            assert!(read.is_ok(), "{flow}\n{:?}", read.err());
        }
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
