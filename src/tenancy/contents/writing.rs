//! Content on its way in.

use super::{Contents, moved, place_of, remove};
use crate::error::{Error, Result};
use crate::id::{ContentId, TenantId};
use crate::model::hex::hex;
use crate::model::media_type::{LOOKED_AT, media_type};
use crate::tenancy::blocking;
use crate::tenancy::layout::sync;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;

pub(super) struct Writing {
    file: File,
    digest: Sha256,
    size: u64,
    head: Vec<u8>,
}

/// Content on its way in. Removed when it is dropped, unless it was kept.
pub struct NewContent {
    contents: Arc<Contents>,
    tenant: TenantId,
    id: ContentId,
    writing: Option<Writing>,
    is_kept: bool,
}

/// What is known of content once it is on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Its id.
    pub id: ContentId,
    /// How many bytes.
    pub size: u64,
    /// Digest in hex.
    pub sha256: String,
    /// Media type.
    pub content_type: &'static str,
}

impl NewContent {
    pub(super) fn begin(contents: Arc<Contents>, tenant: TenantId, id: ContentId, file: File) -> NewContent {
        NewContent { contents, tenant, id, writing: Some(Writing::to(file)), is_kept: false }
    }

    /// Appends.
    ///
    /// # Errors
    /// 404 once the tenant is being erased; the disk refuses. What failed cannot be gone on with.
    pub async fn write<B: AsRef<[u8]> + Send + 'static>(&mut self, pieces: Vec<B>) -> Result<()> {
        self.contents.refuse_fenced(self.tenant)?;
        let mut writing = self.writing()?;
        let written = blocking(move || {
            for piece in &pieces {
                writing.append(piece.as_ref())?;
            }
            Ok(writing)
        });
        self.writing = Some(written.await?);
        Ok(())
    }

    /// Brings it to the disk.
    ///
    /// # Errors
    /// As [`NewContent::write`].
    pub async fn seal(&mut self) -> Result<Sealed> {
        let writing = self.writing()?;
        let (contents, tenant, id) = (Arc::clone(&self.contents), self.tenant, self.id);
        blocking(move || {
            let file = place_of(&writing.file.metadata()?);
            let sealed = writing.seal(id)?;
            let path = contents.layout.content(tenant, id);
            let synced = path.parent().map_or(Ok(()), sync);
            // An erasure took the directory away.
            contents.refuse_fenced(tenant)?;
            synced?;
            if path.symlink_metadata().is_ok_and(|there| place_of(&there) == file) {
                Ok(sealed)
            } else {
                Err(moved())
            }
        })
        .await
    }

    /// From now on it is removed by [`crate::tenancy::TenantScope::remove_content`] or swept.
    pub fn keep(&mut self) {
        self.is_kept = true;
    }

    fn writing(&mut self) -> Result<Writing> {
        self.writing
            .take()
            .ok_or_else(|| Error::internal("content is written on after a failure or its seal"))
    }
}

impl Writing {
    pub(super) fn to(file: File) -> Writing {
        Writing { file, digest: Sha256::new(), size: 0, head: Vec::new() }
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes)?;
        self.digest.update(bytes);
        self.size += bytes.len() as u64;
        let wanted = LOOKED_AT.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(bytes.get(..wanted).unwrap_or_default());
        Ok(())
    }

    fn seal(self, id: ContentId) -> Result<Sealed> {
        self.file.sync_all()?;
        let content_type = media_type(&self.head, self.size == self.head.len() as u64);
        Ok(Sealed { id, size: self.size, sha256: hex(&self.digest.finalize()), content_type })
    }
}

impl Drop for NewContent {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        let path = self.contents.layout.content(self.tenant, self.id);
        let remove = move || drop(remove(&path));
        // Without a runtime (at the end of the program) it happens here.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(remove)),
            Err(_) => remove(),
        }
    }
}
