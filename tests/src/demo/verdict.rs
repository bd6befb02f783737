//! Whether every promise was kept.

use super::ledger::Books;
use super::promise::{Promises, promise};
use super::workload::{ORDER, Workload};

/// Judges by what changed between the two looks at the books.
pub(super) fn judge(workload: &Workload, before: &Books, after: &Books) -> Promises {
    let gained = |pointer: &str| after.count(pointer) - before.count(pointer);
    let of_ours = |field: &str| {
        workload
            .tenants
            .iter()
            .map(|name| gained(&format!("/byTenant/{name}/{field}")))
            .sum::<u64>()
    };
    let (effects, calls) = (of_ours("effects"), of_ours("calls"));
    let (dead, done) = (
        stat(before, after, "dead"),
        stat(before, after, "doneTotal"),
    );
    let (duplicates, over_quota) = (gained("/duplicates"), of_ours("overQuota"));
    let (ordered, contacts) = order(workload, after);
    // Of those that had to die, one was repaired.
    let expected_dead = workload.doomed as u64 - 1;
    let expected_done = workload.accepted() as u64 - expected_dead;
    let faults = gained("/faults");
    let promises = [
        promise(
            done == expected_done,
            format!("jobs done: {done} of {expected_done}"),
        ),
        promise(
            dead == expected_dead,
            format!("dead letters, each with its cause: {dead} of {expected_dead}"),
        ),
        promise(
            effects == done,
            format!(
                "effects: {effects}, one for each job done ({calls} calls, {faults} of them met a fault)"
            ),
        ),
        promise(duplicates == 0, format!("duplicates: {duplicates}")),
        promise(
            over_quota == 0,
            format!("calls over the quota: {over_quota}"),
        ),
        promise(
            ordered == contacts,
            format!("contacts whose jobs took effect in their order: {ordered} of {contacts}"),
        ),
    ];
    promises.into_iter().collect()
}

fn stat(before: &Books, after: &Books, name: &str) -> u64 {
    after.stat(name).saturating_sub(before.stat(name))
}

/// Contacts with the right history, and all that have more than the one effect of a lead.
fn order(workload: &Workload, books: &Books) -> (usize, usize) {
    let ours = |tenant: &String| workload.tenants.contains(tenant);
    let histories = books
        .histories
        .iter()
        .filter(|((tenant, _), _)| ours(tenant))
        .map(|(_, history)| history);
    let long: Vec<_> = histories.filter(|history| history.len() > 1).collect();
    (
        long.iter().filter(|history| ***history == ORDER).count(),
        long.len(),
    )
}
