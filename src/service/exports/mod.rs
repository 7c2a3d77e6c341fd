//! Exports: everything a tenant has, in one zip file that opens without us.

mod archive;
mod uploads;
mod working;

use super::Installation;
use super::mail::at_minute;
use super::members::require_now;
use crate::catalog::{Export, ExportStatus};
use crate::clock::{HOUR, MINUTE};
use crate::error::{Error, Kind, Result};
use crate::id::{ExportId, IdentityId};
use crate::model::job::{LeasedJob, Outcome};
use crate::model::letter::{Content, Recipient};
use crate::model::webhook::EventType;
use crate::policy::Permission;
use crate::telemetry::subject;
use crate::tenancy::{Lease, TenantScope, blocking};
pub(super) use archive::file_name_of;
use archive::{Archive, Finished};
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::watch;
use working::Working;

/// Asks for an export; it is written in the background.
///
/// # Errors
/// 403 without `tenant:export`, 409 `export_running`.
pub async fn request_export(installation: &Installation, scope: &TenantScope) -> Result<Export> {
    scope.require(Permission::TenantExport)?;
    let id = ExportId::new(installation.clock.now());
    let (actor, roles) = (scope.by().actor, scope.app_roles().clone());
    let by = scope.by().clone();
    let export = scope
        .catalog()
        .write("request_export", move |of| {
            require_now(of, &roles, actor, Permission::TenantExport)?;
            let export = of.insert_export(id, &by.actor.to_string())?;
            of.audit(&by, "export.requested", &format!("export:{id}"), &json!({}))?;
            Ok(export)
        })
        .await?;
    installation.work.notify_one();
    Ok(export)
}

/// The same as a job, at a set time: the export has the id of the job, so that another attempt asks for no other one.
pub(in crate::service) async fn request_as_job(
    installation: Arc<Installation>,
    scope: TenantScope,
    job: LeasedJob,
) -> Outcome {
    let id = ExportId::from(job.id);
    let (by, target) = (scope.by().clone(), format!("export:{id}"));
    let catalog = scope.catalog();
    let asked = catalog.write("request_export", move |of| {
        if of.find_export(id).is_err() {
            of.insert_export(id, &by.actor.to_string())?;
            of.audit(&by, "export.requested", &target, &json!({}))?;
        }
        Ok(())
    });
    match asked.await {
        Ok(()) => {
            installation.work.notify_one();
            Outcome::Succeeded(Some(json!({ "export_id": id }).to_string()))
        }
        // Another one is on its way.
        Err(error) => {
            let wait = (error.kind() == Kind::Conflict).then_some(MINUTE);
            Outcome::Failed { error: error.detail().to_owned(), wait }
        }
    }
}

/// Exports, newest first.
///
/// # Errors
/// 403 without `tenant:export`.
pub async fn list_exports(scope: &TenantScope) -> Result<Vec<Export>> {
    scope.require(Permission::TenantExport)?;
    scope.catalog().read(|of| of.list_exports()).await
}

/// One export.
///
/// # Errors
/// 403 without `tenant:export`, 404.
pub async fn find_export(scope: &TenantScope, id: ExportId) -> Result<Export> {
    scope.require(Permission::TenantExport)?;
    scope.catalog().read(move |of| of.find_export(id)).await
}

/// The file of a finished export. The download is audited.
///
/// # Errors
/// 404, 409 `export_not_ready`, 410 `export_expired`.
pub async fn open_download(
    installation: &Installation,
    scope: &TenantScope,
    id: ExportId,
) -> Result<PathBuf> {
    let export = find_export(scope, id).await?;
    let gone = || Error::new(Kind::Gone, "export_expired", "This export is no longer kept. Ask for another.");
    match export.status {
        ExportStatus::Ready if export.expires_at.is_none_or(|at| at > installation.clock.now()) => {}
        ExportStatus::Ready | ExportStatus::Expired => return Err(gone()),
        ExportStatus::Queued | ExportStatus::Running | ExportStatus::Failed => {
            return Err(Error::conflict("export_not_ready", "This export is not ready. Ask for its status."));
        }
    }
    let path = installation.tenancy.layout().export(scope.tenant().id, id);
    let file = path.clone();
    if !blocking(move || Ok(file.is_file())).await? {
        return Err(gone());
    }
    let by = scope.by().clone();
    scope
        .catalog()
        .write("download_export", move |of| {
            of.audit(&by, "export.downloaded", &format!("export:{id}"), &json!({}))
        })
        .await?;
    Ok(path)
}

/// Writes the export that waits longest. False if none does.
///
/// # Errors
/// As the catalog says; what goes wrong with the export itself is noted there.
pub async fn run_next_export(installation: &Arc<Installation>) -> Result<bool> {
    let Some((lease, export)) = installation.tenancy.claim_export().await? else { return Ok(false) };
    let (tenant, id) = (export.tenant, export.id);
    // An operator knows where to look; whoever asked with a key has no address.
    let asked_by = export.requested_by.strip_prefix("identity:").and_then(IdentityId::parse);
    let asked_by = asked_by.map(Recipient::Identity);
    match subject::of_tenant(tenant, run_export(installation, &lease, id)).await {
        Ok(finished) => {
            let expires_at =
                installation.clock.now().plus(i64::from(installation.config.export_hours) * HOUR);
            installation
                .catalog
                .write("finish_export", move |tx| {
                    let of = tx.of(tenant);
                    let told =
                        json!({ "export_id": id, "size_bytes": finished.size, "expires_at": expires_at });
                    of.tell_webhooks(EventType::ExportReady, &format!("export:{id}"), &told)?;
                    of.finish_export(id, finished.size, &finished.sha256, expires_at)?;
                    let Some(to) = &asked_by else { return Ok(()) };
                    let until = at_minute(expires_at);
                    let content = Content::ExportReady { tenant: of.tenant()?.name, until };
                    of.post(&format!("export_ready {id}"), to, &content)
                })
                .await?;
            tracing::info!(tenant_id = %tenant, export_id = %id, "export ready");
        }
        Err(error) => {
            tracing::error!(tenant_id = %tenant, export_id = %id, error = ?error, "export failed");
            let text = error.detail().to_owned();
            installation.catalog.write("fail_export", move |tx| tx.of(tenant).fail_export(id, &text)).await?;
        }
    }
    Ok(true)
}

async fn run_export(installation: &Arc<Installation>, lease: &Lease, id: ExportId) -> Result<Finished> {
    let scope = TenantScope::for_job(&installation.tenancy, lease).await?;
    let layout = installation.tenancy.layout().clone();
    // A damaged or swapped file is noticed before anything of it is copied.
    scope.schema().await?;
    let working = layout.unfinished_export(scope.tenant().id, id);
    let working =
        installation.tenancy.unless_fenced(scope.tenant().id, move || Working::create(working)).await?;
    working.spool_members(&scope).await?;
    working.spool_invoices(&scope).await?;
    super::checkpoints::sign_chain(installation, scope.tenant().id.to_string()).await?;
    working.spool_audit(&scope).await?;
    let (progress, mut seen) = watch::channel(0_i64);
    let catalog = scope.catalog();
    let target = layout.export(scope.tenant().id, id);
    let archive = Archive {
        tenant: scope.tenant().clone(),
        installation: installation.id.clone(),
        at: installation.clock.now(),
        working,
        target,
        tenancy: Arc::clone(&installation.tenancy),
        progress,
    };
    let writing = tokio::task::spawn_blocking(move || archive.write(&scope));
    // Ends when the writer drops its end.
    while seen.changed().await.is_ok() {
        let percent = *seen.borrow_and_update();
        // Not worth giving up the export for.
        let _ = catalog.write("export_progress", move |of| of.update_export_progress(id, percent)).await;
    }
    writing.await.unwrap_or_else(|error| Err(Error::internal(error)))
}

/// Removes the files of exports whose time is over. Returns how many.
///
/// # Errors
/// As catalog and disk say.
pub async fn expire_exports(installation: &Installation) -> Result<usize> {
    let expired = installation.catalog.read(|tx| tx.list_expired_exports()).await?;
    for export in &expired {
        let path = installation.tenancy.layout().export(export.tenant, export.id);
        blocking(move || match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        })
        .await?;
        let (tenant, id) = (export.tenant, export.id);
        installation.catalog.write("expire_export", move |tx| tx.of(tenant).expire_export(id)).await?;
    }
    Ok(expired.len())
}
