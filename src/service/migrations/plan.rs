//! What a run would do, how it went, and whose schema is another than it should be.

use super::super::Installation;
use super::asked::{pending_by_size, spread};
use super::survey::{look_at, survey};
use super::{MigrationRun, TenantVersion, VersionState};
use crate::catalog::VersionCount;
use crate::error::Result;
use crate::id::TenantId;
use crate::tenancy::{Rehearsed, Tenancy};
use std::sync::Arc;

/// Tenants that a status names of each kind; the API pages through all.
const NAMED: u32 = 100;
/// Tenants of one read.
const PAGE: u32 = 1_000;

/// What a run would do.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Plan {
    /// Migrations of ours that files have afterwards.
    pub system: i64,
    /// Migrations of the app that files have afterwards.
    pub app: i64,
    /// The app's migrations that some tenant has not got.
    pub migrations: Vec<String>,
    /// Tenants that have a file.
    pub tenants: i64,
    /// Those that are up to date.
    pub current: i64,
    /// Those that a run would migrate.
    pub pending: i64,
    /// Those on which a migration failed: they are not served.
    pub failed: i64,
    /// Those that were rolled back and stay where they are.
    pub held: i64,
    /// How many have which version.
    pub versions: Vec<VersionCount>,
    /// The run that has not ended.
    pub run: Option<MigrationRun>,
}

/// How the fleet is.
#[derive(Clone, Debug, serde::Serialize)]
pub struct StatusOfVersions {
    /// What is to be done.
    #[serde(flatten)]
    pub plan: Plan,
    /// The first of those that failed, with what went wrong.
    pub failures: Vec<TenantVersion>,
    /// The first of those whose schema is another than their migrations make.
    pub drift: Vec<TenantVersion>,
}

/// What a run would do. Where nobody has looked into a file, this does.
///
/// # Errors
/// As the catalog says.
pub async fn plan(installation: &Installation) -> Result<Plan> {
    let mut plan = counted(installation).await?;
    if plan.versions.iter().any(|count| count.system == 0) {
        survey(installation).await?;
        plan = counted(installation).await?;
    }
    Ok(plan)
}

async fn counted(installation: &Installation) -> Result<Plan> {
    let target = installation.tenancy.migration_target().clone();
    let asked = target.clone();
    let (versions, run, retried) = installation
        .catalog
        .read(move |tx| {
            let versions = tx.count_versions()?;
            // Nothing failed, as nearly always: then counting was all.
            let has_failed = versions.iter().any(|count| count.state == VersionState::Failed);
            let retried = if has_failed { tx.count_failures_to_retry(&asked)? } else { 0 };
            Ok((versions, tx.find_open_migration_run()?, retried))
        })
        .await?;
    let is_current =
        |count: &&VersionCount| (count.system, count.app) == (target.version.system, target.version.app);
    let sum = |wanted: &dyn Fn(&&VersionCount) -> bool| -> i64 {
        versions.iter().filter(wanted).map(|count| count.tenants).sum()
    };
    let settled = |count: &&VersionCount| matches!(count.state, VersionState::Failed | VersionState::Held);
    let failed = sum(&|count| count.state == VersionState::Failed);
    let behind = versions.iter().filter(|count| !is_current(count) && count.state != VersionState::Held);
    let first = behind.map(|count| count.app).min().unwrap_or(target.version.app);
    let missing = usize::try_from(first).unwrap_or(0);
    Ok(Plan {
        system: target.version.system,
        app: target.version.app,
        migrations: installation.tenancy.migration_names().skip(missing).map(str::to_owned).collect(),
        tenants: sum(&|_| true),
        current: sum(&|count| is_current(count) && !settled(count)),
        pending: sum(&|count| !is_current(count) && !settled(count)) + retried,
        failed,
        held: sum(&|count| count.state == VersionState::Held),
        versions,
        run,
    })
}

/// How the fleet is; with `look` all files are looked at anew for drift, which takes a moment for each.
///
/// # Errors
/// As the catalog says.
pub async fn status(installation: &Arc<Installation>, look: bool) -> Result<StatusOfVersions> {
    if look {
        look_at_all(installation).await?;
    }
    let plan = plan(installation).await?;
    let fingerprints = installation.tenancy.fingerprints_of_versions().await?;
    let (failures, drift) = installation
        .catalog
        .read(move |tx| {
            let failures = tx.list_versions(VersionState::Failed, None, NAMED)?;
            Ok((failures, tx.list_drift(&fingerprints, NAMED)?))
        })
        .await?;
    Ok(StatusOfVersions { plan, failures, drift })
}

async fn look_at_all(installation: &Arc<Installation>) -> Result<()> {
    let mut after: Option<TenantId> = None;
    loop {
        let page = installation.catalog.read(move |tx| tx.list_tenants(after, None, PAGE)).await?;
        let ids: Vec<TenantId> = page.iter().map(|tenant| tenant.id).collect();
        look_at(installation, &ids).await?;
        match ids.last() {
            Some(last) if ids.len() == PAGE as usize => after = Some(*last),
            _ => return Ok(()),
        }
    }
}

/// Tries the migrations on copies of `count` tenants that are behind: the largest, the oldest, and others at random.
///
/// # Errors
/// The disk refuses.
pub(super) async fn rehearse(
    installation: &Arc<Installation>,
    count: usize,
    progress: &(dyn Fn(String) + Send + Sync),
) -> Result<Vec<Rehearsed>> {
    let by_size = pending_by_size(installation).await?;
    let mut rehearsed = Vec::new();
    for id in chosen(&by_size, count) {
        let lease = Tenancy::lease_for_migration(id);
        let Some(one) = installation.tenancy.rehearse_migration(lease).await? else { continue };
        let outcome = one.error.as_deref().unwrap_or("good");
        progress(format!("{}: {} ms, {outcome}", one.slug, one.took_ms));
        rehearsed.push(one);
    }
    Ok(rehearsed)
}

/// A third the largest, a third the oldest, the rest at random.
fn chosen(by_size: &[(u64, TenantId)], count: usize) -> Vec<TenantId> {
    let mut chosen: Vec<TenantId> = Vec::new();
    let mut take = |from: &mut dyn Iterator<Item = TenantId>, up_to: usize| {
        for id in from {
            if chosen.len() >= up_to.min(by_size.len()) {
                return;
            }
            if !chosen.contains(&id) {
                chosen.push(id);
            }
        }
    };
    let mut oldest: Vec<TenantId> = by_size.iter().map(|(_, id)| *id).collect();
    // Ids begin with the time.
    oldest.sort_unstable();
    take(&mut by_size.iter().rev().map(|(_, id)| *id), count.div_ceil(3));
    take(&mut oldest.iter().copied(), (2 * count).div_ceil(3));
    // Ids end at random.
    oldest.sort_unstable_by_key(|id| id.as_bytes().iter().rev().copied().collect::<Vec<u8>>());
    let spread = spread(oldest.len(), count);
    take(&mut spread.into_iter().filter_map(|index| oldest.get(index).copied()), count);
    take(&mut oldest.iter().copied(), count);
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    #[test]
    fn a_rehearsal_takes_the_largest_and_the_oldest_and_none_twice() {
        let ids: Vec<TenantId> = (0..9).map(|at| TenantId::new(Timestamp(at))).collect();
        let by_size: Vec<(u64, TenantId)> = (0..).zip(ids.iter().copied()).collect();
        let mut some = chosen(&by_size, 3);
        assert_eq!(some[..2], [ids[8], ids[0]]);
        some.sort_unstable();
        some.dedup();
        assert_eq!(some.len(), 3);
        assert_eq!(chosen(&by_size, 50).len(), 9);
        assert!(chosen(&[], 3).is_empty());
    }
}
