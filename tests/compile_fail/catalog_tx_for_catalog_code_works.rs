//! Code of the catalog in a transaction of the catalog.

use tenantry::catalog::{Catalog, CatalogTx};
use tenantry::clock::Timestamp;
use tenantry::error::Result;

fn catalog_code(tx: &CatalogTx<'_>) -> Timestamp {
    tx.now()
}

pub async fn ask(catalog: &Catalog) -> Result<Timestamp> {
    catalog.read(|tx| Ok(catalog_code(tx))).await
}
