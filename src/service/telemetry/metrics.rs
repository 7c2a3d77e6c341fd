//! What Prometheus is told.

use super::take;
use crate::db::write_counts;
use crate::error::Result;
use crate::service::Installation;
use crate::telemetry::{Exposition, Process, TenantNamed};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// All metrics, as text.
///
/// # Errors
/// As the catalog says.
pub async fn metrics(installation: &Installation) -> Result<String> {
    take(installation);
    let shown = installation.telemetry.shown.totals();
    let mut tenants = Vec::with_capacity(shown.tenants.len());
    for (id, totals) in shown.tenants {
        // Erased since.
        let Ok(tenant) = installation.catalog.tenant(&id.to_string()).await else { continue };
        tenants.push(TenantNamed {
            id: id.to_string(),
            slug: tenant.slug.clone(),
            plan: tenant.plan.clone(),
            totals,
        });
    }
    let now = installation.clock.now();
    let (by_status, due) = installation
        .catalog
        .read(move |tx| Ok((tx.count_by_status()?, tx.count_due_job_hints(now)?)))
        .await?;
    let (writes, files) = (write_counts(), installation.tenancy.file_counts());
    let (open, most) = installation.tenancy.open_files();
    let figures = installation.tenancy.figures();
    let exposition = Exposition {
        version: env!("CARGO_PKG_VERSION"),
        tenants,
        other: shown.other,
        nobody: shown.nobody,
        counters: vec![
            ("tenantry_writes", "Writes to databases", writes.writes),
            ("tenantry_write_batches", "Commits that these writes shared", writes.batches),
            ("tenantry_tenant_file_uses", "How often a tenant file was asked for", files.uses),
            ("tenantry_tenant_file_opens", "How often it had to be opened for that", files.opened),
            ("tenantry_tenant_file_evictions", "How often one was closed to make room", files.evicted),
        ],
        gauges: vec![
            ("tenantry_open_tenant_files", "Tenant files that are open", gauge(open as u64)),
            ("tenantry_open_tenant_files_max", "How many may be", gauge(most as u64)),
            ("tenantry_jobs_running", "Jobs that run", gauge(figures.jobs_running())),
            ("tenantry_tenants_with_due_jobs", "Tenants that may have jobs waiting", gauge(due)),
            (
                "tenantry_draining",
                "1 while the server is shutting down",
                gauge(u64::from(installation.is_draining())),
            ),
        ],
        families: vec![(
            "tenantry_tenants",
            "Tenants by their state",
            "status",
            by_status.into_iter().map(|(status, count)| (status, gauge(count))).collect(),
        )],
        process: Process::now(),
    };
    Ok(exposition.encode())
}

#[expect(clippy::cast_precision_loss, reason = "counts of things in memory")]
fn gauge(count: u64) -> f64 {
    count as f64
}

/// Whether that is the token that the settings give to whoever reads metrics.
pub fn check_metrics_token(installation: &Installation, shown: &str) -> bool {
    let Some(token) = &installation.config.metrics_token else { return false };
    let (shown, token) = (Sha256::digest(shown.as_bytes()), Sha256::digest(token.expose().as_bytes()));
    shown.as_slice().ct_eq(token.as_slice()).into()
}
