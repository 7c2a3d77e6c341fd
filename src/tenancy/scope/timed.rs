//! What statements for a tenant take.

use super::TenantScope;
use crate::clock::monotonic;
use crate::db::Tx;
use crate::id::TenantId;
use crate::telemetry::{Figure, Figures, micros};
use crate::tenancy::admission::Admitted;
use std::sync::Arc;
use std::time::Duration;

/// Whoever runs statements for a tenant has time and rows taken down.
pub(in crate::tenancy) struct Timed {
    figures: Arc<Figures>,
    /// Who pays for it, where it is done for a request.
    admitted: Option<Arc<Admitted>>,
    tenant: TenantId,
}

impl TenantScope {
    pub(super) fn timed(&self) -> Timed {
        let figures = Arc::clone(&self.tenancy.figures);
        Timed { figures, admitted: self.admitted.clone(), tenant: self.tenant.id }
    }
}

impl Timed {
    pub(super) fn run<T>(&self, tx: &Tx<'_>, act: impl FnOnce() -> T) -> T {
        let (begun, rows) = (monotonic(), tx.rows());
        let result = act();
        self.took_for(begun.elapsed(), tx.rows() - rows);
        result
    }

    /// Takes down what was measured elsewhere.
    pub(in crate::tenancy) fn took(&self, time: Duration) {
        self.took_for(time, 0);
    }

    fn took_for(&self, time: Duration, rows: u64) {
        self.figures.of(self.tenant, |counters| {
            counters.add(Figure::DatabaseUs, micros(time));
            if rows > 0 {
                counters.add(Figure::Rows, rows);
            }
        });
        if let Some(admitted) = &self.admitted {
            admitted.gauge.spend(time);
        }
    }
}
