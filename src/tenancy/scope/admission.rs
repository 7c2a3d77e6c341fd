//! The way of a request to its tenant past the tenant's limits.

use super::TenantScope;
use crate::catalog::Principal;
use crate::error::Result;
use crate::policy::Permission;
use crate::tenancy::admission::{Admitted, Standings};
use crate::tenancy::requests::lane_of;
use std::sync::Arc;

impl TenantScope {
    /// Takes this request from the limits of the tenant and of its key, and counts it; to be called once for each request,
    /// before anything else is done. Told beside the outcome is how the limits stand, also for who is refused. What the
    /// request has is given back when the scope, and whoever was [given it](TenantScope::admit_as), is dropped.
    ///
    /// # Errors
    /// 429 `rate_limited`, `database_time_exhausted`, `concurrency_limited`; 503 `overloaded`; 402 `limit_reached`.
    pub async fn admit(
        &mut self,
        principal: &Principal,
        permission: Option<Permission>,
    ) -> (Standings, Result<Arc<Admitted>>) {
        let (tenancy, tenant) = (&self.tenancy, &self.tenant);
        let count = || tenancy.count_request(tenant, permission);
        let (standings, admitted) = tenancy
            .admission
            .admit(tenancy.catalog(), tenant, principal.key(), lane_of(permission, principal), count)
            .await;
        let admitted = admitted.map(Arc::new);
        self.admitted = admitted.as_ref().ok().map(Arc::clone);
        (standings, admitted)
    }

    /// The same for another scope of a request that was let in.
    pub fn admit_as(&mut self, admitted: Arc<Admitted>) {
        self.admitted = Some(admitted);
    }
}
