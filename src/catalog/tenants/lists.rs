//! Lists of tenants: for operators, and of those for whom something is to be done.

use super::{COLUMNS, Tenant, TenantNames, tenant};
use crate::catalog::CatalogTx;
use crate::clock::Timestamp;
use crate::db::{DbError, Row};
use crate::error::Result;
use crate::id::TenantId;
use crate::model::tenant::TenantStatus;
use crate::params;

fn names(row: &Row<'_>) -> Result<TenantNames, DbError> {
    Ok(TenantNames { id: row.get(0)?, slug: row.get(1)?, name: row.get(2)? })
}

impl CatalogTx<'_> {
    /// Id, slug and name of all tenants in a state and on a plan, where one is named.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_tenant_names(
        &self,
        status: Option<TenantStatus>,
        plan: Option<&str>,
    ) -> Result<Vec<TenantNames>> {
        Ok(self.tx.query(
            "SELECT id, slug, name FROM tenants WHERE (?1 IS NULL OR status = ?1) AND (?2 IS NULL OR plan = ?2)",
            params![status.map(TenantStatus::name), plan],
            names,
        )?)
    }

    /// The same of a page in the order of their ids, or the other way round: those that come behind `after`.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_tenant_names_by_id(
        &self,
        (status, plan): (Option<TenantStatus>, Option<&str>),
        after: Option<TenantId>,
        descends: bool,
        limit: u32,
    ) -> Result<Vec<TenantNames>> {
        // Ids are hexadecimal: before and behind all of them.
        let (behind, order, end) = if descends { ("<", "DESC", "~") } else { (">", "ASC", "") };
        let after = after.map_or_else(|| end.to_owned(), |id| id.to_string());
        let sql = format!(
            "SELECT id, slug, name FROM tenants
             WHERE id {behind} ?1 AND (?2 IS NULL OR status = ?2) AND (?3 IS NULL OR plan = ?3)
             ORDER BY id {order} LIMIT ?4"
        );
        Ok(self.tx.query(&sql, params![after, status.map(TenantStatus::name), plan, limit], names)?)
    }

    /// How many tenants are in each state.
    ///
    /// # Errors
    /// As the database says.
    pub fn count_by_status(&self) -> Result<Vec<(String, u64)>> {
        let sql = "SELECT status, count(*) FROM tenants GROUP BY status ORDER BY status";
        Ok(self.tx.query(sql, &[], |row| Ok((row.get(0)?, row.get::<i64>(1)?.unsigned_abs())))?)
    }

    /// Tenants in the order of their ids, those after `after`; for the operator.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_tenants(
        &self,
        after: Option<TenantId>,
        status: Option<TenantStatus>,
        limit: u32,
    ) -> Result<Vec<Tenant>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM tenants t WHERE t.id > ?1 AND (?2 IS NULL OR t.status = ?2) ORDER BY t.id LIMIT ?3"
        );
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        Ok(self.tx.query(&sql, params![after, status.map(TenantStatus::name), limit], tenant)?)
    }

    /// Closing tenants whose grace period is over at this moment, and those whose erasure was cut off.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_tenants_to_erase(&self) -> Result<Vec<TenantId>> {
        Ok(self.tx.query(
            "SELECT id FROM tenants
             WHERE status IN ('closing', 'erasing') AND (status = 'erasing' OR erase_after <= ?1)
             ORDER BY erase_after LIMIT 100",
            params![self.now()],
            |row| row.get(0),
        )?)
    }

    /// Tenants whose provisioning was cut off before `before`.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_half_made_tenants(&self, before: Timestamp) -> Result<Vec<TenantId>> {
        Ok(self.tx.query(
            "SELECT id FROM tenants WHERE status = 'provisioning' AND created_at < ?1",
            params![before],
            |row| row.get(0),
        )?)
    }
}
