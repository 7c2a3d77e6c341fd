//! The right to work in the background, which gives a scope, made by hand.

use tenantry::id::TenantId;
use tenantry::tenancy::Lease;

fn lease(tenant: TenantId) -> Lease {
    Lease { tenant }
}

fn main() {
    let _ = lease;
}
