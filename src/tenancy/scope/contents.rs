//! The way of a scope to what its tenant's uploads hold.

use super::TenantScope;
use crate::error::Result;
use crate::id::ContentId;
use crate::tenancy::contents::{Content, NewContent};
use crate::tenancy::{TenantTx, blocking};
use std::sync::Arc;

impl TenantScope {
    /// Begins new content of the tenant. What a crash left over is swept before the first since the start.
    ///
    /// # Errors
    /// 404 while the tenant is being erased; the disk refuses; 503 when the tenant's file cannot be served.
    pub async fn create_content(&self) -> Result<NewContent> {
        let (contents, tenant) = (Arc::clone(&self.tenancy.contents), self.tenant.id);
        contents.swept(tenant).get_or_try_init(|| self.sweep_contents()).await?;
        let id = ContentId::new(self.tenancy.clock.now());
        blocking(move || contents.create(tenant, id)).await
    }

    async fn sweep_contents(&self) -> Result<()> {
        let (contents, tenant) = (Arc::clone(&self.tenancy.contents), self.tenant.id);
        let listing = Arc::clone(&contents);
        if blocking(move || Ok(listing.list(tenant)?.is_empty())).await? {
            return Ok(());
        }
        let named = self.read_slow(|tx: &TenantTx<'_>| tx.list_contents()).await?;
        let swept = blocking(move || contents.sweep(tenant, &named)).await?;
        if swept > 0 {
            tracing::info!(tenant_id = %tenant, swept, "contents of unfinished uploads were removed");
        }
        Ok(())
    }

    /// Opens content of the tenant; nothing if it is gone.
    ///
    /// # Errors
    /// As [`TenantScope::create_content`].
    pub async fn open_content(&self, id: ContentId) -> Result<Option<Content>> {
        let (contents, tenant) = (Arc::clone(&self.tenancy.contents), self.tenant.id);
        blocking(move || contents.open(tenant, id)).await
    }

    /// The same on this thread. Blocks.
    ///
    /// # Errors
    /// As [`TenantScope::open_content`].
    pub fn open_content_blocking(&self, id: ContentId) -> Result<Option<Content>> {
        self.tenancy.contents.open(self.tenant.id, id)
    }

    /// Removes content that no row names any more.
    ///
    /// # Errors
    /// The disk refuses.
    pub async fn remove_content(&self, id: ContentId) -> Result<()> {
        let (contents, tenant) = (Arc::clone(&self.tenancy.contents), self.tenant.id);
        blocking(move || contents.remove(tenant, id)).await
    }
}
