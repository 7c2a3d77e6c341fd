//! The backup of one tenant.

use super::contents::store_contents;
use super::store::{BackupKeys, BackupStore};
use super::{Installation, Threads};
use crate::catalog::{DueBackup, StoredBackup, Tenant};
use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};
use crate::fault;
use crate::id::TenantId;
use crate::model::backup::{BackupSummary, FORMAT, Manifest};
use crate::model::hex::hex;
use crate::tenancy::BackupCopy;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{Read as _, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Copies that are made in a row where uploads are removed before they are stored.
const TRIES: usize = 3;
/// Bytes of one read.
const PIECE: usize = 256 << 10;

/// Backs one tenant up that was written, and how many bytes were stored; nothing where it has no file any more. With `full` also
/// where the file is as in the backup before.
///
/// # Errors
/// Why it could not be done, for the operator.
pub(super) async fn back_up(
    installation: &Arc<Installation>,
    due: DueBackup,
    full: bool,
) -> Result<Option<(StoredBackup, u64)>> {
    let (backups, id) = (&installation.backups, due.tenant);
    for last_try in (0..TRIES).map(|number| number + 1 == TRIES) {
        let Some(tenant) = with_file(installation, id).await? else { return Ok(None) };
        let taken_at = installation.clock.now();
        let (tenancy, of) = (Arc::clone(&installation.tenancy), Arc::clone(&tenant));
        let copied = backups.threads.run(move || {
            fault::hold("backup", of.id);
            let seen = tenancy.looks_of_file(of.id);
            let copy = tenancy.copy_for_backup(&of, due.id)?;
            let (sha256, size_bytes) = digest(&copy.path())?;
            fault::hold("copied", of.id);
            Ok(Copied { copy, slug: of.slug.clone(), taken_at, seen, sha256, size_bytes, is_last: last_try })
        });
        let copied = match copied.await {
            Err(error) if error.kind() == Kind::NotFound => return Ok(None),
            // It was moved between the look into the catalog and the copy: its file is of the next epoch.
            Err(_) if !last_try && is_of_another_epoch(installation, &tenant).await? => continue,
            other => other?,
        };
        let stored = store(installation, due, &copied, full).await;
        // To its end, for the next copy needs the room; on a thread that may block.
        let remove = move || {
            drop(copied);
            Ok(())
        };
        backups.threads.run(remove).await?;
        if let Attempt::Stored(stored, bytes) = stored? {
            return Ok(Some((*stored, bytes)));
        }
    }
    Err(Error::internal("a backup was tried in vain"))
}

/// A copy of a tenant's file, and what is known of it.
struct Copied {
    copy: BackupCopy,
    slug: String,
    taken_at: Timestamp,
    seen: String,
    sha256: String,
    size_bytes: u64,
    /// Whether no other copy is made, whatever is missing.
    is_last: bool,
}

/// What became of a copy.
enum Attempt {
    /// What is noted of it, and how many bytes were stored.
    Stored(Box<StoredBackup>, u64),
    /// Uploads that it names are gone; another copy does not name them.
    CopyAgain,
}

/// Stores a copy, where the newest backup is another one or it is to be `full`.
async fn store(
    installation: &Arc<Installation>,
    due: DueBackup,
    copied: &Copied,
    full: bool,
) -> Result<Attempt> {
    let (backups, id, facts) = (&installation.backups, due.tenant, &copied.copy.facts);
    let (keys, seen) = (BackupKeys::of(Some(id), due.id), copied.seen.clone());
    let before = installation.catalog.read(move |tx| tx.of(id).newest_backup()).await?;
    let is_same =
        before.is_some_and(|before| before.summary.sha256 == copied.sha256 && before.fault.is_none());
    if is_same && !full {
        return Ok(Attempt::Stored(Box::new(StoredBackup { due, manifest: None, seen }), 0));
    }
    let contents = store_contents(installation, id, &facts.contents).await?;
    if !contents.missing.is_empty() && !copied.is_last {
        return Ok(Attempt::CopyAgain);
    }
    if !facts.contents.is_empty() {
        let list = facts.contents.iter().fold(String::new(), |list, id| list + &format!("{}\n", id.id));
        backups.store.put(&keys.uploads(), list.into_bytes()).await?;
    }
    let stored = store_database(&backups.store, &backups.threads, &keys, copied.copy.path()).await?;
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        installation: installation.id.clone(),
        summary: BackupSummary {
            id: due.id,
            tenant_id: Some(id),
            slug: Some(copied.slug.clone()),
            taken_at: copied.taken_at,
            epoch: facts.epoch,
            system: facts.version.system,
            app: facts.version.app,
            change_seq: facts.marks.change_seq,
            event_seq: facts.marks.event_seq,
            size_bytes: copied.size_bytes,
            stored_bytes: stored.1,
            sha256: copied.sha256.clone(),
            files: facts.contents.len() as u64,
            file_bytes: facts.content_bytes,
        },
        stored_sha256: stored.0,
        tables: facts.tables.clone(),
        missing: contents.missing,
    };
    backups.store.put(&keys.manifest(), serde_json::to_vec_pretty(&manifest)?).await?;
    let bytes = stored.1 + contents.stored_bytes;
    Ok(Attempt::Stored(Box::new(StoredBackup { due, manifest: Some(manifest), seen }), bytes))
}

/// The tenant as it is now; nothing where it has no file any more.
async fn with_file(installation: &Installation, id: TenantId) -> Result<Option<Arc<Tenant>>> {
    match installation.catalog.tenant(&id.to_string()).await {
        Ok(tenant) => Ok(Some(tenant).filter(|tenant| tenant.status.is_visible())),
        Err(error) if error.kind() == Kind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a tenant's file is another one by now than the one that is known: it was moved, or another was put in its place.
///
/// # Errors
/// As the catalog says.
pub(in crate::service) async fn is_of_another_epoch(
    installation: &Installation,
    known: &Tenant,
) -> Result<bool> {
    Ok(with_file(installation, known.id).await?.is_some_and(|now| now.epoch != known.epoch))
}

/// Stores a database, compressed: the digest of what is stored, and how many bytes.
///
/// # Errors
/// As the store says; the disk refuses.
pub(super) async fn store_database(
    store: &BackupStore,
    threads: &Threads,
    keys: &BackupKeys,
    path: PathBuf,
) -> Result<(String, u64)> {
    let produce = move |out: &mut dyn Write| {
        let mut out = GzEncoder::new(Digested { out, digest: Sha256::new() }, Compression::fast());
        each_piece(&path, |piece| Ok(out.write_all(piece)?))?;
        Ok(hex(&out.finish()?.digest.finalize()))
    };
    store.put_from(&keys.database(), threads, produce).await
}

/// Digests on the way.
struct Digested<'o> {
    out: &'o mut dyn Write,
    digest: Sha256,
}

impl Write for Digested<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.digest.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

/// Digest of a file in hex, and its bytes. Blocks.
pub(super) fn digest(path: &Path) -> Result<(String, u64)> {
    let (mut digest, mut size) = (Sha256::new(), 0);
    each_piece(path, |piece| {
        digest.update(piece);
        size += piece.len() as u64;
        Ok(())
    })?;
    Ok((hex(&digest.finalize()), size))
}

fn each_piece(path: &Path, mut act: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let (mut file, mut piece) = (File::open(path)?, vec![0; PIECE]);
    loop {
        let count = file.read(&mut piece)?;
        match piece.get(..count) {
            Some(read) if count > 0 => act(read)?,
            _ => return Ok(()),
        }
    }
}
