//! One download: opened once, read piece by piece.

use super::{StillAllowed, etag_of, tagger};
use crate::clock::monotonic;
use crate::error::{Error, Result};
use crate::model::tenant::Act;
use crate::model::{Etag, FilePath};
use crate::policy::Permission;
use crate::service::Installation;
use crate::service::turns::Turn;
use crate::tenancy::tx::files::StoredFile;
use crate::tenancy::{Content, TenantScope, blocking};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Tries to find the content of a name that is given other content at the same moment.
const TRIES: usize = 5;
/// How long a download goes on before it is asked again whether it may.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// A file, open. It is read to the end as it was, whatever happens to its name meanwhile.
pub struct Download {
    /// The file.
    pub file: StoredFile,
    /// Its tag.
    pub etag: Etag,
    content: Arc<Content>,
    still: StillAllowed,
    looked: Instant,
    _turn: Turn,
}

/// Opens a file.
///
/// # Errors
/// 403 without `files:read`, 404 where there is none, 503 when too many files are on their way.
pub async fn open_file(installation: &Installation, scope: &TenantScope, path: FilePath) -> Result<Download> {
    scope.require(Permission::FilesRead)?;
    let turn = installation.file_turns.downloads.take(scope.tenant().id).await?;
    for _ in 0..TRIES {
        let wanted = path.clone();
        let file = scope.read(move |tx| tx.find_file(&wanted)).await?.ok_or_else(Error::not_found)?;
        let Some(content) = scope.open_content(file.id).await? else { continue };
        let etag = etag_of(&tagger(installation, scope), &file);
        let still = StillAllowed::of(scope, Permission::FilesRead, Act::Read);
        return Ok(Download {
            file,
            etag,
            content: Arc::new(content),
            still,
            looked: monotonic(),
            _turn: turn,
        });
    }
    tracing::error!(alarm = "file_missing", tenant_id = %scope.tenant().id, "the content of a file is missing");
    Err(Error::unavailable(
        "file_unavailable",
        "The content of this file cannot be read. The operator has been told.",
        60,
    ))
}

impl Download {
    /// Up to `most` bytes from `at` on.
    ///
    /// # Errors
    /// 403 or 404 once the reader may no longer see it; the disk refuses; there is less than there should be.
    pub async fn read(&mut self, at: u64, most: usize) -> Result<Vec<u8>> {
        if self.looked.elapsed() > LOOK_AGAIN {
            self.still.check().await?;
            self.looked = monotonic();
        }
        let content = Arc::clone(&self.content);
        let bytes = blocking(move || content.read_at(at, most)).await?;
        if bytes.is_empty() && most > 0 {
            return Err(Error::internal("the content of a file is shorter than its row says"));
        }
        Ok(bytes)
    }
}
