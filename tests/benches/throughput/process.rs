//! What the system says of processes, where it has `/proc`.

use std::fs;

/// What `/proc` counts CPU time in: a hundredth of a second on every Linux of today.
const TICKS_PER_SECOND: f64 = 100.0;

/// CPU seconds that a process has used.
pub(crate) fn cpu_seconds(pid: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it may hold spaces.
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(ticks);
    Some(ticks.sum::<Option<f64>>()? / TICKS_PER_SECOND)
}

/// The most memory that a process has had, in MB.
pub(crate) fn peak_megabytes(pid: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1024.0)
}

/// CPU seconds that all of the machine has used.
pub(crate) fn machine_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let fields: Vec<&str> = stat.lines().next()?.split_whitespace().collect();
    // user, nice, system; then idle and waiting for a disk; then interrupts, hard and soft.
    let busy = fields.get(1..4)?.iter().chain(fields.get(6..8)?);
    Some(busy.map(|field| ticks(field)).sum::<Option<f64>>()? / TICKS_PER_SECOND)
}

fn ticks(field: &str) -> Option<f64> {
    field.parse().ok()
}
