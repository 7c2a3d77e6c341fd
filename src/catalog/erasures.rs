//! Erasure: what the catalog holds of a tenant goes, the proof stays.

use super::{CatalogTx, OfTenant};
use crate::error::Result;
use crate::id::TenantId;
use crate::params;

/// What is personal of a tenant: how the receipt calls it, and which rows they are.
const PERSONAL: &[(&str, &str)] = &[
    (
        "service identities",
        "identities WHERE kind = 'service' AND id IN (SELECT identity_id FROM memberships WHERE tenant_id = ?1)",
    ),
    ("memberships", "memberships WHERE tenant_id = ?1"),
    ("invitations", "invitations WHERE tenant_id = ?1"),
    ("roles", "tenant_roles WHERE tenant_id = ?1"),
    ("API keys", "api_keys WHERE tenant_id = ?1"),
    ("exports", "exports WHERE tenant_id = ?1"),
    ("imports", "imports WHERE tenant_id = ?1"),
    ("events of Stripe", "stripe_events WHERE tenant_id = ?1"),
    ("lines at Stripe", "stripe_items WHERE tenant_id = ?1"),
    ("invoices at Stripe", "stripe_invoices WHERE tenant_id = ?1"),
    ("subscriptions at Stripe", "stripe_subscriptions WHERE tenant_id = ?1"),
    ("checkouts", "stripe_checkouts WHERE tenant_id = ?1"),
    ("customers at Stripe", "stripe_customers WHERE tenant_id = ?1"),
    ("statements that Stripe did not take", "stripe_statements WHERE tenant_id = ?1"),
    ("drift from Stripe", "stripe_drift WHERE tenant_id = ?1"),
    ("subscriptions", "subscriptions WHERE tenant_id = ?1"),
    ("letters", "letters WHERE tenant_id = ?1"),
    ("job hints", "job_hints WHERE tenant_id = ?1"),
    ("events of webhooks", "webhook_events WHERE tenant_id = ?1"),
    ("webhooks", "webhook_tenants WHERE tenant_id = ?1"),
    ("version of the file", "tenant_versions WHERE tenant_id = ?1"),
    ("file being put in place", "tenant_swaps WHERE tenant_id = ?1"),
    ("last move to another volume", "tenant_moves WHERE tenant_id = ?1"),
    ("migrations to be tried first", "migration_canaries WHERE tenant_id = ?1"),
    ("notices of seats", "seat_notices WHERE tenant_id = ?1"),
    ("backups", "backups WHERE tenant_id = ?1"),
    ("what is backed up", "tenant_backups WHERE tenant_id = ?1"),
    ("usage sums", "usage_sums WHERE tenant_id = ?1"),
    ("service periods", "service_periods WHERE tenant_id = ?1"),
    ("booked usage", "booked_usage WHERE tenant_id = ?1"),
    ("credit", "credit_balances WHERE tenant_id = ?1"),
    ("billing details", "billing_details WHERE tenant_id = ?1"),
    ("tax rate", "billing_settings WHERE tenant_id = ?1"),
    ("audit entries", "audit_entries WHERE chain = ?1"),
    ("audit checkpoints", "audit_checkpoints WHERE chain = ?1"),
    ("audit checkpoints to be signed", "audit_unsigned WHERE chain = ?1"),
    ("kept answers", "_idempotency WHERE instr(body, ?1)"),
];

impl OfTenant<'_> {
    /// Notes which files an erasure is going to remove, unless that was noted before, and returns what was noted first.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_erasure(&self, stores: &str) -> Result<String> {
        self.tx().execute(
            "INSERT INTO erasures_begun (tenant_id, begun_at, stores) VALUES (?1, ?2, ?3)
             ON CONFLICT (tenant_id) DO NOTHING",
            params![self.tenant, self.now(), stores],
        )?;
        let noted = self.tx().query_row(
            "SELECT stores FROM erasures_begun WHERE tenant_id = ?1",
            params![self.tenant],
            |row| row.get(0),
        )?;
        Ok(noted.unwrap_or_default())
    }

    /// Removes all rows of the tenant; what remains of it is a tombstone with its id and slugs. Returns table and number
    /// of rows removed, zero where it was done before.
    ///
    /// # Errors
    /// As the database says.
    pub fn delete_personal_rows(&self) -> Result<Vec<(&'static str, u64)>> {
        let mut removed = Vec::with_capacity(PERSONAL.len());
        for member in self.list_members(None, u32::MAX)? {
            self.catalog.forget_membership(self.tenant, member.identity_id);
        }
        self.catalog.forget_all_keys();
        // What is going to be paid for nothing ends, also when nobody knows any more whose it was.
        self.cancel_stripe_subscriptions()?;
        // Counted before anything goes: what hangs on a row goes with it.
        for (table, rows) in PERSONAL {
            removed.push((*table, self.count_rows(rows)?));
        }
        for (_, rows) in PERSONAL {
            self.tx().execute(&format!("DELETE FROM {rows}"), params![self.tenant])?;
        }
        self.tx().execute(
            "UPDATE tenants SET name = '', settings = '{}' WHERE id = ?1 AND status = 'erasing'",
            params![self.tenant],
        )?;
        self.catalog.forget_tenant(self.tenant)?;
        Ok(removed)
    }

    /// How many rows of the tenant are left in those tables.
    ///
    /// # Errors
    /// As the database says.
    pub fn count_personal_rows(&self) -> Result<u64> {
        PERSONAL.iter().try_fold(0, |left, (_, rows)| Ok(left + self.count_rows(rows)?))
    }

    fn count_rows(&self, rows: &str) -> Result<u64> {
        let sql = format!("SELECT count(*) FROM {rows}");
        Ok(self.tx().count(&sql, params![self.tenant])?.unsigned_abs())
    }

    /// Stores the receipt and turns the tenant into a tombstone.
    ///
    /// # Errors
    /// As the database says.
    pub fn finish_erasure(&self, receipt: &str) -> Result<()> {
        self.tx().execute(
            "INSERT INTO erasures (tenant_id, erased_at, receipt) VALUES (?1, ?2, ?3)
             ON CONFLICT (tenant_id) DO NOTHING",
            params![self.tenant, self.now(), receipt],
        )?;
        self.tx().execute("DELETE FROM erasures_begun WHERE tenant_id = ?1", params![self.tenant])?;
        self.tx().execute(
            "UPDATE tenants SET status = 'erased', erase_after = NULL WHERE id = ?1",
            params![self.tenant],
        )?;
        self.catalog.forget_tenant(self.tenant)
    }
}

impl OfTenant<'_> {
    /// Puts a receipt that was issued anew in the place of the one before.
    ///
    /// # Errors
    /// As the database says.
    pub fn amend_receipt(&self, receipt: &str) -> Result<()> {
        self.tx().execute(
            "UPDATE erasures SET receipt = ?2 WHERE tenant_id = ?1",
            params![self.tenant, receipt],
        )?;
        Ok(())
    }
}

impl CatalogTx<'_> {
    /// Which of these tenants are there, or are being erased.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_not_erased(&self, of: &[TenantId]) -> Result<Vec<TenantId>> {
        let mut found = Vec::new();
        for id in of {
            let sql = "SELECT 1 FROM tenants WHERE id = ?1 AND status IN ('active', 'suspended', 'closing', 'erasing')";
            if self.tx.exists(sql, params![*id])? {
                found.push(*id);
            }
        }
        Ok(found)
    }

    /// The receipt of an erased tenant.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_receipt(&self, tenant: TenantId) -> Result<Option<String>> {
        Ok(self.tx.query_row(
            "SELECT receipt FROM erasures WHERE tenant_id = ?1",
            params![tenant],
            |row| row.get(0),
        )?)
    }

    /// Receipts after `after`, in the order of the tenants' ids.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_receipts(&self, after: Option<TenantId>, limit: u32) -> Result<Vec<(TenantId, String)>> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        Ok(self.tx.query(
            "SELECT tenant_id, receipt FROM erasures WHERE tenant_id > ?1 ORDER BY tenant_id LIMIT ?2",
            params![after, limit],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?)
    }
}
