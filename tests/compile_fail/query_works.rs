//! A query in a scope.

use tenantry::clock::Timestamp;
use tenantry::error::Result;
use tenantry::tenancy::TenantScope;

pub async fn query(scope: &TenantScope) -> Result<Timestamp> {
    scope.read(|tx| Ok(tx.now())).await
}
