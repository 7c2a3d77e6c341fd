//! Reading records: lists, page by page, and one by its key.

use super::cursor::CursorContext;
use super::encode::encode_row;
use super::filter::Filter;
use super::key::RecordKey;
use super::order::Order;
use super::page::Page;
use super::query::ListQuery;
use super::served::Sorting;
use crate::db::{AppTx, Value};
use crate::error::Result;
use crate::model::table::{Table, quote};
use std::ops::ControlFlow;

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
    let Source { head, terms, lookup } = Source::of(table, query);
    let mut page = Page::new(table, query, columns, terms);
    for part in parts(query) {
        // One more than is shown tells whether there is a next page.
        let bounds = [Value::from(query.limit + 1 - page.count), Value::from(part.offset(query))];
        let (sql, params) = statement(&head, table, query, part, &bounds);
        match &lookup {
            None => tx.each(&sql, params, |row| page.add(row, row))?,
            Some((keys, find)) => {
                tx.each_found(&sql, params, *keys, find, |row, terms| page.add(row, terms))?
            }
        }
        if page.has_more {
            break;
        }
    }
    page.finish(context)
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

/// Whether the record with this key meets `filter`; false if there is none.
///
/// # Errors
/// As [`DbError`] says.
pub fn record_meets(tx: AppTx<'_>, table: &Table, key: &RecordKey, filter: &Filter) -> Result<bool> {
    let mut sql = format!("SELECT 1 FROM {} WHERE {} AND ", table.quoted, table.key_match);
    let mut params: Vec<&Value> = key.values().iter().collect();
    filter.write(table, &mut sql, &mut params);
    let mut found = false;
    tx.each(&sql, params, |_| {
        found = true;
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
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

/// Where a list is read from.
pub(super) struct Source {
    /// The beginning of the statement.
    pub(super) head: String,
    /// Where each term of the order stands in its rows.
    terms: Vec<usize>,
    /// How many of its first columns are the key of a record, and the statement that looks it up by them; `None` if its
    /// rows are the records themselves.
    pub(super) lookup: Option<(usize, String)>,
}

impl Source {
    /// Sorting moves whatever is selected: where it may have to be done, it is done with keys and terms alone. A view has no
    /// key, and whole rows of it are sorted.
    pub(super) fn of(table: &Table, query: &ListQuery) -> Source {
        let columns = query.fields.as_deref();
        let list = columns.map(|columns| table.list(columns));
        let list = list.as_deref().unwrap_or(&table.select_list);
        let keys = if query.sorting == Sorting::Never { None } else { lookup_keys(table) };
        let Some(keys) = keys else {
            return Source::select(table, &query.order, list, columns.unwrap_or(&table.visible), None);
        };
        let names = keys.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
        let tests = keys.iter().map(|(_, test)| test.as_str()).collect::<Vec<_>>().join(" AND ");
        let find = format!("SELECT {list} FROM {} WHERE {tests}", table.quoted);
        // The terms come after the keys even where they are the same: the positions of keys are not those of columns.
        let shown = vec![usize::MAX; keys.len()];
        Source::select(table, &query.order, &names, &shown, Some((keys.len(), find)))
    }

    /// Selects `list`, which are these columns, and after it the terms that are not among them.
    fn select(
        table: &Table,
        order: &Order,
        list: &str,
        columns: &[usize],
        lookup: Option<(usize, String)>,
    ) -> Source {
        let mut head = String::with_capacity(512);
        head.push_str("SELECT ");
        head.push_str(list);
        let mut width = columns.len();
        let mut terms = Vec::with_capacity(order.terms.len());
        for term in &order.terms {
            let shown = term.column.and_then(|index| columns.iter().position(|column| *column == index));
            terms.push(shown.unwrap_or_else(|| {
                head.push_str(", ");
                head.push_str(term.name());
                width += 1;
                width - 1
            }));
        }
        head.push_str(" FROM ");
        head.push_str(&table.quoted);
        Source { head, terms, lookup }
    }
}

/// The columns by which each record is found again, with the test for each; `None` where there are none.
fn lookup_keys(table: &Table) -> Option<Vec<(String, String)>> {
    if let Some(rowid) = table.rowid {
        let name = quote(rowid);
        let test = format!("{name} = ?");
        return Some(vec![(name, test)]);
    }
    let keys = table.key.iter().zip(&table.key_collations).map(|(index, collation)| {
        let column = &table.columns[*index];
        let collation =
            collation.as_deref().map(|name| format!(" COLLATE {}", quote(name))).unwrap_or_default();
        let is_unique = column.not_null || column.is_rowid;
        is_unique.then(|| (column.quoted.clone(), format!("{} = ?{collation}", column.quoted)))
    });
    keys.collect::<Option<Vec<_>>>().filter(|keys| !keys.is_empty())
}
