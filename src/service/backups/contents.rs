//! Uploads in the store: each is stored once, and stays while a backup names it.

use super::Installation;
use super::store::{BackupKeys, content_of, contents_of};
use crate::error::Result;
use crate::id::{BackupId, TenantId};
use crate::tenancy::tx::backups::NamedContent;
use std::collections::HashSet;
use std::sync::Arc;

/// Bytes of one read.
const PIECE: usize = 256 << 10;
/// Bytes of a list of uploads.
const MOST: u64 = 256 << 20;

/// What became of the uploads that a backup names.
#[derive(Default)]
pub(super) struct StoredContents {
    /// Bytes of those that were not in the store.
    pub(super) stored_bytes: u64,
    /// Those that are gone.
    pub(super) missing: Vec<String>,
}

/// Stores those that are not in the store.
///
/// # Errors
/// As the store says; the disk refuses.
pub(super) async fn store_contents(
    installation: &Arc<Installation>,
    tenant: TenantId,
    named: &[NamedContent],
) -> Result<StoredContents> {
    let mut done = StoredContents::default();
    if named.is_empty() {
        return Ok(done);
    }
    let (store, threads) = (&installation.backups.store, &installation.backups.threads);
    let present: HashSet<String> =
        store.list(&contents_of(tenant)).await?.into_iter().map(|(name, _)| name).collect();
    for id in named.iter().map(|named| named.id) {
        if present.contains(&id.to_string()) {
            continue;
        }
        let tenancy = Arc::clone(&installation.tenancy);
        let Some(content) = threads.run(move || tenancy.content_for_backup(tenant, id)).await? else {
            done.missing.push(id.to_string());
            continue;
        };
        let produce = move |out: &mut dyn std::io::Write| {
            let mut at = 0;
            loop {
                let bytes = content.read_at(at, PIECE)?;
                if bytes.is_empty() {
                    return Ok(());
                }
                out.write_all(&bytes)?;
                at += bytes.len() as u64;
            }
        };
        done.stored_bytes += store.put_from(&content_of(tenant, id), threads, produce).await?.1;
    }
    Ok(done)
}

/// The uploads that a backup names, as its list says.
///
/// # Errors
/// As the store says.
pub(super) async fn named_by(
    installation: &Installation,
    tenant: TenantId,
    id: BackupId,
) -> Result<HashSet<String>> {
    let list = installation.backups.store.get(&BackupKeys::of(Some(tenant), id).uploads(), MOST).await?;
    let text = String::from_utf8(list.unwrap_or_default()).unwrap_or_default();
    Ok(text.lines().map(str::to_owned).collect())
}

/// Removes uploads that none of these backups names. To be done while nobody backs the tenant up.
///
/// # Errors
/// As the store says.
pub(super) async fn sweep_contents(
    installation: &Installation,
    tenant: TenantId,
    kept: &[BackupId],
) -> Result<()> {
    let store = &installation.backups.store;
    let mut named = HashSet::new();
    for id in kept {
        named.extend(named_by(installation, tenant, *id).await?);
    }
    for (name, _) in store.list(&contents_of(tenant)).await? {
        if !named.contains(&name) {
            store.delete(&format!("{}/{name}", contents_of(tenant))).await?;
        }
    }
    Ok(())
}
