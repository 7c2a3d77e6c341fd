//! What statements for a tenant take.

use super::TenantScope;
use crate::clock::{SharedClock, monotonic};
use crate::db::Tx;
use crate::id::TenantId;
use crate::telemetry::{Figure, Figures, SlowStatements, WritePart, WriteTimes, micros};
use crate::tenancy::admission::Admitted;
use std::sync::Arc;
use std::time::Duration;

/// Whoever runs statements for a tenant has time and rows taken down.
pub(in crate::tenancy) struct Timed {
    figures: Arc<Figures>,
    slow: Arc<SlowStatements>,
    clock: SharedClock,
    /// Who pays for it, where it is done for a request.
    admitted: Option<Arc<Admitted>>,
    tenant: TenantId,
    /// What tells when a write ran, where that is written down.
    times: Option<Arc<WriteTimes>>,
}

impl TenantScope {
    pub(super) fn timed(&self) -> Timed {
        let (figures, slow) = (Arc::clone(&self.tenancy.figures), Arc::clone(&self.tenancy.slow));
        let clock = Arc::clone(&self.tenancy.clock);
        Timed { figures, slow, clock, admitted: self.admitted.clone(), tenant: self.tenant.id, times: None }
    }
}

impl Timed {
    /// The same for a write that is written down.
    pub(super) fn within(self, part: Option<&WritePart>) -> Timed {
        Timed { times: part.map(WritePart::times), ..self }
    }

    pub(super) fn run<T>(&self, tx: &Tx<'_>, act: impl FnOnce() -> T) -> T {
        let (begun, rows) = (monotonic(), tx.rows());
        let longest = self.slow.longest();
        if let Some(longest) = longest {
            tx.watch_statements(longest);
        }
        let result = match &self.times {
            Some(times) => times.run(act),
            None => act(),
        };
        let took = begun.elapsed();
        self.took_for(took, tx.rows() - rows);
        if longest.is_some_and(|longest| took > longest) {
            for (sql, took) in tx.take_slow() {
                self.slow.note(self.tenant, &sql, took, self.clock.now());
            }
        }
        result
    }

    /// Takes down a statement that was measured elsewhere.
    pub(in crate::tenancy) fn took(&self, sql: &str, time: Duration) {
        self.took_for(time, 0);
        if self.slow.longest().is_some_and(|longest| time > longest) {
            self.slow.note(self.tenant, sql, time, self.clock.now());
        }
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
