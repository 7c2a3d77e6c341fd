//! How an installation ends: nothing that was accepted or counted is lost.

use super::{Installation, backups, checkpoints, telemetry, usage};
use std::sync::Arc;
use std::time::Duration;

/// How long the end of a server is kept by a last look at what tenants take that were used in the minute before.
const LAST_LOOK: Duration = Duration::from_secs(2);

impl Installation {
    /// Ends it in order: tenant files are finished and checkpointed, then the catalog.
    pub async fn close(&self) {
        self.start_draining();
        if tokio::time::timeout(LAST_LOOK, usage::watch_storage(self)).await.is_err() {
            tracing::warn!("how much some tenants take is looked at when they are used again");
        }
        self.tenancy.close().await;
        if let Err(error) = backups::note_written(self).await {
            tracing::error!(error = ?error, "which tenants were written could not be noted; the next start looks at all of them");
        }
        if let Err(error) = usage::store_requests(self).await {
            tracing::error!(error = ?error, "the last requests could not be counted");
        }
        if let Err(error) = usage::store_efforts(self).await {
            tracing::error!(error = ?error, "what serving tenants took could not be stored");
        }
        if let Err(error) = usage::store_job_runs(self).await {
            tracing::error!(error = ?error, "the last jobs could not be counted");
        }
        if let Err(error) = checkpoints::sign_all(self).await {
            tracing::error!(error = ?error, "the heads of audit logs could not be signed");
        }
        if let Err(error) = telemetry::store_all(self).await {
            tracing::error!(error = ?error, "the last figures of tenants could not be stored");
        }
        telemetry::export_rest(self).await;
        self.telemetry.close();
        let catalog = Arc::clone(&self.catalog);
        let _ = tokio::task::spawn_blocking(move || catalog.close()).await;
    }
}
