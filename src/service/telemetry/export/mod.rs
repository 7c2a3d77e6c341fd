//! Telling a collector of OpenTelemetry what is done and counted, by OTLP over HTTP: spans as they come, metrics once in a
//! while. Nobody waits for it. While the collector is away, a bounded number of spans waits and the rest is dropped.

mod collector;

use super::metrics::exposition;
use crate::clock::{SharedClock, Timestamp};
use crate::config::Config;
use crate::error::Result;
use crate::random;
use crate::service::Installation;
use crate::telemetry::otlp::{self, Resource};
use crate::telemetry::{BATCH, Batch, Spans};
use collector::{Collector, Refused, gzip};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use tokio::time::{sleep, timeout};

pub use collector::Told;

/// How long spans wait for others to be sent with.
const EVERY: Duration = Duration::from_secs(1);
/// How often spans are sent before they are dropped.
const ATTEMPTS: u32 = 6;
/// How long the end of a server waits for a last word to the collector.
const AT_END: Duration = Duration::from_secs(3);

/// What a collector is told, where the settings name one.
pub(in crate::service) struct Export {
    collector: Arc<Collector>,
    /// None where no trace is written down.
    spans: Option<Arc<Spans>>,
    metrics_every: Option<Duration>,
    service: String,
    begun: Timestamp,
    /// Whether it was begun: a command that only opens the installation tells nobody of it.
    runs: AtomicBool,
}

impl Export {
    /// None where the settings name no collector.
    ///
    /// # Errors
    /// 503 `no_certificates` where it is reached by https and this machine knows no authorities.
    pub(super) fn new(config: &Config, clock: SharedClock) -> Result<Option<Export>> {
        let Some(collector) = Collector::new(config)? else { return Ok(None) };
        let begun = clock.now();
        let one_in = config.otlp_traces_one_in;
        let seconds = config.otlp_metrics_seconds;
        Ok(Some(Export {
            collector: Arc::new(collector),
            spans: (one_in > 0).then(|| Spans::new(one_in, clock)),
            metrics_every: (seconds > 0).then(|| Duration::from_secs(seconds)),
            service: config.otlp_service_name.clone(),
            begun,
            runs: AtomicBool::new(false),
        }))
    }

    /// Spans that were taken, spans that were dropped, and requests that failed.
    pub(super) fn counts(&self) -> (u64, u64, u64) {
        let (sent, dropped) = self.spans.as_ref().map_or((0, 0), |spans| spans.counts());
        (sent, dropped, self.collector.failures())
    }

    fn resource(&self, installation: &Installation) -> Resource {
        Resource {
            service: self.service.clone(),
            version: env!("CARGO_PKG_VERSION"),
            instance: installation.id.clone(),
        }
    }

    async fn tell_spans(&self, installation: &Installation, spans: &Spans) {
        loop {
            let batch = spans.take();
            let count = batch.spans().len();
            if count > 0 {
                self.tell_batch(installation, batch, ATTEMPTS).await;
            }
            // The rest waits for others to be sent with.
            if count < BATCH {
                return;
            }
        }
    }

    /// Sends a batch until it is taken, refused for good or was sent too often. Whether it was taken.
    async fn tell_batch(&self, installation: &Installation, batch: Batch<'_>, attempts: u32) -> bool {
        let Ok(body) = gzip(otlp::traces(&self.resource(installation), batch.spans())).await else {
            batch.drop_them();
            return false;
        };
        for attempt in 1.. {
            match self.collector.post("/v1/traces", &body, installation.clock.now()).await {
                Ok(rejected) => {
                    batch.sent(rejected);
                    return true;
                }
                Err(Refused::Passing(wait)) if attempt < attempts => {
                    sleep(wait.unwrap_or_else(|| wait_after(attempt))).await;
                }
                Err(_) => break,
            }
        }
        batch.drop_them();
        false
    }

    /// What was counted is told with all that came before: what is not taken now is part of the next.
    async fn tell_metrics(&self, installation: &Installation) {
        let now = installation.clock.now();
        let shown = match exposition(installation).await {
            Ok(shown) => shown,
            Err(error) => return self.collector.note_failed("metrics cannot be read", Some(&error), now),
        };
        if let Ok(body) = gzip(otlp::metrics(&self.resource(installation), &shown, self.begun.0, now.0)).await
        {
            let _ = self.collector.post("/v1/metrics", &body, now).await;
        }
    }
}

/// Twice as long each time, and not the same for all servers.
fn wait_after(attempt: u32) -> Duration {
    let [random] = random::id_bytes::<1>();
    let whole = Duration::from_secs(1 << attempt.saturating_sub(1).min(5));
    whole / 2 + whole / 2 * u32::from(random) / 255
}

/// Tells the collector of the settings for as long as it is not dropped; ends at once where there is none.
pub async fn export(installation: &Installation) {
    let Some(export) = &installation.telemetry.export else { return };
    export.runs.store(true, Relaxed);
    let traces = async {
        let Some(spans) = &export.spans else { return };
        installation.tenancy.figures().write_down(Arc::clone(spans));
        loop {
            let _ = timeout(EVERY, spans.many()).await;
            export.tell_spans(installation, spans).await;
        }
    };
    let metrics = async {
        let Some(every) = export.metrics_every else { return };
        loop {
            sleep(every).await;
            export.tell_metrics(installation).await;
        }
    };
    tokio::join!(traces, metrics);
}

/// Tells it what is left: the server ends.
pub(in crate::service) async fn export_rest(installation: &Installation) {
    let Some(export) = installation.telemetry.export.as_ref().filter(|export| export.runs.load(Relaxed))
    else {
        return;
    };
    let rest = async {
        if let Some(spans) = &export.spans {
            loop {
                let batch = spans.take();
                if batch.spans().is_empty() {
                    break;
                }
                if !export.tell_batch(installation, batch, 1).await {
                    return;
                }
            }
        }
        if export.metrics_every.is_some() {
            export.tell_metrics(installation).await;
        }
    };
    if timeout(AT_END, rest).await.is_err() {
        tracing::warn!("the collector of traces and metrics does not take what is left; it is dropped");
    }
}

/// How telling the collector goes; `None` where there is none.
pub fn told(installation: &Installation) -> Option<Told> {
    installation.telemetry.export.as_ref().map(|export| export.collector.told())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wait_is_longer_than_the_one_before_and_bounded() {
        for attempt in 1..40 {
            let whole = Duration::from_secs(1 << (attempt - 1).min(5));
            let wait = wait_after(attempt);
            assert!(whole / 2 <= wait && wait <= whole, "{attempt}: {wait:?}");
        }
    }
}
