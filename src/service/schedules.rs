//! Schedules: what is enqueued again and again. They are fired where jobs are claimed, see `tenancy::tx`.

use super::Installation;
use super::jobs::max_attempts;
use crate::catalog::OfTenant;
use crate::error::{Error, FieldError, Result};
use crate::id::ScheduleId;
use crate::model::job::MOST_PAYLOAD;
use crate::model::schedule::{Missed, Times};
use crate::model::usage::canonical_json;
use crate::policy::Permission;
use crate::tenancy::TenantScope;
use serde_json::{Value, json};

pub use crate::model::schedule::Schedule;

/// A schedule as it is asked for, or what is to be changed of one.
#[derive(Clone, Debug, Default)]
pub struct ScheduleIn {
    /// Five fields of cron.
    pub cron: Option<String>,
    /// IANA name of a time zone; of a new one that of the tenant where nothing is said.
    pub timezone: Option<String>,
    /// What is to be done.
    pub kind: Option<String>,
    /// With what; of a new one null where nothing is said.
    pub payload: Option<Value>,
    /// `skip` or `once`; of a new one the first where nothing is said.
    pub missed: Option<String>,
    /// Whether nothing is done for now.
    pub paused: Option<bool>,
}

impl ScheduleIn {
    /// What a schedule becomes by this.
    ///
    /// # Errors
    /// 422 with every field at fault; 403 without the permission that the kind needs.
    fn apply(self, installation: &Installation, scope: &TenantScope, before: Schedule) -> Result<Schedule> {
        let (now, mut changed, mut faults) = (installation.clock.now(), before, Vec::new());
        let mut fault = |field: &str, code: &'static str, message: String| {
            faults.push(FieldError::new(field, code, message));
        };
        let turns = self.cron.is_some() || self.timezone.is_some() || self.paused == Some(!changed.paused);
        // Whatever is changed, also of one that is there: it makes work of that kind.
        let is_other_kind = self.kind.is_some();
        let kind = self.kind.unwrap_or_else(|| changed.kind.clone());
        match max_attempts(installation, scope, &kind)? {
            Err((code, message)) if is_other_kind => fault("kind", code, message),
            _ => changed.kind = kind,
        }
        if let Some(payload) = self.payload {
            changed.payload = canonical_json(&payload);
            if changed.payload.len() > MOST_PAYLOAD {
                fault("payload", "too_long", format!("must have at most {MOST_PAYLOAD} bytes as JSON"));
            }
        }
        if let Some(missed) = self.missed {
            match Missed::parse(&missed) {
                Some(missed) => changed.missed = missed,
                None => fault("missed", "unknown", "must be skip or once".to_owned()),
            }
        }
        changed.cron = self.cron.unwrap_or(changed.cron);
        changed.timezone = self.timezone.unwrap_or(changed.timezone);
        changed.paused = self.paused.unwrap_or(changed.paused);
        if turns {
            match Times::read(&changed.cron, &changed.timezone).map(|times| times.after(now)) {
                Ok(Some(next)) => {
                    changed.next_run_at = Some(next).filter(|_| !changed.paused);
                    changed.reckoned_at = now;
                }
                Ok(None) => {
                    let message = "names a day that never comes, such as 31 February".to_owned();
                    fault("cron", "never_runs", message);
                }
                Err((field, message)) => {
                    let code = if field == "cron" { "bad_cron" } else { "unknown" };
                    fault(field, code, message);
                }
            }
        }
        changed.updated_at = now;
        if faults.is_empty() { Ok(changed) } else { Err(Error::invalid(faults)) }
    }
}

/// Makes a schedule.
///
/// # Errors
/// 403 without `jobs:write` and what the kind needs beside that; 422 with every field at fault; 409 `too_many_schedules`.
pub async fn create_schedule(
    installation: &Installation,
    scope: &TenantScope,
    input: ScheduleIn,
) -> Result<Schedule> {
    scope.require(Permission::JobsWrite)?;
    let now = installation.clock.now();
    let nothing = Schedule {
        id: ScheduleId::new(now),
        cron: String::new(),
        timezone: scope.tenant().timezone.clone(),
        kind: String::new(),
        payload: Value::Null.to_string(),
        missed: Missed::Skip,
        paused: false,
        next_run_at: None,
        reckoned_at: now,
        last_run_at: None,
        last_job_id: None,
        last_error: None,
        created_by: scope.by().actor.to_string(),
        created_at: now,
        updated_at: now,
    };
    // Both must be there: an empty one is refused where it is left out.
    let input = ScheduleIn {
        cron: Some(input.cron.unwrap_or_default()),
        kind: Some(input.kind.unwrap_or_default()),
        ..input
    };
    let new = input.apply(installation, scope, nothing)?;
    let ticket = scope.open_jobs().await?;
    let kept = new.clone();
    scope.write("create_schedule", move |tx| tx.insert_schedule(&ticket, &kept)).await?;
    audit(scope, "schedule.created", &new).await?;
    Ok(new)
}

/// All schedules, the oldest first.
///
/// # Errors
/// 403 without `jobs:read`.
pub async fn list_schedules(scope: &TenantScope) -> Result<Vec<Schedule>> {
    scope.require(Permission::JobsRead)?;
    scope.read_one(|tx| tx.list_schedules()).await
}

/// One schedule.
///
/// # Errors
/// 403 without `jobs:read`; 404.
pub async fn find_schedule(scope: &TenantScope, id: ScheduleId) -> Result<Schedule> {
    scope.require(Permission::JobsRead)?;
    scope.read_one(move |tx| tx.require_schedule(id)).await
}

/// Changes a schedule. One that is let go on after a pause goes on with the next time from now.
///
/// # Errors
/// As [`create_schedule`]; 404.
pub async fn change_schedule(
    installation: &Installation,
    scope: &TenantScope,
    id: ScheduleId,
    change: ScheduleIn,
) -> Result<Schedule> {
    scope.require(Permission::JobsWrite)?;
    let before = scope.read_one(move |tx| tx.require_schedule(id)).await?;
    let wanted = change.apply(installation, scope, before.clone())?;
    let ticket = scope.open_jobs().await?;
    let changed = scope.write("change_schedule", move |tx| {
        let there = tx.require_schedule(id)?;
        if there.updated_at != before.updated_at {
            return Err(Error::conflict(
                "schedule_changed",
                "Somebody else changed this schedule just now. Look at it and try again.",
            ));
        }
        // It may have been fired meanwhile.
        let is_same_time = wanted.next_run_at == before.next_run_at;
        let next_run_at = if is_same_time { there.next_run_at } else { wanted.next_run_at };
        let reckoned_at = if is_same_time { there.reckoned_at } else { wanted.reckoned_at };
        let changed = Schedule {
            next_run_at,
            reckoned_at,
            last_run_at: there.last_run_at,
            last_job_id: there.last_job_id,
            last_error: there.last_error,
            ..wanted.clone()
        };
        tx.update_schedule(&ticket, &changed)?;
        Ok(changed)
    });
    let changed = changed.await?;
    audit(scope, "schedule.changed", &changed).await?;
    Ok(changed)
}

/// Ends a schedule. Jobs that it enqueued stay.
///
/// # Errors
/// 403 without `jobs:write` and what the kind needs beside that; 404.
pub async fn delete_schedule(installation: &Installation, scope: &TenantScope, id: ScheduleId) -> Result<()> {
    scope.require(Permission::JobsWrite)?;
    let there = scope.read_one(move |tx| tx.require_schedule(id)).await?;
    let _ = max_attempts(installation, scope, &there.kind)?;
    let gone = scope.write("delete_schedule", move |tx| {
        let gone = tx.require_schedule(id)?;
        tx.delete_schedule(id)?;
        Ok(gone)
    });
    audit(scope, "schedule.deleted", &gone.await?).await
}

/// The next times of a schedule, at most so many; none of one that is paused.
pub fn next_runs(installation: &Installation, schedule: &Schedule, count: usize) -> Vec<String> {
    let times = Times::read(&schedule.cron, &schedule.timezone).ok().filter(|_| !schedule.paused);
    let runs = times.map(|times| times.following(installation.clock.now(), count)).unwrap_or_default();
    runs.iter().map(ToString::to_string).collect()
}

async fn audit(scope: &TenantScope, action: &'static str, schedule: &Schedule) -> Result<()> {
    let (by, id) = (scope.by().clone(), schedule.id);
    let details = json!({
        "kind": schedule.kind, "cron": schedule.cron, "timezone": schedule.timezone, "missed": schedule.missed,
        "paused": schedule.paused,
    });
    let target = format!("schedule:{id}");
    let write = move |of: &OfTenant<'_>| of.audit(&by, action, &target, &details);
    scope.catalog().write("audit_schedule", write).await
}
