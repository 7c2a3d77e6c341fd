//! A scope copied, so that one of the two outlives the request.

use tenantry::tenancy::TenantScope;

fn twice(scope: TenantScope) -> (TenantScope, TenantScope) {
    (scope.clone(), scope)
}

fn main() {
    let _ = twice;
}
