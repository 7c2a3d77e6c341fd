//! One upload, from its first byte to its row.

use super::{StillAllowed, etag_of, forget_content, tagger};
use crate::error::{Error, Kind, Result};
use crate::model::tenant::Act;
use crate::model::{Etag, FilePath, Preconditions, Tagger};
use crate::policy::Permission;
use crate::service::turns::Turn;
use crate::service::{Installation, detached};
use crate::tenancy::tx::files::{NewFile, StoredFile};
use crate::tenancy::{NewContent, Sealed, TenantScope};

/// An upload that has begun. Dropped before its end, it leaves nothing.
pub struct Upload {
    scope: TenantScope,
    still: StillAllowed,
    path: FilePath,
    conditions: Preconditions,
    tagger: Tagger,
    content: NewContent,
    size: u64,
    most: u64,
    _turn: Turn,
}

/// A file that is on the disk.
pub struct Stored {
    /// The file.
    pub file: StoredFile,
    /// Its tag.
    pub etag: Etag,
    /// Whether the name is new.
    pub created: bool,
}

/// Begins an upload under a name, of as many bytes as were announced, if any were.
///
/// # Errors
/// 403 without `files:write`, 412 for another file than the conditions ask for, 413 `file_too_large`, 503 when too many
/// files are on their way.
pub async fn begin_upload(
    installation: &Installation,
    mut scope: TenantScope,
    path: FilePath,
    conditions: Preconditions,
    announced: Option<u64>,
) -> Result<Upload> {
    scope.require(Permission::FilesWrite)?;
    let most = installation.config.file_max_bytes;
    refuse_more_than(most, announced.unwrap_or_default())?;
    let tagger = tagger(installation, &scope);
    if !conditions.is_empty() {
        // Asked again with the row; whoever will fail then need not send it all.
        let (path, conditions) = (path.clone(), conditions.clone());
        scope
            .read(move |tx| {
                conditions.admit_write(tx.find_file(&path)?.map(|file| etag_of(&tagger, &file)).as_ref())
            })
            .await?;
    }
    let turn = installation.file_turns.uploads.take(scope.tenant().id).await?;
    let content = scope.create_content().await?;
    scope.release_file();
    let still = StillAllowed::of(&scope, Permission::FilesWrite, Act::Write);
    Ok(Upload { scope, still, path, conditions, tagger, content, size: 0, most, _turn: turn })
}

fn refuse_more_than(most: u64, size: u64) -> Result<()> {
    if size <= most {
        return Ok(());
    }
    let detail = format!("A file may have at most {most} bytes here.");
    Err(Error::new(Kind::TooLarge, "file_too_large", detail))
}

impl Upload {
    /// Takes in more of it.
    ///
    /// # Errors
    /// 413 `file_too_large`, 404 once the tenant is being erased, 503 when the disk refuses.
    pub async fn write<B: AsRef<[u8]> + Send + 'static>(&mut self, pieces: Vec<B>) -> Result<()> {
        self.size += pieces.iter().map(|piece| piece.as_ref().len() as u64).sum::<u64>();
        refuse_more_than(self.most, self.size)?;
        self.content.write(pieces).await
    }

    /// Ends it: when this returns, the file is on the disk under its name.
    ///
    /// # Errors
    /// As [`begin_upload`], asked anew; 409 `path_taken` where a part of the name is a file, or the name the beginning
    /// of others.
    pub async fn finish(self) -> Result<Stored> {
        // To its end, also when the client goes away: content and row must agree.
        detached(self.store()).await
    }

    async fn store(mut self) -> Result<Stored> {
        let sealed = self.content.seal().await?;
        // A long one may have outlived the right to it.
        self.still.check().await?;
        let Sealed { id, size, sha256, content_type } = sealed;
        let by = self.scope.by().actor.to_string();
        let new = NewFile { path: self.path.clone(), id, size, sha256, content_type, by };
        let (conditions, tagger) = (self.conditions.clone(), self.tagger);
        // From here on a row may name it.
        self.content.keep();
        let put = self
            .scope
            .write("put_file", move |tx| {
                if !conditions.is_empty() {
                    let current = tx.find_file(&new.path)?;
                    conditions.admit_write(current.map(|file| etag_of(&tagger, &file)).as_ref())?;
                }
                tx.put_file(&new)
            })
            .await;
        match put {
            Ok((file, replaced)) => {
                if let Some(replaced) = &replaced {
                    forget_content(&self.scope, replaced).await;
                }
                Ok(Stored { etag: etag_of(&self.tagger, &file), file, created: replaced.is_none() })
            }
            Err(error) => {
                self.remove_unless_named(id).await;
                Err(error)
            }
        }
    }

    /// A write that failed has no row; only where that can be seen the content goes at once, and else it is swept.
    async fn remove_unless_named(&self, id: crate::id::ContentId) {
        let path = self.path.clone();
        let named =
            self.scope.read(move |tx| Ok(tx.find_file(&path)?.is_some_and(|file| file.id == id))).await;
        if matches!(named, Ok(false)) {
            // Fails only where an erasure removes it too.
            let _ = self.scope.remove_content(id).await;
        }
    }
}
