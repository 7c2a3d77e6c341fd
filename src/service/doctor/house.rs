//! The process, the clock, the catalog, and tenants that are not served.

use super::{Findings, Level, count, few};
use crate::catalog::VersionState;
use crate::clock::{DAY, HOUR, MINUTE};
use crate::error::Result;
use crate::id::TenantId;
use crate::service::{Installation, signing_keys};

/// With fewer descriptors connections and open files are fewer than is good.
const DESCRIPTORS: u64 = 4_096;
/// Signing keys that are older are worth a thought, or a warning.
const OLD_KEY_DAYS: i64 = 180;
const VERY_OLD_KEY_DAYS: i64 = 400;
/// The years in which this may run: 2024-01-01 to 2100-01-01.
const YEARS: std::ops::Range<i64> = 1_704_067_200_000..4_102_444_800_000;
/// How many of a kind are looked at.
const MOST: u32 = 1_000;

pub(super) async fn look(installation: &Installation, findings: &mut Findings) -> Result<()> {
    descriptors(installation, findings);
    clock(installation, findings).await?;
    keys(installation, findings);
    catalog(installation, findings).await?;
    quarantined(installation, findings).await?;
    leases(installation, findings).await
}

fn descriptors(installation: &Installation, findings: &mut Findings) {
    let (limit, wanted) = (installation.descriptors.limit, installation.config.max_connections);
    let (open, most) = installation.tenancy.open_files();
    let about = format!(
        "{limit} files may be open at once: {} connections, {most} tenants, of which {open} are open.",
        installation.descriptors.connections
    );
    if limit < DESCRIPTORS || installation.descriptors.connections < wanted {
        findings.add(
            "descriptors",
            if limit < DESCRIPTORS { Level::Warning } else { Level::Note },
            format!("{about} max_connections asks for {wanted} connections."),
            "Raise the limit: LimitNOFILE=65536 in the unit of systemd, `ulimit -n`, or --ulimit nofile= of a container.",
        );
    } else {
        findings.good("descriptors", about);
    }
}

async fn clock(installation: &Installation, findings: &mut Findings) -> Result<()> {
    let now = installation.clock.now();
    let advice = "Set the clock of this machine, and keep it set: with chrony or systemd-timesyncd.";
    if !YEARS.contains(&now.0) {
        findings.add("clock", Level::Fault, format!("It is {now}, says the clock of this machine."), advice);
    }
    let (began, at) = installation.doctor.began;
    let ran = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
    let ahead = now.since(at).saturating_sub(ran);
    // A clock that is led gently back to the right time runs up to so much faster or slower.
    let gently = MINUTE + ran / 1_000;
    if ahead.abs() > gently {
        let (level, how) = if ahead < 0 { (Level::Warning, "back") } else { (Level::Note, "forward") };
        let seconds = ahead.abs() / 1_000;
        findings.add(
            "clock",
            level,
            format!(
                "The clock was set {how} by {seconds} seconds since this began to run, {} minutes ago.",
                ran / MINUTE
            ),
            advice,
        );
    }
    let latest = installation.catalog.read(|tx| tx.latest_moment()).await?;
    if let Some(latest) = latest.filter(|latest| latest.since(now) > MINUTE) {
        findings.add(
            "clock",
            Level::Warning,
            format!("Something happened at {latest}, says the catalog, and it is only {now}: the clock was set back."),
            advice,
        );
    }
    if findings.is_good("clock") {
        findings.good("clock", format!("It is {now}; nothing that was noted lies ahead of that."));
    }
    Ok(())
}

fn keys(installation: &Installation, findings: &mut Findings) {
    let keys = signing_keys::list_keys(installation);
    let Some(signs) = keys.iter().find(|key| key.signs) else {
        findings.add("keys", Level::Fault, "No key signs access tokens.", "tenantry keys rotate");
        return;
    };
    let age = signs.age_days.unwrap_or_default();
    let about = format!(
        "The key that signs access tokens is {} old.",
        count(usize::try_from(age).unwrap_or_default(), "day")
    );
    match age {
        VERY_OLD_KEY_DAYS.. => {
            findings.add("keys", Level::Warning, about, "tenantry keys rotate; nobody is signed out.");
        }
        OLD_KEY_DAYS.. => {
            findings.add("keys", Level::Note, about, "tenantry keys rotate; nobody is signed out.");
        }
        _ => findings.good("keys", about),
    }
}

async fn catalog(installation: &Installation, findings: &mut Findings) -> Result<()> {
    match installation.catalog.quick_fault().await? {
        None => findings.good("catalog", "The catalog is sound: SQLite looked through all its pages."),
        Some(fault) => findings.add(
            "catalog",
            Level::Fault,
            format!("The catalog is damaged: {fault}."),
            "Stop the server, keep a copy of the data directory, and put the catalog back from its last backup.",
        ),
    }
    Ok(())
}

async fn quarantined(installation: &Installation, findings: &mut Findings) -> Result<()> {
    let read = installation.catalog.read(|tx| {
        Ok((
            tx.list_versions(VersionState::Failed, None, MOST)?,
            tx.list_versions(VersionState::Held, None, MOST)?,
        ))
    });
    let (failed, held) = read.await?;
    let slugs = |all: &[crate::catalog::TenantVersion]| {
        few(&all.iter().map(|one| one.slug.clone()).collect::<Vec<_>>())
    };
    if let Some(first) = failed.first() {
        let error = first.error.as_deref().unwrap_or("no reason was noted");
        findings.add(
            "quarantine",
            Level::Fault,
            format!(
                "{} not served, since a migration failed: {}. Of {}: {error}",
                if failed.len() == 1 {
                    "1 tenant is".to_owned()
                } else {
                    format!("{} tenants are", failed.len())
                },
                slugs(&failed),
                first.slug
            ),
            "Mend the migration or the data and go on: `tenantry migrate status`, `tenantry migrate run`.",
        );
    }
    if !held.is_empty() {
        findings.add(
            "quarantine",
            Level::Note,
            format!(
                "{} held at an older version after a rollback: {}.",
                count(held.len(), "tenant"),
                slugs(&held)
            ),
            "Once it is mended: `tenantry migrate run` leads them on.",
        );
    }
    if findings.is_good("quarantine") {
        findings.good("quarantine", "No tenant is kept from being served.");
    }
    Ok(())
}

/// What was begun and has nobody who goes on with it.
async fn leases(installation: &Installation, findings: &mut Findings) -> Result<()> {
    let long_ago = installation.clock.now().plus(-HOUR);
    let read = installation.catalog.read(move |tx| {
        let swaps: Vec<TenantId> = tx.list_swaps()?.into_iter().map(|swap| swap.tenant).collect();
        Ok((tx.count_due_job_hints(long_ago)?, tx.list_half_made_tenants(long_ago)?, swaps))
    });
    let (late, half_made, swaps) = read.await?;
    if late > 0 {
        findings.add(
            "leases",
            Level::Warning,
            format!(
                "Jobs of {} were due more than an hour ago, and nobody looked.",
                count(usize::try_from(late).unwrap_or(usize::MAX), "tenant")
            ),
            "They run while a server does: is one running? If it is, look for errors of jobs in its log.",
        );
    }
    if !half_made.is_empty() {
        findings.add(
            "leases",
            Level::Warning,
            format!("The making of {} was cut off more than an hour ago.", count(half_made.len(), "tenant")),
            "The next start of a server removes them; the log says why if it does not.",
        );
    }
    if !swaps.is_empty() {
        findings.add(
            "leases",
            Level::Note,
            format!(
                "{} being put back to a backup.",
                if swaps.len() == 1 {
                    "1 tenant is".to_owned()
                } else {
                    format!("{} tenants are", swaps.len())
                }
            ),
            "Wait for it. One that was cut off is finished at the next start.",
        );
    }
    if findings.is_good("leases") {
        findings.good("leases", "Nothing that was begun waits for somebody to go on with it.");
    }
    Ok(())
}

/// Days, for the findings of others.
pub(super) fn days(ms: i64) -> i64 {
    ms / DAY
}
