//! Usage: events taken in, voided, read; what they come to; limits, the spend cap, and notices of both.

mod checking;
mod counting;
mod limits;
mod notices;
mod reading;

pub use crate::model::usage::{UsageEvent, UsageFault};
pub use crate::tenancy::tx::usage::{Outcome, UsageRefusal, UsageSum};
pub use checking::{Checked, rebuild_usage, verify_usage};
pub use counting::{store_efforts, store_job_runs, store_requests, watch_storage};
pub use limits::{LimitLine, Limits, find_limits, find_limits_for_operator, resets_at, set_spend_cap};
pub use notices::tell_notices;
pub use reading::{UsageAsked, find_usage, find_usage_event, list_usage_events};

use super::{By, Installation};
use crate::error::{Error, Result};
use crate::model::tenant::Act;
use crate::model::usage::{UsageEventIn, read_usage_events};
use crate::policy::Permission;
use crate::tenancy::TenantScope;
use serde_json::json;

/// What became of what was sent.
pub enum UsageAnswer {
    /// One event: its number, and whether it is new.
    One(i64, bool),
    /// Several, each by itself: taken, or what is wrong with it.
    Many(Vec<Result<Outcome, UsageFault>>),
}

/// Takes one usage event, or several, each by itself.
///
/// # Errors
/// 403 without `usage:write`; 400 for what is no event; of one event 422 with every field at fault, 409
/// `idempotency_key_reused`, 402 `limit_reached` and `spend_cap_reached`.
pub async fn take_usage_events(scope: &TenantScope, body: &[u8]) -> Result<UsageAnswer> {
    scope.require(Permission::UsageWrite)?;
    match read_usage_events(body, scope.meters())? {
        UsageEventIn::One(event) => {
            let outcomes = scope.take_usage_events(vec![event]).await?;
            match outcomes.into_iter().next() {
                Some(Outcome::Accepted(seq)) => Ok(UsageAnswer::One(seq, true)),
                Some(Outcome::Duplicate(seq)) => Ok(UsageAnswer::One(seq, false)),
                Some(Outcome::Refused(refusal)) => Err(refusal.error()),
                None => Err(Error::internal("an event has no outcome")),
            }
        }
        UsageEventIn::Many(events) => {
            let mut faults = Vec::with_capacity(events.len());
            let mut good = Vec::with_capacity(events.len());
            for event in events {
                faults.push(event.map(|event| good.push(event)).err());
            }
            let outcomes = if good.is_empty() { Vec::new() } else { scope.take_usage_events(good).await? };
            let mut outcomes = outcomes.into_iter();
            let missing = || Error::internal("an event has no outcome");
            let each = faults.into_iter().map(|fault| match fault {
                Some(fault) => Ok(Err(fault)),
                None => outcomes.next().map(Ok).ok_or_else(missing),
            });
            Ok(UsageAnswer::Many(each.collect::<Result<_>>()?))
        }
    }
}

/// Takes an event back, by another event whose number is told.
///
/// # Errors
/// 403 without `usage:write`, and `not_the_sender`; 404 for an event that there is not; 409 `already_voided`, `not_voidable`.
pub async fn void_usage_event(scope: &TenantScope, seq: i64) -> Result<i64> {
    scope.require(Permission::UsageWrite)?;
    scope.void_usage_event(seq).await
}

/// Takes an event back for an operator, whoever sent it, which is audited in the tenant's log.
///
/// # Errors
/// 404 for a tenant or event that there is not; 409 `already_voided`, `not_voidable`, `too_old_to_void`.
pub async fn correct_usage_event(
    installation: &Installation,
    selector: &str,
    seq: i64,
    by: By,
) -> Result<i64> {
    let reason = "usage event taken back";
    let scope =
        TenantScope::for_operator(installation.tenancy(), by.clone(), selector, Act::Leave, reason).await?;
    let (voided_by, event) = scope.correct_usage_event(seq).await?;
    let details = json!({ "seq": seq, "voided_by": voided_by, "meter": event.meter, "sender": event.sender });
    let catalog = scope.catalog();
    let write = catalog.write("usage_event_voided", move |of| {
        of.audit(&by, "usage.event_voided", &format!("usage-event:{seq}"), &details)
    });
    write.await?;
    Ok(voided_by)
}
