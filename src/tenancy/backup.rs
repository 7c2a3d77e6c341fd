//! Copies of tenants' files on their way into the store of backups: consistent, made without stopping writers.

use super::file::{APPLICATION_ID, Refusal, check_stamp, reason};
use super::layout::{make_directory, sync};
use super::migrate::{bring_up, look, version_of};
use super::provision::move_into_place;
use super::tx::backups::{Marks, NamedContent};
use super::tx::changes::begin_anew;
use super::{Content, Lease, Tenancy, TenantTx};
use crate::catalog::{FileVersion, Tenant};
use crate::db::Maintenance;
use crate::error::{Error, Result};
use crate::fault;
use crate::id::{BackupId, ContentId, TenantId};
use crate::model::entitlements::Entitlements;
use crate::paced::Working;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A copy. Removed when it is dropped.
pub struct BackupCopy {
    directory: Working,
    /// What is in it.
    pub facts: BackupFacts,
}

/// What a copy holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupFacts {
    /// The epoch that is stamped into it.
    pub epoch: i64,
    /// The version of its tables.
    pub version: FileVersion,
    /// The last of what is numbered in it.
    pub marks: Marks,
    /// Rows by table.
    pub tables: BTreeMap<String, u64>,
    /// The contents of uploads that it names.
    pub contents: Vec<NamedContent>,
    /// Bytes of those.
    pub content_bytes: u64,
}

/// What a tenant is that is made of the file of another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// What that one was: with its jobs and schedules, which wait.
    Restored,
    /// A clone for staging, with neither.
    Clone,
}

impl BackupCopy {
    /// The database, one plain file.
    pub fn path(&self) -> PathBuf {
        self.directory.join("data.db")
    }
}

impl Tenancy {
    /// The lease to put a backup in the place of a tenant's file.
    pub(crate) fn lease_for_backup(tenant: TenantId) -> Lease {
        Lease::new(tenant)
    }

    /// Whether the tenant was erased, or is being erased: whatever the catalog says, which may have been restored.
    pub fn is_erased(&self, tenant: TenantId) -> bool {
        self.fences.is_down(tenant)
    }

    /// Takes the tenants whose files were written since the last time.
    pub fn take_written(&self) -> Vec<TenantId> {
        self.written.take()
    }

    /// Notes again that files were written, where that could not be told to the catalog.
    pub fn note_written_again(&self, tenants: &[TenantId]) {
        tenants.iter().for_each(|id| self.written.note(*id, None));
    }

    /// Sizes and times of a tenant's file and its log, without a look into them: another text where they were written. Empty
    /// where there is none. Blocks.
    pub(crate) fn looks_of_file(&self, tenant: TenantId) -> String {
        let path = self.layout.tenant_file(tenant);
        let mut looks = String::new();
        for path in [path.clone(), path.with_extension("db-wal")] {
            if let Ok(found) = std::fs::metadata(&path)
                && found.len() > 0
            {
                let _ = write!(looks, "{}.{}.{} ", found.len(), found.mtime(), found.mtime_nsec());
            }
        }
        looks
    }

    /// Copies a tenant's file. Its writers go on; an erasure waits until the copy is made. Blocks.
    ///
    /// # Errors
    /// 404 while the tenant is being erased; 503 `no_room_for_backups`; what is wrong with the file, in words for the operator.
    pub(crate) fn copy_for_backup(self: &Arc<Tenancy>, tenant: &Tenant, id: BackupId) -> Result<BackupCopy> {
        self.fences.unless_down(tenant.id, || {
            let source = self.layout.tenant_file(tenant.id);
            let size = std::fs::metadata(&source)?.len();
            self.layout.require_room_for_backup(size)?;
            let directory = Working::new(self.layout.unfinished_backup(tenant.id, id));
            make_directory(directory.as_ref())?;
            let mut copy = BackupCopy { directory, facts: BackupFacts::default() };
            let target = copy.path();
            fault::hold("copy", tenant.id);
            Maintenance::open(&source).map_err(Error::internal)?.copy_with_pauses(&target)?;
            copy.facts = self.facts_of(&target, tenant.id, Some(tenant.epoch))?;
            Ok(copy)
        })
    }

    /// The version of a tenant's file, which is to be replaced; nothing where there is none that can be read. Blocks.
    ///
    /// # Errors
    /// 404 while the tenant is being erased; 409 `unknown_version`; the machine refuses, and may not another time.
    pub(crate) fn version_to_replace(&self, tenant: &Tenant) -> Result<Option<FileVersion>> {
        let path = self.layout.tenant_file(tenant.id);
        match self.fences.unless_down(tenant.id, || Ok(look(&path, tenant, &self.app)))? {
            Ok(version) => Ok(Some(version)),
            Err(refusal) if refusal.is_passing() => Err(Error::internal(reason(&refusal))),
            Err(Refusal::Track(fault)) => Err(Error::conflict(
                "unknown_version",
                format!(
                    "The tenant's file is of another version: {fault}. Run the program and app that wrote it."
                ),
            )),
            Err(refusal) => {
                tracing::error!(tenant_id = %tenant.id, reason = reason(&refusal), "a file that is to be replaced cannot be read");
                Ok(None)
            }
        }
    }

    /// What is wrong in a tenant's file, found by a look through all of it; nothing where it is sound. Blocks.
    ///
    /// # Errors
    /// 404 while the tenant is being erased.
    pub(crate) fn fault_of_file(&self, tenant: TenantId) -> Result<Option<String>> {
        let path = self.layout.tenant_file(tenant);
        self.fences.unless_down(tenant, || {
            let looked = Maintenance::open(&path).map(|file| file.fault());
            Ok(match looked {
                Ok(Ok(fault)) => fault,
                Ok(Err(error)) => Some(error.to_string()),
                Err(error) => Some(error.to_string()),
            })
        })
    }

    /// Looks into a copy: whether it is whole and whose it is, and what it holds; with an epoch, whether it has that. Blocks.
    ///
    /// # Errors
    /// What is wrong with it, in words for the operator.
    pub(crate) fn facts_of(&self, path: &Path, tenant: TenantId, epoch: Option<i64>) -> Result<BackupFacts> {
        let file = Maintenance::open(path).map_err(|error| unsound(&Refusal::Open(error)))?;
        file.require_kind(APPLICATION_ID).map_err(|error| unsound(&Refusal::Open(error)))?;
        let stamped = file.read(|tx| Ok(tx.count("SELECT coalesce(max(epoch), 0) FROM _tenant", &[])?))?;
        let expected = epoch.unwrap_or(stamped);
        file.read(|tx| Ok(check_stamp(tx, tenant, expected)))?.map_err(|refusal| unsound(&refusal))?;
        let version = version_of(&file, &self.app).map_err(|refusal| unknown_version(&refusal))?;
        let tables = file.rows_by_table().map_err(Error::internal)?;
        file.read(|tx| {
            let tx = TenantTx::new(tx);
            Ok(BackupFacts {
                epoch: stamped,
                version,
                marks: tx.marks()?,
                tables,
                content_bytes: tx.files_total()?.bytes,
                contents: tx.named_contents()?,
            })
        })
    }

    /// Whether content of a tenant is on the disk. Blocks.
    pub(crate) fn has_content(&self, tenant: TenantId, id: ContentId) -> bool {
        self.layout.content(tenant, id).exists()
    }

    /// Takes a file, which is on the disk to stay, over as content of a tenant. Blocks.
    ///
    /// # Errors
    /// 404 while the tenant is being erased; the disk refuses.
    pub(crate) fn take_over_content(&self, tenant: TenantId, id: ContentId, file: &Path) -> Result<()> {
        self.contents.take_over(tenant, id, file)
    }

    /// Makes the file of a new tenant of a copy of another one's, which nobody uses and which is gone afterwards: brought up to
    /// date, stamped anew, with nothing in it that would be done or billed twice. Blocks.
    ///
    /// # Errors
    /// What is wrong with the copy, in words for the operator; the disk refuses.
    pub(crate) fn provision_from(
        &self,
        copy: &Path,
        new: TenantId,
        entitlements: Option<&Entitlements>,
        reason_to_hold: &str,
        beside: Beside,
    ) -> Result<FileVersion> {
        let now = self.clock.now();
        bring_up(copy, Some(&self.app), now).map_err(|refusal| unknown_version(&refusal))?;
        let file = Maintenance::open(copy).map_err(Error::internal)?;
        file.require_kind(APPLICATION_ID).map_err(Error::internal)?;
        file.write(now, |tx| {
            begin_anew(tx)?;
            let tx = TenantTx::new(tx);
            tx.begin_beside(new)?;
            if beside == Beside::Clone {
                tx.forget_work()?;
            }
            tx.hold_jobs(reason_to_hold)?;
            entitlements.map_or(Ok(()), |entitled| tx.put_entitlements(entitled))
        })?;
        let version = version_of(&file, &self.app).map_err(|refusal| Error::internal(reason(&refusal)))?;
        if !file.checkpoint()? {
            return Err(Error::internal("a copy that nobody uses is in use"));
        }
        drop(file);
        let working = self.layout.tmp().join(new.to_string());
        make_directory(&working)?;
        sync(copy)?;
        std::fs::rename(copy, working.join("data.db"))?;
        move_into_place(&self.layout, &working, new)?;
        self.written.note(new, None);
        Ok(version)
    }

    /// Opens content of a tenant that is being backed up; nothing if it is gone. Blocks.
    ///
    /// # Errors
    /// 404 while the tenant is being erased; the disk refuses.
    pub(crate) fn content_for_backup(&self, tenant: TenantId, id: ContentId) -> Result<Option<Content>> {
        self.contents.open(tenant, id)
    }
}

impl Default for BackupFacts {
    fn default() -> BackupFacts {
        BackupFacts {
            epoch: 0,
            version: FileVersion { system: 0, app: 0, fingerprint: String::new() },
            marks: Marks::default(),
            tables: BTreeMap::new(),
            contents: Vec::new(),
            content_bytes: 0,
        }
    }
}

fn unsound(refusal: &Refusal) -> Error {
    Error::conflict("file_unsound", format!("That file cannot be used: {}.", reason(refusal)))
}

fn unknown_version(refusal: &Refusal) -> Error {
    Error::conflict(
        "unknown_version",
        format!("That file is of a version that this program and app do not bring up: {}.", reason(refusal)),
    )
}
