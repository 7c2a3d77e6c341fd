//! Working a run off: canaries first, then all others, so many at once, until it is done, halted or given up.

use super::super::Installation;
use super::at_work::AtWork;
use super::survey::survey;
use super::{MigrationRun, MigrationStatus, govern};
use crate::catalog::MigrationStage;
use crate::clock::monotonic;
use crate::error::Result;
use crate::id::MigrationRunId;
use crate::tenancy::KEEP_SNAPSHOTS;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

/// Tenants that are taken up in one go.
const PAGE: u32 = 256;
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

async fn stage(
    installation: &Arc<Installation>,
    run: &MigrationRun,
    words: u64,
    progress: Progress<'_>,
) -> Result<Ended> {
    let (mut after, mut told) = (None, monotonic());
    let mut at_work = AtWork::new(installation, run);
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
        let page = match page.await {
            Ok(page) => page,
            Err(error) => {
                at_work.end_all().await;
                return Err(error);
            }
        };
        let Some(end_of_page) = page.last().copied() else { break Ended::Through };
        after = Some(end_of_page);
        let mut verdict = None;
        for id in page {
            while verdict.is_none() && at_work.len() >= parallel {
                verdict = at_work.one_ended().await.map(Ended::Halt);
            }
            if verdict.is_some() || is_interrupted() {
                break;
            }
            at_work.begin(id);
            if told.elapsed() >= TELL {
                told = monotonic();
                progress(at_work.so_far());
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
    let verdict = at_work.end_all().await;
    if let (Some(verdict), Ended::Through) = (verdict, &ended) {
        ended = Ended::Halt(verdict);
    }
    progress(at_work.so_far());
    Ok(ended)
}
