//! One chart, as inline SVG.

use std::fmt::Write as _;

use super::escaped;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 180.0;
const LEFT: f64 = 120.0;
const RIGHT: f64 = 10.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 24.0;

/// How points are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// Joined.
    Line,
    /// Each as an upright stroke in the row of its value.
    Tick,
    /// Each by itself.
    Dot,
}

/// Values over seconds.
#[derive(Debug)]
pub(super) struct Chart {
    title: &'static str,
    span: f64,
    mark: Mark,
    points: Vec<(f64, f64)>,
    /// The names of whole values, in place of numbers.
    names: Vec<&'static str>,
}

impl Chart {
    pub(super) fn new(title: &'static str, span: f64, mark: Mark, points: Vec<(f64, f64)>) -> Self {
        Self {
            title,
            span,
            mark,
            points,
            names: Vec::new(),
        }
    }

    pub(super) fn named(self, names: Vec<&'static str>) -> Self {
        Self { names, ..self }
    }

    pub(super) fn drawn(&self) -> String {
        let title = escaped(self.title);
        format!(
            "<h2>{title}</h2><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=img aria-label=\"{title}\">{}{}</svg>",
            self.axes(),
            self.marks()
        )
    }

    fn top(&self) -> f64 {
        if !self.names.is_empty() {
            return self.names.len() as f64;
        }
        let values = self.points.iter().map(|(_, value)| *value);
        values.fold(1.0, f64::max) * 1.05
    }

    fn x(&self, at: f64) -> f64 {
        LEFT + (WIDTH - LEFT - RIGHT) * (at / self.span).clamp(0.0, 1.0)
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value / self.top())
    }

    fn axes(&self) -> String {
        let mut axes = String::new();
        for (value, label) in self.labels() {
            let (y, end, text) = (self.y(value), WIDTH - RIGHT, LEFT - 8.0);
            let _ = write!(
                axes,
                "<line class=grid x1={LEFT} x2={end} y1={y:.1} y2={y:.1} /><text x={text} y={:.1} text-anchor=end>{}</text>",
                y + 4.0,
                escaped(&label)
            );
        }
        for part in 0..=6 {
            let at = self.span * f64::from(part) / 6.0;
            let (x, y) = (self.x(at), HEIGHT - 6.0);
            let _ = write!(
                axes,
                "<text x={x:.1} y={y} text-anchor=middle>{at:.0} s</text>"
            );
        }
        axes
    }

    fn labels(&self) -> Vec<(f64, String)> {
        if self.names.is_empty() {
            let parts = (0..=2).map(|part| self.top() * f64::from(part) / 2.0);
            return parts.map(|value| (value, format!("{value:.1}"))).collect();
        }
        let names = self.names.iter().enumerate();
        names
            .map(|(row, name)| (row as f64 + 0.5, (*name).to_owned()))
            .collect()
    }

    fn marks(&self) -> String {
        let places = self.points.iter().map(|(at, value)| (self.x(*at), *value));
        let mut marks = String::new();
        if self.mark == Mark::Line {
            marks.push_str("<polyline class=flow points=\"");
        }
        for (x, value) in places {
            let y = self.y(value);
            let _ = match self.mark {
                Mark::Line => write!(marks, "{x:.1},{y:.1} "),
                Mark::Dot => write!(marks, "<circle class=dot cx={x:.1} cy={y:.1} r=2.5 />"),
                Mark::Tick => {
                    let (top, height) = (
                        self.y(value + 0.85),
                        self.y(value + 0.15) - self.y(value + 0.85),
                    );
                    write!(
                        marks,
                        "<rect class=mark x={x:.1} y={top:.1} width=1.5 height={height:.1} />"
                    )
                }
            };
        }
        if self.mark == Mark::Line {
            marks.push_str("\" />");
        }
        marks
    }
}
