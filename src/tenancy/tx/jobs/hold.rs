//! Jobs of a file that was restored or cloned: held until somebody releases them, so that nothing is done twice.

use crate::clock::Timestamp;
use crate::db::DbError;
use crate::error::Result;
use crate::params;
use crate::tenancy::tx::TenantTx;

impl TenantTx<'_> {
    /// Holds all jobs and schedules of this file from here on: for whoever puts an older or a copied file in place, in the
    /// transaction that stamps it. Jobs that ran in the other file are queued here.
    ///
    /// # Errors
    /// As the database says.
    pub fn hold_jobs(&self, reason: &str) -> Result<(), DbError> {
        self.tx.execute(
            "INSERT INTO _jobs_held (only_row, reason, held_at) VALUES (1, ?1, ?2) ON CONFLICT (only_row) DO NOTHING",
            params![reason, self.now()],
        )?;
        Ok(())
    }

    /// Since when and why jobs of this file are held, if they are.
    ///
    /// # Errors
    /// As the database says.
    pub fn jobs_held(&self) -> Result<Option<(Timestamp, String)>> {
        let sql = "SELECT held_at, reason FROM _jobs_held WHERE only_row = 1";
        Ok(self.tx.query_row(sql, &[], |row| Ok((row.get(0)?, row.get(1)?)))?)
    }

    /// Lets jobs run again; false where they were not held.
    ///
    /// # Errors
    /// As the database says.
    pub fn release_held_jobs(&self) -> Result<bool> {
        Ok(self.tx.execute("DELETE FROM _jobs_held WHERE only_row = 1", &[])? > 0)
    }
}
