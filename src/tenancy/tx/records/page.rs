//! A page of a list in the making.

use super::cursor::{CursorContext, Position};
use super::encode::{encode_row, encode_text};
use super::expand::Expansion;
use super::query::ListQuery;
use super::related::Rows;
use super::total::Total;
use crate::db::{AppTx, DbError, Row, Value, ValueRef};
use crate::error::Result;
use crate::model::table::Table;
use std::io::Write as _;
use std::ops::ControlFlow;

/// A page ends before its limit once it is this long: records of many megabytes would take the memory of all.
pub(super) const PAGE_BYTES: usize = 8 << 20;

/// A page in the making.
pub(super) struct Page<'q> {
    table: &'q Table,
    query: &'q ListQuery,
    columns: &'q [usize],
    /// Where each term of the order stands in the row that names it.
    terms: Vec<usize>,
    rows: Rows,
    /// How many columns of a record are behind those that are shown, for the expansions.
    links: usize,
    /// Records in it.
    pub(super) count: u32,
    /// Whether more come after it.
    pub(super) has_more: bool,
    /// The last record's values in the terms, kept where the page may end.
    last: Vec<Value>,
    /// Whether `last` can be bound as it is stored.
    is_exact: bool,
    alike: u64,
    /// How many records the list has, if that was asked for.
    pub(super) total: Option<Total>,
}

impl<'q> Page<'q> {
    pub(super) fn new(
        table: &'q Table,
        query: &'q ListQuery,
        columns: &'q [usize],
        terms: Vec<usize>,
    ) -> Page<'q> {
        let mut rows = Rows::default();
        rows.out.reserve(4_096);
        rows.out.extend_from_slice(b"{\"items\":[");
        let links = Expansion::links(&query.expand).count();
        let after = query.after.as_ref();
        let last = after.and_then(|after| after.values.clone()).unwrap_or_default();
        let alike = after.map_or(0, |after| after.alike);
        let (count, has_more, is_exact, total) = (0, false, true, None);
        Page { table, query, columns, terms, rows, links, count, has_more, last, is_exact, alike, total }
    }

    /// Adds a record; `terms` is the row in which the terms of the order are, and may be the same.
    pub(super) fn add(&mut self, row: &Row<'_>, terms: &Row<'_>) -> Result<ControlFlow<()>, DbError> {
        if self.has_more || self.count == self.query.limit {
            self.has_more = true;
            return Ok(ControlFlow::Break(()));
        }
        if self.count > 0 {
            self.rows.out.push(b',');
        }
        encode_row(self.table, self.columns, row, &mut self.rows.out)?;
        if self.links > 0 {
            self.rows.end_record(row, self.columns.len(), self.links)?;
        }
        self.count += 1;
        let is_long = self.rows.out.len() > PAGE_BYTES;
        if self.query.order.repeats || is_long || self.count == self.query.limit {
            self.remember(terms)?;
        }
        if is_long {
            self.has_more = true;
            return Ok(ControlFlow::Break(()));
        }
        Ok(ControlFlow::Continue(()))
    }

    fn remember(&mut self, row: &Row<'_>) -> Result<(), DbError> {
        let mut values = Vec::with_capacity(self.terms.len());
        self.is_exact = true;
        for position in &self.terms {
            let value = row.value(*position)?;
            self.is_exact &= !matches!(value, ValueRef::Text(text) if std::str::from_utf8(text).is_err());
            values.push(value.to_owned());
        }
        let is_alike =
            values.len() == self.last.len() && values.iter().zip(&self.last).all(|(a, b)| alike(a, b));
        self.alike = if is_alike { self.alike + 1 } else { 1 };
        self.last = values;
        Ok(())
    }

    /// The page as JSON.
    ///
    /// # Errors
    /// As [`Rows::expanded`].
    pub(super) fn finish(mut self, tx: AppTx<'_>, context: &CursorContext) -> Result<Vec<u8>> {
        let rows = std::mem::take(&mut self.rows);
        let mut out =
            if self.query.expand.is_empty() { rows.out } else { rows.expanded(tx, &self.query.expand)? };
        out.extend_from_slice(b"],\"next_cursor\":");
        if self.has_more {
            let before = self.query.after.as_ref().map_or(0, |after| after.seen);
            let position = Position {
                seen: before + u64::from(self.count),
                values: self.is_exact.then_some(self.last),
                alike: self.alike,
            };
            encode_text(&position.seal(context, &self.query.subject(self.table)), &mut out);
        } else {
            out.extend_from_slice(b"null");
        }
        match self.total {
            None => {}
            Some(Total::Capped) => out.extend_from_slice(b",\"total\":null,\"total_capped\":true"),
            // A Vec takes every byte, so writing does not fail.
            Some(Total::Exact(total)) => {
                let _ = write!(out, ",\"total\":{total}");
            }
        }
        out.push(b'}');
        Ok(out)
    }
}

/// Whether SQLite takes them for equal: numbers by value, all else byte by byte.
fn alike(a: &Value, b: &Value) -> bool {
    match (a, b) {
        #[expect(
            clippy::cast_precision_loss,
            clippy::float_cmp,
            reason = "SQLite compares them as numbers too"
        )]
        (Value::Integer(integer), Value::Real(real)) | (Value::Real(real), Value::Integer(integer)) => {
            *integer as f64 == *real
        }
        _ => a == b,
    }
}
