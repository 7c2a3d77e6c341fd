//! Keeps a tenant's file as new as the catalog in what the tenant may use.
//!
//! The catalog numbers each change. A file whose number is another one is told what counts before anyone uses it: after a
//! change, after a crash between the two writes, and after one of them was restored.

use super::file::TenantFile;
use super::{Tenancy, TenantTx};
use crate::catalog::Tenant;
use crate::error::Result;
use crate::id::TenantId;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use tokio::sync::Mutex;

/// No change has that number.
const NEVER: i64 = -1;

/// The number of the change that an open file has.
pub(super) struct Entitled {
    revision: AtomicI64,
    /// Whoever tells the file reads the catalog after those before have told it: the last word is the newest.
    telling: Mutex<()>,
}

impl Entitled {
    pub(super) fn new(revision: Option<i64>) -> Entitled {
        Entitled { revision: AtomicI64::new(revision.unwrap_or(NEVER)), telling: Mutex::new(()) }
    }

    fn is(&self, revision: i64) -> bool {
        self.revision.load(Relaxed) == revision
    }
}

impl Tenancy {
    /// Tells the file what the tenant may use, if it has that of another change than `tenant`.
    ///
    /// A file that cannot be told is used all the same: it cannot be written then either, and reads do not depend on it.
    pub(super) async fn keep_entitled(&self, tenant: &Tenant, file: &TenantFile) {
        if file.entitled.is(tenant.entitlements) {
            return;
        }
        if let Err(error) = self.entitle(tenant.id, file).await {
            tracing::error!(
                tenant_id = %tenant.id,
                error = ?error,
                "a tenant's file could not be told what the tenant may use; it will be tried again"
            );
        }
    }

    /// Tells the file what the catalog says now.
    ///
    /// # Errors
    /// As catalog and file say.
    pub(super) async fn entitle(&self, id: TenantId, file: &TenantFile) -> Result<()> {
        let _turn = file.entitled.telling.lock().await;
        let Some(entitlements) = self.catalog.read(move |tx| tx.of(id).entitlements()).await? else {
            return Ok(());
        };
        let revision = entitlements.revision;
        if file.entitled.is(revision) {
            return Ok(());
        }
        let terms = Arc::clone(&file.terms);
        let write = file.database.write("entitlements", move |tx| {
            let terms = Arc::clone(&terms);
            tx.after_commit(move || terms.changes());
            Ok(TenantTx::new(tx).put_entitlements(&entitlements)?)
        });
        write.await?;
        file.entitled.revision.store(revision, Relaxed);
        self.warnings.forget(id);
        file.limits_unseen.store(true, Relaxed);
        self.requests.forget_bound(id);
        Ok(())
    }
}
