//! What statements for a tenant take.

use super::TenantScope;
use crate::clock::{SharedClock, monotonic};
use crate::id::TenantId;
use crate::tenancy::Efforts;
use crate::tenancy::admission::Admitted;
use std::sync::Arc;
use std::time::Duration;

/// Whoever runs statements for a tenant has the time taken down.
pub(in crate::tenancy) struct Timed {
    efforts: Arc<Efforts>,
    /// Who pays for it, where it is done for a request.
    admitted: Option<Arc<Admitted>>,
    tenant: TenantId,
    clock: SharedClock,
}

impl TenantScope {
    pub(super) fn timed(&self) -> Timed {
        let (efforts, clock) = (Arc::clone(&self.tenancy.efforts), Arc::clone(&self.tenancy.clock));
        Timed { efforts, admitted: self.admitted.clone(), tenant: self.tenant.id, clock }
    }
}

impl Timed {
    pub(super) fn run<T>(&self, act: impl FnOnce() -> T) -> T {
        let begun = monotonic();
        let result = act();
        self.took(begun.elapsed());
        result
    }

    /// Takes down what was measured elsewhere.
    pub(in crate::tenancy) fn took(&self, time: Duration) {
        self.efforts.add_database_time(self.tenant, time, self.clock.now());
        if let Some(admitted) = &self.admitted {
            admitted.gauge.spend(time);
        }
    }
}
