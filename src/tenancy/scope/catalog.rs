//! The catalog as a scope sees it.

use crate::catalog::{Catalog, OfTenant};
use crate::error::Result;
use crate::id::TenantId;
use std::sync::Arc;

/// The catalog, as far as it is about one tenant.
pub struct CatalogOf {
    pub(super) catalog: Arc<Catalog>,
    pub(super) tenant: TenantId,
}

impl CatalogOf {
    /// Reads.
    ///
    /// # Errors
    /// As [`Catalog::read`].
    pub async fn read<T, F>(&self, mut act: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&OfTenant<'_>) -> Result<T> + Send + 'static,
    {
        let tenant = self.tenant;
        self.catalog.read(move |tx| act(&tx.of(tenant))).await
    }

    /// Writes in one transaction.
    ///
    /// # Errors
    /// As [`Catalog::write`].
    pub async fn write<T, F>(&self, name: &'static str, mut act: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&OfTenant<'_>) -> Result<T> + Send + 'static,
    {
        let tenant = self.tenant;
        self.catalog.write(name, move |tx| act(&tx.of(tenant))).await
    }
}
