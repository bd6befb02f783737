//! The report of a run: one HTML file that needs nothing else, to be read in light and in the dark.

mod chart;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use chart::{Chart, Mark};

use super::figures::{Course, Figures, Incident};
use super::ledger::Call;
use super::world::HTTP_TIMEOUT;
use crate::sandbox::Moment;

/// Over so many seconds a rate is taken.
const BIN: f64 = 5.0;
/// More faults than this are not listed one by one.
const LISTED: usize = 2000;

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1c2430; --paper: #fff; --faint: #66707f; --line: #d5dae1; --flow: #1769c5; --warn: #b3261e; --calm: #1a7f4b; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ee; --paper: #14181f; --faint: #97a1b0; --line: #333b47; --flow: #6cb0ff; --warn: #ff8a80; --calm: #6fd6a2; }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2.2rem; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
.num { font-variant-numeric: tabular-nums; white-space: nowrap; } .faint { color: var(--faint); } .warn { color: var(--warn); } .calm { color: var(--calm); }
svg { width: 100%; height: auto; display: block; } svg text { fill: var(--faint); font: 11px system-ui, sans-serif; }
.grid { stroke: var(--line); } .flow { stroke: var(--flow); fill: none; stroke-width: 1.5; } .mark { fill: var(--warn); fill-opacity: .8; } .dot { fill: var(--calm); fill-opacity: .75; }
.scroll { max-height: 24rem; overflow: auto; }
";

/// The page.
pub fn page(title: &str, figures: &Figures, course: &Course, calls: &[Call]) -> String {
    let verdict = if figures.violations.is_empty() {
        "<p class=calm>All nine invariants held.</p>"
    } else {
        "<p class=warn>Not all invariants held.</p>"
    };
    let body = [
        format!("<h1>{}</h1>{verdict}", escaped(title)),
        violations(figures),
        table(figures),
        charts(course, calls),
        incidents(&course.incidents),
    ];
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>{}</title><style>{STYLE}</style><body>{}</body></html>\n",
        escaped(title),
        body.concat()
    )
}

/// Text that is no markup, wherever it comes from.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

fn violations(figures: &Figures) -> String {
    let found = figures.violations.iter();
    let rows = found.map(|one| format!("<li class=warn>{}</li>", escaped(&one.to_string())));
    format!("<ul>{}</ul>", rows.collect::<String>())
}

fn table(figures: &Figures) -> String {
    let rows = figures.rows().into_iter().map(|(name, value)| {
        let (name, value) = (escaped(name), escaped(&value));
        format!("<tr><td>{name}</td><td class=num>{value}</td></tr>")
    });
    format!(
        "<h2>Figures</h2><table>{}</table>",
        rows.collect::<String>()
    )
}

fn charts(course: &Course, calls: &[Call]) -> String {
    let span = course.took.as_secs_f64().max(1.0);
    let faults = course.incidents.iter();
    let kinds = kinds(&course.incidents);
    let place = |kind: &str| kinds.iter().position(|known| *known == kind);
    let faults = faults.map(|one| (one.at, place(one.kind).unwrap_or(0) as f64));
    let recoveries = course.incidents.iter();
    let recoveries = recoveries.filter_map(|one| Some((one.ended?, one.took?.as_secs_f64())));
    let charts = [
        Chart::new("Effects per second", span, Mark::Line, rate(course, calls)),
        Chart::new("Calls in flight", span, Mark::Line, flying(course, calls)),
        Chart::new("Faults, by kind", span, Mark::Tick, faults.collect()).named(kinds),
        Chart::new(
            "Seconds from a fault's end to the next effect",
            span,
            Mark::Dot,
            recoveries.collect(),
        ),
    ];
    charts.iter().map(Chart::drawn).collect()
}

fn kinds(incidents: &[Incident]) -> Vec<&'static str> {
    let mut kinds: Vec<_> = incidents.iter().map(|one| one.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

fn seconds(course: &Course, at: Moment) -> f64 {
    at.since(course.origin).as_secs_f64()
}

/// Effects per second, bin by bin.
fn rate(course: &Course, calls: &[Call]) -> Vec<(f64, f64)> {
    let effects = calls.iter().filter_map(|call| call.effect.as_ref());
    let mut bins = BTreeMap::new();
    for effect in effects {
        *bins.entry(bin(seconds(course, effect.at))).or_insert(0.0) += 1.0 / BIN;
    }
    let all = 0..=bin(course.took.as_secs_f64());
    all.map(|number| {
        (
            number as f64 * BIN,
            bins.get(&number).copied().unwrap_or(0.0),
        )
    })
    .collect()
}

fn bin(seconds: f64) -> u64 {
    Duration::from_secs_f64(seconds.max(0.0) / BIN).as_secs()
}

/// The most calls in flight at a time, bin by bin. One that is never answered is waited for as long as a worker does.
fn flying(course: &Course, calls: &[Call]) -> Vec<(f64, f64)> {
    let mut changes: Vec<(f64, f64)> = Vec::with_capacity(calls.len() * 2);
    for call in calls {
        let end = call.done_at.unwrap_or_else(|| call.at.plus(HTTP_TIMEOUT));
        changes.push((seconds(course, call.at), 1.0));
        changes.push((seconds(course, end), -1.0));
    }
    changes.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut now, mut peaks) = (0.0, BTreeMap::new());
    for (at, change) in changes {
        now += change;
        let peak = peaks.entry(bin(at)).or_insert(now);
        *peak = f64::max(*peak, now);
    }
    let peaks = peaks.into_iter();
    peaks
        .map(|(number, peak)| (number as f64 * BIN, peak))
        .collect()
}

fn incidents(incidents: &[Incident]) -> String {
    let mut rows = String::new();
    for one in incidents.iter().take(LISTED) {
        let took = one
            .took
            .map_or("–".to_owned(), |took| format!("{took:.2?}"));
        // Writing to a string cannot fail.
        let _ = write!(
            rows,
            "<tr><td class=num>{:.1} s</td><td>{}</td><td class=num>{took}</td></tr>",
            one.at,
            escaped(&one.what)
        );
    }
    format!(
        "<h2>Faults</h2><div class=scroll><table><tr><th>at</th><th>what</th><th>next effect after</th></tr>{rows}</table></div>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_evidence_is_shown_as_text() {
        assert_eq!(escaped("<script>\"'&"), "&lt;script&gt;&quot;&#39;&amp;");
    }
}
