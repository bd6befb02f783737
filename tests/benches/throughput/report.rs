//! Figures, and the table of them.

use std::fmt;

use crate::options::Options;

/// One number of one run.
#[derive(Debug, Clone)]
struct Figure {
    name: &'static str,
    decimals: usize,
    value: f64,
}

/// What one run of a measure gave; the first is the one that it is about.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures(Vec<Figure>);

impl Figures {
    pub(crate) fn push(&mut self, name: &'static str, decimals: usize, value: f64) {
        self.0.push(Figure {
            name,
            decimals,
            value,
        });
    }

    /// The same, where the system could tell.
    pub(crate) fn push_known(&mut self, name: &'static str, decimals: usize, value: Option<f64>) {
        if let Some(value) = value {
            self.push(name, decimals, value);
        }
    }

    pub(crate) fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    pub(crate) fn headline(&self) -> String {
        self.0.first().map_or_else(String::new, |figure| {
            format!("{} {}", written(figure.value, figure.decimals), figure.name)
        })
    }
}

/// One figure over all rounds.
#[derive(Debug)]
struct Row {
    measure: String,
    name: &'static str,
    decimals: usize,
    values: Vec<f64>,
}

impl Row {
    fn cells(&self) -> [String; 3] {
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        let median = f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
        [median, sorted[0], sorted[sorted.len() - 1]].map(|value| written(value, self.decimals))
    }
}

/// All that was measured.
#[derive(Debug)]
pub(crate) struct Report {
    title: String,
    rows: Vec<Row>,
}

impl Report {
    pub(crate) fn new(options: &Options) -> Self {
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let title = format!(
            "rounds: {}   jobs: {}   slots: {}   cores: {cores}   build: {}",
            options.rounds,
            options.jobs,
            options.slots,
            if cfg!(debug_assertions) {
                "DEBUG, not to be compared"
            } else {
                "release"
            },
        );
        Self {
            title,
            rows: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, measure: &str, figures: Figures) {
        for figure in figures.0 {
            let known = self
                .rows
                .iter_mut()
                .find(|row| row.measure == measure && row.name == figure.name);
            match known {
                Some(row) => row.values.push(figure.value),
                None => self.rows.push(Row {
                    measure: measure.to_owned(),
                    name: figure.name,
                    decimals: figure.decimals,
                    values: vec![figure.value],
                }),
            }
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.title)?;
        writeln!(
            f,
            "{:<44} {:<28} {:>10}   min..max",
            "measure", "figure", "median"
        )?;
        let mut above = "";
        for row in &self.rows {
            let measure = if row.measure == above {
                ""
            } else {
                row.measure.as_str()
            };
            above = &row.measure;
            let [median, least, most] = row.cells();
            writeln!(
                f,
                "{measure:<44} {:<28} {median:>10}   {least}..{most}",
                row.name
            )?;
        }
        Ok(())
    }
}

/// With commas between thousands.
fn written(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let (whole, fraction) = text.split_at(text.find('.').unwrap_or(text.len()));
    let (sign, digits) = whole.split_at(usize::from(whole.starts_with('-')));
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .filter_map(|group| std::str::from_utf8(group).ok())
        .collect();
    format!("{sign}{}{fraction}", groups.join(","))
}
