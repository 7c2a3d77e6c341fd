//! Whether two tenants can read each other: tried with two that are made for it, at the router that serves everybody.

mod doors;
mod knocks;

use crate::error::Result;
use crate::service::Installation;
use crate::service::doctor::{self, Diagnosis, Findings, Level};
use doors::Doors;
use std::sync::Arc;

/// What was looked at, as findings call it.
const CHECK: &str = "isolation";
/// Looks at everything, the doors between tenants included.
///
/// # Errors
/// 503 `doctor_busy` while somebody else looks; as catalog and disk say.
pub async fn examine(installation: &Arc<Installation>) -> Result<Diagnosis> {
    let mut findings = Findings::default();
    let doors = Doors::of(installation);
    match doctor::with_canaries(installation, move |canaries| doors.try_all(canaries)).await {
        Ok(Ok(doors)) => tell(doors, &mut findings),
        Ok(Err(why)) => findings.add(
            CHECK,
            if installation.app().second_factor_required { Level::Note } else { Level::Warning },
            format!("The doors between tenants were not tried: {why}."),
            "Where a plan or the app keeps new tenants from being used, this cannot be tried; the tests of the program do.",
        ),
        Err(error) if error.code() == "doctor_busy" => return Err(error),
        Err(error) => findings.add(
            CHECK,
            if error.code() == "backup_running" { Level::Note } else { Level::Warning },
            format!("The doors between tenants were not tried: {}", error.detail()),
            "Try again when that is over.",
        ),
    }
    doctor::diagnose(installation, findings).await
}

fn tell(doors: Doors, findings: &mut Findings) {
    let Doors { tried, untried, open, .. } = doors;
    if !open.is_empty() {
        let first: Vec<&str> = open.iter().take(10).map(String::as_str).collect();
        findings.add(
            CHECK,
            Level::Fault,
            format!(
                "One tenant could reach another through {} of {tried} doors: {}.",
                open.len(),
                first.join("; ")
            ),
            "Stop serving now, keep the data directory and the log as they are, and report this as a security fault.",
        );
    } else if untried > 0 {
        findings.add(
            CHECK,
            Level::Note,
            format!("Two tenants could not reach each other through {tried} doors; {untried} more were not tried, as limits refused that."),
            "Look again when less is asked of the server.",
        );
    } else {
        findings.good(
            CHECK,
            format!(
                "Two tenants, made for it and removed, could not reach each other through {tried} doors."
            ),
        );
    }
}
