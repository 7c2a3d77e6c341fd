//! One server per data directory.

use crate::error::{Error, Result};
use rustix::fs::{FlockOperation, flock};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// The lock of a data directory, held as long as this value lives.
pub(super) struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Takes the lock, or says that someone else has it.
    ///
    /// # Errors
    /// 503 `data_locked`.
    pub(super) fn take(directory: &Path) -> Result<DirectoryLock> {
        let path = directory.join("lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|error| {
            Error::unavailable(
                "data_locked",
                format!(
                    "{} is in use by another tenantry. Stop that one, or choose another directory with --data.",
                    directory.display()
                ),
                5,
            )
            .because(std::io::Error::from(error))
        })?;
        Ok(DirectoryLock { _file: file })
    }
}
