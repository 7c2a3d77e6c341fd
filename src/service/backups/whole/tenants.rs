//! The tenants of a catalog that was put in place, one after the other and a few at once.

use super::super::adopt::adopt;
use super::super::restore::{Replacing, Restored, replace};
use super::super::round::is_of_all;
use super::{RestoredWhole, Told, WholeIn};
use crate::catalog::{By, Tenant};
use crate::clock::{Timestamp, monotonic};
use crate::error::{Error, Kind, Result};
use crate::id::{BackupId, TenantId};
use crate::service::Installation;
use crate::service::erasure::replay_erasures;
use crate::tenancy::blocking;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Tenants of one read of the catalog.
const PAGE: u32 = 1_000;
/// Between two lines about how far it is.
const TELL: Duration = Duration::from_secs(1);

/// What became of one tenant.
enum One {
    /// An earlier run did it.
    Already,
    /// It is restored; what was wrong with newer backups, if that is not the newest.
    Restored(Box<Restored>, Option<String>),
    /// There is no backup of it.
    WithoutBackup,
}

/// Restores all tenants that have no file yet.
///
/// # Errors
/// As the catalog says; what keeps all of them from it.
pub(super) async fn restore(
    installation: &Arc<Installation>,
    input: &WholeIn,
    (catalog, catalog_taken_at): (BackupId, Timestamp),
    progress: &(dyn Fn(String) + Send + Sync),
) -> Result<RestoredWhole> {
    let erased = replay_erasures(installation).await?;
    adopt(installation, None).await?;
    let mut told = RestoredWhole {
        ok: true,
        catalog,
        catalog_taken_at,
        restored: 0,
        already: 0,
        oldest_taken_at: None,
        erased,
        missing_uploads: 0,
        older: Vec::new(),
        without_backup: Vec::new(),
        failed: Vec::new(),
        unknown: Vec::new(),
        backed_up_anew: !input.same_store,
    };
    let all = list(installation).await?;
    told.unknown = unknown(installation).await?;
    let parallel = input.parallel.unwrap_or(installation.backups.parallel).max(1);
    let (mut running, mut last_told) = (JoinSet::<(String, Result<One>)>::new(), monotonic());
    let (count, mut done) = (all.len(), 0);
    let mut left = all.into_iter();
    loop {
        while running.len() < parallel
            && let Some(tenant) = left.next()
        {
            let (installation, input) = (Arc::clone(installation), *input);
            running.spawn(async move {
                let slug = tenant.slug.clone();
                (slug, one(&installation, &tenant, &input).await)
            });
        }
        let Some(ended) = running.join_next().await else { break };
        let (slug, one) = ended.map_err(Error::internal)?;
        note(&mut told, slug, one)?;
        done += 1;
        if last_told.elapsed() >= TELL || done == count {
            last_told = monotonic();
            progress(format!("{done} of {count} tenants"));
        }
    }
    told.ok = told.failed.is_empty() && told.without_backup.is_empty();
    if !input.same_store && told.failed.is_empty() {
        installation.catalog.write("forget_backups", |tx| tx.forget_backups()).await?;
    }
    Ok(told)
}

fn note(told: &mut RestoredWhole, slug: String, one: Result<One>) -> Result<()> {
    match one {
        Ok(One::Already) => told.already += 1,
        Ok(One::WithoutBackup) => told.without_backup.push(slug),
        Ok(One::Restored(restored, newer)) => {
            told.restored += 1;
            told.missing_uploads += restored.missing_uploads.len() as u64;
            let oldest =
                told.oldest_taken_at.map_or(restored.taken_at, |oldest| oldest.min(restored.taken_at));
            told.oldest_taken_at = Some(oldest);
            told.older.extend(newer.map(|detail| Told { slug, detail }));
        }
        // Nothing can be restored now.
        Err(error) if is_of_all(&error) => return Err(error),
        Err(error) => {
            tracing::error!(slug, error = ?error, "a tenant could not be restored");
            told.failed.push(Told { slug, detail: error.detail().to_owned() });
        }
    }
    Ok(())
}

async fn one(installation: &Arc<Installation>, tenant: &Arc<Tenant>, input: &WholeIn) -> Result<One> {
    let (id, tenancy) = (tenant.id, Arc::clone(&installation.tenancy));
    // Files appear whole.
    if blocking(move || Ok(!tenancy.looks_of_file(id).is_empty())).await? {
        return Ok(One::Already);
    }
    adopt(installation, Some(id)).await?;
    let mut all = installation.catalog.read(move |tx| tx.list_backups(Some(id), None, u32::MAX)).await?;
    all.retain(|backup| input.at.is_none_or(|at| backup.summary.taken_at <= at));
    let (mut newer, mut fault) = (None, None);
    for backup in &all {
        let how = Replacing { keep_as: None, given_up: true, hold_jobs: !input.run_jobs };
        match replace(installation, tenant, backup, how, By::console()).await {
            Ok(restored) => return Ok(One::Restored(Box::new(restored), newer)),
            Err(error) if matches!(error.code(), "backup_broken" | "backup_missing" | "file_unsound") => {
                newer.get_or_insert_with(|| {
                    format!("the backup of {} cannot be used: {}", backup.summary.taken_at, error.detail())
                });
                fault = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    fault.map_or(Ok(One::WithoutBackup), Err)
}

/// All tenants that are to have files.
async fn list(installation: &Installation) -> Result<Vec<Arc<Tenant>>> {
    let (mut all, mut after): (Vec<Arc<Tenant>>, Option<TenantId>) = (Vec::new(), None);
    loop {
        let page = installation.catalog.read(move |tx| tx.list_tenants(after, None, PAGE)).await?;
        after = page.last().map(|last| last.id);
        let is_last = page.len() < PAGE as usize;
        all.extend(page.into_iter().filter(|tenant| tenant.status.is_visible()).map(Arc::new));
        if is_last {
            return Ok(all);
        }
    }
}

/// Tenants that are in the store and not in the catalog.
async fn unknown(installation: &Installation) -> Result<Vec<TenantId>> {
    let mut unknown = Vec::new();
    for name in installation.backups.store.list_directories("tenants").await? {
        let Some(id) = TenantId::parse(&name) else { continue };
        if installation.tenancy.is_erased(id) {
            continue;
        }
        match installation.catalog.tenant(&name).await {
            Ok(_) => {}
            Err(error) if error.kind() == Kind::NotFound => unknown.push(id),
            Err(error) => return Err(error),
        }
    }
    Ok(unknown)
}
