//! What became of the records: one change per record and write, numbered in the order of the commits.
//!
//! SQLite tells of every row that a write changes ([`Captured`](crate::db::Captured)). At the end of the write, `effects`
//! sums up what that comes to per record, and `ledger` stores it in `_changes`, in the same transaction. `page` and
//! `history` read it; `keep` removes what is older than it has to be.
//!
//! # The order within one write
//!
//! A record that was written several times stands there once, as it is at the end: created where it is first written,
//! changed or deleted where it is last. What goes away because of a delete stands before it, what follows a new key stands
//! between the new and the old one. So a copy with foreign keys can take changes one after the other; only where a write
//! changes one record several times, a key may point nowhere until the end of that write.

mod change;
mod effects;
mod heard;
mod history;
mod keep;
mod later;
mod ledger;
mod page;
mod tracked;

#[cfg(test)]
mod tests;

pub use change::{Change, Op};
pub(super) use heard::HeardChange;
pub use history::list_history;
pub use keep::Keep;
pub(in crate::tenancy) use keep::{begin_anew, begin_anew_at};
pub use later::LaterWrites;
pub(in crate::tenancy) use ledger::record_changes;
pub use page::{ChangePage, ChangeQuery, find_changes, latest};
pub(in crate::tenancy) use tracked::Tracked;

use super::TenantTx;
use crate::db::DbError;

/// Where the feed ends.
#[derive(Clone, Copy, Debug)]
struct Last {
    seq: i64,
    /// Bytes of all changes so far.
    bytes: i64,
}

impl TenantTx<'_> {
    /// Changes up to this one are not told any more.
    fn changes_floor(self) -> Result<i64, DbError> {
        let floor = self.tx.query_row("SELECT seq FROM _changes_floor", &[], |row| row.get(0))?;
        Ok(floor.unwrap_or_default())
    }

    fn last_change(self) -> Result<Last, DbError> {
        let last =
            self.tx.query_row("SELECT seq, bytes FROM _changes ORDER BY seq DESC LIMIT 1", &[], |row| {
                Ok(Last { seq: row.get(0)?, bytes: row.get(1)? })
            })?;
        match last {
            Some(last) => Ok(last),
            None => Ok(Last { seq: self.changes_floor()?, bytes: 0 }),
        }
    }
}
