//! What operators ask for: a run begun, given up, taken up again.

use super::super::Installation;
use super::{MigrationRun, MigrationStatus, find_run, govern, plan};
use crate::catalog::{By, NewMigrationRun};
use crate::error::{Error, FieldError, Result};
use crate::id::{MigrationRunId, TenantId};
use crate::tenancy::Tenancy;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

/// Tenants that may go first.
const MOST_CANARIES: u32 = 10_000;
/// Tenants that are migrated at once, at most.
const MOST_PARALLEL: i64 = 64;
/// The same where nobody says anything.
const PARALLEL: i64 = 4;
/// Errors at which a run halts where nobody says anything, in hundredths of a percent.
const HALT_AT: i64 = 500;
/// Tenants of one read.
const PAGE: u32 = 10_000;

/// How a run is to be.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct NewRunIn {
    /// Tenants of this plan go first.
    pub canary_plan: Option<String>,
    /// So many go first, from the smallest file to the largest.
    pub canary: Option<i64>,
    /// These go first: slugs or ids.
    #[serde(default)]
    pub canary_tenants: Vec<String>,
    /// Tenants that are migrated at once.
    pub parallel: Option<i64>,
    /// Errors at which it halts, in percent: `5%`, `0.5`.
    pub halt_at_errors: Option<String>,
    /// Larger files, in bytes, are not copied before; 0: none is.
    pub no_snapshot_above: Option<i64>,
    /// Whether those that failed are tried again.
    #[serde(default)]
    pub retry: bool,
    /// Whether those go on that were rolled back and held.
    #[serde(default)]
    pub release: bool,
}

/// Begins a run over all tenants that are behind. It is worked off in the background.
///
/// # Errors
/// 422 with every field; 404 for a canary that there is not; 409 `migration_open`, `nothing_to_migrate`.
pub async fn start_run(installation: &Arc<Installation>, input: NewRunIn, by: By) -> Result<MigrationRun> {
    let (parallel, halt_at) = check(&input)?;
    if input.retry {
        installation.catalog.write("retry_failed", |tx| tx.retry_failed_versions()).await?;
    }
    if input.release {
        let released = installation.catalog.write("release_held", |tx| tx.release_held_versions()).await?;
        installation.tenancy.release_held(&released);
    }
    if plan(installation).await?.pending == 0 {
        return Err(Error::conflict("nothing_to_migrate", "All tenants are up to date."));
    }
    let new = NewMigrationRun {
        target: installation.tenancy.migration_target().clone(),
        canaries: canaries(installation, &input).await?,
        parallel,
        halt_at,
        snapshot_bytes: input.no_snapshot_above,
        started_by: by.actor.to_string(),
    };
    let run = installation
        .catalog
        .write("start_migration", move |tx| {
            let run = tx.insert_migration_run(&new)?;
            let details = json!({ "app": run.app, "system": run.system, "canaries": run.canaries });
            tx.audit(&by, "migration.started", &format!("migration:{}", run.id), &details)?;
            Ok(run)
        })
        .await?;
    told(installation).await?;
    Ok(run)
}

/// Parallel and the rate of errors, or every field at fault.
fn check(input: &NewRunIn) -> Result<(i64, i64)> {
    let mut faults = Vec::new();
    let parallel = input.parallel.unwrap_or(PARALLEL);
    if !(1..=MOST_PARALLEL).contains(&parallel) {
        faults.push(FieldError::new("parallel", "out_of_range", "must lie between 1 and 64"));
    }
    let halt_at = input.halt_at_errors.as_deref().map_or(Some(HALT_AT), parse_percent);
    if halt_at.is_none() {
        let message = "must be a percentage from 0 to 100 with at most two digits after the point, like 5%";
        faults.push(FieldError::new("halt_at_errors", "invalid", message));
    }
    if input.canary.is_some_and(|count| !(1..=i64::from(MOST_CANARIES)).contains(&count)) {
        faults.push(FieldError::new("canary", "out_of_range", "must lie between 1 and 10000"));
    }
    if input.no_snapshot_above.is_some_and(|bytes| bytes < 0) {
        faults.push(FieldError::new("no_snapshot_above", "out_of_range", "must not be less than 0"));
    }
    match halt_at {
        Some(halt_at) if faults.is_empty() => Ok((parallel, halt_at)),
        _ => Err(Error::invalid(faults)),
    }
}

/// Hundredths of a percent.
fn parse_percent(text: &str) -> Option<i64> {
    let text = text.trim().trim_end_matches('%').trim_end();
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 3 || part.len() > 2 || !are_digits(whole) || !are_digits(part) {
        return None;
    }
    let hundredths = whole.parse::<i64>().ok()? * 100 + format!("{part:0<2}").parse::<i64>().ok()?;
    (hundredths <= 10_000).then_some(hundredths)
}

async fn canaries(installation: &Installation, input: &NewRunIn) -> Result<Vec<TenantId>> {
    let target = installation.tenancy.migration_target();
    let mut chosen = Vec::new();
    for selector in &input.canary_tenants {
        chosen.push(installation.catalog.tenant(selector).await?.id);
    }
    if let Some(plan) = input.canary_plan.clone() {
        let target = target.clone();
        let of_plan = installation
            .catalog
            .read(move |tx| tx.list_tenants_of_plan_to_migrate(&target, &plan, MOST_CANARIES))
            .await?;
        if of_plan.is_empty() {
            let message = "no tenant of this plan is to be migrated";
            return Err(Error::invalid_field("canary_plan", "no_tenant", message));
        }
        chosen.extend(of_plan);
    }
    if let Some(count) = input.canary {
        let count = usize::try_from(count).unwrap_or(0);
        let by_size = pending_by_size(installation).await?;
        chosen.extend(spread(by_size.len(), count).into_iter().map(|index| by_size[index].1));
    }
    Ok(chosen)
}

/// Tenants that are to be migrated and the bytes of their files, the smallest first.
pub(super) async fn pending_by_size(installation: &Installation) -> Result<Vec<(u64, TenantId)>> {
    let (mut all, mut after): (Vec<(u64, TenantId)>, Option<TenantId>) = (Vec::new(), None);
    loop {
        let target = installation.tenancy.migration_target().clone();
        let list =
            move |tx: &crate::catalog::CatalogTx<'_>| tx.list_tenants_to_migrate(&target, false, after, PAGE);
        let page = installation.catalog.read(list).await?;
        let size = |id: &TenantId| (installation.tenancy.file_bytes(&Tenancy::lease_for_migration(*id)), *id);
        all.extend(page.iter().map(size));
        match page.last() {
            Some(last) if page.len() == PAGE as usize => after = Some(*last),
            _ => break,
        }
    }
    all.sort_unstable();
    Ok(all)
}

/// `count` of `length` places, evenly from the first to the last.
pub(super) fn spread(length: usize, count: usize) -> Vec<usize> {
    if count >= length {
        return (0..length).collect();
    }
    (0..count).map(|place| if count == 1 { 0 } else { place * (length - 1) / (count - 1) }).collect()
}

/// Gives a run up: those being migrated are finished, all others stay as they are.
///
/// # Errors
/// 404; 409 `migration_over`.
pub async fn cancel_run(
    installation: &Arc<Installation>,
    id: MigrationRunId,
    by: By,
) -> Result<MigrationRun> {
    use MigrationStatus::{Cancelled, Halted, Running};
    change(installation, id, &[Running, Halted], Cancelled, "migration.cancelled", by).await
}

/// Goes on with a run that was halted.
///
/// # Errors
/// 404; 409 `migration_over`.
pub async fn resume_run(
    installation: &Arc<Installation>,
    id: MigrationRunId,
    by: By,
) -> Result<MigrationRun> {
    use MigrationStatus::{Halted, Running};
    change(installation, id, &[Halted], Running, "migration.resumed", by).await
}

async fn change(
    installation: &Arc<Installation>,
    id: MigrationRunId,
    from: &'static [MigrationStatus],
    to: MigrationStatus,
    action: &'static str,
    by: By,
) -> Result<MigrationRun> {
    find_run(installation, id).await?;
    installation
        .catalog
        .write("change_migration", move |tx| {
            if !tx.change_migration_status(id, from, to, None)? {
                return Err(Error::conflict(
                    "migration_over",
                    "This migration is not in a state for that: it has ended, or runs already.",
                ));
            }
            tx.audit(&by, action, &format!("migration:{id}"), &json!({}))
        })
        .await?;
    told(installation).await?;
    find_run(installation, id).await
}

async fn told(installation: &Installation) -> Result<()> {
    installation.fleet.words.fetch_add(1, SeqCst);
    govern(installation).await?;
    installation.fleet.arrives.notify_one();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_read_exactly_or_not_at_all() {
        let read =
            ["5%", "0", "100%", "0.5 %", "12.25", "100.01", "5.123", "-1", "", "%", "a", "1e2", "9999"];
        let read: Vec<Option<i64>> = read.map(parse_percent).into();
        let expected = [Some(500), Some(0), Some(10_000), Some(50), Some(1_225)];
        assert_eq!(read[..5], expected);
        assert!(read[5..].iter().all(Option::is_none), "{read:?}");
    }

    #[test]
    fn canaries_are_spread_from_the_smallest_to_the_largest() {
        assert_eq!(spread(10, 3), [0, 4, 9]);
        assert_eq!(spread(10, 1), [0]);
        assert_eq!(spread(2, 5), [0, 1]);
        assert!(spread(0, 5).is_empty());
    }
}
