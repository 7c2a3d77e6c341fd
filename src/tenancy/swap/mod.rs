//! Putting an older file in the place of a tenant's, as a rollback or a restore does, without going back in time with what
//! must not: the ledger of usage, keys of requests, jobs, invoices and all else that is ours (DESIGN 13).
//!
//! The new file is made of two: the app's tables are those of the older file, our own are those of the file in use. It is
//! stamped with the next epoch and waits under another name. One transaction of the catalog raises the tenant's epoch: before
//! it the tenant has the file of before, after it the new one, wherever a crash comes. Only then are the files renamed, or at
//! the next start.

mod make;
mod rename;

use super::open_files::Gate;
use super::tx::TenantTx;
use super::tx::backups::Marks;
use super::tx::changes::LaterWrites;
use super::{Lease, Tenancy, blocking};
use crate::catalog::{FileVersion, OfTenant, Tenant, TenantSwap};
use crate::clock::Timestamp;
use crate::db::Maintenance;
use crate::error::{Error, Result};
use crate::id::TenantId;
use crate::model::entitlements::Entitlements;
use rename::remove;
use std::path::PathBuf;
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
    /// What is known of the tenant's file otherwise, where that is gone or damaged: then all is of the older file.
    pub lost: Option<Lost>,
}

/// What is known of a file that is gone or damaged.
#[derive(Clone, Debug)]
pub struct Lost {
    /// Numbers that it is known to have given.
    pub known: Marks,
    /// When the older file was made.
    pub taken_at: Timestamp,
    /// What the tenant may use.
    pub entitlements: Option<Entitlements>,
    /// What is told of it among the usage events: a JSON object.
    pub note: String,
}

/// What is in place now.
#[derive(Clone, Debug)]
pub struct Swapped {
    /// The version of the file.
    pub version: FileVersion,
    /// The tenant's epoch.
    pub epoch: i64,
    /// What was written since the older file and is gone; nobody knows where the file of before could not be read.
    pub discarded: Option<LaterWrites>,
    /// The last of what is numbered in it.
    pub marks: Marks,
}

/// The tables that say which uploads there are.
const UPLOADS: &[&str] = &["_files", "_files_total"];

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
        let (of, making) = (Arc::clone(tenant), swap.clone());
        let made = self.with_files(id, move |tenancy| tenancy.make(&of, &making)).await?;
        let gate = self.files.gate(id).await;
        gate.shut().await?;
        let of = Arc::clone(tenant);
        let finish = move |tenancy: &Tenancy| tenancy.finish(&of, made, &swap, admit);
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
