//! The way of a scope to what its tenant may use.

use super::TenantScope;
use crate::error::Result;
use crate::model::tenant::Act;
use crate::tenancy::TenantTx;
use crate::tenancy::file::TenantFile;
use crate::tenancy::open_files::{InUse, Intent};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

impl TenantScope {
    /// Leases the file, as new as the catalog in what the tenant may use.
    pub(super) async fn lease(&self) -> Result<InUse> {
        let intent = match self.act {
            _ if self.glances => Intent::Glance,
            _ if self.passes => Intent::Pass,
            Act::Write => Intent::Write,
            _ => Intent::Read,
        };
        let leased = self.tenancy.files.lease(&self.tenant, intent).await;
        self.tenancy.tell_versions().await;
        let in_use = leased?;
        let file = in_use.file()?;
        self.tenancy.keep_entitled(&self.tenant, file).await;
        if file.has_untold.load(Relaxed) && file.has_untold.swap(false, Relaxed) {
            self.tenancy.warnings.note_due(self.tenant.id);
        }
        if file.limits_unseen.load(Relaxed) && file.limits_unseen.swap(false, Relaxed) {
            self.look_up_limits(file).await;
        }
        Ok(in_use)
    }

    /// Looks up how the tenant's limits stand, once since the start and since they changed: whoever talks to the tenant is
    /// warned although nothing has been used since. Where that does not work, the next use of a limit tells.
    async fn look_up_limits(&self, file: &TenantFile) {
        let (warnings, tenant) = (&self.tenancy.warnings, self.tenant.id);
        if !warnings.begin_look(tenant) {
            return;
        }
        let (terms, app) = (Arc::clone(&file.terms), Arc::clone(self.tenancy.app()));
        let read = file.database.read(move |tx| {
            let tx = TenantTx::new(tx);
            match terms.terms(tx, &app.meters)? {
                Some(terms) => tx.standing_warnings(&terms, &app.meters),
                None => Ok(Vec::new()),
            }
        });
        let seats = self.tenancy.catalog.read(move |tx| tx.of(tenant).find_seat_warning());
        let found = async { Ok((read.await?, seats.await?)) };
        match found.await {
            Ok((found, seats)) => {
                warnings.learn(tenant, found);
                self.tenancy.catalog.learn_seat_warning(tenant, seats);
            }
            Err::<_, crate::error::Error>(error) => {
                tracing::warn!(tenant_id = %tenant, error = ?error, "how the limits of a tenant stand could not be looked up");
            }
        }
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
