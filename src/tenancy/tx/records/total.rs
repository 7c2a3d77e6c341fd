//! How many records a list has, as far as that can be told in little time.

use super::query::ListQuery;
use crate::db::{AppTx, DbError};
use crate::model::table::Table;
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::time::Duration;

/// Up to here records are counted.
const MOST_COUNTED: u32 = 100_000;
/// And not for longer than this.
const LONGEST_COUNT: Duration = Duration::from_millis(200);

/// How many records a list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Total {
    /// So many.
    Exact(u32),
    /// Too many to tell, or too slow.
    Capped,
}

/// How many records pass the filters.
///
/// # Errors
/// As [`DbError`] says.
pub(super) fn count_records(tx: AppTx<'_>, table: &Table, query: &ListQuery) -> Result<Total, DbError> {
    let mut sql = format!("SELECT count(*) FROM (SELECT 1 FROM {} WHERE ", table.quoted);
    let mut params = Vec::new();
    query.write_where(table, &mut sql, &mut params);
    // Writing to a String does not fail.
    let _ = write!(sql, " LIMIT {})", MOST_COUNTED + 1);
    let mut found = 0_i64;
    let counted = tx.within(LONGEST_COUNT, || {
        tx.each(&sql, params, |row| {
            found = row.get(0)?;
            Ok(ControlFlow::Continue(()))
        })
    })?;
    let found = counted.and_then(|()| u32::try_from(found).ok()).filter(|found| *found <= MOST_COUNTED);
    Ok(found.map_or(Total::Capped, Total::Exact))
}
