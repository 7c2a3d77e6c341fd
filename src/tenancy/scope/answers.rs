//! The way of a scope to the answers that are kept for who repeats a request.

use super::TenantScope;
use crate::catalog::Answers;
use crate::error::Result;
use crate::tenancy::TenantTx;

impl TenantScope {
    /// Claims or keeps an answer in the tenant's file. In any state of the tenant: no record is touched.
    ///
    /// # Errors
    /// What `act` returns, and as [`TenantScope::write`].
    pub async fn answers<T, F>(&self, mut act: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&Answers<'_>) -> Result<T> + Send + 'static,
    {
        let file = self.file().await?;
        file.database.write("answers", move |tx| act(&TenantTx::new(tx).answers())).await
    }
}
