//! Uploads in the store: each is stored once, and stays while a backup names it.

use super::Installation;
use super::store::{BackupKeys, content_of, contents_of};
use crate::catalog::Backup;
use crate::error::Result;
use crate::fault;
use crate::id::TenantId;
use crate::model::hex::hex;
use crate::tenancy::blocking;
use crate::tenancy::tx::backups::NamedContent;
use sha2::{Digest as _, Sha256};
use std::collections::HashSet;
use std::fs::File;
use std::io::Write;
use std::sync::Arc;

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
        let produce = move |out: &mut dyn Write| {
            content.copy_to(out)?;
            fault::hold("storing", tenant);
            Ok(())
        };
        done.stored_bytes += store.put_from(&content_of(tenant, id), threads, produce).await?.1;
    }
    Ok(done)
}

/// The uploads that a backup names, as its list says; nothing where that is not there or not whole.
async fn named_by(
    installation: &Installation,
    tenant: TenantId,
    backup: &Backup,
) -> Result<Option<Vec<String>>> {
    if backup.summary.files == 0 {
        return Ok(Some(Vec::new()));
    }
    let keys = BackupKeys::of(Some(tenant), backup.summary.id);
    let Some(list) = installation.backups.store.get(&keys.uploads(), MOST).await? else { return Ok(None) };
    let Ok(list) = String::from_utf8(list) else { return Ok(None) };
    let named: Vec<String> = list.lines().map(str::to_owned).collect();
    Ok((named.len() as u64 == backup.summary.files).then_some(named))
}

/// Removes uploads that none of these backups names, unless one of them does not tell what it names. To be done while nobody
/// backs the tenant up.
///
/// # Errors
/// As the store says.
pub(super) async fn sweep_contents(
    installation: &Installation,
    tenant: TenantId,
    kept: &[Backup],
) -> Result<()> {
    let store = &installation.backups.store;
    let mut named = HashSet::new();
    for backup in kept {
        let Some(names) = named_by(installation, tenant, backup).await? else {
            tracing::error!(alarm = "backup_failed", tenant_id = %tenant, backup = %backup.summary.id,
                "the list of uploads that a backup names is not in the store as it was: all uploads are kept");
            return Ok(());
        };
        named.extend(names);
    }
    for (name, _) in store.list(&contents_of(tenant)).await? {
        if !named.contains(&name) {
            store.delete(&format!("{}/{name}", contents_of(tenant))).await?;
        }
    }
    Ok(())
}

/// Brings uploads that are not on the disk back from the store, of one tenant to another or the same; those that the store does
/// not have, or not as they were.
///
/// # Errors
/// 503 `no_room_for_backups`; as the store says; the disk refuses.
pub(super) async fn bring_uploads(
    installation: &Arc<Installation>,
    (of, to): (TenantId, TenantId),
    named: &[NamedContent],
) -> Result<Vec<String>> {
    let mut missing = Vec::new();
    for content in named {
        let (tenancy, id) = (Arc::clone(&installation.tenancy), content.id);
        if blocking(move || Ok(tenancy.has_content(to, id))).await? {
            continue;
        }
        let path = installation.tenancy.layout().tmp().join(format!("restore-{to}-upload-{id}"));
        let making = path.clone();
        let file = blocking(move || Ok((File::create(&making)?, Sha256::new()))).await?;
        let take = |(file, digest): &mut (File, Sha256), piece: &[u8]| {
            digest.update(piece);
            Ok(file.write_all(piece)?)
        };
        let read = installation.backups.store.get_into(&content_of(of, id), file, take).await?;
        let expected = content.sha256.clone();
        let tenancy = Arc::clone(&installation.tenancy);
        let taken = blocking(move || {
            let read = read.map(|(file, digest)| (file, hex(&digest.finalize())));
            let is_whole = match read {
                Some((file, sha256)) if sha256 == expected => {
                    file.sync_all()?;
                    tenancy.take_over_content(to, id, &path)?;
                    true
                }
                _ => false,
            };
            if path.exists() {
                std::fs::remove_file(&path)?;
            }
            Ok(is_whole)
        });
        if !taken.await? {
            missing.push(id.to_string());
        }
    }
    Ok(missing)
}
