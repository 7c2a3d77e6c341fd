//! How long changes are kept.

use crate::clock::{DAY, Timestamp};
use crate::db::{DbError, Tx};
use crate::error::Result;
use crate::params;
use crate::tenancy::TenantTx;

/// How long changes are kept, and how much of them.
#[derive(Clone, Copy, Debug)]
pub struct Keep {
    /// Days.
    pub days: u32,
    /// Bytes per tenant.
    pub bytes: i64,
}

/// Removes up to `most` changes that need not be kept, the oldest first, and tells how many. The last one stays.
///
/// # Errors
/// As the database says.
pub fn prune(tx: TenantTx<'_>, keep: &Keep, most: i64) -> Result<i64> {
    let first = tx.tx.query_row("SELECT seq, at, bytes FROM _changes ORDER BY seq LIMIT 1", &[], |row| {
        Ok((row.get::<i64>(0)?, row.get::<Timestamp>(1)?, row.get::<i64>(2)?))
    })?;
    let Some((first, at, bytes)) = first else { return Ok(0) };
    let last = tx.last_change()?;
    let (before, up_to) = (tx.now().plus(-i64::from(keep.days) * DAY), last.bytes - keep.bytes);
    if at >= before && bytes >= up_to {
        return Ok(0);
    }
    let end = tx.tx.query_row(
        "SELECT seq FROM _changes WHERE seq < ?1 AND seq < ?2 AND (at < ?3 OR bytes < ?4) ORDER BY seq DESC LIMIT 1",
        params![first.saturating_add(most), last.seq, before, up_to],
        |row| row.get::<i64>(0),
    )?;
    let Some(end) = end else { return Ok(0) };
    tx.tx.execute("DELETE FROM _changes WHERE seq <= ?1", params![end])?;
    tx.tx.execute("UPDATE _changes_floor SET seq = ?1 WHERE seq < ?1", params![end])?;
    Ok(end - first + 1)
}

/// Has all who follow the feed read the tables anew: something changed that is not told, as by a migration. The history
/// of records stays.
///
/// # Errors
/// As the database says.
pub(in crate::tenancy) fn begin_anew(tx: &Tx<'_>) -> Result<(), DbError> {
    let next = TenantTx::new(tx).last_change()?.seq + 1;
    begin_anew_at(tx, next)
}

/// The same with a number beyond the last one: none is given in between.
///
/// # Errors
/// As the database says.
pub(in crate::tenancy) fn begin_anew_at(tx: &Tx<'_>, seq: i64) -> Result<(), DbError> {
    let tx = TenantTx::new(tx);
    let last = tx.last_change()?;
    tx.tx.execute(
        "INSERT INTO _changes (seq, at, op, table_name, actor, bytes) VALUES (?1, ?2, 'gap', '', 'system', ?3)",
        params![seq, tx.now(), last.bytes],
    )?;
    tx.tx.execute("UPDATE _changes_floor SET seq = ?1", params![seq])?;
    tx.tx.remember([seq, last.bytes]);
    Ok(())
}
