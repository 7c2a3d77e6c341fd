//! A scope that is lent for as long as the call takes.

use tenantry::tenancy::TenantScope;

fn service(scope: &TenantScope) -> String {
    scope.tenant().id.to_string()
}

pub fn request(scope: TenantScope) -> (String, String) {
    (service(&scope), service(&scope))
}
