//! Reading the feed from a place on.

use super::change::{COLUMNS, Change, read_change};
use crate::db::{DbError, Row, Value};
use crate::error::{Error, Kind, Result};
use crate::model::table::Table;
use crate::tenancy::TenantTx;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Numbers that one page looks through at most, however few of them it tells.
const WINDOW: i64 = 10_000;

/// What is asked of the feed.
#[derive(Clone, Debug)]
pub struct ChangeQuery {
    /// Changes after this one; from the first that is kept where nothing is said.
    pub since: Option<i64>,
    /// The tables that may be read, by name.
    pub tables: BTreeMap<String, Arc<Table>>,
    /// How many changes at most.
    pub limit: usize,
    /// Bytes after which no further change is added.
    pub bytes: usize,
}

/// Some changes in their order.
#[derive(Clone, Debug)]
pub struct ChangePage {
    /// The changes.
    pub items: Vec<Change>,
    /// Up to where the feed was looked through: the place to go on from.
    pub last_seq: i64,
    /// Whether there may be more now.
    pub has_more: bool,
}

/// The changes after a place.
///
/// # Errors
/// 410 `changes_gone` where some of them are no longer kept, or the place lies ahead of the feed.
pub fn find_changes(tx: &TenantTx<'_>, query: &ChangeQuery) -> Result<ChangePage> {
    let (floor, last) = (tx.changes_floor()?, tx.last_change()?.seq);
    let since = query.since.unwrap_or(floor);
    if since < floor || since > last {
        return Err(gone(since, floor, last));
    }
    let end = last.min(since.saturating_add(WINDOW));
    let mut params = vec![Value::Integer(since), Value::Integer(end)];
    params.extend(query.tables.keys().map(Value::from));
    let marks: Vec<String> = (3..=params.len()).map(|number| format!("?{number}")).collect();
    // The expression keeps the index of histories out of it, which would have to sort all changes of a table.
    let sql = format!(
        "SELECT {COLUMNS} FROM _changes WHERE seq > ?1 AND seq <= ?2 AND table_name || '' IN ({}) ORDER BY seq",
        marks.join(", ")
    );
    let (mut items, mut bytes) = (Vec::new(), 0);
    let mut last_seq = end;
    tx.tx.each(&sql, &params, |row| {
        let Some(change) = told(query, row)? else { return Ok(ControlFlow::Continue(())) };
        bytes += change.json.len();
        let seq = change.seq;
        items.push(change);
        if items.len() >= query.limit || bytes >= query.bytes {
            last_seq = seq;
            return Ok(ControlFlow::Break(()));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(ChangePage { items, last_seq, has_more: last_seq < last })
}

/// The end of the feed: no changes, and the place to go on from.
///
/// # Errors
/// As the database says.
pub fn latest(tx: &TenantTx<'_>) -> Result<ChangePage> {
    Ok(ChangePage { items: Vec::new(), last_seq: tx.last_change()?.seq, has_more: false })
}

fn told(query: &ChangeQuery, row: &Row<'_>) -> Result<Option<Change>, DbError> {
    let table = query.tables.get(&row.get::<String>(3)?);
    table.map(|table| read_change(table, row)).transpose()
}

fn gone(since: i64, floor: i64, last: i64) -> Error {
    let why = if since > last {
        format!("There is no change {since}: this file was restored from an earlier state.")
    } else {
        format!("The changes after {since} are no longer all kept, or a migration changed records since.")
    };
    Error::new(
        Kind::Gone,
        "changes_gone",
        format!("{why} Read the tables anew, then go on with since={last}, the value of restart_from."),
    )
    .with_member("restart_from", last)
    .with_member("oldest_since", floor)
}
