//! The same query, with a tenant's id where the proof of access should be.

use tenantry::clock::Timestamp;
use tenantry::error::Result;
use tenantry::id::TenantId;
use tenantry::tenancy::Tenancy;

async fn query(tenancy: &Tenancy, tenant: TenantId) -> Result<Timestamp> {
    let tenant = tenancy.catalog().tenant(&tenant.to_string()).await?;
    let file = tenancy.files.lease(&tenant).await?;
    file.file()?.database.read(|tx| Ok(tx.now())).await
}

fn main() {
    let _ = query;
}
