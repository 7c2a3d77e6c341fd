//! Moving a tenant's files to another volume of this machine.
//!
//! All of it is copied while the tenant is served. Then nobody else has the files for a moment: what was written meanwhile is
//! copied again, and both sides are compared. One transaction of the catalog says that the tenant is on the other volume, with
//! the next epoch: before it the tenant is where it was, after it there, wherever a crash comes. What is left at the first
//! place goes only then.

mod ending;
mod mirror;
mod progress;
mod trees;

pub use progress::MoveProgress;

use super::erase::remove_tree;
use super::fence::Alone;
use super::file::{APPLICATION_ID, check_stamp, is_link, reason};
use super::layout::{make_directory, sync};
use super::migrate::require_room;
use super::open_files::{Gate, migrating};
use super::{Lease, Tenancy, aside, blocking};
use crate::catalog::{MoveStatus, MovedFiles, OfTenant, Tenant};
use crate::clock::monotonic;
use crate::db::Maintenance;
use crate::error::{Error, Result};
use crate::fault;
use crate::id::TenantId;
use crate::params;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use trees::Tree;

/// How long copies that others make of the tenant's file are waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is tried to empty the log while other programs read from the file, and how long between.
const TRIES: u32 = 100;
const BETWEEN_TRIES: Duration = Duration::from_millis(50);

impl Tenancy {
    /// The lease to move a tenant.
    pub(crate) fn lease_for_move(tenant: TenantId) -> Lease {
        Lease::new(tenant)
    }

    /// Refuses a place to which the tenant cannot be moved: no volume or one that is not there, too little room, or a directory
    /// that lies there already.
    ///
    /// # Errors
    /// 422 `unknown_volume`; 409 `same_volume`, `place_taken`; 503 `tenant_migrating`, `volume_unavailable`, `no_room_for_move`.
    pub async fn require_place(
        self: &Arc<Tenancy>,
        installation: &str,
        id: TenantId,
        to: &str,
    ) -> Result<()> {
        let (tenancy, installation, to) = (Arc::clone(self), installation.to_owned(), to.to_owned());
        blocking(move || {
            let layout = &tenancy.layout;
            layout.require_volume(&installation, &to)?;
            let from = layout.volume_of(id);
            layout.require_volume(&installation, &from)?;
            if from == to {
                return Err(Error::conflict("same_volume", format!("The tenant is on the volume {to} already.")));
            }
            if tenancy.files.is_gated(id) {
                return Err(migrating());
            }
            let place = layout.tenant_on(&to, id);
            if place.symlink_metadata().is_ok() {
                return Err(Error::conflict(
                    "place_taken",
                    format!(
                        "{} is there already, though the tenant lives elsewhere. Look what it is, and remove it.",
                        place.display()
                    ),
                ));
            }
            tenancy.require_room_for_move(id, &to)
        })
        .await
    }

    fn require_room_for_move(&self, id: TenantId, to: &str) -> Result<()> {
        let size = |path: PathBuf| std::fs::metadata(path).map_or(0, |file| file.len());
        let source = self.layout.tenant(id);
        let files = Tree::of(&source)?.bytes();
        let whole = size(self.layout.tenant_file(id)) + size(source.join("data.db-wal")) + files;
        let shards = self.layout.tenant_on(to, id);
        let tenants = shards.ancestors().nth(2).unwrap_or(&shards);
        require_room(tenants, whole, "no_room_for_move")
    }

    /// Moves a tenant's files to another volume; that it is going to be moved was noted in the catalog. `note` writes into the
    /// transaction that decides. To be run to its end, whoever waits for it.
    ///
    /// # Errors
    /// What `note` returns; 404 when the tenant is gone; 409 `move_given_up`; 503 while it cannot be had alone,
    /// `no_room_for_move`. Then the tenant is where it was.
    pub async fn move_tenant(
        self: &Arc<Tenancy>,
        lease: Lease,
        to: String,
        progress: Arc<MoveProgress>,
        note: impl FnMut(&OfTenant<'_>, &MovedFiles) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        let id = lease.tenant_id();
        let moved = self.move_noted(&lease, to, progress, note).await;
        let why = moved.as_ref().err().map_or("", Error::detail);
        let finished = self.finish_move(id, why).await;
        moved.and(finished)
    }

    async fn move_noted(
        self: &Arc<Tenancy>,
        lease: &Lease,
        to: String,
        progress: Arc<MoveProgress>,
        mut note: impl FnMut(&OfTenant<'_>, &MovedFiles) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        let id = lease.tenant_id();
        let (tenancy, target, copying) = (Arc::clone(self), to.clone(), Arc::clone(&progress));
        let tree = aside(move || tenancy.copy_while_served(id, &target, &copying)).await?;
        let (alone, gate) = self.have_alone(id).await?;
        let begun = monotonic();
        gate.shut().await?;
        progress.require_wanted()?;
        // Behind the gate: another file may have been put in its place until now.
        let tenant = self.with_file(lease).await?.ok_or_else(Error::not_found)?;
        let epoch = tenant.epoch + 1;
        let (tenancy, target) = (Arc::clone(self), to.clone());
        let moved = blocking(move || tenancy.copy_the_rest(&tenant, &target, tree)).await?;
        let decide = move |tx: &crate::catalog::CatalogTx<'_>| {
            let of = tx.of(id);
            of.decide_move(epoch, &moved)?;
            note(&of, &moved)
        };
        let decided = self.catalog.write("decide_move", decide).await;
        if decided.is_err() && !self.is_moved(id).await? {
            return decided;
        }
        self.layout.put_tenant(id, &to);
        gate.moved(epoch);
        drop(gate);
        drop(alone);
        let fenced = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
        tracing::info!(tenant_id = %id, epoch, volume = to, fenced_ms = fenced, "a tenant is on another volume");
        self.written.note(id, None);
        self.catalog.write("note_fence", move |tx| tx.of(id).note_fence(fenced)).await
    }

    /// Keeps everybody else from the tenant's files. Whoever has a gate before us may wait for what we have alone by then, so
    /// that is let go until the gate ends.
    async fn have_alone(&self, id: TenantId) -> Result<(Alone, Gate<'_>)> {
        loop {
            let fences = Arc::clone(&self.fences);
            let alone = blocking(move || {
                let alone = fences.alone(id, PATIENCE);
                fault::hold("move_alone", id);
                alone
            });
            let alone = alone.await?;
            match self.files.try_gate(id) {
                Ok(gate) => return Ok((alone, gate)),
                Err(mut other) => {
                    drop(alone);
                    let _ = other.changed().await;
                }
            }
        }
    }

    async fn is_moved(&self, id: TenantId) -> Result<bool> {
        let last = self.catalog.read(move |tx| tx.of(id).last_move()).await?;
        Ok(last.is_some_and(|last| last.status == MoveStatus::Moved))
    }

    /// Copies everything while others read and write. Blocks.
    fn copy_while_served(&self, id: TenantId, to: &str, progress: &MoveProgress) -> Result<Tree> {
        let (source, working) = (self.layout.tenant(id), self.layout.unfinished_move(to, id));
        self.fences.unless_down(id, || {
            remove_tree(&working)?;
            self.require_room_for_move(id, to)?;
            let database = self.layout.tenant_file(id);
            if is_link(&database) || source.is_symlink() {
                return Err(Error::conflict(
                    "odd_file",
                    "The tenant's file or directory is a link, and is not copied.",
                ));
            }
            let found = Tree::of(&source)?;
            let size = std::fs::metadata(&database)?.len();
            progress.total.store(found.bytes() + size, Relaxed);
            make_directory(&working)?;
            let file = Maintenance::open(&database).map_err(Error::internal)?;
            file.copy_pages_into(&working.join("data.db"))?;
            progress.copied.store(size, Relaxed);
            fault::hold("move_copying", id);
            Ok(())
        })?;
        let mut copied = Tree::default();
        // A file at a time: an erasure does not wait for all of them.
        for path in Tree::of(&source)?.paths() {
            self.fences.unless_down(id, || {
                progress.require_wanted()?;
                let bytes = copied.copy(&source, &working, &path)?;
                progress.copied.fetch_add(bytes, Relaxed);
                Ok(())
            })?;
        }
        fault::hold("move_copied", id);
        progress.require_wanted()?;
        Ok(copied)
    }

    /// Copies what was written since, compares, stamps, and puts it in its place. Nobody else has the files. Blocks.
    fn copy_the_rest(&self, tenant: &Tenant, to: &str, mut tree: Tree) -> Result<MovedFiles> {
        let (source, working) = (self.layout.tenant(tenant.id), self.layout.unfinished_move(to, tenant.id));
        let (database, copy) = (self.layout.tenant_file(tenant.id), working.join("data.db"));
        if is_link(&database) || !working.is_dir() {
            return Err(Error::internal("the tenant's files are not as they were when the move began"));
        }
        fault::hold("move_fenced", tenant.id);
        come_to_rest(tenant, &database)?;
        let sha256 = mirror::mirror(&database, &copy)?;
        let found = Tree::of(&source)?;
        for path in found.paths() {
            tree.copy(&source, &working, &path)?;
        }
        tree.remove_others(&working, &found)?;
        let moved = MovedFiles {
            files: found.count() + 1,
            bytes: found.bytes() + std::fs::metadata(&copy)?.len(),
            sha256,
        };
        self.stamp(&copy, tenant.epoch + 1)?;
        tree.sync_directories(&working)?;
        fault::step();
        let place = self.layout.tenant_on(to, tenant.id);
        let shard = place.parent().map(Path::to_path_buf).unwrap_or_default();
        if !shard.is_dir() {
            make_directory(&shard)?;
            shard.parent().map_or(Ok(()), sync)?;
        }
        if place.symlink_metadata().is_ok() {
            return Err(Error::internal(format!("{} is there already", place.display())));
        }
        std::fs::rename(&working, &place)?;
        fault::step();
        sync(&shard)?;
        open_stamped(&place.join("data.db"), tenant.id, tenant.epoch + 1)?;
        Ok(moved)
    }

    fn stamp(&self, copy: &Path, epoch: i64) -> Result<()> {
        let file = Maintenance::open(copy).map_err(Error::internal)?;
        file.write(self.clock.now(), |tx| tx.execute("UPDATE _tenant SET epoch = ?1", params![epoch]))?;
        if !file.checkpoint()? {
            return Err(Error::internal("a copy that nobody uses is in use"));
        }
        drop(file);
        sync(copy)
    }
}

/// Empties the log, so that the database is one file, and makes sure that it is the tenant's. Programs beside us, which read
/// for somebody, may stand in the way for a moment.
fn come_to_rest(tenant: &Tenant, database: &Path) -> Result<()> {
    for _ in 0..TRIES {
        let file = open_stamped(database, tenant.id, tenant.epoch)?;
        if file.checkpoint()? {
            return Ok(());
        }
        drop(file);
        std::thread::sleep(BETWEEN_TRIES);
    }
    Err(migrating())
}

/// Opens a file that is to be the tenant's, of that epoch. Blocks.
fn open_stamped(path: &Path, id: TenantId, epoch: i64) -> Result<Maintenance> {
    let file = Maintenance::open(path).map_err(Error::internal)?;
    file.require_kind(APPLICATION_ID).map_err(Error::internal)?;
    file.read(|tx| Ok(check_stamp(tx, id, epoch)))?.map_err(|refusal| Error::internal(reason(&refusal)))?;
    Ok(file)
}
