//! What Prometheus is told.

use super::take;
use crate::db::{wait_counts, write_counts};
use crate::error::Result;
use crate::id::TenantId;
use crate::service::Installation;
use crate::telemetry::{Exposition, InFlight, JobsWaiting, Process, TenantNamed};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;
use subtle::ConstantTimeEq as _;

/// All metrics, as text.
///
/// # Errors
/// As the catalog says.
pub async fn metrics(installation: &Installation) -> Result<String> {
    Ok(exposition(installation).await?.encode())
}

/// Everything that is told at this moment. No tenant's file is opened for it.
pub(super) async fn exposition(installation: &Installation) -> Result<Exposition> {
    take(installation);
    let shown = installation.telemetry.shown.totals();
    let shown_ids: Vec<TenantId> = shown.tenants.iter().map(|(id, _)| *id).collect();
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
    let (by_status, due, posted) = installation
        .catalog
        .read(move |tx| {
            Ok((tx.count_by_status()?, tx.count_due_job_hints(now)?, tx.count_letters_to_write()?))
        })
        .await?;
    let (open, most) = installation.tenancy.open_files();
    let figures = installation.tenancy.figures();
    let backlog = figures.backlog().all();
    let oldest = backlog.iter().map(|(_, waiting)| now.since(waiting.oldest)).max().unwrap_or(0).max(0);
    let waiting = writes_waiting(installation, &shown_ids);
    let jobs_waiting = jobs_waiting(&backlog, &shown_ids);
    let letters = [("posted", posted), ("outbox", installation.mailer.waiting() as u64)];
    Ok(Exposition {
        version: env!("CARGO_PKG_VERSION"),
        tenants,
        other: shown.other,
        nobody: shown.nobody,
        counters: counters(installation),
        gauges: vec![
            ("tenantry_open_tenant_files", "Tenant files that are open", gauge(open as u64)),
            ("tenantry_open_tenant_files_max", "How many may be", gauge(most as u64)),
            ("tenantry_jobs_running", "Jobs that run", gauge(figures.jobs_running())),
            (
                "tenantry_reads_waiting",
                "Reads of databases that wait for their turn",
                gauge(wait_counts().reads),
            ),
            (
                "tenantry_jobs_oldest_waiting_seconds",
                "How long the job waits that has waited longest of those that are due and for which there was no room",
                gauge(oldest.unsigned_abs()) / 1e3,
            ),
            ("tenantry_tenants_with_due_jobs", "Tenants that may have jobs waiting", gauge(due)),
            (
                "tenantry_draining",
                "1 while the server is shutting down",
                gauge(u64::from(installation.is_draining())),
            ),
        ],
        families: vec![
            (
                "tenantry_tenants",
                "Tenants by their state",
                "status",
                by_status.into_iter().map(|(status, count)| (status, gauge(count))).collect(),
            ),
            (
                "tenantry_requests_in_flight",
                "Requests that are worked on, by what they are; those for health are none",
                "kind",
                in_flight(figures.in_flight()),
            ),
            (
                "tenantry_writes_waiting",
                "Writes to databases that are queued and not begun",
                "tenant_id",
                waiting,
            ),
            (
                "tenantry_jobs_waiting",
                "Jobs that are due and for which there was no room when their tenant was last asked, up to 10,000 each",
                "tenant_id",
                jobs_waiting,
            ),
            (
                "tenantry_letters_waiting",
                "Letters that are posted and not written yet, and those that wait for the mail server",
                "stage",
                letters.into_iter().map(|(stage, count)| (stage.to_owned(), gauge(count))).collect(),
            ),
        ],
        process: Process::now(),
    })
}

fn counters(installation: &Installation) -> Vec<(&'static str, &'static str, u64)> {
    let (writes, files) = (write_counts(), installation.tenancy.file_counts());
    let (spans_sent, dropped, otlp_failures) =
        installation.telemetry.export.as_ref().map_or((0, 0, 0), |export| export.counts());
    vec![
        ("tenantry_otlp_spans", "Spans that the collector took", spans_sent),
        (
            "tenantry_otlp_spans_dropped",
            "Spans that it did not take, or for which there was no room",
            dropped,
        ),
        ("tenantry_otlp_failures", "Requests to the collector that failed", otlp_failures),
        ("tenantry_writes", "Writes to databases", writes.writes),
        ("tenantry_write_batches", "Commits that these writes shared", writes.batches),
        ("tenantry_tenant_file_uses", "How often a tenant file was asked for", files.uses),
        ("tenantry_tenant_file_opens", "How often it had to be opened for that", files.opened),
        ("tenantry_tenant_file_evictions", "How often one was closed to make room", files.evicted),
    ]
}

fn in_flight(requests: &InFlight) -> Vec<(String, f64)> {
    let InFlight { work, operator, refresh, page } = requests;
    let kinds = [("work", work), ("operator", operator), ("refresh", refresh), ("page", page)];
    kinds.into_iter().map(|(kind, count)| (kind.to_owned(), gauge(count.load(Relaxed) as u64))).collect()
}

/// By tenant: those with series of their own, the rest together, and the catalog's for none.
fn writes_waiting(installation: &Installation, shown: &[TenantId]) -> Vec<(String, f64)> {
    let all = wait_counts().writes;
    let of_catalog = installation.catalog.writes_waiting() as u64;
    let of_shown: Vec<u64> =
        installation.tenancy.writes_waiting(shown).into_iter().map(|count| count as u64).collect();
    let other = all.saturating_sub(of_catalog + of_shown.iter().sum::<u64>());
    by_tenant(shown.iter().zip(of_shown).map(|(id, count)| (id.to_string(), count)), other, of_catalog)
}

fn jobs_waiting(backlog: &[(TenantId, JobsWaiting)], shown: &[TenantId]) -> Vec<(String, f64)> {
    let mut counts: BTreeMap<TenantId, u64> = shown.iter().map(|id| (*id, 0)).collect();
    let mut other = 0;
    for (id, waiting) in backlog {
        *counts.get_mut(id).unwrap_or(&mut other) += waiting.count;
    }
    by_tenant(counts.into_iter().map(|(id, count)| (id.to_string(), count)), other, 0)
}

fn by_tenant(shown: impl Iterator<Item = (String, u64)>, other: u64, nobody: u64) -> Vec<(String, f64)> {
    let rest = [("other".to_owned(), other), ("none".to_owned(), nobody)];
    shown.chain(rest).map(|(id, count)| (id, gauge(count))).collect()
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
