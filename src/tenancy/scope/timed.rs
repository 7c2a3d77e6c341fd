//! What statements for a tenant take.

use super::TenantScope;
use crate::clock::{SharedClock, monotonic};
use crate::id::TenantId;
use crate::tenancy::Efforts;
use std::sync::Arc;

/// Whoever runs statements for a tenant has the time taken down.
pub(super) struct Timed {
    efforts: Arc<Efforts>,
    tenant: TenantId,
    clock: SharedClock,
}

impl TenantScope {
    pub(super) fn timed(&self) -> Timed {
        let (efforts, clock) = (Arc::clone(&self.tenancy.efforts), Arc::clone(&self.tenancy.clock));
        Timed { efforts, tenant: self.tenant.id, clock }
    }
}

impl Timed {
    pub(super) fn run<T>(&self, act: impl FnOnce() -> T) -> T {
        let begun = monotonic();
        let result = act();
        self.efforts.add_database_time(self.tenant, begun.elapsed(), self.clock.now());
        result
    }
}
