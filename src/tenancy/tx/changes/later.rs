//! What was written since an earlier state of a file.

use super::TenantTx;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::params;

/// What was written to the records after a copy of the file was made, and would be gone with that copy in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct LaterWrites {
    /// Changes of records.
    pub count: i64,
    /// When the first of them was made; unknown where it is not kept any more.
    pub since: Option<Timestamp>,
}

impl TenantTx<'_> {
    /// The number of the last change of this file.
    ///
    /// # Errors
    /// As the database says.
    pub fn last_change_seq(self) -> Result<i64> {
        Ok(self.last_change()?.seq)
    }

    /// What was written after the change of that number. Of changes that are not kept any more each counts.
    ///
    /// # Errors
    /// As the database says.
    pub fn writes_after(self, seq: i64) -> Result<LaterWrites> {
        let kept = self.tx.query_row(
            "SELECT count(*), min(at) FROM _changes WHERE seq > ?1 AND op <> 'gap'",
            params![seq],
            |row| Ok((row.get::<i64>(0)?, row.get::<Option<Timestamp>>(1)?)),
        )?;
        let (count, since) = kept.unwrap_or_default();
        let first =
            self.tx.query_row("SELECT min(seq) FROM _changes", &[], |row| row.get::<Option<i64>>(0))?;
        // Numbers have no gaps, so that what is missing between the two was there.
        let gone = first.flatten().map_or(self.changes_floor()? - seq, |first| first - seq - 1).max(0);
        Ok(LaterWrites { count: count + gone, since: since.filter(|_| gone == 0) })
    }
}
