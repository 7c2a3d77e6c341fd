//! A scope as the door gives it.

use std::sync::Arc;
use tenantry::catalog::Principal;
use tenantry::error::Result;
use tenantry::model::tenant::Act;
use tenantry::policy::Permission;
use tenantry::tenancy::{Tenancy, TenantScope};

pub async fn enter(tenancy: &Arc<Tenancy>, principal: &Principal) -> Result<TenantScope> {
    let address = "127.0.0.1".into();
    TenantScope::for_member(tenancy, principal, "acme", Some(Permission::RecordsRead), Act::Read, address)
        .await
}
