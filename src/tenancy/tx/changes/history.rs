//! What became of one record.

use super::change::{COLUMNS, Change, read_change};
use crate::db::Value;
use crate::error::{Error, Result};
use crate::model::table::Table;
use crate::params;
use crate::tenancy::TenantTx;
use crate::tenancy::tx::records::RecordKey;
use std::ops::ControlFlow;

/// Up to `limit` changes of a record before the change `before`, newest first.
///
/// # Errors
/// 404 if there is no such record and nothing is kept of one.
pub fn list_history(
    tx: &TenantTx<'_>,
    table: &Table,
    key: &RecordKey,
    before: Option<i64>,
    limit: usize,
) -> Result<Vec<Change>> {
    let stored = stored_key(*tx, table, key)?;
    let Some(id) = stored.as_ref().unwrap_or(key).to_segment() else { return Err(Error::not_found()) };
    let sql = format!(
        "SELECT {COLUMNS} FROM _changes WHERE table_name = ?1 AND id = ?2 AND seq < ?3 ORDER BY seq DESC LIMIT ?4"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let params = params![&table.name, &id, before.unwrap_or(i64::MAX), limit];
    let changes = tx.tx.query(&sql, params, |row| read_change(table, row))?;
    if changes.is_empty() && before.is_none() && stored.is_none() {
        return Err(Error::not_found());
    }
    Ok(changes)
}

/// The key as the record spells it, where letters may differ in case.
fn stored_key(tx: TenantTx<'_>, table: &Table, key: &RecordKey) -> Result<Option<RecordKey>> {
    let sql = format!("SELECT {} FROM {} WHERE {}", table.list(&table.key), table.quoted, table.key_match);
    let mut found = None;
    tx.app().each(&sql, key.values(), |row| {
        let parts = (0..table.key.len()).map(|part| row.get::<Value>(part));
        found = Some(RecordKey::new(parts.collect::<Result<_, _>>()?));
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}
