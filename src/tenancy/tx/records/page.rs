//! A page of a list in the making.

use super::cursor::{CursorContext, Position};
use super::encode::{encode_row, encode_text};
use super::query::ListQuery;
use crate::db::{DbError, Row, Value, ValueRef};
use crate::error::Result;
use crate::model::table::Table;
use std::ops::ControlFlow;

/// A page ends before its limit once it is this long: records of many megabytes would take the memory of all.
const PAGE_BYTES: usize = 8 << 20;

/// A page in the making.
pub(super) struct Page<'q> {
    table: &'q Table,
    query: &'q ListQuery,
    columns: &'q [usize],
    /// Where each term of the order stands in the row that names it.
    terms: Vec<usize>,
    out: Vec<u8>,
    /// Records in it.
    pub(super) count: u32,
    /// Whether more come after it.
    pub(super) has_more: bool,
    /// The last record's values in the terms, kept where the page may end.
    last: Vec<Value>,
    /// Whether `last` can be bound as it is stored.
    is_exact: bool,
    alike: u64,
}

impl<'q> Page<'q> {
    pub(super) fn new(
        table: &'q Table,
        query: &'q ListQuery,
        columns: &'q [usize],
        terms: Vec<usize>,
    ) -> Page<'q> {
        let mut out = Vec::with_capacity(4_096);
        out.extend_from_slice(b"{\"items\":[");
        let after = query.after.as_ref();
        let last = after.and_then(|after| after.values.clone()).unwrap_or_default();
        let alike = after.map_or(0, |after| after.alike);
        Page { table, query, columns, terms, out, count: 0, has_more: false, last, is_exact: true, alike }
    }

    /// Adds a record; `terms` is the row in which the terms of the order are, and may be the same.
    pub(super) fn add(&mut self, row: &Row<'_>, terms: &Row<'_>) -> Result<ControlFlow<()>, DbError> {
        if self.has_more || self.count == self.query.limit {
            self.has_more = true;
            return Ok(ControlFlow::Break(()));
        }
        if self.count > 0 {
            self.out.push(b',');
        }
        encode_row(self.table, self.columns, row, &mut self.out)?;
        self.count += 1;
        let is_long = self.out.len() > PAGE_BYTES;
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
    pub(super) fn finish(mut self, context: &CursorContext) -> Vec<u8> {
        self.out.extend_from_slice(b"],\"next_cursor\":");
        if self.has_more {
            let before = self.query.after.as_ref().map_or(0, |after| after.seen);
            let position = Position {
                seen: before + u64::from(self.count),
                values: self.is_exact.then_some(self.last),
                alike: self.alike,
            };
            encode_text(&position.seal(context, &self.query.subject(self.table)), &mut self.out);
        } else {
            self.out.extend_from_slice(b"null");
        }
        self.out.push(b'}');
        self.out
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
