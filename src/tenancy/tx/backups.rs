//! What a backup is to know of the file that it holds.

use super::TenantTx;
use crate::db::DbError;
use crate::id::{ContentId, TenantId};
use crate::model::usage::UsageRow;
use crate::params;

/// No meter is called so.
const NO_METER: &str = "_gap";

/// An upload that a file names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedContent {
    /// Its content.
    pub id: ContentId,
    /// SHA-256 of that, in hex.
    pub sha256: String,
}

/// Where a file stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Its last change.
    pub change_seq: i64,
    /// Its last usage event.
    pub event_seq: i64,
}

impl TenantTx<'_> {
    /// The last of what is numbered.
    ///
    /// # Errors
    /// As the database says.
    pub fn marks(&self) -> Result<Marks, DbError> {
        Ok(Marks {
            change_seq: self.tx.count("SELECT coalesce(max(seq), 0) FROM _changes", &[])?,
            event_seq: self.tx.count("SELECT coalesce(max(seq), 0) FROM _usage_events", &[])?,
        })
    }

    /// Counts usage events on from `seq`, and says among them, in `note`, a JSON object, why there are none in between: the event
    /// that does so is of no meter and nothing is billed for it.
    ///
    /// # Errors
    /// As the database says.
    pub(in crate::tenancy) fn skip_usage_events(self, seq: i64, note: &str) -> Result<(), DbError> {
        let (last, chain) = self.last_event()?;
        let (key, now) = (format!("_gap:{last}"), self.now().0);
        let row = UsageRow(seq, &key, NO_METER, 0, 0, now, now, false, Some(note), None);
        let chain = row.chain(&chain, &mut Vec::new());
        self.tx.execute(
            "INSERT INTO _usage_events (seq, idempotency_key, meter, quantity, cost, occurred_at, received_at, dated, properties, chain)
             VALUES (?1, ?2, ?3, 0, 0, ?4, ?4, 0, ?5, ?6)",
            params![seq, key, NO_METER, now, note, &chain[..]],
        )?;
        Ok(())
    }

    /// Makes this file that of another tenant, which begins beside the one that it was of: schedules are paused, notices count as
    /// told, and endpoints with their secrets, and what was issued or answered to the other one, are not here.
    ///
    /// # Errors
    /// As the database says.
    pub fn begin_beside(&self, new: TenantId) -> Result<(), DbError> {
        self.tx.execute("UPDATE _tenant SET id = ?1, epoch = 1", params![new])?;
        for sql in [
            "UPDATE _schedules SET paused = 1, next_run_at = NULL",
            "DELETE FROM _webhook_attempts",
            "DELETE FROM _webhook_deliveries",
            "DELETE FROM _webhook_endpoints",
            "UPDATE _usage_notices SET told_at = at WHERE told_at IS NULL",
            "DELETE FROM _invoices",
            "DELETE FROM _idempotency",
        ] {
            self.tx.execute(sql, &[])?;
        }
        Ok(())
    }

    /// Removes jobs and schedules, which are another tenant's.
    ///
    /// # Errors
    /// As the database says.
    pub fn forget_work(&self) -> Result<(), DbError> {
        for sql in ["DELETE FROM _jobs", "DELETE FROM _schedules"] {
            self.tx.execute(sql, &[])?;
        }
        Ok(())
    }

    /// All uploads, in the order of their contents.
    ///
    /// # Errors
    /// As the database says.
    pub fn named_contents(&self) -> Result<Vec<NamedContent>, DbError> {
        self.tx.query("SELECT id, sha256 FROM _files ORDER BY id", &[], |row| {
            Ok(NamedContent { id: row.get(0)?, sha256: row.get(1)? })
        })
    }
}
