//! Where Stripe and we differ: looked for once a day, told to operators, and put right when they say so.

use super::client::Fault;
use super::compare::{Look, go_on};
use super::sync::{Done, Seen, invoice, subscription};
use crate::catalog::{By, StripeDrift};
use crate::clock::{DAY, HOUR, Timestamp};
use crate::error::Result;
use crate::id::TenantId;
use crate::service::Installation;
use serde_json::json;
use std::sync::atomic::Ordering;

const EVERY: i64 = DAY;
/// The wait after a failure.
const AFTER_FAILURE: i64 = HOUR;
/// Pages that one round of the daily look takes; then other work has its turn.
const PAGES: usize = 20;
/// Items of a report.
const MOST: u32 = 1_000;
/// Objects that are put right with one read.
const BATCH: u32 = 100;
/// When it was looked last.
const LOOKED: &str = "stripe_drift_at";
/// A daily look that was left off; nothing between two.
const LOOK: &str = "stripe_drift_look";

/// What was found the last time.
#[derive(Clone, Debug, serde::Serialize)]
pub struct DriftReport {
    /// When it was looked; nothing before the first time.
    pub as_of: Option<Timestamp>,
    /// What differs, or was put right since: the first thousand.
    pub items: Vec<StripeDrift>,
    /// How much that is in all.
    pub total: i64,
}

/// What was found the last time.
///
/// # Errors
/// 409 `billing_local` without Stripe.
pub async fn drift_report(installation: &Installation) -> Result<DriftReport> {
    installation.stripe.client()?;
    let read = installation.catalog.read(|tx| Ok((tx.find_setting(LOOKED)?, tx.list_stripe_drift(MOST)?)));
    let (looked, (items, total)) = read.await?;
    Ok(DriftReport { as_of: looked.and_then(|at| at.parse().ok()).map(Timestamp), items, total })
}

/// Looks for drift once a day, some pages at a time.
///
/// # Errors
/// As the catalog says.
pub async fn look_for_drift_when_due(installation: &Installation) -> Result<()> {
    let Some(client) = &installation.stripe.client else { return Ok(()) };
    let now = installation.clock.now();
    if now.0 < installation.stripe.drift_at.load(Ordering::Relaxed) {
        return Ok(());
    }
    // An operator who has it put right looks at everything anyway.
    let Ok(_look) = installation.stripe.looking.try_lock() else { return Ok(()) };
    let read = installation.catalog.read(|tx| Ok((tx.find_setting(LOOKED)?, tx.find_setting(LOOK)?)));
    let (last, left_off) = read.await?;
    let last = last.and_then(|last| last.parse::<i64>().ok());
    let mut look = match left_off.and_then(|look| serde_json::from_str(&look).ok()) {
        Some(look) => look,
        None => match last.filter(|last| now.0 - last < EVERY) {
            Some(last) => {
                installation.stripe.drift_at.store(last + EVERY, Ordering::Relaxed);
                return Ok(());
            }
            None => Look::begin(now.0),
        },
    };
    match go_on(installation, client, &mut look, PAGES).await {
        Ok(true) => {
            finish(installation, look, None).await?;
            installation.stripe.drift_at.store(now.plus(EVERY).0, Ordering::Relaxed);
            Ok(())
        }
        Ok(false) => leave_off(installation, serde_json::to_string(&look)?).await,
        Err(Fault::Ours(error)) => Err(error),
        Err(fault) => {
            tracing::warn!(%fault, "drift from Stripe could not be looked for; it is tried again in an hour");
            // Where Stripe does not know any more where it was left off, all is looked at once more.
            let is_lost = matches!(fault, Fault::Unknown | Fault::Refused(_));
            leave_off(installation, if is_lost { String::new() } else { serde_json::to_string(&look)? })
                .await?;
            installation.stripe.drift_at.store(now.plus(AFTER_FAILURE).0, Ordering::Relaxed);
            Ok(())
        }
    }
}

async fn leave_off(installation: &Installation, look: String) -> Result<()> {
    installation.catalog.write("leave_stripe_look", move |tx| tx.put_setting(LOOK, &look)).await
}

/// Ends a look; what the look before it found and this one did not is told as repaired where it was put right in between.
async fn finish(installation: &Installation, look: Look, repaired_since: Option<i64>) -> Result<(i64, i64)> {
    let write = installation.catalog.write("finish_stripe_look", move |tx| {
        let (repaired, left) = tx.finish_stripe_look(look.number, repaired_since)?;
        tx.put_setting(LOOK, "")?;
        tx.put_setting(LOOKED, &tx.now().0.to_string())?;
        Ok((repaired, left))
    });
    let (repaired, left) = write.await?;
    if left > 0 {
        tracing::warn!(found = left, "Stripe and the catalog differ; see /operator/stripe-drift");
    }
    Ok((repaired, left))
}

/// Looks now, puts right what Stripe says of it, and looks again. What is told as repaired is no longer found.
///
/// # Errors
/// 409 `billing_local` without Stripe; 503 `stripe_unavailable`.
pub async fn repair_drift(installation: &Installation, by: By) -> Result<DriftReport> {
    let client = installation.stripe.client()?;
    let _look = installation.stripe.looking.lock().await;
    let mut first = Look::begin(installation.clock.now().0);
    go_on(installation, client, &mut first, usize::MAX).await?;
    let first = first.number;
    let mut after = (String::new(), String::new());
    loop {
        let batch = {
            let after = after.clone();
            installation.catalog.read(move |tx| tx.list_drifted(first, &after, BATCH)).await?
        };
        let Some((kind, object, _)) = batch.last() else { break };
        after = (kind.clone(), object.clone());
        let _turn = installation.stripe.turn.lock().await;
        let mut seen = Seen::default();
        for (kind, object, named) in batch {
            let done = match kind.as_str() {
                "customer" => link(installation, named, object).await,
                "subscription" => subscription(installation, client, &object, &mut seen).await,
                _ => invoice(installation, client, &object, None, &mut seen).await,
            };
            match done {
                // What cannot be put right is found again.
                Ok(_) | Err(Fault::Unknown | Fault::Refused(_)) => {}
                Err(fault) => return Err(fault.into()),
            }
        }
    }
    let mut second = Look::begin(installation.clock.now().0.max(first + 1));
    go_on(installation, client, &mut second, usize::MAX).await?;
    let (repaired, left) = finish(installation, second, Some(first)).await?;
    let details = json!({ "repaired": repaired, "left": left });
    installation
        .catalog
        .write("audit_stripe_repair", move |tx| tx.audit(&by, "stripe_drift.repaired", "stripe", &details))
        .await?;
    installation.stripe.arrived.notify_one();
    drift_report(installation).await
}

/// Links a customer of which Stripe says that it was made for a tenant here.
async fn link(installation: &Installation, named: Option<String>, customer: String) -> Result<Done, Fault> {
    let live = installation.stripe.live;
    let Some(tenant) = named.as_deref().and_then(TenantId::parse) else { return Ok(Done::default()) };
    let write = installation.catalog.write("link_stripe_customer", move |tx| {
        if tx.of(tenant).stripe_customer()?.is_none() {
            tx.of(tenant).link_stripe_customer(&customer)?;
            tx.unpark_stripe_events(&customer, live)?;
        }
        Ok(Done::default())
    });
    Ok(write.await?)
}
