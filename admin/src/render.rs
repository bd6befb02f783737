//! The three ways to print a result. A table's columns are the JSON's field names, so that nobody learns two vocabularies.

use std::io;

use clap::ValueEnum;
use comfy_table::{
    Attribute, Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, presets::NOTHING,
};
use penstock_shared::program::{self, Failure};
use serde::Serialize;
use serde_json::Value;

/// How results are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Table,
    /// One document
    Json,
    /// One object a line
    Ndjson,
}

/// What can be printed: its fields by their JSON names, and in which order a table has them.
pub(crate) trait Row: Serialize {
    const COLUMNS: &'static [&'static str];
}

impl Format {
    /// Prints many: in JSON an array.
    pub(crate) fn rows<R: Row>(self, rows: &[R]) -> Result<(), Failure> {
        match self {
            Self::Table => program::print(&table::<R>(&values(rows)?)),
            Self::Json => program::print(&document(&rows)?),
            Self::Ndjson => program::print(&lines(rows)?),
        }
    }

    /// Prints one, in a table as its only row.
    pub(crate) fn row<R: Row>(self, row: &R) -> Result<(), Failure> {
        match self {
            Self::Table => self.rows(std::slice::from_ref(row)),
            _ => self.one(row),
        }
    }

    /// Prints one that has too many fields for a row, in a table one field a line.
    pub(crate) fn record<R: Row>(self, record: &R) -> Result<(), Failure> {
        match self {
            Self::Table => program::print(&tall::<R>(&serde_json::to_value(record)?)),
            _ => self.one(record),
        }
    }

    /// Prints what has its shape from elsewhere: as JSON in any case.
    pub(crate) fn value(self, value: &Value) -> Result<(), Failure> {
        match self {
            Self::Table => {
                let text = document(value)?;
                let lines = text.lines().map(|line| printable(line) + "\n");
                program::print(&lines.collect::<String>())
            }
            Self::Json => program::print(&document(value)?),
            Self::Ndjson => program::print(&lines(std::slice::from_ref(value))?),
        }
    }

    fn one<R: Row>(self, row: &R) -> Result<(), Failure> {
        match self {
            Self::Ndjson => program::print(&lines(std::slice::from_ref(row))?),
            _ => program::print(&document(row)?),
        }
    }
}

fn document(value: &impl Serialize) -> Result<String, Failure> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}

fn lines(rows: &[impl Serialize]) -> Result<String, Failure> {
    let mut text = String::new();
    for row in rows {
        text += &serde_json::to_string(row)?;
        text.push('\n');
    }
    Ok(text)
}

fn values(rows: &[impl Serialize]) -> Result<Vec<Value>, Failure> {
    let values: Result<_, _> = rows.iter().map(serde_json::to_value).collect();
    Ok(values?)
}

fn table<R: Row>(rows: &[Value]) -> String {
    table_in::<R>(rows, None)
}

/// A table for a terminal of this width; `None` is the one that there is.
fn table_in<R: Row>(rows: &[Value], width: Option<u16>) -> String {
    let mut table = bare(width);
    table.set_header(R::COLUMNS.iter().map(|name| heading(name)));
    for row in rows {
        table.add_row(R::COLUMNS.iter().map(|name| shown(&row[*name])));
    }
    for (column, name) in table.column_iter_mut().zip(R::COLUMNS) {
        if rows.iter().any(|row| row[*name].is_number()) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        // Only prose is broken where the terminal ends: half a number is another number.
        if *name != "error" {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table.trim_fmt() + "\n"
}

fn tall<R: Row>(record: &Value) -> String {
    let mut table = bare(None);
    for name in R::COLUMNS {
        if let Some(value) = record.get(name).filter(|value| !value.is_null()) {
            unfold(&mut table, name, value);
        }
    }
    table.trim_fmt() + "\n"
}

/// An object's fields get a line each, under the names that lead to them; so do a list's objects, under their numbers.
fn unfold(table: &mut Table, name: &str, value: &Value) {
    match value {
        Value::Object(fields) => {
            for (field, value) in fields {
                unfold(table, &format!("{name}.{field}"), value);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (at, item) in items.iter().enumerate() {
                table.add_row([heading(&format!("{name}[{at}]")), Cell::new(inline(item))]);
            }
        }
        value => {
            table.add_row([heading(name), Cell::new(plain(value))]);
        }
    }
}

fn bare(width: Option<u16>) -> Table {
    let mut table = Table::new();
    if let Some(width) = width {
        table.set_width(width);
    }
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic);
    // What has no size has no columns to fit into.
    if table.width() == Some(0) {
        table.set_content_arrangement(ContentArrangement::Disabled);
    }
    table
}

fn heading(name: &str) -> Cell {
    let cell = Cell::new(printable(name));
    if program::colour(&io::stdout()) {
        cell.add_attribute(Attribute::Bold)
    } else {
        cell
    }
}

fn shown(value: &Value) -> Cell {
    Cell::new(inline(value))
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => printable(text),
        Value::Array(items) if !items.iter().any(|item| item.is_object() || item.is_array()) => {
            let items: Vec<_> = items.iter().map(plain).collect();
            items.join(", ")
        }
        other => printable(&other.to_string()),
    }
}

/// An object within one cell.
fn inline(value: &Value) -> String {
    let Value::Object(fields) = value else {
        return plain(value);
    };
    let fields = fields.iter().filter(|(_, value)| !value.is_null());
    let fields: Vec<_> = fields
        .map(|(name, value)| format!("{} {}", printable(name), plain(value)))
        .collect();
    fields.join(" · ")
}

/// What came from outside must not draw on the terminal.
fn printable(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.replace(hidden, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Gate {
        name: &'static str,
        flow_rate: Option<u32>,
        set: Option<Value>,
        open: bool,
        log: Vec<Value>,
    }

    impl Row for Gate {
        const COLUMNS: &'static [&'static str] = &["name", "flowRate", "set", "open", "log"];
    }

    fn gates() -> Vec<Value> {
        let east = Gate {
            name: "ea\u{1b}st",
            flow_rate: Some(7),
            set: Some(serde_json::json!({ "low": "1m", "high": "2m" })),
            open: true,
            log: vec![serde_json::json!({ "at": 3, "by": null })],
        };
        let west = Gate {
            name: "west",
            flow_rate: None,
            set: None,
            open: false,
            log: vec![],
        };
        values(&[east, west]).unwrap()
    }

    #[test]
    fn tables_align_numbers_and_show_no_control_characters() {
        let gates = gates();
        let text = table::<Gate>(&gates);
        let lines: Vec<_> = text.lines().map(str::trim_end).collect();
        assert!(
            lines[0].contains("name") && lines[0].contains("flowRate"),
            "{text}"
        );
        assert!(
            lines[1].contains("ea st") && lines[1].contains("       7  high 2m · low 1m"),
            "{text}"
        );
        assert!(lines[2].contains("-  -                 no"), "{text}");
    }

    #[test]
    fn numbers_are_whole_however_narrow_the_terminal_is() {
        let mut gates = gates();
        gates[0]["flowRate"] = 199_975.into();
        for width in [0, 5, 12] {
            let text = table_in::<Gate>(&gates, Some(width));
            for whole in ["flowRate", "199975"] {
                assert!(text.contains(whole), "{width}: {text}");
            }
        }
    }

    #[test]
    fn a_record_has_a_line_a_field() {
        let text = tall::<Gate>(&gates()[0]);
        assert!(
            text.lines().any(|line| line.trim() == "log[0]    at 3"),
            "{text}"
        );
    }
}
