//! Which files of the app's `public/` are served: those that are neither hidden nor elsewhere.
//!
//! `.env`, `.git` and the swap files of editors get into such directories by accident, links out of it too. What begins
//! with a dot is only served below `/.well-known/` (RFC 8615).

use std::future::Future;
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use tower_http::services::fs::{Backend, TokioBackend, TokioFile};

/// The file system as far as it is served.
#[derive(Clone)]
pub(super) struct PublicFiles {
    directory: Arc<Path>,
}

impl PublicFiles {
    pub(super) fn new(directory: &Path) -> PublicFiles {
        // As the service puts it together.
        PublicFiles { directory: Path::new(".").join(directory).into() }
    }

    /// Where `asked` really is, if it may be served. The directory itself may be a link, and may be replaced.
    async fn find(self, asked: PathBuf) -> Result<PathBuf> {
        let find = move || {
            let root = self.directory.canonicalize()?;
            let place = asked.canonicalize()?;
            let is_served = asked.strip_prefix(&self.directory).is_ok_and(is_plain)
                && place.strip_prefix(&root).is_ok_and(is_plain);
            if is_served { Ok(place) } else { Err(ErrorKind::NotFound.into()) }
        };
        tokio::task::spawn_blocking(find).await.unwrap_or_else(|error| Err(Error::other(error)))
    }
}

/// Whether nothing on the way is hidden.
fn is_plain(below: &Path) -> bool {
    let mut names = below.components().map(|part| part.as_os_str().as_encoded_bytes());
    names.next().is_none_or(|first| first == b".well-known" || !first.starts_with(b"."))
        && names.all(|name| !name.starts_with(b"."))
}

impl Backend for PublicFiles {
    type File = TokioFile;
    type Metadata = std::fs::Metadata;
    type OpenFuture = Pin<Box<dyn Future<Output = Result<TokioFile>> + Send>>;
    type MetadataFuture = Pin<Box<dyn Future<Output = Result<std::fs::Metadata>> + Send>>;

    fn open(&self, path: PathBuf) -> Self::OpenFuture {
        let found = self.clone().find(path);
        Box::pin(async move { TokioBackend.open(found.await?).await })
    }

    fn metadata(&self, path: PathBuf) -> Self::MetadataFuture {
        let found = self.clone().find(path);
        Box::pin(async move { TokioBackend.metadata(found.await?).await })
    }
}

#[cfg(test)]
mod tests {
    use super::is_plain;
    use std::path::Path;

    #[test]
    fn hidden_names_are_found_at_any_depth() {
        for plain in ["", "index.html", "a/b.c", ".well-known/security.txt", "a.b/c"] {
            assert!(is_plain(Path::new(plain)), "{plain}");
        }
        for hidden in [".env", ".git/config", "a/.env", "a/.well-known/x", ".well-known/.env", ".well-knowns"]
        {
            assert!(!is_plain(Path::new(hidden)), "{hidden}");
        }
    }
}
