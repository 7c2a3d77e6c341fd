//! Reading records: lists, page by page, and one by its key.

use super::cursor::CursorContext;
use super::encode::{encode_row, encode_row_from};
use super::expand::Expansion;
use super::key::RecordKey;
use super::page::Page;
use super::query::{ListQuery, reads};
use super::related::Rows;
use super::search::Search;
use super::served::Sorting;
use super::source::Source;
use super::total::{Total, count_records};
use crate::db::{AppTx, Value};
use crate::error::Result;
use crate::model::table::Table;
use std::fmt::Write as _;
use std::ops::ControlFlow;

/// One page as `{"items":[..],"next_cursor":null|".."}`.
///
/// # Errors
/// As [`DbError`](crate::db::DbError) says.
pub fn list_records(
    tx: AppTx<'_>,
    table: &Table,
    query: &ListQuery,
    context: &CursorContext,
) -> Result<Vec<u8>> {
    let columns = query.fields.as_deref().unwrap_or(&table.visible);
    let Source { head, terms, lookup } = Source::of(table, query);
    let mut page = Page::new(table, query, columns, terms);
    for part in parts(query) {
        let offset = Value::from(part.offset(query));
        let (sql, params) = statement(&head, table, query, part, &offset);
        match &lookup {
            None => tx.each(&sql, params, |row| page.add(row, row))?,
            Some((keys, find)) => {
                tx.each_found(&sql, params, *keys, find, |row, terms| page.add(row, terms))?;
            }
        }
        if page.has_more {
            break;
        }
    }
    if query.counts {
        // The first page may be all there is.
        let is_all = query.after.is_none() && !page.has_more;
        let total = if is_all { Total::Exact(page.count) } else { count_records(tx, table, query)? };
        page.total = Some(total);
    }
    page.finish(tx, context)
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

/// One statement and what it binds.
pub(super) fn statement<'q>(
    head: &str,
    table: &Table,
    query: &'q ListQuery,
    part: Part,
    offset: &'q Value,
) -> (String, Vec<&'q Value>) {
    let mut sql = String::with_capacity(head.len() + 256);
    sql.push_str(head);
    let mut params = Vec::new();
    let ranked = query.ranked();
    params.extend(ranked.map(|search| &search.words));
    sql.push_str(" WHERE ");
    match ranked {
        None => query.write_where(table, &mut sql, &mut params),
        Some(_) => query.filter.write(table, &mut sql, &mut params),
    }
    if part == Part::Second {
        sql.push_str(" AND ");
        query.order.write_second_part(&mut sql);
    } else if let Some(values) = query.after.as_ref().and_then(|after| after.values.as_ref()) {
        sql.push_str(" AND ");
        query.order.write_after(values, &mut sql, &mut params);
    }
    sql.push_str(" ORDER BY ");
    match ranked {
        None => query.order.write(&mut sql),
        Some(_) => sql.push_str(Search::RANKED),
    }
    // Writing to a String does not fail.
    let _ = write!(sql, " LIMIT {} OFFSET ?", enough(query));
    params.push(offset);
    (sql, params)
}

/// A LIMIT that leaves room for one record more than is shown, which tells whether there is a next page; the page itself
/// breaks off. It is written out: SQLite looks at a bound LIMIT when it plans, and plans anew whenever one is bound. It is
/// rounded up, so that nine statements serve all limits, but not where it may decide between order and filter.
fn enough(query: &ListQuery) -> u32 {
    let least = query.limit + 1;
    if query.sorting == Sorting::Never { least.next_power_of_two() } else { least }
}

/// The record with this key as JSON, all of it or these fields; `None` if there is none.
///
/// # Errors
/// As [`DbError`](crate::db::DbError) says.
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
/// As [`DbError`](crate::db::DbError) says.
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

/// The record with this key and what the expansions lead to, all of it or these fields; `None` if there is none.
///
/// # Errors
/// 400 `expand_too_large`, or as [`DbError`](crate::db::DbError) says.
pub fn find_expanded(
    tx: AppTx<'_>,
    table: &Table,
    key: &RecordKey,
    fields: Option<&[usize]>,
    expand: &[Expansion],
) -> Result<Option<Vec<u8>>> {
    let columns = reads(table, fields, expand).unwrap_or_default();
    let sql = format!("SELECT {} FROM {} WHERE {}", table.list(&columns), table.quoted, table.key_match);
    let shown = fields.unwrap_or(&table.visible);
    let mut found = None;
    tx.each(&sql, key.values(), |row| {
        let mut rows = Rows::default();
        encode_row(table, shown, row, &mut rows.out)?;
        rows.end_record(row, shown.len(), columns.len() - shown.len())?;
        found = Some(rows);
        Ok(ControlFlow::Continue(()))
    })?;
    found.map(|rows| rows.expanded(tx, expand)).transpose()
}
