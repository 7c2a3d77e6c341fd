//! Exports: everything a tenant has, in one zip file that opens without us.

mod archive;

use super::Installation;
use super::members::require_now;
use crate::catalog::{Export, ExportStatus};
use crate::clock::HOUR;
use crate::error::{Error, Kind, Result};
use crate::id::ExportId;
use crate::policy::Permission;
use crate::tenancy::{Lease, TenantScope};
use archive::{Archive, Finished};
use serde_json::json;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::watch;

/// Rows of one read of members or audit entries.
const PAGE: u32 = 5_000;

/// Asks for an export; it is written in the background.
///
/// # Errors
/// 403 without `tenant:export`, 409 `export_running`.
pub async fn request_export(installation: &Installation, scope: &TenantScope) -> Result<Export> {
    scope.require(Permission::TenantExport)?;
    let id = ExportId::new(installation.clock.now());
    let (actor, roles) = (scope.member(), scope.roles().clone());
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
    if !path.is_file() {
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
    match run_export(installation, &lease, id).await {
        Ok(finished) => {
            let expires_at =
                installation.clock.now().plus(i64::from(installation.config.export_hours) * HOUR);
            installation
                .catalog
                .write("finish_export", move |tx| {
                    tx.of(tenant).finish_export(id, finished.size, &finished.sha256, expires_at)
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
    let _removed = installation.tenancy.unless_fenced(scope.tenant().id, || Working::create(&working))?;
    spool_members(&scope, &working.join("members.csv")).await?;
    spool_audit(&scope, &working.join("audit.ndjson")).await?;
    let (progress, mut seen) = watch::channel(0_i64);
    let catalog = scope.catalog();
    let target = layout.export(scope.tenant().id, id);
    let archive = Archive {
        tenant: scope.tenant().clone(),
        installation: installation.id.clone(),
        at: installation.clock.now(),
        working: working.clone(),
        target,
        tenancy: Arc::clone(&installation.tenancy),
        progress,
    };
    let writing = tokio::task::spawn_blocking(move || archive.write(&scope, &layout));
    // Ends when the writer drops its end.
    while seen.changed().await.is_ok() {
        let percent = *seen.borrow_and_update();
        // Not worth giving up the export for.
        let _ = catalog.write("export_progress", move |of| of.update_export_progress(id, percent)).await;
    }
    writing.await.unwrap_or_else(|error| Err(Error::internal(error)))
}

/// The directory of an unfinished export; gone when it is done, however that ends.
struct Working(PathBuf);

impl Working {
    fn create(path: &Path) -> Result<Working> {
        std::fs::create_dir_all(path)?;
        Ok(Working(path.to_path_buf()))
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn spool_members(scope: &TenantScope, path: &Path) -> Result<()> {
    let mut out = csv::Writer::from_path(path)?;
    out.write_record(["identity_id", "email", "name", "role", "status", "joined_at"])?;
    let mut after = None;
    loop {
        let page = scope.catalog().read(move |of| of.list_members(after, PAGE)).await?;
        for member in &page {
            let harmless = |text: &str| crate::tenancy::tx::records::harmless(text.to_owned());
            out.write_record([
                member.identity_id.to_string(),
                harmless(&member.email),
                harmless(&member.name),
                harmless(&member.role),
                member.status.clone(),
                member.joined_at.to_string(),
            ])?;
        }
        match page.last() {
            Some(last) if page.len() == PAGE as usize => after = Some((last.joined_at, last.identity_id)),
            _ => break,
        }
    }
    Ok(out.flush()?)
}

async fn spool_audit(scope: &TenantScope, path: &Path) -> Result<()> {
    let mut out = std::io::BufWriter::new(std::fs::File::create(path)?);
    let mut after = 0;
    loop {
        let page = scope
            .catalog()
            .read(move |of| of.catalog().list_audit_chain(&of.tenant_id().to_string(), after, PAGE))
            .await?;
        for entry in &page {
            serde_json::to_writer(&mut out, entry)?;
            out.write_all(b"\n")?;
            after = entry.seq;
        }
        if page.len() < PAGE as usize {
            return Ok(out.flush()?);
        }
    }
}

/// Removes the files of exports whose time is over. Returns how many.
///
/// # Errors
/// As catalog and disk say.
pub async fn expire_exports(installation: &Installation) -> Result<usize> {
    let expired = installation.catalog.read(|tx| tx.list_expired_exports()).await?;
    for export in &expired {
        let path = installation.tenancy.layout().export(export.tenant, export.id);
        match std::fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        let (tenant, id) = (export.tenant, export.id);
        installation.catalog.write("expire_export", move |tx| tx.of(tenant).expire_export(id)).await?;
    }
    Ok(expired.len())
}
