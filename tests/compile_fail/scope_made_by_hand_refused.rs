//! A scope with another tenant put in by hand.

use std::sync::Arc;

use tenantry::catalog::Tenant;
use tenantry::tenancy::TenantScope;

fn elsewhere(scope: TenantScope, tenant: Arc<Tenant>) -> TenantScope {
    TenantScope { tenant, ..scope }
}

fn main() {
    let _ = elsewhere;
}
