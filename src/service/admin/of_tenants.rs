//! What the command line does to tenants.

use crate::catalog::{By, ExportStatus, ImportStatus, Tenant};
use crate::error::{Error, Kind, Result};
use crate::id::IdentityId;
use crate::model::tenant::{Act, TenantStatus};
use crate::service::imports::ImportIn;
use crate::service::lifecycle::{self, OperatorAct};
use crate::service::provisioning::{self, Maker, NewTenantIn};
use crate::service::{Installation, erasure, exports, imports, moves, tenants};
use crate::tenancy::TenantScope;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Tenants that are made at the same time: their commits share an fsync.
const AT_ONCE: usize = 16;
/// Tenants of one read of the list.
const PAGE: u32 = 1_000;

pub(super) fn describe(tenant: &Tenant) -> Value {
    json!({
        "id": tenant.id, "slug": tenant.slug, "name": tenant.name, "status": tenant.status, "plan": tenant.plan,
        "created_at": tenant.created_at, "erase_after": tenant.erase_after, "volume": tenant.volume,
        "copy_of": tenant.copy_of, "is_clone": tenant.is_clone, "expires_at": tenant.expires_at,
    })
}

/// Makes one tenant, or so many.
pub(super) async fn create(
    installation: &Arc<Installation>,
    owner: IdentityId,
    slug: String,
    name: Option<String>,
    count: Option<usize>,
    progress: &(dyn Fn(String) + Send + Sync),
) -> Result<Value> {
    if let Some(count) = count {
        return create_many(installation, owner, &slug, count, progress).await;
    }
    let tenant = create_one(installation, owner, slug, name).await?;
    Ok(json!({ "created": 1, "tenant": describe(&tenant) }))
}

async fn create_one(
    installation: &Arc<Installation>,
    owner: IdentityId,
    slug: String,
    name: Option<String>,
) -> Result<Tenant> {
    let input = NewTenantIn { name: name.unwrap_or_else(|| slug.clone()), slug: Some(slug) };
    let candidate = provisioning::prepare_tenant(installation, &input)?;
    provisioning::provision_tenant(installation, candidate, owner, Maker::Operator, By::console()).await
}

async fn create_many(
    installation: &Arc<Installation>,
    owner: IdentityId,
    slug: &str,
    count: usize,
    progress: &(dyn Fn(String) + Send + Sync),
) -> Result<Value> {
    let mut running = JoinSet::new();
    let mut created = 0;
    for number in 1..=count {
        if running.len() >= AT_ONCE {
            created += finish_one(&mut running).await?;
        }
        let installation = Arc::clone(installation);
        let slug = format!("{slug}-{number}");
        running.spawn(async move { create_one(&installation, owner, slug, None).await });
        if number % 1_000 == 0 {
            progress(format!("{number} of {count} tenants"));
        }
    }
    while !running.is_empty() {
        created += finish_one(&mut running).await?;
    }
    Ok(json!({ "created": created }))
}

async fn finish_one(running: &mut JoinSet<Result<Tenant>>) -> Result<usize> {
    match running.join_next().await {
        None => Ok(0),
        Some(joined) => joined.unwrap_or_else(|error| Err(Error::internal(error))).map(|_| 1),
    }
}

pub(super) async fn list(installation: &Installation, status: Option<&str>) -> Result<Value> {
    let status: Option<TenantStatus> = status.map(tenants::parse_status).transpose()?;
    let (mut after, mut all) = (None, Vec::new());
    loop {
        let page = tenants::list_tenants(installation, after, status, PAGE).await?;
        after = page.last().map(|last| last.id);
        all.extend(page.iter().map(describe));
        if page.len() < PAGE as usize {
            return Ok(json!({ "items": all }));
        }
    }
}

pub(super) async fn operate(installation: &Installation, slug: &str, act: OperatorAct) -> Result<Value> {
    Ok(describe(&lifecycle::operate_tenant(installation, slug, act, By::console()).await?))
}

pub(super) async fn erase(
    installation: &Installation,
    slug: &str,
    confirm: &str,
    now: bool,
    stripe_customer: bool,
) -> Result<Value> {
    let tenant = installation.catalog.tenant(slug).await?;
    if confirm != tenant.slug {
        return Err(Error::invalid_field(
            "--confirm",
            "mismatch",
            "must be the slug of the tenant, to be sure",
        ));
    }
    let closing = matches!(tenant.status, TenantStatus::Closing | TenantStatus::Erasing);
    if !closing {
        let act = OperatorAct::Close { stripe_customer };
        lifecycle::operate_tenant(installation, slug, act, By::console()).await?;
    }
    if now {
        let receipt = erasure::erase_now(installation, slug, confirm, stripe_customer, By::console()).await?;
        return Ok(json!({ "erased": true, "receipt": receipt }));
    }
    let id = tenant.id;
    if closing && stripe_customer {
        erasure::require_stripe(installation, id).await?;
    }
    let tenant = installation.catalog.write("ask_customer_erasure", move |tx| {
        let (of, tenant) = (tx.of(id), tx.of(id).tenant()?);
        if stripe_customer {
            erasure::ask_customer_erasure(&of, &tenant)?;
        }
        Ok(tenant)
    });
    let tenant = tenant.await?;
    Ok(json!({ "erased": false, "tenant": describe(&tenant) }))
}

pub(super) async fn import(
    installation: &Arc<Installation>,
    file: &Path,
    owner: IdentityId,
    input: &ImportIn,
    progress: &(dyn Fn(String) + Send + Sync),
) -> Result<Value> {
    let id = imports::import_file(installation, file, owner, input).await?.id;
    let mut told = 0;
    loop {
        // As with exports: whoever is quicker.
        let ran = imports::run_next_import(installation).await?;
        let import = installation.catalog.read(move |tx| tx.find_import(owner, id)).await?;
        let preview = || import.preview.as_deref().map(serde_json::from_str::<Value>).transpose();
        match import.status {
            ImportStatus::Ready => {
                let tenant = import.tenant.ok_or_else(Error::not_found)?;
                let tenant = installation.catalog.read(move |tx| tx.of(tenant).tenant()).await?;
                return Ok(json!({ "tenant": describe(&tenant), "preview": preview()? }));
            }
            ImportStatus::Previewed => {
                let preview = preview()?;
                // Nobody at the console decides about it later.
                imports::forget_preview(installation, owner, id).await?;
                return Ok(json!({ "preview": preview }));
            }
            ImportStatus::Failed | ImportStatus::Expired => {
                let error = import.error.unwrap_or_else(|| "The import failed. See the log.".to_owned());
                return Err(Error::new(Kind::Invalid, "import_refused", error));
            }
            ImportStatus::Uploading | ImportStatus::Queued | ImportStatus::Running => {
                if import.progress > told {
                    told = import.progress;
                    progress(format!("{told} %"));
                }
                if !ran {
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
            }
        }
    }
}

pub(super) async fn export(installation: &Arc<Installation>, slug: &str) -> Result<Value> {
    let scope =
        TenantScope::for_operator(&installation.tenancy, By::console(), slug, Act::Leave, "export").await?;
    let id = exports::request_export(installation, &scope).await?.id;
    loop {
        // The server's own runner may be quicker; then this has nothing to do but to look again.
        let ran = exports::run_next_export(installation).await?;
        let export = exports::find_export(&scope, id).await?;
        match export.status {
            ExportStatus::Ready => {
                let path = exports::open_download(installation, &scope, id).await?;
                return Ok(json!({ "export": export, "path": path }));
            }
            ExportStatus::Failed | ExportStatus::Expired => {
                return Err(Error::new(
                    Kind::Internal,
                    "export_failed",
                    export.error.unwrap_or_else(|| "The export failed. See the log.".to_owned()),
                ));
            }
            ExportStatus::Queued | ExportStatus::Running if !ran => {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            ExportStatus::Queued | ExportStatus::Running => {}
        }
    }
}

pub(super) async fn move_to(
    installation: &Arc<Installation>,
    slug: &str,
    to: &str,
    progress: &(dyn Fn(String) + Send + Sync),
) -> Result<Value> {
    let moved = moves::move_and_wait(installation, slug, to, By::console(), progress).await?;
    Ok(serde_json::to_value(moved)?)
}

pub(super) async fn give_up_move(installation: &Arc<Installation>, slug: &str) -> Result<Value> {
    let given_up = moves::give_up_and_wait(installation, slug, By::console()).await?;
    Ok(serde_json::to_value(given_up)?)
}
