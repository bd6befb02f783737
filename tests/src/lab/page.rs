//! The report of a run: one HTML file that needs nothing else, to be read in light and in the dark.

mod chart;

use std::fmt::Write as _;

use chart::{Chart, Mark};

use super::figures::{Course, Figures, Incident};

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
pub fn page(title: &str, figures: &Figures, course: &Course) -> String {
    let verdict = if figures.violations.is_empty() {
        "<p class=calm>All nine invariants held.</p>"
    } else {
        "<p class=warn>Not all invariants held.</p>"
    };
    let body = [
        format!("<h1>{}</h1>{verdict}", escaped(title)),
        violations(figures),
        table(figures),
        charts(course),
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

fn charts(course: &Course) -> String {
    let span = course.took.as_secs_f64().max(1.0);
    let flying = course.samples.iter().map(|one| (one.at, one.flying as f64));
    let faults = course.incidents.iter();
    let kinds = kinds(&course.incidents);
    let place = |kind: &str| kinds.iter().position(|known| *known == kind);
    let faults = faults.map(|one| (one.at, place(one.kind).unwrap_or(0) as f64));
    let recoveries = course.incidents.iter();
    let recoveries = recoveries.filter_map(|one| Some((one.ended?, one.took()?.as_secs_f64())));
    let charts = [
        Chart::new("Effects per second", span, Mark::Line, rate(course)),
        Chart::new("Calls in flight", span, Mark::Line, flying.collect()),
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

/// Effects per second, bin by bin.
fn rate(course: &Course) -> Vec<(f64, f64)> {
    let (mut rates, mut from) = (Vec::new(), (0.0, 0));
    for one in &course.samples {
        let took = one.at - from.0;
        if took >= BIN {
            let effects = one.effects.saturating_sub(from.1);
            rates.push((one.at, effects as f64 / took));
            from = (one.at, one.effects);
        }
    }
    rates
}

fn incidents(incidents: &[Incident]) -> String {
    let mut rows = String::new();
    for one in incidents.iter().take(LISTED) {
        let took = one
            .took()
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
