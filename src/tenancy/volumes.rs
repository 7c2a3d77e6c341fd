//! The volumes that tenants live on, and which tenant is on which. The data directory itself is one of them.
//!
//! A volume carries a mark that says whose it is. Without it, as where a disk is not mounted, nothing is made there and its
//! tenants are not served, until it is there again; all others are.

use super::layout::{make_directory, sync};
use super::{Tenancy, blocking};
use crate::catalog::DATA;
use crate::error::{Error, Kind, Result};
use crate::id::TenantId;
use foldhash::HashMap;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

/// The file that says whose a volume is.
const MARK: &str = "tenantry-volume";

/// A volume as it was seen last.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Volume {
    /// Its directory.
    pub path: PathBuf,
    /// Why nothing can be had of it now.
    pub fault: Option<String>,
}

/// Which volumes there are, and which tenants are on another one than the data directory.
#[derive(Debug, Default)]
pub(super) struct Volumes {
    known: RwLock<BTreeMap<String, Volume>>,
    elsewhere: RwLock<HashMap<TenantId, String>>,
}

/// 503 for a volume that cannot be used now.
pub(super) fn unavailable(name: &str, fault: &str) -> Error {
    Error::unavailable("volume_unavailable", format!("The volume {name} cannot be used: {fault}."), 60)
}

impl Volumes {
    pub(super) fn is_on(&self, tenant: TenantId) -> String {
        let elsewhere = self.elsewhere.read().unwrap_or_else(PoisonError::into_inner);
        elsewhere.get(&tenant).cloned().unwrap_or_else(|| DATA.to_owned())
    }

    /// Says on which volume a tenant is from now on.
    pub(super) fn put(&self, tenant: TenantId, volume: &str) {
        let mut elsewhere = self.elsewhere.write().unwrap_or_else(PoisonError::into_inner);
        if volume == DATA {
            elsewhere.remove(&tenant);
        } else {
            elsewhere.insert(tenant, volume.to_owned());
        }
    }

    /// The directory of a volume, where it can be had.
    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(name).filter(|volume| volume.fault.is_none()).map(|volume| volume.path.clone())
    }

    pub(super) fn all(&self) -> BTreeMap<String, Volume> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks at a volume: whether it is there, ours, and can be written to. One that nobody is on yet is marked. Blocks.
    pub(super) fn look_at(&self, root: &Path, installation: &str, name: &str, path: &Path) -> Option<String> {
        let is_used = self
            .elsewhere
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .any(|volume| volume == name);
        let fault = look(root, installation, (name, path), is_used).err();
        let volume = Volume { path: path.to_path_buf(), fault: fault.clone() };
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let before = known.insert(name.to_owned(), volume);
        let was_good = before.is_none_or(|before| before.fault.is_none());
        match &fault {
            Some(fault) if was_good => tracing::error!(
                alarm = "volume_unavailable", volume = name, path = %path.display(), fault,
                "a volume cannot be used, and tenants on it are not served"
            ),
            None if !was_good => tracing::info!(volume = name, "a volume can be used again"),
            _ => {}
        }
        fault
    }
}

impl Tenancy {
    /// Looks at the volumes of the settings, and learns which tenants are on them. Before anybody opens a tenant's file.
    ///
    /// # Errors
    /// As the catalog says; a volume with tenants that the settings do not name.
    pub async fn open_volumes(&self, installation: &str, volumes: &BTreeMap<String, PathBuf>) -> Result<()> {
        let elsewhere = self.catalog.read(|tx| tx.list_tenants_elsewhere()).await?;
        for (id, volume) in elsewhere {
            if !volumes.contains_key(&volume) {
                return Err(Error::new(
                    Kind::Malformed,
                    "volume_missing",
                    format!(
                        "Tenants live on the volume {volume}, which the settings do not name. Name it in `volumes`."
                    ),
                ));
            }
            self.layout.put_tenant(id, &volume);
        }
        self.look_at_volumes(installation, volumes).await
    }

    /// Looks which volumes can be used now. One without a mark gets it, as long as nobody is known to be on it.
    ///
    /// # Errors
    /// None that are of the volumes.
    pub async fn look_at_volumes(
        &self,
        installation: &str,
        volumes: &BTreeMap<String, PathBuf>,
    ) -> Result<()> {
        let (layout, installation, volumes) = (self.layout.clone(), installation.to_owned(), volumes.clone());
        blocking(move || {
            layout.look_at_volumes(&installation, &volumes);
            Ok(())
        })
        .await
    }
}

fn look(root: &Path, installation: &str, (name, path): (&str, &Path), is_used: bool) -> Result<(), String> {
    let said = |error: std::io::Error| error.to_string();
    let metadata = path.symlink_metadata().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such directory".to_owned(),
        _ => said(error),
    })?;
    if metadata.is_symlink() {
        return Err("it is a link".to_owned());
    }
    if !metadata.is_dir() {
        return Err("it is no directory".to_owned());
    }
    let (real, own) = (path.canonicalize().map_err(said)?, root.canonicalize().map_err(said)?);
    if real.starts_with(&own) || own.starts_with(&real) {
        return Err("it lies in the data directory, or that in it".to_owned());
    }
    let (mark, expected) = (path.join(MARK), format!("{installation}\n{name}\n"));
    match std::fs::read_to_string(&mark) {
        Ok(found) if found == expected => {}
        Ok(_) => return Err("its mark is that of another volume or installation".to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !is_used => {
            make_mark(&mark, &expected).map_err(said)?;
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(format!("there are tenants on it and it has no file {MARK}: is it mounted?"));
        }
        Err(error) => return Err(said(error)),
    }
    for directory in [path.join("tenants"), path.join("tmp")] {
        if directory.symlink_metadata().is_ok_and(|found| !found.is_dir()) {
            return Err(format!("{} is no directory", directory.display()));
        }
        make_directory(&directory).map_err(|error| error.detail().to_owned())?;
    }
    let probe = path.join("tmp/ready");
    std::fs::write(&probe, [0; 512]).and_then(|()| std::fs::remove_file(&probe)).map_err(said)
}

fn make_mark(mark: &Path, text: &str) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(mark)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    match mark.parent() {
        Some(parent) => sync(parent).map_err(|_| std::io::Error::other("it could not be synced")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    #[test]
    fn a_volume_is_used_that_is_a_directory_of_its_own_and_carries_our_mark() {
        let place = tempfile::TempDir::new().unwrap();
        let (root, fast) = (place.path().join("data"), place.path().join("fast"));
        std::fs::create_dir(&root).unwrap();
        let volumes = Volumes::default();
        let look = |name: &str, path: &Path| volumes.look_at(&root, "here", name, path);
        assert_eq!(look("fast", &fast).as_deref(), Some("there is no such directory"));
        assert_eq!(volumes.path("fast"), None);
        std::fs::create_dir(&fast).unwrap();
        assert_eq!(look("fast", &fast), None);
        assert_eq!(volumes.path("fast").as_deref(), Some(fast.as_path()));
        // Under another name, of another installation, through a link, in the data directory.
        assert!(look("slow", &fast).is_some());
        assert!(volumes.look_at(&root, "there", "fast", &fast).is_some());
        let link = place.path().join("link");
        std::os::unix::fs::symlink(&fast, &link).unwrap();
        assert!(look("fast", &link).is_some());
        assert!(look("within", place.path()).is_some());
        // What is not mounted is an empty directory, which is not taken for the volume.
        volumes.put(TenantId::new(Timestamp(1)), "fast");
        std::fs::remove_dir_all(&fast).unwrap();
        std::fs::create_dir(&fast).unwrap();
        assert!(look("fast", &fast).is_some_and(|fault| fault.contains("mounted")));
        assert_eq!(std::fs::read_dir(&fast).unwrap().count(), 0);
    }
}
