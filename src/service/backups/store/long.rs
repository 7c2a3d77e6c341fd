//! Storing what may be long: in parts, as it is made.

use super::{BackupStore, PART, unavailable};
use crate::error::{Error, Result};
use crate::paced::Paced;
use crate::service::backups::Threads;
use crate::tenancy::blocking;
use object_store::path::Path as Key;
use object_store::{MultipartUpload, ObjectStoreExt as _, PutPayload};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use tokio::sync::mpsc;

impl BackupStore {
    /// Stores what `produce` writes, which may be long, on a thread of its own; what is not written to its end does not
    /// appear. What `produce` returns, and how many bytes it wrote.
    ///
    /// # Errors
    /// As [`BackupStore::put`]; what `produce` returns.
    pub(in crate::service::backups) async fn put_from<T: Send + 'static>(
        &self,
        name: &str,
        threads: &Threads,
        produce: impl FnOnce(&mut dyn Write) -> Result<T> + Send + 'static,
    ) -> Result<(T, u64)> {
        let key = self.key(name);
        let (sender, parts) = mpsc::channel::<Vec<u8>>(1);
        let producing = threads.run(move || {
            let mut out = Parts { sender, part: Vec::new(), written: 0 };
            let value = produce(&mut out)?;
            out.send()?;
            Ok((value, out.written))
        });
        // Takes the parts along: whoever produces ends when nobody takes.
        let (produced, stored) = tokio::join!(producing, self.store_parts(&key, parts));
        // An error of the store comes before that of whoever wrote in vain.
        match (stored?, produced) {
            (Stored::Small(bytes), Ok(value)) => {
                self.objects.put(&key, bytes.into()).await.map_err(unavailable)?;
                Ok(value)
            }
            (Stored::Large(upload), Ok(value)) => {
                upload.complete().await?;
                Ok(value)
            }
            (Stored::Small(_), Err(error)) => Err(error),
            (Stored::Large(upload), Err(error)) => {
                upload.abort().await;
                Err(error)
            }
        }
    }

    async fn store_parts(&self, key: &Key, mut parts: mpsc::Receiver<Vec<u8>>) -> Result<Stored> {
        let first = parts.recv().await.unwrap_or_default();
        let Some(second) = parts.recv().await else { return Ok(Stored::Small(first)) };
        let mut upload = self.begin_upload(key).await?;
        let mut next = Some(first);
        let mut after = Some(second);
        while let Some(part) = next {
            if let Err(error) = upload.put(part).await {
                upload.abort().await;
                return Err(error);
            }
            next = match after.take() {
                Some(part) => Some(part),
                None => parts.recv().await,
            };
        }
        Ok(Stored::Large(upload))
    }

    async fn begin_upload(&self, key: &Key) -> Result<Upload> {
        let Some(directory) = &self.directory else {
            let upload = self.objects.put_multipart(key).await.map_err(unavailable)?;
            return Ok(Upload::Bucket(upload));
        };
        let (root, target) = (directory.clone(), directory.join(key.as_ref()));
        let staged = blocking(move || Staged::create(root, target));
        Ok(Upload::Directory(staged.await.map_err(of_disk)?))
    }
}

/// What was produced, on its way into the store.
enum Stored {
    /// In one piece, not stored yet.
    Small(Vec<u8>),
    /// In parts that are stored, to be put together.
    Large(Upload),
}

/// Something long that is not whole yet.
enum Upload {
    Bucket(Box<dyn MultipartUpload>),
    Directory(Staged),
}

impl Upload {
    async fn put(&mut self, part: Vec<u8>) -> Result<()> {
        match self {
            Upload::Bucket(upload) => upload.put_part(PutPayload::from(part)).await.map_err(unavailable),
            Upload::Directory(staged) => staged.put(part).await.map_err(of_disk),
        }
    }

    async fn complete(self) -> Result<()> {
        match self {
            Upload::Bucket(mut upload) => upload.complete().await.map(drop).map_err(unavailable),
            Upload::Directory(staged) => blocking(move || staged.complete()).await.map_err(of_disk),
        }
    }

    async fn abort(self) {
        match self {
            Upload::Bucket(mut upload) => {
                let _ = upload.abort().await;
            }
            // Removes itself.
            Upload::Directory(_) => {}
        }
    }
}

/// A file in a directory of backups that gets its name when it is whole. Until then it has one that no list shows. The object
/// store's own way leaves all of it to one sync in the end, behind which every write of the machine waits.
struct Staged {
    file: Option<Paced>,
    /// The store's directory.
    root: PathBuf,
    target: PathBuf,
}

impl Staged {
    fn create(root: PathBuf, target: PathBuf) -> Result<Staged> {
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent)?;
        }
        // From here on it removes itself, whatever happens.
        let mut staged = Staged { file: None, root, target };
        let file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(staged.path())?;
        staged.file = Some(Paced::new(file));
        Ok(staged)
    }

    fn path(&self) -> PathBuf {
        PathBuf::from(format!("{}#1", self.target.display()))
    }

    async fn put(&mut self, part: Vec<u8>) -> Result<()> {
        let Some(mut file) = self.file.take() else { return Err(cut_off()) };
        let written = blocking(move || {
            file.write_all(&part)?;
            Ok(file)
        });
        self.file = Some(written.await?);
        Ok(())
    }

    fn complete(mut self) -> Result<()> {
        self.file.take().ok_or_else(cut_off)?.finish()?;
        std::fs::rename(self.path(), &self.target)?;
        // Its name, and those of directories that may have been made for it.
        for directory in self.target.ancestors().skip(1).take_while(|above| above.starts_with(&self.root)) {
            File::open(directory)?.sync_all()?;
        }
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // Not there any more where it is whole.
        let _ = std::fs::remove_file(self.path());
    }
}

fn cut_off() -> Error {
    Error::internal("a part could not be written before")
}

/// A directory is a store as well, and what its disk says is for the log.
fn of_disk(error: Error) -> Error {
    unavailable(object_store::Error::Generic { store: "directory", source: Box::new(error) })
}

/// Cuts what is written into parts of one size; the last may be shorter.
struct Parts {
    sender: mpsc::Sender<Vec<u8>>,
    part: Vec<u8>,
    written: u64,
}

impl Parts {
    fn send(&mut self) -> std::io::Result<()> {
        let part = std::mem::take(&mut self.part);
        if part.is_empty() && self.written > 0 {
            return Ok(());
        }
        self.sender.blocking_send(part).map_err(|_| std::io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for Parts {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.part.len() >= PART {
            self.send()?;
        }
        let taken = bytes.len().min(PART - self.part.len());
        self.part.extend_from_slice(bytes.get(..taken).unwrap_or_default());
        self.written += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
