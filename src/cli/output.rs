//! What people read.

use crate::error::Error;
use std::fmt::Write as _;

/// An error with its fields, and its cause where that says more.
pub(super) fn explain(error: &Error) -> String {
    let mut text = error.detail().to_owned();
    if error.fields().len() > 1 {
        for field in error.fields() {
            let _ = write!(text, "\n  {}: {}", field.field, field.message);
        }
    }
    let mut cause = error.cause().map(|cause| cause as &(dyn std::error::Error + 'static));
    while let Some(inner) = cause {
        let more = inner.to_string();
        if !text.contains(&more) {
            let _ = write!(text, "\n  because: {more}");
        }
        cause = inner.source();
    }
    text
}

/// Rows under headings, in columns as wide as they need.
pub(super) fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = headings.iter().map(|heading| heading.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    let headings: Vec<String> = headings.iter().map(|heading| (*heading).to_owned()).collect();
    for row in std::iter::once(&headings).chain(rows) {
        let line: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        let _ = writeln!(text, "{}", line.join("  ").trim_end());
    }
    text
}
