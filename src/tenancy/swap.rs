//! Putting an older file in the place of a tenant's, as a rollback or a restore does, without going back in time with what
//! must not: the ledger of usage, keys of requests, jobs, invoices and all else that is ours (DESIGN 13).
//!
//! The new file is made of two: the app's tables are those of the older file, our own are those of the file in use. It is
//! stamped with the next epoch and waits under another name. One transaction of the catalog raises the tenant's epoch: before
//! it the tenant has the file of before, after it the new one, wherever a crash comes. Only then are the files renamed, or at
//! the next start.

use super::file::{APPLICATION_ID, check_stamp, is_link, reason};
use super::layout::{make_directory, sync};
use super::migrate::{require_room, version_of};
use super::open_files::{Gate, migrating};
use super::tx::TenantTx;
use super::tx::changes::{LaterWrites, begin_anew};
use super::{Lease, Tenancy, blocking};
use crate::catalog::{FileVersion, OfTenant, Tenant, TenantSwap};
use crate::db::{Graft, Maintenance};
use crate::error::{Error, Result};
use crate::fault;
use crate::id::TenantId;
use crate::params;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is to be put in place, and how.
#[derive(Clone, Debug)]
pub struct Swap {
    /// An earlier file of the same tenant, which nobody uses: one plain file. It is copied.
    pub older: PathBuf,
    /// Name among the copies under which the file of before is kept; else it is removed.
    pub keep_as: Option<String>,
    /// Why jobs are held from then on, if they are.
    pub hold_jobs: Option<String>,
    /// Whether the tenant stays at the version that the file has, until it is released.
    pub hold_version: bool,
    /// Whether the tenant has the uploads of the older file from then on; else it keeps those that it has.
    pub uploads: bool,
}

/// What is in place now.
#[derive(Clone, Debug)]
pub struct Swapped {
    /// The version of the file.
    pub version: FileVersion,
    /// The tenant's epoch.
    pub epoch: i64,
    /// What was written since the older file and is gone.
    pub discarded: LaterWrites,
}

/// The tables that say which uploads there are.
const UPLOADS: &[&str] = &["_files", "_files_total"];

/// A file in the making.
struct Made {
    graft: Graft,
    /// The last change of records that it knows of.
    last_change: i64,
}

impl Tenancy {
    /// Puts an older file with the newest of our own tables in the place of the tenant's. Nobody uses the tenant meanwhile,
    /// which is as long as copying our own tables takes. `admit` hears what would be gone and may refuse; `note` writes into
    /// the transaction that decides. Goes on to its end even if nobody waits for it.
    ///
    /// # Errors
    /// What `admit` and `note` return; 409 `swap_open`; 503 `no_room_for_snapshots`; 404 when the tenant is gone; 503 while it cannot be had alone. Then
    /// the tenant has the file of before.
    pub async fn swap_in(
        self: &Arc<Tenancy>,
        lease: Lease,
        swap: Swap,
        admit: impl FnOnce(&LaterWrites) -> Result<()> + Send + 'static,
        note: impl FnMut(&OfTenant<'_>, &Swapped) -> Result<()> + Send + 'static,
    ) -> Result<Swapped> {
        let tenancy = Arc::clone(self);
        let swapping = async move {
            let id = lease.tenant_id();
            let tenant = tenancy.with_file(&lease).await?.ok_or_else(Error::not_found)?;
            let (epoch, keep_as) = (tenant.epoch + 1, swap.keep_as.clone());
            tenancy
                .catalog
                .write("begin_swap", move |tx| tx.of(id).begin_swap(epoch, keep_as.as_deref()))
                .await?;
            let swapped = tenancy.swap_noted(&tenant, swap, admit, note).await;
            if swapped.is_err() {
                tenancy.give_up_swap(id).await;
            }
            swapped
        };
        tokio::spawn(swapping).await.unwrap_or_else(|error| Err(Error::internal(error)))
    }

    async fn swap_noted(
        self: &Arc<Tenancy>,
        tenant: &Arc<Tenant>,
        swap: Swap,
        admit: impl FnOnce(&LaterWrites) -> Result<()> + Send + 'static,
        mut note: impl FnMut(&OfTenant<'_>, &Swapped) -> Result<()> + Send + 'static,
    ) -> Result<Swapped> {
        let (id, epoch, hold_version) = (tenant.id, tenant.epoch + 1, swap.hold_version);
        let (of, older) = (Arc::clone(tenant), swap.older.clone());
        let keep = if swap.uploads { UPLOADS } else { &[] };
        let made = self.with_files(id, move |tenancy| tenancy.make(&of, &older, keep)).await?;
        let gate = self.files.gate(id).await;
        gate.shut().await?;
        let of = Arc::clone(tenant);
        let finish = move |tenancy: &Tenancy| tenancy.finish(&of, made, swap.hold_jobs.as_deref(), admit);
        let swapped = self.with_files(id, finish).await?;
        let decided = swapped.clone();
        let decide = move |tx: &crate::catalog::CatalogTx<'_>| {
            let of = tx.of(id);
            of.decide_swap(epoch)?;
            of.note_swapped(&decided.version, hold_version)?;
            note(&of, &decided)
        };
        self.catalog.write("decide_swap", decide).await?;
        self.put_in_place(&gate, epoch, hold_version, &swapped).await?;
        Ok(swapped)
    }

    /// After the decision: what goes wrong here is finished at the next start.
    async fn put_in_place(
        self: &Arc<Tenancy>,
        gate: &Gate<'_>,
        epoch: i64,
        hold_version: bool,
        swapped: &Swapped,
    ) -> Result<()> {
        let id = gate.tenant();
        gate.raise_epoch(epoch);
        let swaps = self.catalog.read(|tx| tx.list_swaps()).await?;
        let Some(swap) = swaps.into_iter().find(|swap| swap.tenant == id) else { return Ok(()) };
        let last = self.with_files(id, move |tenancy| {
            tenancy.rename(&swap)?;
            let file = Maintenance::open(&tenancy.layout.tenant_file(id)).map_err(Error::internal)?;
            file.read(|tx| TenantTx::new(tx).last_change_seq())
        });
        let last = last.await?;
        self.catalog.write("end_swap", move |tx| tx.of(id).end_swap()).await?;
        if hold_version {
            self.standings.hold(id);
        } else {
            self.standings.clear(id);
        }
        tracing::info!(tenant_id = %id, epoch, app = swapped.version.app, "another file is in the tenant's place");
        self.written.note(id, None);
        self.feeds.announce(id, last);
        Ok(())
    }

    /// Runs what blocks on the tenant's files, unless it is being erased.
    async fn with_files<T: Send + 'static>(
        self: &Arc<Tenancy>,
        id: TenantId,
        act: impl FnOnce(&Tenancy) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let tenancy = Arc::clone(self);
        blocking(move || tenancy.fences.unless_down(id, || act(&tenancy))).await
    }

    /// Copies the older file, which must be one of this tenant and of a version that we know, and empties it of what is ours.
    fn make(&self, tenant: &Tenant, older: &Path, keep: &[&str]) -> Result<Made> {
        let path = self.layout.tenant_swap(tenant.id);
        remove(&path)?;
        if is_link(older) || beside(older, "-wal").metadata().is_ok_and(|log| log.len() > 0) {
            return Err(Error::internal(format!("{} is no plain file of its own", older.display())));
        }
        require_room(
            &self.layout.tenant(tenant.id),
            std::fs::metadata(older)?.len(),
            "no_room_for_snapshots",
        )?;
        std::fs::copy(older, &path)?;
        let file = Maintenance::open(&path).map_err(Error::internal)?;
        file.require_kind(APPLICATION_ID).map_err(Error::internal)?;
        let stamp = file.read(|tx| {
            Ok(tx.query_row("SELECT id, epoch FROM _tenant", &[], |row| {
                Ok((row.get::<String>(0)?, row.get::<i64>(1)?))
            })?)
        })?;
        if !stamp.is_some_and(|(id, epoch)| id == tenant.id.to_string() && epoch <= tenant.epoch) {
            return Err(Error::internal(format!("{} is no earlier file of this tenant", older.display())));
        }
        version_of(&file, &self.app).map_err(|refusal| unknown_version().because(refusal))?;
        let last_change = file.read(|tx| TenantTx::new(tx).last_change_seq())?;
        drop(file);
        Ok(Made { graft: Graft::open(&path, keep)?, last_change })
    }

    /// Makes the new file whole, of what the tenant's own file holds now, which nobody uses.
    fn finish(
        &self,
        tenant: &Tenant,
        made: Made,
        hold_jobs: Option<&str>,
        admit: impl FnOnce(&LaterWrites) -> Result<()>,
    ) -> Result<Swapped> {
        let (live, path) = (self.layout.tenant_file(tenant.id), self.layout.tenant_swap(tenant.id));
        if is_link(&live) {
            return Err(Error::internal("the tenant's file is a link"));
        }
        let file = Maintenance::open(&live).map_err(Error::internal)?;
        file.require_kind(APPLICATION_ID).map_err(Error::internal)?;
        file.read(|tx| Ok(check_stamp(tx, tenant.id, tenant.epoch)))?
            .map_err(|refusal| Error::internal(reason(&refusal)))?;
        let discarded = file.read(|tx| TenantTx::new(tx).writes_after(made.last_change))?;
        admit(&discarded)?;
        // Somebody who copies the file, say: what is in the log would be lost with the name.
        if !file.checkpoint()? {
            return Err(migrating());
        }
        made.graft.take_from(&live)?;
        drop(file);
        let new = Maintenance::open(&path).map_err(Error::internal)?;
        new.unsynced()?;
        let (epoch, now) = (tenant.epoch + 1, self.clock.now());
        new.write(now, |tx| {
            tx.execute("UPDATE _tenant SET epoch = ?1", params![epoch])?;
            begin_anew(tx)?;
            hold_jobs.map_or(Ok(()), |why| TenantTx::new(tx).hold_jobs(why))
        })?;
        let version = version_of(&new, &self.app).map_err(Error::internal)?;
        if !new.checkpoint()? {
            return Err(migrating());
        }
        drop(new);
        sync(&path)?;
        sync(&self.layout.tenant(tenant.id))?;
        fault::step();
        Ok(Swapped { version, epoch, discarded })
    }

    /// Puts the new file where the tenant's is, the one of before among the copies or away. Can be done again after a crash.
    /// Nobody uses either.
    fn rename(&self, swap: &TenantSwap) -> Result<()> {
        let (live, new) = (self.layout.tenant_file(swap.tenant), self.layout.tenant_swap(swap.tenant));
        if new.exists() {
            if live.exists() {
                self.put_away(swap, &live)?;
            }
            // What is left of the log of before would be taken for that of the new file.
            for suffix in ["-wal", "-shm"] {
                remove_file(&beside(&live, suffix))?;
            }
            fault::step();
            std::fs::rename(&new, &live)?;
            fault::step();
        }
        sync(&self.layout.tenant(swap.tenant))
    }

    fn put_away(&self, swap: &TenantSwap, live: &Path) -> Result<()> {
        let Some(name) = &swap.keep_as else { return remove_file(live) };
        if beside(live, "-wal").metadata().is_ok_and(|log| log.len() > 0) {
            Maintenance::open(live).map_err(Error::internal)?.checkpoint()?;
        }
        let copies = self.layout.tenant_snapshots(swap.tenant);
        make_directory(&copies)?;
        fault::step();
        std::fs::rename(live, copies.join(name))?;
        sync(&copies)
    }

    /// Forgets a swap that was not decided. What is, is left to the next start.
    async fn give_up_swap(self: &Arc<Tenancy>, id: TenantId) {
        let given_up = async {
            if self.catalog.read(move |tx| tx.of(id).is_swap_decided()).await? {
                return Err(Error::internal("the file of before is not the tenant's any more: start again"));
            }
            self.with_files(id, move |tenancy| remove(&tenancy.layout.tenant_swap(id))).await?;
            self.catalog.write("end_swap", move |tx| tx.of(id).end_swap()).await
        };
        if let Err(error) = given_up.await {
            tracing::error!(tenant_id = %id, error = ?error, "putting a file in place broke off and is ended at the next start");
        }
    }

    /// Ends what an earlier run left: decided swaps are finished, others given up. Before anybody opens a tenant's file. One that
    /// cannot be ended keeps nobody else from it: its tenant's file is not of the epoch that is served.
    ///
    /// # Errors
    /// As the catalog says.
    pub async fn finish_swaps(self: &Arc<Tenancy>) -> Result<()> {
        for swap in self.catalog.read(|tx| tx.list_swaps()).await? {
            let id = swap.tenant;
            if let Err(error) = self.finish_swap(swap).await {
                tracing::error!(tenant_id = %id, error = ?error, "putting a file in place could not be ended and is tried at the next start");
            }
        }
        Ok(())
    }

    async fn finish_swap(self: &Arc<Tenancy>, swap: TenantSwap) -> Result<()> {
        let id = swap.tenant;
        // Of what was erased there is nothing to put anywhere, whatever an older catalog says.
        if !self.fences.is_down(id) && self.layout.tenant(id).exists() {
            self.with_files(id, move |tenancy| {
                if swap.decided { tenancy.rename(&swap) } else { remove(&tenancy.layout.tenant_swap(id)) }
            })
            .await?;
        }
        self.catalog.write("end_swap", move |tx| tx.of(id).end_swap()).await
    }
}

fn unknown_version() -> Error {
    Error::conflict(
        "unknown_version",
        "That file has migrations which this program or the app does not know, or knows otherwise.",
    )
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

fn remove_file(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Removes a database that nobody has open.
fn remove(path: &Path) -> Result<()> {
    ["-wal", "-shm", "-journal", ""].into_iter().try_for_each(|suffix| remove_file(&beside(path, suffix)))
}
