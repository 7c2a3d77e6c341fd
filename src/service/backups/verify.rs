//! Restoring backups to look at them: a backup that nobody ever restored is a hope.

use super::Installation;
use super::fetch::fetch;
use super::store::content_of;
use crate::catalog::{Backup, look_into_copy};
use crate::error::{Error, Result};
use crate::id::TenantId;
use crate::model::backup::Manifest;
use crate::model::hex::hex;
use crate::tenancy::blocking;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

/// What was found of one backup.
#[derive(Debug, Serialize)]
pub struct VerifiedBackup {
    /// The backup.
    pub backup: Backup,
    /// Rows that were counted.
    pub rows: u64,
    /// Uploads that were read and digested.
    pub uploads: u64,
    /// What is wrong with it.
    pub fault: Option<String>,
}

/// Restores backups beside everything, compares them with their manifests, and notes the outcome: the newest `sample` of one
/// tenant, or the newest of so many tenants and of the catalog, first those that were looked at longest ago.
///
/// # Errors
/// 404 for a tenant that is not there; as catalog and store say. What is wrong with a backup is no error.
pub(super) async fn verify(
    installation: &Arc<Installation>,
    tenant: Option<&str>,
    sample: u32,
    progress: &(dyn Fn(String) + Send + Sync),
) -> Result<Vec<VerifiedBackup>> {
    let chosen = match tenant {
        Some(selector) => {
            let id = installation.catalog.tenant(selector).await?.id;
            installation.catalog.read(move |tx| tx.list_backups(Some(id), None, sample)).await?
        }
        None => installation.catalog.read(move |tx| tx.list_backups_to_verify(sample)).await?,
    };
    let mut verified = Vec::with_capacity(chosen.len());
    for backup in chosen {
        let one = one(installation, backup).await?;
        let (id, whose, fault) = (one.backup.summary.id, one.backup.summary.tenant_id, one.fault.clone());
        if let Some(fault) = &fault {
            tracing::error!(alarm = "backup_broken", backup = %id, fault, "a backup cannot be restored");
        }
        progress(format!("{id}: {}", fault.as_deref().unwrap_or("good")));
        let note = installation.catalog.write("note_verified", move |tx| {
            tx.note_verified(id, fault.as_deref())?;
            // Another one is made of it with the next round.
            let again: Vec<TenantId> = whose.into_iter().filter(|_| fault.is_some()).collect();
            tx.note_written(&again)
        });
        note.await?;
        verified.push(one);
    }
    Ok(verified)
}

async fn one(installation: &Arc<Installation>, backup: Backup) -> Result<VerifiedBackup> {
    let (rows, uploads, fault) = match look(installation, &backup).await {
        Ok((rows, uploads, fault)) => (rows, uploads, fault),
        // The store cannot be asked: that says nothing about the backup.
        Err(error) if error.code() == "backup_store_unavailable" => return Err(error),
        Err(error) => (0, 0, Some(error.detail().to_owned())),
    };
    Ok(VerifiedBackup { backup, rows, uploads, fault })
}

async fn look(installation: &Arc<Installation>, backup: &Backup) -> Result<(u64, u64, Option<String>)> {
    let fetched = fetch(installation, backup.summary.tenant_id, backup.summary.id).await?;
    let manifest = fetched.manifest.clone();
    let rows = manifest.tables.values().sum();
    let path = fetched.path();
    let Some(tenant) = backup.summary.tenant_id else {
        let fault = blocking(move || {
            let fault = crate::db::Maintenance::open(&path).map_err(Error::internal)?.fault()?;
            let (_, tables) = look_into_copy(&path)?;
            Ok(fault.or_else(|| (tables != manifest.tables).then(|| "its tables have other rows".to_owned())))
        });
        return Ok((rows, 0, fault.await?));
    };
    let tenancy = Arc::clone(&installation.tenancy);
    let looked = blocking(move || {
        if let Some(fault) = crate::db::Maintenance::open(&path).map_err(Error::internal)?.fault()? {
            return Ok(Err(fault));
        }
        let facts = tenancy.facts_of(&path, tenant, Some(manifest.summary.epoch))?;
        let is_same = facts.tables == manifest.tables
            && (facts.marks.change_seq, facts.marks.event_seq)
                == (manifest.summary.change_seq, manifest.summary.event_seq);
        Ok(if is_same {
            Ok(facts)
        } else {
            Err("its tables have other rows than its manifest says".to_owned())
        })
    });
    let facts = match looked.await? {
        Ok(facts) => facts,
        Err(fault) => return Ok((rows, 0, Some(fault))),
    };
    let mut uploads = 0;
    for content in &facts.contents {
        match digest_of(installation, tenant, content.id, &fetched.manifest).await? {
            None => {}
            Some(sha256) if sha256 == content.sha256 => uploads += 1,
            Some(_) => {
                return Ok((rows, uploads, Some(format!("upload {} is missing or another", content.id))));
            }
        }
    }
    Ok((rows, uploads, None))
}

/// The digest of an upload in the store, empty where it is not there; nothing for one that was gone already.
async fn digest_of(
    installation: &Installation,
    tenant: TenantId,
    id: crate::id::ContentId,
    manifest: &Manifest,
) -> Result<Option<String>> {
    if manifest.missing.contains(&id.to_string()) {
        return Ok(None);
    }
    let digest = |digest: &mut Sha256, piece: &[u8]| {
        digest.update(piece);
        Ok(())
    };
    let read = installation.backups.store.get_into(&content_of(tenant, id), Sha256::new(), digest).await?;
    Ok(Some(read.map_or_else(String::new, |digest| hex(&digest.finalize()))))
}
