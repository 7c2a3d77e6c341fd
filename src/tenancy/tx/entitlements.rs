//! What the tenant may use, as its file says it.

use super::TenantTx;
use crate::db::DbError;
use crate::error::Result;
use crate::model::entitlements::Entitlements;
use crate::params;

impl TenantTx<'_> {
    /// What the tenant may use; nothing in a file that nobody told yet. The truth for what is enforced in this
    /// transaction.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_entitlements(&self) -> Result<Option<Entitlements>> {
        let found: Option<String> =
            self.tx.query_row("SELECT body FROM _entitlements WHERE only_row = 1", &[], |row| row.get(0))?;
        found.map(|body| Entitlements::read(&body)).transpose()
    }

    /// The number of the change that the file has them of: whoever keeps them in memory looks whether they are the same.
    ///
    /// # Errors
    /// As the database says.
    pub fn entitlements_revision(&self) -> Result<Option<i64>, DbError> {
        self.tx.query_row("SELECT revision FROM _entitlements WHERE only_row = 1", &[], |row| row.get(0))
    }

    pub(in crate::tenancy) fn put_entitlements(self, entitlements: &Entitlements) -> Result<(), DbError> {
        self.tx.execute(
            "INSERT INTO _entitlements (only_row, revision, body, written_at) VALUES (1, ?1, ?2, ?3)
             ON CONFLICT (only_row) DO UPDATE SET revision = ?1, body = ?2, written_at = ?3",
            params![entitlements.revision, entitlements.write(), self.now()],
        )?;
        // Limits may count otherwise now: how much of them is used is made anew.
        self.forget_windows(None)?;
        Ok(())
    }
}
