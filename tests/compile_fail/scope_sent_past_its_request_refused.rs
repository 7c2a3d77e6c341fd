//! A lent scope taken along by a thread that goes on after the request.

use tenantry::tenancy::TenantScope;

fn service(scope: &TenantScope) {
    std::thread::spawn(move || scope.tenant().id.to_string());
}

fn main() {
    let _ = service;
}
