//! What was seen, as it happens: a column for each system, and one for Penstock between them.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use super::sighting::{Place, Sighting, Sort};

/// The columns, and how wide each is.
const COLUMNS: [(Place, &str, usize); 4] = [
    (Place::Ghl, "GHL", 25),
    (Place::Penstock, "Penstock", 33),
    (Place::Sms, "SMSFactor", 24),
    (Place::Crm, "Smore and the CRM", 24),
];

/// On a terminal somebody reads what a station came to before the next one begins.
const READING: Duration = Duration::from_millis(1_500);

/// Draws it.
#[derive(Debug)]
pub(super) struct Timeline {
    began: Instant,
    is_terminal: bool,
    has_colours: bool,
    stations: usize,
}

impl Timeline {
    pub(super) fn start() -> Self {
        let is_terminal = io::stdout().is_terminal();
        let timeline = Self {
            began: Instant::now(),
            is_terminal,
            has_colours: is_terminal && std::env::var_os("NO_COLOR").is_none(),
            stations: 0,
        };
        let names = COLUMNS.map(|(_, name, width)| format!("{name:<width$}"));
        print(&format!("\n     {}", names.join(" │ ")));
        timeline
    }

    /// When it began.
    pub(super) const fn began(&self) -> Instant {
        self.began
    }

    /// What is told from here on.
    pub(super) async fn station(&mut self, title: &str) {
        if self.is_terminal && self.stations > 0 {
            tokio::time::sleep(READING).await;
        }
        self.stations += 1;
        let title = format!("── {}. {title} ", self.stations);
        let widths = COLUMNS.map(|(_, _, width)| width + 3);
        let width = widths.iter().sum::<usize>() + 2;
        print(&format!("{title:─<width$}"));
    }

    pub(super) fn show(&self, seen: &[Sighting]) {
        let seconds = self.began.elapsed().as_secs_f64();
        for row in rows(seen) {
            print(&line(seconds, row, self.has_colours));
        }
    }
}

fn print(line: &str) {
    println!("{}", line.trim_end());
    // Where standard output is gone, so is whoever looked.
    let _ = io::stdout().flush();
}

type Row<'a> = [Option<&'a Sighting>; COLUMNS.len()];

/// What was seen at one look, side by side: in each column in its order.
fn rows(seen: &[Sighting]) -> Vec<Row<'_>> {
    let columns = COLUMNS.map(|(place, ..)| {
        let of_place = seen.iter().filter(|one| one.place == place);
        of_place.collect::<Vec<_>>()
    });
    let longest = columns.iter().map(Vec::len).max().unwrap_or(0);
    let row = |at: usize| columns.each_ref().map(|column| column.get(at).copied());
    (0..longest).map(row).collect()
}

fn line(seconds: f64, row: Row<'_>, has_colours: bool) -> String {
    let cells = row.iter().zip(COLUMNS).map(|(seen, (.., width))| {
        let text = seen.map_or("", |seen| seen.text.as_str());
        let cell = format!("{:<width$}", cut(text, width));
        match seen {
            Some(seen) if has_colours => format!("{}{cell}\x1b[0m", colour(seen.sort)),
            _ => cell,
        }
    });
    let cells: Vec<_> = cells.collect();
    format!("{seconds:>4.1} {}", cells.join(" │ "))
}

fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width - 1).chain(['…']).collect()
}

const fn colour(sort: Sort) -> &'static str {
    match sort {
        Sort::Act => "\x1b[1;36m",
        Sort::Effect => "\x1b[32m",
        Sort::Job => "\x1b[2m",
        Sort::Aside => "\x1b[33m",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(place: Place, text: &str) -> Sighting {
        Sighting {
            place,
            sort: Sort::Effect,
            text: text.to_owned(),
        }
    }

    #[test]
    fn what_is_seen_at_one_look_stands_side_by_side() {
        let all = [
            seen(Place::Crm, "a"),
            seen(Place::Ghl, "b"),
            seen(Place::Crm, "c"),
        ];
        let texts = rows(&all).into_iter().map(|row| {
            let texts = row.map(|seen| seen.map_or("", |seen| &seen.text));
            texts.join("|")
        });
        assert_eq!(texts.collect::<Vec<_>>(), ["b|||a", "|||c"]);
        assert!(rows(&[]).is_empty());
    }

    #[test]
    fn columns_keep_their_width_whatever_is_in_them() {
        let long = seen(Place::Ghl, &"é".repeat(100));
        let short = seen(Place::Ghl, "x");
        let width = |one: &Sighting| {
            let line = line(1.0, [Some(one), None, None, None], false);
            line.chars().count()
        };
        assert_eq!(width(&long), width(&short));
        let coloured = line(1.0, [Some(&short), None, None, None], true);
        assert!(coloured.contains("\x1b[32mx"), "{coloured:?}");
    }
}
