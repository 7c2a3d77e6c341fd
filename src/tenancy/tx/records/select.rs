//! Reading records: lists, page by page, and one by its key.

use super::cursor::{CursorContext, Position};
use super::encode::{encode_row, encode_row_from, encode_text};
use super::key::RecordKey;
use super::query::ListQuery;
use crate::db::{AppTx, DbError, Row, Value, ValueRef};
use crate::error::Result;
use crate::model::table::Table;
use std::ops::ControlFlow;

/// A page ends before its limit once it is this long: records of many megabytes would take the memory of all.
const PAGE_BYTES: usize = 8 << 20;

/// One page as `{"items":[..],"next_cursor":null|".."}`.
///
/// # Errors
/// As [`DbError`] says.
pub fn list_records(
    tx: AppTx<'_>,
    table: &Table,
    query: &ListQuery,
    context: &CursorContext,
) -> Result<Vec<u8>> {
    let columns = query.fields.as_deref().unwrap_or(&table.visible);
    let (head, terms) = select_from(table, query, columns);
    let mut page = Page::new(table, query, columns, terms);
    for part in parts(query) {
        // One more than is shown tells whether there is a next page.
        let bounds = [Value::from(query.limit + 1 - page.count), Value::from(part.offset(query))];
        let (sql, params) = statement(&head, table, query, part, &bounds);
        tx.each(&sql, params, |row| page.add(row))?;
        if page.has_more {
            break;
        }
    }
    Ok(page.finish(context))
}

/// What of the list one statement reads.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Part {
    /// All of it, or what comes after so many records.
    Whole,
    /// What comes after the cursor's record, see [`Order::write_after`](super::order::Order::write_after).
    After,
    /// What comes after that, see [`Order::write_second_part`](super::order::Order::write_second_part).
    Second,
}

impl Part {
    fn offset(self, query: &ListQuery) -> i64 {
        let Some(after) = &query.after else { return 0 };
        let offset = match self {
            Part::Whole => after.seen,
            Part::After if query.order.repeats => after.alike,
            Part::After | Part::Second => 0,
        };
        i64::try_from(offset).unwrap_or(i64::MAX)
    }
}

/// The statements that a page takes: a second one only where the first may leave it unfilled.
pub(super) fn parts(query: &ListQuery) -> impl Iterator<Item = Part> {
    let values = query.after.as_ref().and_then(|after| after.values.as_ref());
    let first = if values.is_some() { Part::After } else { Part::Whole };
    let has_second = values.is_some_and(|values| query.order.has_second_part(values));
    [Some(first), has_second.then_some(Part::Second)].into_iter().flatten()
}

/// One statement and what it binds; `bounds` are the LIMIT and the OFFSET.
pub(super) fn statement<'q>(
    head: &str,
    table: &Table,
    query: &'q ListQuery,
    part: Part,
    bounds: &'q [Value; 2],
) -> (String, Vec<&'q Value>) {
    let mut sql = String::with_capacity(head.len() + 256);
    sql.push_str(head);
    let mut params = Vec::new();
    sql.push_str(" WHERE ");
    query.filter.write(table, &mut sql, &mut params);
    if part == Part::Second {
        sql.push_str(" AND ");
        query.order.write_second_part(&mut sql);
    } else if let Some(values) = query.after.as_ref().and_then(|after| after.values.as_ref()) {
        sql.push_str(" AND ");
        query.order.write_after(values, &mut sql, &mut params);
    }
    sql.push_str(" ORDER BY ");
    query.order.write(&mut sql);
    sql.push_str(" LIMIT ? OFFSET ?");
    params.extend(bounds);
    (sql, params)
}

/// The record with this key as JSON, all of it or these fields; `None` if there is none.
///
/// # Errors
/// As [`DbError`] says.
pub fn find_record(
    tx: AppTx<'_>,
    table: &Table,
    key: &RecordKey,
    fields: Option<&[usize]>,
) -> Result<Option<Vec<u8>>> {
    let list = fields.map(|fields| table.list(fields));
    let list = list.as_deref().unwrap_or(&table.select_list);
    let sql = format!("SELECT {list} FROM {} WHERE {}", table.quoted, table.key_match);
    let mut found = None;
    tx.each(&sql, key.values(), |row| {
        let mut out = Vec::with_capacity(256);
        encode_row(table, fields.unwrap_or(&table.visible), row, &mut out)?;
        found = Some(out);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

/// The record with this key twice: all of it, which its tag is made of, and these fields; `None` if there is none.
///
/// # Errors
/// As [`DbError`] says.
pub fn find_fields(
    tx: AppTx<'_>,
    table: &Table,
    key: &RecordKey,
    fields: &[usize],
) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
    let (visible, list) = (&table.select_list, table.list(fields));
    let sql = format!("SELECT {visible}, {list} FROM {} WHERE {}", table.quoted, table.key_match);
    let mut found = None;
    tx.each(&sql, key.values(), |row| {
        let (mut whole, mut part) = (Vec::with_capacity(256), Vec::with_capacity(256));
        encode_row(table, &table.visible, row, &mut whole)?;
        encode_row_from(table, fields, table.visible.len(), row, &mut part)?;
        found = Some((whole, part));
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

/// The beginning of the statement, and where each term of the order stands in its rows. Terms that are not among
/// the columns come after them.
pub(super) fn select_from(table: &Table, query: &ListQuery, columns: &[usize]) -> (String, Vec<usize>) {
    let mut sql = String::with_capacity(512);
    sql.push_str("SELECT ");
    if query.fields.is_some() {
        sql.push_str(&table.list(columns));
    } else {
        sql.push_str(&table.select_list);
    }
    let mut width = columns.len();
    let mut terms = Vec::with_capacity(query.order.terms.len());
    for term in &query.order.terms {
        let shown = term.column.and_then(|index| columns.iter().position(|column| *column == index));
        terms.push(shown.unwrap_or_else(|| {
            sql.push_str(", ");
            sql.push_str(term.name());
            width += 1;
            width - 1
        }));
    }
    sql.push_str(" FROM ");
    sql.push_str(&table.quoted);
    (sql, terms)
}

/// A page in the making.
struct Page<'q> {
    table: &'q Table,
    query: &'q ListQuery,
    columns: &'q [usize],
    terms: Vec<usize>,
    out: Vec<u8>,
    count: u32,
    has_more: bool,
    /// The last record's values in the terms, kept where the page may end.
    last: Vec<Value>,
    /// Whether `last` can be bound as it is stored.
    is_exact: bool,
    alike: u64,
}

impl<'q> Page<'q> {
    fn new(table: &'q Table, query: &'q ListQuery, columns: &'q [usize], terms: Vec<usize>) -> Page<'q> {
        let mut out = Vec::with_capacity(4_096);
        out.extend_from_slice(b"{\"items\":[");
        let after = query.after.as_ref();
        let last = after.and_then(|after| after.values.clone()).unwrap_or_default();
        let alike = after.map_or(0, |after| after.alike);
        Page { table, query, columns, terms, out, count: 0, has_more: false, last, is_exact: true, alike }
    }

    fn add(&mut self, row: &Row<'_>) -> Result<ControlFlow<()>, DbError> {
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
            self.remember(row)?;
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

    fn finish(mut self, context: &CursorContext) -> Vec<u8> {
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
