//! One round: all tenants that were written since, then the ledgers and the catalog, then what has had its time goes.

use super::catalog::{back_up_catalog, store_ledgers};
use super::erase::erase_left;
use super::prune::{prune, sweep_begun};
use super::tenant::back_up;
use super::{BackupRun, BackupRunStatus, Installation};
use crate::catalog::{Actor, BackupTally, By, DueBackup};
use crate::clock::monotonic;
use crate::error::{Error, Result};
use crate::id::{BackupId, BackupRunId, TenantId};
use crate::tenancy::blocking;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;
use tokio::sync::OwnedMutexGuard;
use tokio::task::JoinSet;

/// Tenants that are taken up in one go.
const PAGE: u32 = 256;
/// Tenants whose files are looked at in one go.
const SURVEYED: u32 = 2_000;
/// Between two lines about how far it is, each of which is also noted.
const TELL: Duration = Duration::from_secs(1);

/// Who says how far it is.
pub(super) type Progress<'p> = &'p (dyn Fn(String) + Send + Sync);

/// What a round is to do.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted {
    /// One tenant alone.
    pub(super) tenant: Option<TenantId>,
    /// Also what is as in the backup before.
    pub(super) full: bool,
}

/// A round that was begun.
pub(super) struct Begun {
    /// Its id.
    pub(super) id: BackupRunId,
    wanted: Wanted,
    _turn: OwnedMutexGuard<()>,
}

/// Begins a round.
///
/// # Errors
/// 409 `backup_running` while another is under way.
pub(super) async fn begin(installation: &Installation, wanted: Wanted, by: By) -> Result<Begun> {
    let Ok(turn) = Arc::clone(&installation.backups.turn).try_lock_owned() else {
        return Err(Error::conflict("backup_running", "Backups are under way. Wait for their end."));
    };
    let id = BackupRunId::new(installation.clock.now());
    let begin = installation.catalog.write("begin_backups", move |tx| {
        tx.insert_backup_run(id, &by.actor.to_string(), wanted.tenant.is_none())?;
        if by.actor != Actor::System {
            let target = wanted.tenant.map_or("installation".to_owned(), |tenant| format!("tenant:{tenant}"));
            tx.audit(&by, "backup.started", &target, &json!({ "run": id, "full": wanted.full }))?;
        }
        Ok(())
    });
    begin.await?;
    Ok(Begun { id, wanted, _turn: turn })
}

/// Carries a round out to its end. What cannot be backed up is noted and keeps nothing else from it.
///
/// # Errors
/// As the catalog says.
pub(super) async fn carry_out(
    installation: &Arc<Installation>,
    begun: Begun,
    progress: Progress<'_>,
) -> Result<BackupRun> {
    let mut tally = BackupTally::default();
    let done = all_of(installation, &begun, &mut tally, progress).await;
    let (status, error) = match &done {
        Err(error) => (BackupRunStatus::Failed, Some(error.detail().to_owned())),
        Ok(()) if installation.is_draining() => (BackupRunStatus::CutOff, None),
        Ok(()) if tally.failed > 0 => (BackupRunStatus::Failed, None),
        Ok(()) => (BackupRunStatus::Done, None),
    };
    if let Err(error) = &done {
        tracing::error!(alarm = "backup_failed", error = ?error, "a round of backups failed");
    }
    tracing::info!(
        tenants = tally.tenants,
        stored = tally.stored,
        unchanged = tally.unchanged,
        failed = tally.failed,
        bytes = tally.stored_bytes,
        pruned = tally.pruned,
        "a round of backups is over"
    );
    let id = begun.id;
    let note = installation.catalog.write("end_backups", move |tx| {
        tx.note_backup_run(id, &tally, status, error.as_deref())?;
        tx.find_backup_run(id)?.ok_or_else(Error::not_found)
    });
    note.await
}

async fn all_of(
    installation: &Arc<Installation>,
    begun: &Begun,
    tally: &mut BackupTally,
    progress: Progress<'_>,
) -> Result<()> {
    note_written(installation).await?;
    if let Some(id) = begun.wanted.tenant {
        let writes = installation.catalog.write("note_wanted", move |tx| {
            tx.note_written(&[id])?;
            tx.of(id).writes()
        });
        tally.tenants = 1;
        let one = one(installation, id, writes.await?, begun.wanted.full).await;
        count(tally, one)?;
        store_ledgers(installation).await?;
        return remove_what_goes(installation, tally).await;
    }
    if !installation.backups.is_surveyed.load(SeqCst) || begun.wanted.full {
        survey(installation, begun.wanted.full).await?;
        installation.backups.is_surveyed.store(true, SeqCst);
    }
    tenants(installation, begun, tally, progress).await?;
    store_ledgers(installation).await?;
    tally.stored_bytes += i64::try_from(back_up_catalog(installation).await?).unwrap_or(i64::MAX);
    remove_what_goes(installation, tally).await
}

/// What a crash left, what was erased and what has had its time: after everything is stored, and one kind that cannot be removed
/// does not keep the others.
async fn remove_what_goes(installation: &Installation, tally: &mut BackupTally) -> Result<()> {
    let begun = sweep_begun(installation).await;
    let erased = erase_left(installation).await;
    tally.pruned = prune(installation).await?;
    begun.and(erased)
}

/// What became of one tenant: bytes that were stored, if any were; nothing where it is gone.
type One = Result<Option<Option<u64>>>;

async fn tenants(
    installation: &Arc<Installation>,
    begun: &Begun,
    tally: &mut BackupTally,
    progress: Progress<'_>,
) -> Result<()> {
    tally.tenants = installation.catalog.read(|tx| tx.count_due_backups()).await?;
    let (mut after, mut running, mut told) = (None, JoinSet::<One>::new(), monotonic());
    while !installation.is_draining() {
        let page = installation.catalog.read(move |tx| tx.list_due_backups(after, PAGE)).await?;
        let Some((last, _)) = page.last() else { break };
        after = Some(*last);
        for (id, writes) in page {
            while running.len() >= installation.backups.parallel {
                let ended = running.join_next().await;
                ended.map_or(Ok(()), |ended| {
                    count(tally, ended.unwrap_or_else(|error| Err(Error::internal(error))))
                })?;
            }
            if installation.is_draining() {
                break;
            }
            let (installation, full) = (Arc::clone(installation), begun.wanted.full);
            running.spawn(async move { one(&installation, id, writes, full).await });
            if told.elapsed() >= TELL {
                told = monotonic();
                tell(&begun.id, tally, progress);
            }
        }
        let (id, so_far) = (begun.id, *tally);
        let note = installation
            .catalog
            .write("note_backups", move |tx| tx.note_backup_run(id, &so_far, BackupRunStatus::Running, None));
        note.await?;
    }
    while let Some(ended) = running.join_next().await {
        count(tally, ended.unwrap_or_else(|error| Err(Error::internal(error))))?;
    }
    tell(&begun.id, tally, progress);
    Ok(())
}

fn tell(id: &BackupRunId, tally: &BackupTally, progress: Progress<'_>) {
    let done = tally.stored + tally.unchanged + tally.failed;
    tracing::debug!(run = %id, done, "backing up");
    progress(format!("{done} of {} tenants, {} bytes stored", tally.tenants, tally.stored_bytes));
}

fn count(tally: &mut BackupTally, one: One) -> Result<()> {
    match one {
        Ok(Some(Some(bytes))) => {
            tally.stored += 1;
            tally.stored_bytes += i64::try_from(bytes).unwrap_or(i64::MAX);
        }
        Ok(Some(None)) => tally.unchanged += 1,
        Ok(None) => tally.tenants -= 1,
        // Nothing can be stored for any tenant now.
        Err(error) if is_of_all(&error) => {
            tally.failed += 1;
            return Err(error);
        }
        Err(_) => tally.failed += 1,
    }
    Ok(())
}

/// Whether the store or the disk is what is wrong, and not one tenant.
pub(super) fn is_of_all(error: &Error) -> bool {
    matches!(error.code(), "backup_store_unavailable" | "no_room_for_backups" | "storage_unavailable")
}

/// Backs one tenant up and notes what came of it.
pub(super) async fn one(installation: &Arc<Installation>, id: TenantId, writes: i64, full: bool) -> One {
    let _begun = installation.backups.wait_and_begin(id).await;
    let due = DueBackup { tenant: id, id: BackupId::new(installation.clock.now()), writes };
    let begin = installation.catalog.write("begin_backup", move |tx| tx.begin_backup(due.id, Some(id)));
    begin.await?;
    match back_up(installation, due, full).await {
        Ok(Some((stored, bytes))) => {
            let (retention, is_stored) = (installation.retention(), stored.manifest.is_some());
            let note = installation
                .catalog
                .write("note_backed_up", move |tx| tx.of(id).note_backed_up(&stored, retention));
            note.await?;
            Ok(Some(is_stored.then_some(bytes)))
        }
        Ok(None) => forget(installation, due.id).await,
        // Whatever went wrong: an erasure took the file away, and waits for us to remove what was stored.
        Err(_) if installation.tenancy.is_erased(id) => forget(installation, due.id).await,
        Err(error) => {
            tracing::error!(alarm = "backup_failed", tenant_id = %id, error = ?error, "a tenant could not be backed up");
            let told = error.detail().to_owned();
            // What was stored of it is swept by the next round, as it is after a crash.
            let note = installation
                .catalog
                .write("note_backup_failed", move |tx| tx.of(id).note_backup_failed(&told));
            note.await?;
            Err(error)
        }
    }
}

/// Of a tenant that is gone no backup was begun.
async fn forget(installation: &Installation, backup: BackupId) -> One {
    installation.catalog.write("delete_backup", move |tx| tx.delete_backup(backup)).await?;
    Ok(None)
}

/// Tells the catalog which tenants were written since it was last told.
///
/// # Errors
/// As the catalog says; it is told the next time.
pub async fn note_written(installation: &Installation) -> Result<()> {
    let written = installation.tenancy.take_written();
    if written.is_empty() {
        return Ok(());
    }
    let told = written.clone();
    let note = installation.catalog.write("note_written", move |tx| tx.note_written(&told));
    note.await.inspect_err(|_| installation.tenancy.note_written_again(&written))
}

/// Looks for files that differ from what they looked like before their last backup: those that were written while nobody noted
/// it, as before a crash. With `full` all are noted.
async fn survey(installation: &Arc<Installation>, full: bool) -> Result<()> {
    let mut after: Option<TenantId> = None;
    loop {
        let page = installation.catalog.read(move |tx| tx.list_seen(after, SURVEYED)).await?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = Some(*last);
        let tenancy = Arc::clone(&installation.tenancy);
        let written = blocking(move || {
            let differs = |(id, seen): &(TenantId, String)| full || tenancy.looks_of_file(*id) != *seen;
            Ok(page.iter().filter(|one| differs(one)).map(|(id, _)| *id).collect::<Vec<_>>())
        });
        let written = written.await?;
        if !written.is_empty() {
            installation.catalog.write("note_written", move |tx| tx.note_written(&written)).await?;
        }
    }
}
