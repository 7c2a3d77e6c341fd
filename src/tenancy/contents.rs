//! What uploads hold: one file of the disk each, called after an id that says nothing. Which name has which content is a
//! row of the tenant's own file, so that content appears and goes with a commit; what no row names is left over from a
//! crash, and is swept.

#[cfg(test)]
mod tests;
mod writing;

pub use writing::{NewContent, Sealed};

use super::Layout;
use super::layout::{make_directory, sync};
use crate::error::{Error, Result};
use crate::id::{ContentId, TenantId};
use crate::tenancy::fence::Fences;
use rustix::fs::OFlags;
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;

/// Bytes of one read.
const PIECE: usize = 256 << 10;

/// The contents of all tenants' uploads.
pub(super) struct Contents {
    layout: Layout,
    fences: Arc<Fences>,
    /// Tenants that were swept since the start.
    swept: Mutex<HashMap<TenantId, Arc<OnceCell<()>>>>,
}

impl Contents {
    pub(super) fn new(layout: Layout, fences: Arc<Fences>) -> Contents {
        Contents { layout, fences, swept: Mutex::default() }
    }

    /// Whether leftovers of this tenant were swept; who finds that they were not does it, while others wait.
    pub(super) fn swept(&self, tenant: TenantId) -> Arc<OnceCell<()>> {
        let mut swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(swept.entry(tenant).or_default())
    }

    /// Begins new content. Blocks.
    pub(super) fn create(self: &Arc<Contents>, tenant: TenantId, id: ContentId) -> Result<NewContent> {
        let path = self.layout.content(tenant, id);
        let file = self.fences.unless_down(tenant, || {
            if let Some(shard) = path.parent() {
                self.make_shard(tenant, shard)?;
            }
            Ok(File::options().write(true).create_new(true).mode(0o600).open(&path)?)
        })?;
        Ok(NewContent::begin(Arc::clone(self), tenant, id, file))
    }

    /// The directories of a tenant appear with its first uploads.
    fn make_shard(&self, tenant: TenantId, shard: &Path) -> Result<()> {
        if shard.is_dir() {
            return Ok(());
        }
        let all = self.layout.tenant_contents(tenant);
        let is_first = !all.is_dir();
        make_directory(shard)?;
        sync(&all)?;
        if is_first {
            sync(&self.layout.tenant(tenant))?;
        }
        Ok(())
    }

    /// Takes a file over as content, unless that is there. Blocks.
    pub(super) fn take_over(&self, tenant: TenantId, id: ContentId, file: &Path) -> Result<()> {
        let path = self.layout.content(tenant, id);
        self.fences.unless_down(tenant, || {
            let Some(shard) = path.parent().filter(|_| !path.exists()) else { return Ok(()) };
            self.make_shard(tenant, shard)?;
            match std::fs::rename(file, &path) {
                Err(error) if error.kind() == ErrorKind::CrossesDevices => bring_over(file, &path)?,
                renamed => renamed?,
            }
            sync(shard)
        })
    }

    /// Opens content; nothing if it is gone. Blocks.
    pub(super) fn open(self: &Arc<Contents>, tenant: TenantId, id: ContentId) -> Result<Option<Content>> {
        self.refuse_fenced(tenant)?;
        let no_link = OFlags::NOFOLLOW.bits().cast_signed();
        loop {
            let path = self.layout.content(tenant, id);
            match File::options().read(true).custom_flags(no_link).open(&path) {
                Ok(file) => return Ok(Some(Content { contents: Arc::clone(self), tenant, file })),
                // Unless the tenant was moved in between.
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    if path == self.layout.content(tenant, id) {
                        return Ok(None);
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Removes content that no row names. Who reads it goes on to its end. Blocks.
    pub(super) fn remove(&self, tenant: TenantId, id: ContentId) -> Result<()> {
        remove(&self.layout.content(tenant, id))
    }

    /// Every content that is on the disk. Blocks.
    pub(super) fn list(&self, tenant: TenantId) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for shard in entries(&self.layout.tenant_contents(tenant))? {
            found.extend(entries(&shard)?);
        }
        Ok(found)
    }

    /// Removes what is on the disk and has no row. To be done while nothing of this tenant is uploaded. Blocks.
    pub(super) fn sweep(&self, tenant: TenantId, named: &HashSet<ContentId>) -> Result<usize> {
        let mut swept = 0;
        for path in self.list(tenant)? {
            let name = path.file_name().and_then(|name| name.to_str());
            if name.and_then(ContentId::parse).is_none_or(|id| !named.contains(&id)) {
                remove(&path)?;
                swept += 1;
            }
        }
        Ok(swept)
    }

    fn refuse_fenced(&self, tenant: TenantId) -> Result<()> {
        if self.fences.is_down(tenant) { Err(Error::not_found()) } else { Ok(()) }
    }
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>> {
    match std::fs::read_dir(directory) {
        Ok(entries) => Ok(entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(Vec::new())
        }
        Err(error) => Err(error.into()),
    }
}

fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Content of an upload, open. It can be read to its end after its name was given to other content, and no further once
/// the tenant is being erased.
pub struct Content {
    contents: Arc<Contents>,
    tenant: TenantId,
    file: File,
}

impl Content {
    /// Reads up to `most` bytes from `at` on. Blocks.
    ///
    /// # Errors
    /// 404 once the tenant is being erased; the disk refuses.
    pub fn read_at(&self, at: u64, most: usize) -> Result<Vec<u8>> {
        self.contents.refuse_fenced(self.tenant)?;
        let mut bytes = vec![0; most];
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, at + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    /// Copies all of it. Blocks.
    ///
    /// # Errors
    /// As [`Content::read_at`]; what `out` says.
    pub fn copy_to(&self, out: &mut dyn Write) -> Result<()> {
        let mut at = 0;
        loop {
            let bytes = self.read_at(at, PIECE)?;
            if bytes.is_empty() {
                return Ok(());
            }
            out.write_all(&bytes)?;
            at += bytes.len() as u64;
        }
    }
}

/// Which file of the machine it is.
fn place_of(metadata: &std::fs::Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// 503 for an upload that was written at a place where the tenant is not any more.
fn moved() -> Error {
    Error::unavailable(
        "tenant_moved",
        "This tenant was moved to another disk while the file was on its way. Send it again.",
        1,
    )
}

/// Copies a file that lies on another disk, so that it appears whole.
fn bring_over(file: &Path, path: &Path) -> Result<()> {
    let unfinished = path.with_extension("new");
    std::fs::copy(file, &unfinished)?;
    sync(&unfinished)?;
    std::fs::rename(&unfinished, path)?;
    Ok(std::fs::remove_file(file)?)
}
