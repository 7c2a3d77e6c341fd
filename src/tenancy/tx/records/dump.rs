//! All rows of a table, for an export.

use super::encode::encode_row;
use crate::db::{AppTx, Row, ValueRef};
use crate::error::Result;
use crate::model::table::Table;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::ops::ControlFlow;

/// Hands every row to `take` as one JSON object, in the order of the key.
///
/// # Errors
/// As the database says, or what `take` returns.
pub fn dump_json(tx: AppTx<'_>, table: &Table, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let mut line = Vec::with_capacity(512);
    each_row(tx, table, |row| {
        line.clear();
        encode_row(table, &table.visible, row, &mut line)?;
        line.push(b'\n');
        take(&line)
    })
}

/// Hands every row to `take` as the cells of a spreadsheet: NULL is empty, bytes are base64.
///
/// # Errors
/// As the database says, or what `take` returns.
pub fn dump_cells(tx: AppTx<'_>, table: &Table, mut take: impl FnMut(&[String]) -> Result<()>) -> Result<()> {
    let mut cells = Vec::with_capacity(table.visible.len());
    each_row(tx, table, |row| {
        cells.clear();
        for column in 0..table.visible.len() {
            cells.push(cell(row.value(column)?));
        }
        take(&cells)
    })
}

fn each_row(tx: AppTx<'_>, table: &Table, mut act: impl FnMut(&Row<'_>) -> Result<()>) -> Result<()> {
    let order =
        if table.key.is_empty() { String::new() } else { format!(" ORDER BY {}", table.list(&table.key)) };
    let sql = format!("SELECT {} FROM {}{order}", table.select_list, table.quoted);
    let mut outcome = Ok(());
    let none: [crate::db::Value; 0] = [];
    tx.each(&sql, &none, |row| {
        outcome = act(row);
        Ok(if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    outcome
}

fn cell(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => harmless(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => STANDARD.encode(bytes),
    }
}

/// A text that a spreadsheet would take for a formula gets an apostrophe before it (OWASP, "CSV Injection").
pub fn harmless(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text }
}
