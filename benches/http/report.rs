//! What was measured, as tables: every figure beside its target.

use std::fmt;

/// What a figure has to reach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goal {
    /// Not less than this.
    AtLeast(f64),
    /// Not more than this.
    AtMost(f64),
    /// Less than this.
    Below(f64),
    /// Told for its own sake.
    None,
}

/// One figure.
struct Figure {
    what: String,
    /// `None` where it could not be measured; then `note` says why.
    value: Option<f64>,
    unit: &'static str,
    goal: Goal,
    note: String,
}

/// All tables of a run.
#[derive(Default)]
pub struct Report {
    /// About the run: sizes, versions.
    notes: Vec<String>,
    /// Rates, one row for each server, work and number of connections.
    rates: Vec<[String; 9]>,
    figures: Vec<Figure>,
    /// Wrong answers and lost records.
    wrong: Vec<String>,
}

const RATES: [&str; 9] =
    ["work", "connections", "server", "median/s", "lowest/s", "highest/s", "p50 ms", "p99 ms", "errors"];
const FIGURES: [&str; 5] = ["figure", "measured", "target", "met", "note"];

impl Report {
    /// Adds a remark about the run.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// Adds a row of rates, its cells in the order of the table's head.
    pub fn rate(&mut self, row: [String; 9]) {
        self.rates.push(row);
    }

    /// Adds a figure; `value` is the reason where there is none.
    pub fn figure(
        &mut self,
        what: impl Into<String>,
        value: Result<f64, String>,
        unit: &'static str,
        goal: Goal,
    ) {
        self.figure_with_note(what, value, unit, goal, "");
    }

    /// Adds a figure and a remark, which gives way to the reason where there is no value.
    pub fn figure_with_note(
        &mut self,
        what: impl Into<String>,
        value: Result<f64, String>,
        unit: &'static str,
        goal: Goal,
        note: &str,
    ) {
        let (value, note) = match value {
            Ok(value) => (Some(value), note.to_owned()),
            Err(reason) => (None, reason),
        };
        self.figures.push(Figure { what: what.into(), value, unit, goal, note });
    }

    /// Adds a wrong answer: the run fails.
    pub fn wrong(&mut self, what: impl Into<String>) {
        self.wrong.push(what.into());
    }

    /// Whether every server answered rightly; missed targets do not matter here.
    pub fn is_sound(&self) -> bool {
        self.wrong.is_empty()
    }
}

impl Figure {
    fn cells(&self) -> [String; 5] {
        let unit = self.unit;
        let (target, met) = match (self.goal, self.value) {
            (Goal::AtLeast(least), value) => {
                (format!(">= {}{unit}", plain(least)), value.map(|value| value >= least))
            }
            (Goal::AtMost(most), value) => {
                (format!("<= {}{unit}", plain(most)), value.map(|value| value <= most))
            }
            (Goal::Below(most), value) => {
                (format!("< {}{unit}", plain(most)), value.map(|value| value < most))
            }
            (Goal::None, _) => (String::new(), None),
        };
        let met = match (self.goal, met) {
            (Goal::None, _) => "",
            (_, Some(true)) => "yes",
            (_, Some(false)) => "NO",
            (_, None) => "not measured",
        };
        let measured = self.value.map_or_else(String::new, |value| format!("{}{unit}", plain(value)));
        [self.what.clone(), measured, target, met.to_owned(), self.note.clone()]
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for note in &self.notes {
            writeln!(f, "{note}")?;
        }
        if !self.rates.is_empty() {
            writeln!(f)?;
            table(f, RATES, &self.rates)?;
        }
        if !self.figures.is_empty() {
            writeln!(f)?;
            let rows: Vec<_> = self.figures.iter().map(Figure::cells).collect();
            table(f, FIGURES, &rows)?;
        }
        for wrong in &self.wrong {
            writeln!(f, "\nWRONG: {wrong}")?;
        }
        Ok(())
    }
}

/// Writes an aligned Markdown table; cells that begin with a digit stand to the right.
fn table<const N: usize>(f: &mut fmt::Formatter<'_>, head: [&str; N], rows: &[[String; N]]) -> fmt::Result {
    let widths: [usize; N] = std::array::from_fn(|column| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .chain([head[column].len(), 3])
            .max()
            .unwrap_or_default()
    });
    let line = |f: &mut fmt::Formatter<'_>, cells: [&str; N]| {
        for (cell, width) in cells.into_iter().zip(widths) {
            if cell.starts_with(|first: char| first.is_ascii_digit()) {
                write!(f, "| {cell:>width$} ")?;
            } else {
                write!(f, "| {cell:<width$} ")?;
            }
        }
        writeln!(f, "|")
    };
    line(f, head)?;
    let dashes = widths.map(|width| "-".repeat(width));
    line(f, std::array::from_fn(|column| dashes[column].as_str()))?;
    rows.iter().try_for_each(|row| line(f, std::array::from_fn(|column| row[column].as_str())))
}

/// A number with as many digits as its size deserves.
pub fn plain(value: f64) -> String {
    let digits = match value {
        _ if value.fract() == 0.0 || value >= 1_000.0 => 0,
        _ if value >= 100.0 => 1,
        _ => 2,
    };
    format!("{value:.digits$}")
}

/// The middle of the values, the mean of the two middle ones where their number is even; zero of none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => sorted[odd / 2],
        even => f64::midpoint(sorted[even / 2 - 1], sorted[even / 2]),
    }
}

/// The value below which so many hundredths of the sorted values lie; the last for 100, zero of none.
pub fn percentile(sorted: &[f64], hundredths: usize) -> f64 {
    let place = (sorted.len() * hundredths / 100).min(sorted.len().saturating_sub(1));
    sorted.get(place).copied().unwrap_or_default()
}

/// Bytes in megabytes of a million.
#[expect(clippy::cast_precision_loss, reason = "sizes of processes are far below 2^52")]
pub fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
