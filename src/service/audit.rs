//! The audit log: read, and checked.

use super::Installation;
use crate::catalog::AuditFilter;
use crate::error::Result;
use crate::model::audit::{AuditEntry, ChainCheck};
use crate::policy::Permission;
use crate::tenancy::TenantScope;

/// Entries of one read of a chain.
const PAGE: u32 = 5_000;

/// Entries of the tenant's log, newest first.
///
/// # Errors
/// 403 without `audit:read`.
pub async fn list_audit(scope: &TenantScope, filter: AuditFilter) -> Result<Vec<AuditEntry>> {
    scope.require(Permission::AuditRead)?;
    scope.catalog().read(move |of| of.list_audit(&filter)).await
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
    /// What is wrong, if anything is.
    pub fault: Option<String>,
}

/// Walks every chain of the installation.
///
/// # Errors
/// As the catalog says.
pub async fn verify_audit(installation: &Installation) -> Result<Vec<ChainVerdict>> {
    let mut verdicts = Vec::new();
    for chain in installation.catalog.read(|tx| tx.list_audit_chains()).await? {
        verdicts.push(verify_chain(installation, chain).await?);
    }
    Ok(verdicts)
}

async fn verify_chain(installation: &Installation, chain: String) -> Result<ChainVerdict> {
    let mut check = ChainCheck::new(&chain);
    let mut fault = None;
    loop {
        let (name, after) = (chain.clone(), check.head().0);
        let page = installation.catalog.read(move |tx| tx.list_audit_chain(&name, after, PAGE)).await?;
        let full = page.len() == PAGE as usize;
        fault = page.iter().find_map(|entry| check.take(entry).err()).or(fault);
        if !full || fault.is_some() {
            break;
        }
    }
    let (entries, head) = check.head();
    let head = head.to_owned();
    Ok(ChainVerdict { entries, head, fault, chain })
}
