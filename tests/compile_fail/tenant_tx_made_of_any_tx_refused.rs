//! A tenant's transaction made out of just any transaction.

use tenantry::db::Tx;
use tenantry::tenancy::TenantTx;

fn as_tenants<'t>(tx: &'t Tx<'t>) -> TenantTx<'t> {
    TenantTx::new(tx)
}

fn main() {
    let _ = as_tenants;
}
