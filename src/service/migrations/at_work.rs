//! The tenants of a run that are worked on, and what became of them: noted some at a time, as each commit of the catalog is a
//! wait for the disk. A tenant of which that was lost is taken up again, and its file found to be
//! current and synced.

use super::super::Installation;
use super::{MigrationRun, TenantVersion, VersionState};
use crate::catalog::{CatalogTx, MigrationStage};
use crate::clock::{Timestamp, monotonic};
use crate::error::Result;
use crate::id::TenantId;
use crate::tenancy::{KEEP_SNAPSHOTS, Migrated, Tenancy};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::{JoinError, JoinSet};

/// What is wrong with the disk and not with one tenant.
const NO_ROOM: &str = "no_room_for_snapshots";
/// The rate of errors counts as if there had been so many tenants at least: one of the first is no rate.
const LEAST: i64 = 20;
/// How often a tenant is tried whose file or the disk is busy, and how long after the first time.
const TRIES: u32 = 3;
const AFTER_A_TRY: Duration = Duration::from_millis(250);
/// How many are noted together at most, and how long it is since the last were noted before one is noted alone. Those that failed
/// are noted at once: they are not served.
const TOGETHER: usize = 32;
const GATHER: Duration = Duration::from_millis(100);

/// A tenant that is not worked on any more.
struct Tried {
    tenant: TenantId,
    /// An error: it could not be migrated now, stays as it is, and is taken up by the next run; others are not held up.
    migrated: Result<Migrated>,
}

impl Tried {
    fn is_good(&self) -> bool {
        matches!(self.migrated, Ok(Migrated::Done { .. }))
    }
}

/// The tenants of a run that are worked on.
pub(super) struct AtWork<'r> {
    installation: &'r Arc<Installation>,
    run: &'r MigrationRun,
    running: JoinSet<Tried>,
    /// Those that are not any more, of which that is not noted.
    tried: Vec<Arc<Tried>>,
    noted: Instant,
    tally: Tally,
}

impl<'r> AtWork<'r> {
    pub(super) fn new(installation: &'r Arc<Installation>, run: &'r MigrationRun) -> AtWork<'r> {
        let (running, tried) = (JoinSet::new(), Vec::new());
        AtWork { installation, run, running, tried, noted: monotonic(), tally: Tally::of(run) }
    }

    pub(super) fn len(&self) -> usize {
        self.running.len()
    }

    pub(super) fn begin(&mut self, tenant: TenantId) {
        let (installation, snapshot_bytes) = (Arc::clone(self.installation), self.run.snapshot_bytes);
        self.running.spawn(async move {
            Tried { tenant, migrated: try_to_migrate(&installation, snapshot_bytes, tenant).await }
        });
    }

    /// How far it is, for people.
    pub(super) fn so_far(&self) -> String {
        format!("{} tenants were tried, {} failed", self.tally.tried, self.tally.failed)
    }

    /// Waits until one is worked on no more. Why the run is not to go on, if so.
    pub(super) async fn one_ended(&mut self) -> Option<String> {
        let ended = loop {
            if self.tried.is_empty() {
                break self.running.join_next().await;
            }
            let left = GATHER.saturating_sub(self.noted.elapsed());
            match tokio::time::timeout(left, self.running.join_next()).await {
                Ok(ended) => break ended,
                Err(_) => {
                    if let Err(error) = self.note().await {
                        return Some(error.detail().to_owned());
                    }
                }
            }
        };
        match self.take(ended?) {
            Some(verdict) => Some(verdict),
            None if self.is_to_be_noted() => self.note().await.err().map(|error| error.detail().to_owned()),
            None => None,
        }
    }

    fn is_to_be_noted(&self) -> bool {
        self.tried.len() >= TOGETHER
            || self.noted.elapsed() >= GATHER
            || self.tried.last().is_some_and(|one| !one.is_good())
    }

    /// Waits until all are done with that were begun, whatever happens, and notes what is not. The first reason why the run is not
    /// to go on.
    pub(super) async fn end_all(&mut self) -> Option<String> {
        let mut first = None;
        while !self.running.is_empty() {
            let verdict = self.one_ended().await;
            first = first.or(verdict);
        }
        let noted = self.note().await.err().map(|error| error.detail().to_owned());
        first.or(noted)
    }

    /// Counts one that has ended.
    fn take(&mut self, ended: Result<Tried, JoinError>) -> Option<String> {
        let tried = match ended {
            Ok(tried) => tried,
            Err(error) => return Some(error.to_string()),
        };
        match &tried.migrated {
            Ok(Migrated::Gone) => return None,
            Ok(Migrated::Done { .. }) => self.tally.good(),
            Ok(Migrated::Failed { error, .. }) => self.tally.bad(error),
            // Nothing can be done for any tenant now.
            Err(error) if error.code() == NO_ROOM => return Some(error.detail().to_owned()),
            Err(error) => {
                tracing::error!(tenant_id = %tried.tenant, error = ?error, "a tenant could not be migrated now");
                self.tally.bad(error.detail());
            }
        }
        self.tried.push(Arc::new(tried));
        self.tally.verdict(self.run)
    }

    async fn note(&mut self) -> Result<()> {
        self.noted = monotonic();
        if self.tried.is_empty() {
            return Ok(());
        }
        let (run, tried) = (self.run.id, self.tried.clone());
        let digest = self.installation.tenancy.migration_target().digest.clone();
        let noted = self.installation.catalog.write("note_migrations", move |tx| {
            tried.iter().try_for_each(|one| {
                note(tx, one, &digest)?;
                tx.count_migration(run, one.is_good())
            })
        });
        noted.await.inspect_err(|error| {
            tracing::error!(migration = %run, error = ?error, "what became of migrated tenants cannot be noted");
        })?;
        self.tried.clear();
        Ok(())
    }
}

fn note(tx: &CatalogTx<'_>, tried: &Tried, digest: &str) -> Result<()> {
    let (of, until) = (tx.of(tried.tenant), tx.now().plus(KEEP_SNAPSHOTS));
    match &tried.migrated {
        Ok(Migrated::Done { epoch, .. } | Migrated::Failed { epoch, .. })
            if is_replaced(tx, tried.tenant, *epoch)? =>
        {
            Ok(())
        }
        Ok(Migrated::Done { version, took_ms, snapshot, .. }) => {
            of.note_migrated(version, *took_ms, kept(snapshot.as_ref(), until))
        }
        Ok(Migrated::Failed { version, error, snapshot, .. }) => {
            of.note_migration_failed(version.as_ref(), digest, error, kept(snapshot.as_ref(), until))
        }
        Ok(Migrated::Gone) | Err(_) => Ok(()),
    }
}

fn kept(snapshot: Option<&String>, until: Timestamp) -> Option<(&str, Timestamp)> {
    snapshot.map(|name| (name.as_str(), until))
}

/// Whether another file was put in the place of the one that was migrated: what is noted of that is newer. One that was
/// moved meanwhile is the same, and awaited as long as its run goes on.
fn is_replaced(tx: &CatalogTx<'_>, tenant: TenantId, epoch: i64) -> Result<bool> {
    let is_awaited = |found: TenantVersion| found.state == VersionState::Migrating;
    if tx.of(tenant).version()?.is_some_and(is_awaited) {
        return Ok(false);
    }
    Ok(tx.find_tenant(&tenant.to_string())?.is_some_and(|found| found.epoch != epoch))
}

/// How many were tried since the run was begun or resumed, and failed.
struct Tally {
    tried: i64,
    failed: i64,
    /// With what the last one failed.
    last: String,
}

impl Tally {
    fn of(run: &MigrationRun) -> Tally {
        let (tried, failed) = (run.migrated + run.failed - run.base, run.failed - run.base_failed);
        Tally { tried, failed, last: String::new() }
    }

    fn good(&mut self) {
        self.tried += 1;
    }

    fn bad(&mut self, error: &str) {
        (self.tried, self.failed, self.last) = (self.tried + 1, self.failed + 1, error.to_owned());
    }

    /// Why not to go on, if so.
    fn verdict(&self, run: &MigrationRun) -> Option<String> {
        if self.failed == 0 {
            return None;
        }
        if run.stage == MigrationStage::Canary {
            return Some(format!("a canary failed: {}", self.last));
        }
        let allowed = run.halt_at * self.tried.max(LEAST);
        (self.failed * 10_000 > allowed).then(|| {
            format!("{} of {} tenants failed, the last with: {}", self.failed, self.tried, self.last)
        })
    }
}

/// What is up to the machine is tried again after a moment.
async fn try_to_migrate(
    installation: &Installation,
    snapshot_bytes: Option<i64>,
    id: TenantId,
) -> Result<Migrated> {
    let mut tries = 1;
    loop {
        let lease = Tenancy::lease_for_migration(id);
        match installation.tenancy.migrate_tenant(lease, snapshot_bytes).await {
            Err(error) if tries < TRIES && error.code() != NO_ROOM && !installation.is_draining() => {
                tracing::warn!(tenant_id = %id, error = ?error, "a tenant is tried again");
                tokio::time::sleep(AFTER_A_TRY * tries).await;
                tries += 1;
            }
            migrated => return migrated,
        }
    }
}
