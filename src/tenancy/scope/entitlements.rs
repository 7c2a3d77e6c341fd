//! The way of a scope to what its tenant may use.

use super::TenantScope;
use crate::error::Result;
use crate::model::tenant::Act;
use crate::tenancy::open_files::InUse;
use std::sync::atomic::Ordering::Relaxed;

impl TenantScope {
    /// Leases the file, as new as the catalog in what the tenant may use.
    pub(super) async fn lease(&self) -> Result<InUse> {
        let leased = self.tenancy.files.lease(&self.tenant, self.act == Act::Write).await;
        self.tenancy.tell_versions().await;
        let in_use = leased?;
        let file = in_use.file()?;
        self.tenancy.keep_entitled(&self.tenant, file).await;
        if file.has_untold.load(Relaxed) && file.has_untold.swap(false, Relaxed) {
            self.tenancy.warnings.note_due(self.tenant.id);
        }
        Ok(in_use)
    }

    /// Tells the file what the tenant may use, right after it was changed in the catalog. Where that does not work, the
    /// next use of the file does it.
    ///
    /// # Errors
    /// As catalog and file say.
    pub async fn refresh_entitlements(&self) -> Result<()> {
        self.tenancy.entitle(self.tenant.id, self.file().await?).await
    }
}
