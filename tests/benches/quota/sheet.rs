//! The figures, each beside what it should be.

/// Prints a line as soon as it is known, since a run takes long, and counts them.
pub(crate) struct Sheet {
    lines: usize,
}

impl Sheet {
    pub(crate) fn start() -> Self {
        println!("    {:<66} {:>12}   target", "figure", "measured");
        Self { lines: 0 }
    }

    pub(crate) fn line(&mut self, figure: &str, measured: impl std::fmt::Display, target: &str) {
        self.lines += 1;
        println!("{:>3} {figure:<66} {measured:>12}   {target}", self.lines);
    }
}

/// A share of all, in per cent.
pub(crate) fn per_cent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// That of sorted figures below which so many of a hundred lie.
pub(crate) fn percentile(sorted: &[f64], hundredths: usize) -> f64 {
    let at = (sorted.len() * hundredths / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or(f64::NAN)
}
