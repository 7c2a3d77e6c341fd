//! Closing: which service periods are billed, when, and for whom. `drawing` makes drafts of them, `issuing` makes drafts final.

use super::drawing::close_one;
use super::issuing::{finalize, keep};
use super::numbers;
use crate::catalog::By;
use crate::clock::{DAY, HOUR, Timestamp};
use crate::error::{Error, Result};
use crate::id::{InvoiceId, TenantId};
use crate::model::tenant::TenantStatus;
use crate::service::{Installation, subscriptions};
use serde_json::json;

/// How long after its end a service period is closed: what came late until then is on its own invoice.
const CLOSED_AFTER: i64 = DAY;
/// How long a draft can be looked at before it turns final.
const FINAL_AFTER: i64 = HOUR;

/// What of closing by hand.
#[derive(Clone, Debug, Default)]
pub struct ClosePeriodsIn {
    /// Of one tenant only.
    pub tenant: Option<String>,
    /// Service periods that ended then or before; now where nothing is said.
    pub at: Option<Timestamp>,
    /// Whether drafts turn final at once.
    pub is_final: bool,
}

/// What was closed.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Closed {
    /// How many service periods.
    pub periods: usize,
    /// The invoices that were drawn up; a service period for which nothing is due has none.
    pub invoices: Vec<InvoiceId>,
    /// How many drafts turned final.
    pub finalized: usize,
    /// Tenants that could not be closed; the log says why.
    pub failed: Vec<TenantId>,
}

/// Closes what is over for a day, and makes drafts final that were there for an hour.
///
/// # Errors
/// As the catalog says; what goes wrong with one tenant is logged and keeps no other.
pub async fn run_due(installation: &Installation) -> Result<()> {
    let now = installation.clock().now();
    match bill(installation, now).await {
        // It was told what to do; what was billed before is still followed.
        Err(error) if error.code() == numbers::STOPPED => {}
        other => other?,
    }
    keep(installation).await?;
    super::watch_unpaid(installation).await
}

async fn bill(installation: &Installation, now: Timestamp) -> Result<()> {
    close_all(installation, now.plus(-CLOSED_AFTER), None, &By::system()).await?;
    finalize(installation, now.plus(-FINAL_AFTER), None, &By::system()).await.map(drop)
}

/// Closes service periods by hand, without waiting for what may come late.
///
/// # Errors
/// 404 for a tenant that is not there; 422 for a time to come.
pub async fn close_periods(installation: &Installation, input: ClosePeriodsIn, by: By) -> Result<Closed> {
    let now = installation.clock().now();
    let ended = input.at.unwrap_or(now);
    if ended > now {
        return Err(Error::invalid_field(
            "at",
            "future",
            "must not be later than now: what is not over has no sum",
        ));
    }
    let only = match &input.tenant {
        Some(selector) => Some(installation.catalog.tenant(selector).await?.id),
        None => None,
    };
    // So that periods which have just ended have ended in the catalog too.
    subscriptions::advance_due(installation).await?;
    let mut closed = close_all(installation, ended, only, &by).await?;
    if input.is_final {
        // What was drawn up a moment ago is among them.
        closed.finalized = finalize(installation, installation.clock().now(), only, &by).await?;
    }
    let told = json!({
        "tenant": only, "ended": ended, "periods": closed.periods, "invoices": closed.invoices.len(),
        "finalized": closed.finalized,
    });
    let write =
        installation.catalog.write("close_periods", move |tx| tx.audit(&by, "periods.closed", "", &told));
    write.await?;
    keep(installation).await?;
    Ok(closed)
}

async fn close_all(
    installation: &Installation,
    ended: Timestamp,
    only: Option<TenantId>,
    by: &By,
) -> Result<Closed> {
    let mut closed = Closed::default();
    loop {
        let leases = installation.tenancy.claim_closings(ended, only).await?;
        if closed.periods == 0 && closed.failed.is_empty() && !leases.is_empty() {
            // A restored catalog takes in what it has issued before, rather than draw it up again.
            numbers::settle(installation).await?;
        }
        let mut done = 0;
        for lease in leases {
            if closed.failed.contains(&lease.tenant_id()) {
                continue;
            }
            match close_one(installation, &lease, ended, by, &mut closed).await {
                Ok(periods) => done += periods,
                Err(error) if only.is_some() => return Err(error),
                Err(error) => {
                    tracing::error!(tenant_id = %lease.tenant_id(), error = ?error, "a tenant's period could not be closed");
                    closed.failed.push(lease.tenant_id());
                }
            }
        }
        closed.periods += done;
        if done == 0 || only.is_some() {
            return Ok(closed);
        }
    }
}

/// Bills a tenant that is about to be erased for the time until it asked to leave, and issues what is drawn up. What
/// cannot be billed does not keep it from being erased: the law asks for that. Drafts stay, and are issued once they can be.
pub(in crate::service) async fn bill_leaving(installation: &Installation, id: TenantId) {
    let tell = |error: Error| {
        tracing::error!(
            tenant_id = %id, error = ?error,
            "the last period of a tenant that leaves could not be billed; it is erased all the same"
        );
    };
    let ended = match end_service(installation, id, true).await {
        Ok(Some(ended)) => ended,
        Ok(None) => return,
        Err(error) => return tell(error),
    };
    if let Err(error) = close_all(installation, ended, Some(id), &By::system()).await {
        tell(error);
    }
    if let Err(error) = finalize(installation, installation.clock().now(), Some(id), &By::system()).await {
        tell(error);
    }
}

/// Ends the service of a tenant that is closing at the moment at which it asked to leave, and tells that. `for_good`: only
/// if it cannot come back any more.
async fn end_service(installation: &Installation, id: TenantId, for_good: bool) -> Result<Option<Timestamp>> {
    let write = installation.catalog.write("end_service", move |tx| {
        let (of, now) = (tx.of(id), tx.now());
        let tenant = of.tenant()?;
        let leaves = tenant.status == TenantStatus::Closing
            && (!for_good || tenant.erase_after.is_some_and(|after| after <= now));
        let closed = tenant.closed_at.filter(|_| leaves);
        closed.map(|closed| of.end_service(closed).map(|()| closed)).transpose()
    });
    write.await
}

/// Bills a tenant that is closing for the time until it asked to leave, and issues what is drawn up: its subscription at
/// Stripe is about to end. Should it come back, its service goes on from there.
pub(in crate::service) async fn bill_closing(installation: &Installation, id: TenantId) -> Result<()> {
    let Some(ended) = end_service(installation, id, false).await? else { return Ok(()) };
    close_all(installation, ended, Some(id), &By::system()).await?;
    finalize(installation, installation.clock().now(), Some(id), &By::system()).await.map(drop)
}

/// Bills what of a tenant is over by now, and issues what is drawn up: Stripe is about to send its own invoice.
pub(in crate::service) async fn bill_now(installation: &Installation, id: TenantId) -> Result<()> {
    let now = installation.clock().now();
    close_all(installation, now, Some(id), &By::system()).await?;
    finalize(installation, installation.clock().now(), Some(id), &By::system()).await.map(drop)
}
