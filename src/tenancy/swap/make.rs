//! The new file, made of two: the app's tables are those of the older file, our own are those of the file in use. Where that is
//! lost, all of it is of the older file, and it counts on from where nobody has been.

use super::rename::{beside, remove};
use super::{Lost, Swap, Swapped, UPLOADS};
use crate::catalog::Tenant;
use crate::db::{DbError, Graft, Maintenance, Tx};
use crate::error::{Error, Result};
use crate::fault;
use crate::paced::Paced;
use crate::params;
use crate::tenancy::Tenancy;
use crate::tenancy::file::{APPLICATION_ID, check_stamp, is_link, reason};
use crate::tenancy::layout::{make_directory, sync};
use crate::tenancy::migrate::{bring_up, require_room, version_of};
use crate::tenancy::open_files::migrating;
use crate::tenancy::tx::TenantTx;
use crate::tenancy::tx::backups::Marks;
use crate::tenancy::tx::changes::{LaterWrites, begin_anew, begin_anew_at};
use std::fs::File;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// A file in the making.
pub(super) struct Made {
    /// Where our own tables are to be those of the file in use.
    graft: Option<Graft>,
    /// The last change of records that it knows of.
    last_change: i64,
}

impl Tenancy {
    /// Copies the older file, which must be one of this tenant and of a version that we know, and empties it of what is ours.
    pub(super) fn make(&self, tenant: &Tenant, swap: &Swap) -> Result<Made> {
        let older = swap.older.as_path();
        let path = self.layout.tenant_swap(tenant.id);
        if swap.lost.is_some() {
            self.make_place(tenant)?;
        }
        remove(&path)?;
        if is_link(older) || beside(older, "-wal").metadata().is_ok_and(|log| log.len() > 0) {
            return Err(Error::internal(format!("{} is no plain file of its own", older.display())));
        }
        require_room(
            &self.layout.tenant(tenant.id),
            std::fs::metadata(older)?.len(),
            "no_room_for_snapshots",
        )?;
        copy_plain(older, &path)?;
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
        let keep = if swap.uploads { UPLOADS } else { &[] };
        let graft = if swap.lost.is_some() { None } else { Some(Graft::open(&path, keep)?) };
        Ok(Made { graft, last_change })
    }

    /// Makes the directory of a tenant that lost that too.
    fn make_place(&self, tenant: &Tenant) -> Result<()> {
        let place = self.layout.tenant(tenant.id);
        if place.is_dir() {
            return Ok(());
        }
        make_directory(&place)?;
        place.parent().map_or(Ok(()), sync)?;
        sync(&self.layout.tenants())
    }

    /// Makes the new file whole, of what the tenant's own file holds now, which nobody uses.
    pub(super) fn finish(
        &self,
        tenant: &Tenant,
        made: Made,
        swap: &Swap,
        admit: impl FnOnce(&LaterWrites) -> Result<()>,
    ) -> Result<Swapped> {
        let (path, now) = (self.layout.tenant_swap(tenant.id), self.clock.now());
        let (discarded, lost) = match (made.graft, &swap.lost) {
            (Some(graft), None) => (Some(self.graft(tenant, graft, made.last_change, admit)?), None),
            (_, Some(lost)) => {
                bring_up(&path, None, now).map_err(|refusal| unknown_version().because(refusal))?;
                (None, Some(lost))
            }
            (None, None) => return Err(Error::internal("a file was made of nothing")),
        };
        let new = Maintenance::open(&path).map_err(Error::internal)?;
        new.unsynced()?;
        let epoch = tenant.epoch + 1;
        new.write(now, |tx| {
            tx.execute("UPDATE _tenant SET epoch = ?1", params![epoch])?;
            match lost {
                Some(lost) => count_on(tx, lost)?,
                None => begin_anew(tx)?,
            }
            swap.hold_jobs.as_deref().map_or(Ok(()), |why| TenantTx::new(tx).hold_jobs(why))
        })?;
        let version = version_of(&new, &self.app).map_err(Error::internal)?;
        let marks = new.read(|tx| Ok(TenantTx::new(tx).marks()?))?;
        if !new.checkpoint()? {
            return Err(migrating());
        }
        drop(new);
        sync(&path)?;
        sync(&self.layout.tenant(tenant.id))?;
        fault::step();
        Ok(Swapped { version, epoch, discarded, marks })
    }

    /// Takes our own tables of the file in use over; what was written to it since the older one.
    fn graft(
        &self,
        tenant: &Tenant,
        graft: Graft,
        last_change: i64,
        admit: impl FnOnce(&LaterWrites) -> Result<()>,
    ) -> Result<LaterWrites> {
        let live = self.layout.tenant_file(tenant.id);
        if is_link(&live) {
            return Err(Error::internal("the tenant's file is a link"));
        }
        let file = Maintenance::open(&live).map_err(Error::internal)?;
        file.require_kind(APPLICATION_ID).map_err(Error::internal)?;
        file.read(|tx| Ok(check_stamp(tx, tenant.id, tenant.epoch)))?
            .map_err(|refusal| Error::internal(reason(&refusal)))?;
        let discarded = file.read(|tx| TenantTx::new(tx).writes_after(last_change))?;
        admit(&discarded)?;
        // Somebody who copies the file, say: what is in the log would be lost with the name.
        if !file.checkpoint()? {
            return Err(migrating());
        }
        graft.take_from(&live)?;
        Ok(discarded)
    }
}

/// Numbers that were given since and are not known are not given again: it goes on beyond all that there can have been.
fn count_on(tx: &Tx<'_>, lost: &Lost) -> Result<(), DbError> {
    let of = TenantTx::new(tx);
    let here = of.marks()?;
    let known = Marks {
        change_seq: here.change_seq.max(lost.known.change_seq),
        event_seq: here.event_seq.max(lost.known.event_seq),
    };
    let beyond = most_numbers(tx.now().since(lost.taken_at));
    begin_anew_at(tx, known.change_seq.saturating_add(beyond))?;
    of.skip_usage_events(known.event_seq.saturating_add(beyond), &lost.note)?;
    lost.entitlements.as_ref().map_or(Ok(()), |entitled| of.put_entitlements(entitled))
}

/// More numbers than can have been given in so many milliseconds: a thousand in each, and a million for clocks that were wrong.
fn most_numbers(milliseconds: i64) -> i64 {
    milliseconds.max(0).saturating_mul(1_000).saturating_add(1_000_000)
}

/// Copies one plain file that nobody uses.
fn copy_plain(from: &Path, to: &Path) -> Result<()> {
    let file = File::options().write(true).create_new(true).mode(0o600).open(to)?;
    let mut paced = Paced::new(file);
    std::io::copy(&mut File::open(from)?, &mut paced)?;
    Ok(())
}

fn unknown_version() -> Error {
    Error::conflict(
        "unknown_version",
        "That file has migrations which this program or the app does not know, or knows otherwise.",
    )
}
