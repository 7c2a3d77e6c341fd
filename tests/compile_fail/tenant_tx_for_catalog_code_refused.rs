//! The same code, handed a transaction on a tenant's file.

use tenantry::catalog::CatalogTx;
use tenantry::clock::Timestamp;
use tenantry::error::Result;
use tenantry::tenancy::TenantScope;

fn catalog_code(tx: &CatalogTx<'_>) -> Timestamp {
    tx.now()
}

async fn ask(scope: &TenantScope) -> Result<Timestamp> {
    scope.read(|tx| Ok(catalog_code(tx))).await
}

fn main() {
    let _ = ask;
}
