//! The way of final invoices into the tenant's file.

use super::TenantScope;
use crate::catalog::KeptInvoice;
use crate::error::Result;
use crate::tenancy::TenantTx;

impl TenantScope {
    /// Writes invoices into the tenant's file, in any state of the tenant: no record is touched.
    ///
    /// # Errors
    /// As [`TenantScope::write`].
    pub async fn keep_invoices(&self, invoices: Vec<KeptInvoice>) -> Result<()> {
        let file = self.file().await?;
        file.database.write("keep_invoices", move |tx| TenantTx::new(tx).keep_invoices(&invoices)).await
    }
}
