//! What `tenantry doctor` asks of the catalog as a whole.

use super::{Catalog, CatalogTx, OfTenant};
use crate::clock::Timestamp;
use crate::db::Maintenance;
use crate::error::{Error, Result};
use crate::id::{ExportId, IdentityId, TenantId};
use crate::model::tenant::TenantStatus;
use crate::params;

/// Under this name stands which tenants and accounts were made to be removed at once.
const CANARIES: &str = "doctor_canaries";

/// Tenants and accounts that were made to try the doors between tenants.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CanaryIds {
    /// The tenants.
    pub tenants: Vec<String>,
    /// Their owners.
    pub identities: Vec<String>,
}

impl Catalog {
    /// What SQLite finds wrong with the file as it looks through all its pages; nothing where it is sound.
    ///
    /// # Errors
    /// It cannot be opened.
    pub async fn quick_fault(&self) -> Result<Option<String>> {
        let path = self.path.clone();
        let look = move || Ok(Maintenance::open(&path).map_err(Error::internal)?.quick_fault()?);
        tokio::task::spawn_blocking(look).await.unwrap_or_else(|error| Err(Error::internal(error)))
    }
}

impl CatalogTx<'_> {
    /// Id, slug and state of every tenant there is or was.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_all_states(&self) -> Result<Vec<(TenantId, String, TenantStatus)>> {
        Ok(self.tx.query("SELECT id, slug, status FROM tenants", &[], |row| {
            let status = TenantStatus::parse(&row.get::<String>(2)?).unwrap_or(TenantStatus::Erased);
            Ok((row.get(0)?, row.get(1)?, status))
        })?)
    }

    /// Every export: whose, which, and whether its file is to be there.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_all_exports(&self) -> Result<Vec<(TenantId, ExportId, bool)>> {
        let sql = "SELECT tenant_id, id, status = 'ready' AND coalesce(expires_at, ?1) >= ?1 FROM exports";
        Ok(self.tx.query(sql, params![self.now()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?)
    }

    /// The latest moment at which something was noted.
    ///
    /// # Errors
    /// As the database says.
    pub fn latest_moment(&self) -> Result<Option<Timestamp>> {
        let sql = "SELECT max(at) FROM (SELECT max(at) AS at FROM audit_entries UNION ALL
                   SELECT max(created_at) FROM sessions UNION ALL SELECT max(created_at) FROM tenants)";
        Ok(self.tx.query_row(sql, &[], |row| row.get::<Option<Timestamp>>(0))?.flatten())
    }

    /// Notes which tenants and accounts are made to be removed at once, whatever happens.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_canaries(&self, ids: &CanaryIds) -> Result<()> {
        self.put_setting(CANARIES, &serde_json::to_string(ids)?)
    }

    /// Those that were noted and not removed.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_canaries(&self) -> Result<Option<CanaryIds>> {
        let found = self.find_setting(CANARIES)?;
        found.map(|text| Ok(serde_json::from_str(&text)?)).transpose()
    }

    /// Forgets them, once their tenants are removed, with their accounts.
    ///
    /// # Errors
    /// As the database says.
    pub fn delete_canaries(&self, identities: &[IdentityId]) -> Result<()> {
        identities.iter().try_for_each(|id| self.delete_identity(*id))?;
        self.tx.execute("DELETE FROM settings WHERE name = ?1", params![CANARIES])?;
        Ok(())
    }
}

impl OfTenant<'_> {
    /// Removes all rows of a tenant that was made to be removed; its files are gone.
    ///
    /// # Errors
    /// It is not `provisioning`, as [`OfTenant::withdraw_canary`] makes it; as the database says.
    pub fn delete_canary(&self) -> Result<()> {
        if self.catalog().find_tenant(&self.tenant_id().to_string())?.is_none() {
            return Ok(());
        }
        self.delete_personal_rows()?;
        self.delete_half_made()
    }

    /// Lets nobody in any more who was let in to it.
    ///
    /// # Errors
    /// As the database says.
    pub fn withdraw_canary(&self) -> Result<()> {
        if self.catalog().find_tenant(&self.tenant_id().to_string())?.is_some() {
            self.change_status(&[TenantStatus::Active], TenantStatus::Provisioning)?;
        }
        Ok(())
    }
}
