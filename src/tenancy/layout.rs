//! Where things are in the data directory. Paths come from immutable ids alone, never from slugs or names.

use super::migrate::require_room;
use super::volumes::{Volume, Volumes, unavailable};
use crate::catalog::DATA;
use crate::error::{Error, Result};
use crate::id::{BackupId, ContentId, ExportId, ImportId, TenantId};
use std::collections::BTreeMap;
use std::fs::{DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where copies of a tenant's file are kept, in its directory.
pub(super) const SNAPSHOTS: &str = "snapshots";

/// The data directory, and the volumes beside it.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
    volumes: Arc<Volumes>,
}

impl Layout {
    /// The layout in `root`; makes the directories that are missing, for our eyes only (0700).
    ///
    /// # Errors
    /// The disk refuses.
    pub fn create(root: &Path) -> Result<Layout> {
        let layout = Layout { root: root.to_path_buf(), volumes: Arc::default() };
        let tmp = layout.tmp();
        for directory in [
            &layout.root,
            &layout.tenants(),
            &layout.exports(),
            &layout.imports(),
            &layout.backups(),
            &layout.keys(),
            &layout.mail(),
            &tmp,
        ] {
            make_directory(directory)?;
        }
        std::fs::set_permissions(root, std::fs::Permissions::from_mode(0o700))?;
        Ok(layout)
    }

    /// Removes what an earlier run left unfinished. Only under the lock of the directory.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn clear_tmp(&self) -> Result<()> {
        std::fs::remove_dir_all(self.tmp())?;
        make_directory(&self.tmp())
    }

    /// Refuses what would leave nothing free where copies are made and unpacked. Blocks.
    ///
    /// # Errors
    /// 503 `no_room_for_backups`.
    pub fn require_room_for_backup(&self, size: u64) -> Result<()> {
        require_room(&self.tmp(), size, "no_room_for_backups")
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }
    /// Tenants' directories, in 256 others by the last two digits of their ids.
    pub fn tenants(&self) -> PathBuf {
        self.root.join("tenants")
    }
    /// Finished exports.
    pub fn exports(&self) -> PathBuf {
        self.root.join("exports")
    }
    /// Exports that came from elsewhere and are to become tenants.
    pub fn imports(&self) -> PathBuf {
        self.root.join("imports")
    }
    /// Backups, and the ledger of erasures beside them.
    pub fn backups(&self) -> PathBuf {
        self.root.join("backups")
    }
    /// Secrets of the installation.
    pub fn keys(&self) -> PathBuf {
        self.root.join("keys")
    }
    /// Mail, where no server for it is configured.
    pub fn mail(&self) -> PathBuf {
        self.root.join("mail")
    }
    /// Unfinished things; emptied at start.
    pub fn tmp(&self) -> PathBuf {
        self.root.join("tmp")
    }
    /// The ledger of erasures.
    pub fn erasure_ledger(&self) -> PathBuf {
        self.backups().join("erasures.ndjson")
    }

    /// The ledger of signed heads of audit chains.
    pub fn checkpoint_ledger(&self) -> PathBuf {
        self.backups().join("audit-checkpoints.ndjson")
    }

    /// The ledger of issued invoices.
    pub fn issued_invoices(&self) -> PathBuf {
        self.backups().join("issued-invoices.ndjson")
    }

    /// The ledger of issued credit notes.
    pub fn issued_credit_notes(&self) -> PathBuf {
        self.backups().join("issued-credit-notes.ndjson")
    }

    /// All ledgers that are signed beside the databases.
    pub fn ledgers(&self) -> [PathBuf; 4] {
        [self.erasure_ledger(), self.checkpoint_ledger(), self.issued_invoices(), self.issued_credit_notes()]
    }

    /// A tenant's directory, on the volume that it is on.
    pub fn tenant(&self, id: TenantId) -> PathBuf {
        self.tenant_on(&self.volume_of(id), id)
    }

    /// The directory that a tenant has on a volume, or would have. UUIDv7 begins with the time, so the last two digits spread
    /// evenly.
    pub fn tenant_on(&self, volume: &str, id: TenantId) -> PathBuf {
        let name = id.to_string();
        let shard = name.get(name.len() - 2..).unwrap_or("00").to_owned();
        self.volume(volume).join("tenants").join(shard).join(name)
    }

    /// The volume that a tenant is on.
    pub fn volume_of(&self, id: TenantId) -> String {
        self.volumes.is_on(id)
    }

    /// The directory of a volume. Of one that cannot be had now it is a place where nothing is and nothing can be made.
    fn volume(&self, name: &str) -> PathBuf {
        if name == DATA {
            return self.root.clone();
        }
        self.volumes.path(name).unwrap_or_else(|| self.root.join("catalog.db").join(name))
    }

    /// All volumes but the data directory, as they were seen last.
    pub fn volumes(&self) -> BTreeMap<String, Volume> {
        self.volumes.all()
    }

    /// Says on which volume a tenant is from now on.
    pub(super) fn put_tenant(&self, id: TenantId, volume: &str) {
        self.volumes.put(id, volume);
    }

    /// Looks at volumes: which of them can be used. Blocks.
    pub(super) fn look_at_volumes(&self, installation: &str, volumes: &BTreeMap<String, PathBuf>) {
        for (name, path) in volumes {
            self.volumes.look_at(&self.root, installation, name, path);
        }
    }

    /// Refuses a volume that there is not, or that cannot be used now. Blocks.
    ///
    /// # Errors
    /// 422 `unknown_volume`, 503 `volume_unavailable`.
    pub(super) fn require_volume(&self, installation: &str, name: &str) -> Result<()> {
        if name == DATA {
            return Ok(());
        }
        let Some(volume) = self.volumes.all().remove(name) else {
            let message = "must be data, or the name of a volume of the settings";
            return Err(Error::invalid_field("to", "unknown_volume", message));
        };
        match self.volumes.look_at(&self.root, installation, name, &volume.path) {
            Some(fault) => Err(unavailable(name, &fault)),
            None => Ok(()),
        }
    }

    /// The directory in which a tenant is copied that comes to a volume; named after the tenant, whose erasure removes it.
    pub(super) fn unfinished_move(&self, volume: &str, id: TenantId) -> PathBuf {
        self.volume(volume).join("tmp").join(format!("move-{id}"))
    }

    /// A tenant's database.
    pub fn tenant_file(&self, id: TenantId) -> PathBuf {
        self.tenant(id).join("data.db")
    }

    /// The directory of the copies that were made before a tenant was migrated.
    pub fn tenant_snapshots(&self, id: TenantId) -> PathBuf {
        self.tenant(id).join(SNAPSHOTS)
    }

    /// A file that is being made to be put in the place of a tenant's database.
    pub fn tenant_swap(&self, id: TenantId) -> PathBuf {
        self.tenant(id).join("swap.db")
    }

    /// The directory of a tenant's uploads; made with the first of them.
    pub fn tenant_contents(&self, id: TenantId) -> PathBuf {
        self.tenant(id).join("files")
    }

    /// What one upload holds, in 256 directories by the last two digits.
    pub fn content(&self, tenant: TenantId, id: ContentId) -> PathBuf {
        let name = id.to_string();
        let shard = name.get(name.len() - 2..).unwrap_or("00").to_owned();
        self.tenant_contents(tenant).join(shard).join(name)
    }

    /// The directory of a tenant's exports.
    pub fn tenant_exports(&self, id: TenantId) -> PathBuf {
        self.exports().join(id.to_string())
    }

    /// The directory in which an export is being made; named after the tenant, whose erasure removes it.
    pub fn unfinished_export(&self, tenant: TenantId, id: ExportId) -> PathBuf {
        self.tmp().join(format!("export-{tenant}-{id}"))
    }

    /// The directory in which a backup is being made; named after the tenant, whose erasure removes it.
    pub fn unfinished_backup(&self, tenant: TenantId, id: BackupId) -> PathBuf {
        self.tmp().join(format!("backup-{tenant}-{id}"))
    }

    /// The file of an import.
    pub fn import(&self, id: ImportId) -> PathBuf {
        self.imports().join(format!("{id}.zip"))
    }

    /// The directory in which an import is worked off.
    pub fn unfinished_import(&self, id: ImportId) -> PathBuf {
        self.tmp().join(format!("import-{id}"))
    }

    /// One export.
    pub fn export(&self, tenant: TenantId, id: ExportId) -> PathBuf {
        self.tenant_exports(tenant).join(format!("{id}.zip"))
    }
}

/// Makes a directory and its parents, 0700.
///
/// # Errors
/// The disk refuses.
pub(super) fn make_directory(path: &Path) -> Result<()> {
    Ok(DirBuilder::new().recursive(true).mode(0o700).create(path)?)
}

/// Makes sure that a file's or directory's content survives a power cut.
///
/// # Errors
/// The disk refuses.
pub(super) fn sync(path: &Path) -> Result<()> {
    File::open(path).and_then(|file| file.sync_all()).map_err(Error::from)
}
