//! How old the last backup is, and whether anybody ever restored one.

use super::house::days;
use super::{Findings, Level, count};
use crate::catalog::BackupRunStatus;
use crate::clock::{DAY, HOUR};
use crate::error::Result;
use crate::service::Installation;

const CHECK: &str = "backups";
const RESTORES: &str = "restores";
/// A backup that was restored so long ago says little of those since.
const VERIFIED_FOR: i64 = 31 * DAY;

pub(super) async fn look(installation: &Installation, findings: &mut Findings) -> Result<()> {
    let read = installation.catalog.read(|tx| {
        Ok((
            tx.list_backup_runs(None, 1)?.pop(),
            tx.list_failed_backups(1_000)?,
            tx.last_verified_backup()?,
            tx.list_backups_to_verify(1_000)?,
        ))
    });
    let (last, failed, verified, newest) = read.await?;
    let now = installation.clock.now();
    let every = i64::from(installation.config.backup_hours) * HOUR;
    if every == 0 {
        findings.add(
            CHECK,
            Level::Warning,
            "backup_hours is 0: no backup is made by itself.",
            "Set backup_hours = 24, or make sure that something else runs `tenantry backup run`.",
        );
    }
    match &last {
        None => findings.add(
            CHECK,
            Level::Note,
            "No backup was made yet.",
            "The server makes the first by itself; `tenantry backup run` makes it now.",
        ),
        Some(run) => {
            let age = now.since(run.started_at);
            let hours = age / HOUR;
            if age > (2 * every).max(2 * DAY) {
                findings.add(
                    CHECK,
                    Level::Fault,
                    format!("The last round of backups was {hours} hours ago."),
                    "Rounds are made while a server runs. `tenantry backup run` makes one now, and says what is in its way.",
                );
            } else if run.status == BackupRunStatus::Failed {
                let why =
                    run.error.clone().unwrap_or_else(|| "some tenants could not be backed up".to_owned());
                findings.add(
                    CHECK,
                    Level::Fault,
                    format!("The last round of backups, {hours} hours ago, failed: {why}."),
                    "Mend that and make another: `tenantry backup run`.",
                );
            }
        }
    }
    if let Some((slug, why)) = failed.first() {
        findings.add(
            CHECK,
            Level::Fault,
            format!(
                "{} could not be backed up the last time. Of {slug}: {why}",
                count(failed.len(), "tenant")
            ),
            "Mend that and make another: `tenantry backup run`.",
        );
    }
    if findings.is_good(CHECK) {
        let ago = last.map_or(0, |run| now.since(run.started_at) / HOUR);
        findings.good(CHECK, format!("The last round of backups was {ago} hours ago and went well."));
    }
    let broken = newest.iter().filter(|backup| backup.fault.is_some()).count();
    if broken > 0 {
        findings.add(
            RESTORES,
            Level::Fault,
            format!("{} cannot be restored.", count(broken, "backup")),
            "Make others and look at them: `tenantry backup run`, `tenantry verify backup`.",
        );
    }
    match verified {
        _ if newest.is_empty() => {}
        None => findings.add(
            RESTORES,
            Level::Warning,
            "No backup was ever restored to be looked at: nobody knows whether they are any good.",
            "tenantry verify backup",
        ),
        Some(at) if now.since(at) > VERIFIED_FOR => findings.add(
            RESTORES,
            Level::Warning,
            format!("A backup was last restored to be looked at {} days ago.", days(now.since(at))),
            "tenantry verify backup",
        ),
        Some(at) if broken == 0 => findings.good(
            RESTORES,
            format!("A backup was restored and found good {} days ago.", days(now.since(at))),
        ),
        Some(_) => {}
    }
    Ok(())
}
