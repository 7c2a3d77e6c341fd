//! Working a run off: canaries first, then all others, so many at once, until it is done, halted or given up.

use super::super::Installation;
use super::survey::survey;
use super::{MigrationRun, MigrationStatus, govern};
use crate::catalog::{MigrationStage, OfTenant};
use crate::clock::{Timestamp, monotonic};
use crate::error::{Error, Result};
use crate::id::{MigrationRunId, TenantId};
use crate::tenancy::{KEEP_SNAPSHOTS, Migrated, Tenancy};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;
use tokio::task::JoinSet;

/// Tenants that are taken up in one go.
const PAGE: u32 = 256;
/// What is wrong with the disk and not with one tenant.
const NO_ROOM: &str = "no_room_for_snapshots";
/// The rate of errors counts as if there had been so many tenants at least: one of the first is no rate.
const LEAST: i64 = 20;
/// How often a tenant is tried whose file or the disk is busy, and how long after the first time.
const TRIES: u32 = 3;
const AFTER_A_TRY: Duration = Duration::from_millis(250);
/// Between two lines about how far it is.
const TELL: Duration = Duration::from_secs(1);

type Progress<'p> = &'p (dyn Fn(String) + Send + Sync);

/// How a stage of a run ended.
enum Ended {
    /// All its tenants were taken up.
    Through,
    /// It is not to go on, for this reason.
    Halt(String),
    /// An operator said something, or the server ends.
    Interrupted,
}

/// What became of one tenant.
enum One {
    Good,
    Bad(String),
    Gone,
    /// Nothing can be done for any tenant now.
    Broken(Error),
}

/// Works off the run that is open, if nobody does yet. Looks into files into which nobody has looked.
///
/// # Errors
/// As the catalog says.
pub async fn work_off(installation: &Arc<Installation>, progress: Progress<'_>) -> Result<()> {
    let Ok(_turn) = installation.fleet.turn.try_lock() else { return Ok(()) };
    survey(installation).await?;
    loop {
        let words = installation.fleet.words.load(SeqCst);
        let run = installation.catalog.read(|tx| tx.find_open_migration_run()).await?;
        let Some(run) = run.filter(|run| run.status == MigrationStatus::Running) else { break };
        let ended = if run.target == installation.tenancy.migration_target().digest {
            stage(installation, &run, words, progress).await?
        } else {
            Ended::Halt(
                "the program or the app has other migrations now: cancel this one and begin another"
                    .to_owned(),
            )
        };
        let id = run.id;
        match (ended, run.stage) {
            (Ended::Interrupted, _) if installation.is_draining() => return Ok(()),
            (Ended::Interrupted, _) => {}
            (Ended::Halt(reason), _) => end(installation, id, MigrationStatus::Halted, Some(reason)).await?,
            (Ended::Through, MigrationStage::Canary) => {
                progress("the canaries are good; all others follow".to_owned());
                let open =
                    installation.catalog.write("open_migration", move |tx| tx.open_migration_to_fleet(id));
                open.await?;
            }
            (Ended::Through, MigrationStage::Fleet) => {
                end(installation, id, MigrationStatus::Done, None).await?;
            }
        }
    }
    govern(installation).await
}

async fn end(
    installation: &Installation,
    id: MigrationRunId,
    to: MigrationStatus,
    reason: Option<String>,
) -> Result<()> {
    if let Some(reason) = &reason {
        tracing::error!(migration = %id, reason, "a migration of the fleet was halted");
    } else {
        tracing::info!(migration = %id, "a migration of the fleet is done");
    }
    let changed = installation.catalog.write("end_migration", move |tx| {
        tx.change_migration_status(id, &[MigrationStatus::Running], to, reason.as_deref())
    });
    changed.await.map(drop)
}

/// How many were tried since the run was begun or resumed, and failed.
struct Tally {
    tried: i64,
    failed: i64,
}

impl Tally {
    fn of(run: &MigrationRun) -> Tally {
        Tally { tried: run.migrated + run.failed - run.base, failed: run.failed - run.base_failed }
    }

    /// Why not to go on, if so.
    fn verdict(&self, run: &MigrationRun, last: &str) -> Option<String> {
        if self.failed == 0 {
            return None;
        }
        if run.stage == MigrationStage::Canary {
            return Some(format!("a canary failed: {last}"));
        }
        let allowed = run.halt_at * self.tried.max(LEAST);
        (self.failed * 10_000 > allowed)
            .then(|| format!("{} of {} tenants failed, the last with: {last}", self.failed, self.tried))
    }
}

async fn stage(
    installation: &Arc<Installation>,
    run: &MigrationRun,
    words: u64,
    progress: Progress<'_>,
) -> Result<Ended> {
    let (mut after, mut tally, mut last) = (None, Tally::of(run), String::new());
    let mut running: JoinSet<One> = JoinSet::new();
    let mut told = monotonic();
    let parallel = usize::try_from(run.parallel).unwrap_or(1);
    let is_interrupted = || installation.is_draining() || installation.fleet.words.load(SeqCst) != words;
    let mut ended = loop {
        let (target, canaries) =
            (installation.tenancy.migration_target().clone(), run.stage == MigrationStage::Canary);
        let page = installation.catalog.write("claim_migrations", move |tx| {
            let page = tx.list_tenants_to_migrate(&target, canaries, after, PAGE)?;
            let until = tx.now().plus(KEEP_SNAPSHOTS);
            page.iter().try_for_each(|id| tx.of(*id).note_migrating(until))?;
            Ok(page)
        });
        let page = page.await?;
        let Some(end_of_page) = page.last().copied() else { break Ended::Through };
        after = Some(end_of_page);
        let mut verdict = None;
        for id in page {
            while verdict.is_none() && running.len() >= parallel {
                verdict = one_ended(&mut running, &mut tally, run, &mut last).await;
            }
            if verdict.is_some() || is_interrupted() {
                break;
            }
            running.spawn(migrate_one(Arc::clone(installation), run.id, run.snapshot_bytes, id));
            if told.elapsed() >= TELL {
                told = monotonic();
                progress(format!("{} tenants were tried, {} failed", tally.tried, tally.failed));
            }
        }
        if let Some(verdict) = verdict {
            break verdict;
        }
        if is_interrupted() {
            break Ended::Interrupted;
        }
    };
    // Those that were begun are finished whatever happens.
    while !running.is_empty() {
        let verdict = one_ended(&mut running, &mut tally, run, &mut last).await;
        if let (Some(verdict), Ended::Through) = (verdict, &ended) {
            ended = verdict;
        }
    }
    progress(format!("{} tenants were tried, {} failed", tally.tried, tally.failed));
    Ok(ended)
}

async fn one_ended(
    running: &mut JoinSet<One>,
    tally: &mut Tally,
    run: &MigrationRun,
    last: &mut String,
) -> Option<Ended> {
    match running.join_next().await? {
        Ok(One::Good) => tally.tried += 1,
        Ok(One::Gone) => {}
        Ok(One::Bad(error)) => {
            (tally.tried, tally.failed, *last) = (tally.tried + 1, tally.failed + 1, error);
        }
        Ok(One::Broken(error)) => return Some(Ended::Halt(error.detail().to_owned())),
        Err(error) => return Some(Ended::Halt(error.to_string())),
    }
    tally.verdict(run, last).map(Ended::Halt)
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

async fn migrate_one(
    installation: Arc<Installation>,
    run: MigrationRunId,
    snapshot_bytes: Option<i64>,
    id: TenantId,
) -> One {
    let migrated = match try_to_migrate(&installation, snapshot_bytes, id).await {
        Ok(migrated) => migrated,
        Err(error) if error.code() == NO_ROOM => return One::Broken(error),
        Err(error) => {
            // It stays as it is, and is taken up by the next run; others are not held up.
            tracing::error!(tenant_id = %id, error = ?error, "a tenant could not be migrated now");
            let counted =
                installation.catalog.write("count_migration", move |tx| tx.count_migration(run, false));
            return match counted.await {
                Ok(()) => One::Bad(error.detail().to_owned()),
                Err(error) => One::Broken(error),
            };
        }
    };
    let outcome = match &migrated {
        Migrated::Done { .. } => One::Good,
        Migrated::Failed { error, .. } => One::Bad(error.clone()),
        Migrated::Gone => return One::Gone,
    };
    let digest = installation.tenancy.migration_target().digest.clone();
    let noted = installation.catalog.write("note_migration", move |tx| {
        note(&tx.of(id), &migrated, &digest)?;
        tx.count_migration(run, matches!(migrated, Migrated::Done { .. }))
    });
    match noted.await {
        Ok(()) => outcome,
        Err(error) => One::Broken(error),
    }
}

fn note(of: &OfTenant<'_>, migrated: &Migrated, digest: &str) -> Result<()> {
    let until: Timestamp = of.now().plus(KEEP_SNAPSHOTS);
    match migrated {
        Migrated::Done { version, took_ms, snapshot } => {
            of.note_migrated(version, *took_ms, snapshot.as_deref().map(|name| (name, until)))
        }
        Migrated::Failed { version, error, snapshot } => {
            let snapshot = snapshot.as_deref().map(|name| (name, until));
            of.note_migration_failed(version.as_ref(), digest, error, snapshot)
        }
        Migrated::Gone => Ok(()),
    }
}
