//! The audit log: read, and checked.

pub use crate::tenancy::tx::records::harmless;

use super::members::require_now;
use super::{Installation, checkpoints};
use crate::catalog::{AuditFilter, By, INSTALLATION, OfTenant};
use crate::error::{Error, Result};
use crate::id::TenantId;
use crate::model::audit::AuditEntry;
use crate::model::checkpoint::{Checkpoint, SignedChainCheck};
use crate::model::hex::hex;
use crate::policy::Permission;
use crate::tenancy::TenantScope;
use serde_json::json;
use std::sync::Arc;

/// Entries of one read of a chain.
const PAGE: u32 = 5_000;
/// Entries that a download holds at a time.
const PIECE: u32 = 500;

/// Entries of the tenant's log, newest first.
///
/// # Errors
/// 403 without `audit:read`.
pub async fn list_audit(scope: &TenantScope, filter: AuditFilter) -> Result<Vec<AuditEntry>> {
    scope.require(Permission::AuditRead)?;
    scope.catalog().read(move |of| of.list_audit(&filter)).await
}

/// Entries of the installation's log, newest first, for operators.
///
/// # Errors
/// As the catalog says.
pub async fn list_installation_audit(
    installation: &Installation,
    filter: AuditFilter,
) -> Result<Vec<AuditEntry>> {
    installation.catalog.read(move |tx| tx.list_audit_of(INSTALLATION, &filter)).await
}

/// Entries of a tenant's log, newest first, for operators; also of one that is erased.
///
/// # Errors
/// As the catalog says.
pub async fn list_audit_for_operator(
    installation: &Installation,
    tenant: TenantId,
    filter: AuditFilter,
) -> Result<Vec<AuditEntry>> {
    installation.catalog.read(move |tx| tx.of(tenant).list_audit(&filter)).await
}

/// A log on its way out, piece by piece: it is as long as it is, and memory holds 500 entries of it.
pub struct AuditDownload {
    from: Source,
    filter: AuditFilter,
    ended: bool,
}

enum Source {
    Tenant(Box<TenantScope>),
    OfTenant(Arc<Installation>, TenantId),
    Installation(Arc<Installation>),
}

/// Begins the download of the tenant's log, which is an entry of that log.
///
/// # Errors
/// 403 without `audit:read`.
pub async fn download_audit(mut scope: TenantScope, filter: AuditFilter) -> Result<AuditDownload> {
    scope.require(Permission::AuditRead)?;
    let (by, details) = (scope.by().clone(), describe(&filter));
    scope.catalog().write("download_audit", move |of| of.audit(&by, "audit.exported", "", &details)).await?;
    // Whoever takes it slowly keeps no others of the tenant waiting.
    scope.release_file();
    Ok(AuditDownload { from: Source::Tenant(Box::new(scope)), filter, ended: false })
}

/// The same of the installation's log.
///
/// # Errors
/// As the catalog says.
pub async fn download_installation_audit(
    installation: Arc<Installation>,
    by: By,
    filter: AuditFilter,
) -> Result<AuditDownload> {
    let details = describe(&filter);
    installation
        .catalog
        .write("download_audit", move |tx| tx.audit(&by, "audit.exported", "", &details))
        .await?;
    Ok(AuditDownload { from: Source::Installation(installation), filter, ended: false })
}

/// The same of a tenant's log for an operator, which is an entry of that log.
///
/// # Errors
/// As the catalog says.
pub async fn download_audit_for_operator(
    installation: Arc<Installation>,
    tenant: TenantId,
    by: By,
    filter: AuditFilter,
) -> Result<AuditDownload> {
    let details = describe(&filter);
    let write = installation
        .catalog
        .write("download_audit", move |tx| tx.of(tenant).audit(&by, "audit.exported", "", &details));
    write.await?;
    Ok(AuditDownload { from: Source::OfTenant(installation, tenant), filter, ended: false })
}

fn describe(filter: &AuditFilter) -> serde_json::Value {
    json!({ "action": filter.action, "actor": filter.actor, "from": filter.from, "to": filter.to })
}

impl AuditDownload {
    /// The next piece, newest first; empty at the end. Whoever lost the permission meanwhile gets no more.
    ///
    /// # Errors
    /// 403, or as the catalog says.
    pub async fn next(&mut self) -> Result<Vec<AuditEntry>> {
        if self.ended {
            return Ok(Vec::new());
        }
        let filter = AuditFilter { limit: PIECE, ..self.filter.clone() };
        let page = match &self.from {
            Source::Installation(installation) => list_installation_audit(installation, filter).await?,
            Source::OfTenant(installation, tenant) => {
                list_audit_for_operator(installation, *tenant, filter).await?
            }
            Source::Tenant(scope) => {
                let (roles, actor) = (scope.app_roles().clone(), scope.by().actor);
                let read = move |of: &OfTenant<'_>| {
                    require_now(of, &roles, actor, Permission::AuditRead)?;
                    of.list_audit(&filter)
                };
                scope.catalog().read(read).await?
            }
        };
        self.ended = page.len() < PIECE as usize;
        self.filter.before_seq = page.last().map(|last| last.seq);
        Ok(page)
    }
}

/// One chain and what its check says.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ChainVerdict {
    /// Tenant id, or `installation`.
    pub chain: String,
    /// Entries that were found in order.
    pub entries: i64,
    /// Hash of the last of them.
    pub head: String,
    /// The last entry that a checkpoint vouches for.
    pub signed_to: Option<i64>,
    /// What is wrong, if anything is.
    pub fault: Option<String>,
}

/// Walks every chain of the installation, or that of one tenant, and holds it against what was signed of it, in the
/// catalog and in the ledger.
///
/// # Errors
/// 404 where the tenant is unknown; as the catalog says.
pub async fn verify_audit(installation: &Installation, tenant: Option<&str>) -> Result<Vec<ChainVerdict>> {
    let (mut missing, unreadable) = checkpoints::missing_from_catalog(installation).await?;
    let chains = match tenant {
        Some(selector) => vec![installation.catalog.tenant(selector).await?.id.to_string()],
        None => {
            let mut chains = installation.catalog.read(|tx| tx.list_audit_chains()).await?;
            // A chain that was signed and is gone is one too.
            chains.extend(missing.keys().cloned());
            chains.sort_unstable();
            chains.dedup();
            chains
        }
    };
    if unreadable > 0 {
        // A crash can cut a line off; it is written again whole.
        tracing::warn!(lines = unreadable, "the ledger of audit checkpoints has lines that cannot be read");
    }
    let mut verdicts = Vec::with_capacity(chains.len());
    for chain in chains {
        let lost = missing.remove(&chain).unwrap_or_default();
        verdicts.push(verify_chain(installation, chain, lost).await?);
    }
    Ok(verdicts)
}

async fn verify_chain(
    installation: &Installation,
    chain: String,
    lost: Vec<Checkpoint>,
) -> Result<ChainVerdict> {
    let mut verdict = ChainVerdict { chain, entries: 0, head: String::new(), signed_to: None, fault: None };
    let name = verdict.chain.clone();
    // In this order: what is appended meanwhile has no checkpoint among these.
    let (known, floor) = installation
        .catalog
        .read(move |tx| Ok((tx.list_checkpoints(&name)?, tx.audit_floor(&name)?)))
        .await?;
    let mut found = lost;
    for text in known {
        found.push(serde_json::from_str(&text).map_err(Error::internal)?);
    }
    let trusted = hex(installation.keys.receipts().verifying_key().as_bytes());
    let chain = verdict.chain.clone();
    let floor = floor.map_or(0, |(seq, _)| seq);
    let mut check = match SignedChainCheck::new(&chain, floor, found, Some(&trusted)) {
        Ok(check) => check,
        Err(fault) => {
            verdict.fault = Some(fault);
            return Ok(verdict);
        }
    };
    loop {
        let (name, after) = (chain.clone(), check.head().0);
        let page = installation.catalog.read(move |tx| tx.list_audit_chain(&name, after, PAGE)).await?;
        verdict.fault = page.iter().find_map(|entry| check.take(entry).err());
        if page.len() < PAGE as usize || verdict.fault.is_some() {
            break;
        }
    }
    verdict.fault = verdict.fault.or_else(|| check.finish().err());
    let (last, head) = check.head();
    verdict.entries = last - floor;
    head.clone_into(&mut verdict.head);
    verdict.signed_to = check.last_signed();
    Ok(verdict)
}
