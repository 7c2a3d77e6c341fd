//! Events that never came: once an hour Stripe is asked which there were.

use super::client::{Fault, form};
use super::inbox::{kept, take_in};
use crate::clock::{DAY, HOUR, MINUTE, SECOND, Timestamp};
use crate::error::Result;
use crate::model::stripe::Event;
use crate::service::Installation;
use std::sync::atomic::Ordering;

const EVERY: i64 = HOUR;
/// Asked again of what was asked before: Stripe's list may lag behind.
const OVERLAP: i64 = HOUR;
/// How far back the first time goes.
const AT_FIRST: i64 = DAY;
/// The wait after a failure.
const AFTER_FAILURE: i64 = 5 * MINUTE;
/// Events that one round takes.
const MOST: usize = 20_000;
/// Until when nothing is missing.
const RECOVERED: &str = "stripe_recovered_at";

/// Asks Stripe for events since the last time, once an hour, and takes in those that never came.
///
/// # Errors
/// As the catalog says.
pub async fn recover_when_due(installation: &Installation) -> Result<()> {
    let Some(client) = &installation.stripe.client else { return Ok(()) };
    let now = installation.clock.now();
    if now.0 < installation.stripe.recover_at.load(Ordering::Relaxed) {
        return Ok(());
    }
    let last = installation.catalog.read(|tx| tx.find_setting(RECOVERED)).await?;
    let last = last.and_then(|last| last.parse::<i64>().ok()).map(Timestamp);
    if let Some(last) = last.filter(|last| now.since(*last) < EVERY) {
        installation.stripe.recover_at.store(last.0 + EVERY, Ordering::Relaxed);
        return Ok(());
    }
    let since = last.unwrap_or(now.plus(-AT_FIRST)).plus(-OVERLAP).0 / SECOND;
    let listed = client.list("/v1/events", form(&[("created[gte]", &since.to_string())]), MOST).await;
    let listed = match listed {
        Ok(listed) => listed,
        Err(Fault::Ours(error)) => return Err(error),
        Err(fault) => {
            tracing::warn!(%fault, "events of Stripe could not be recovered; it is tried again in some minutes");
            installation.stripe.recover_at.store(now.plus(AFTER_FAILURE).0, Ordering::Relaxed);
            return Ok(());
        }
    };
    let live = installation.stripe.live;
    let events = listed.iter().filter_map(|value| {
        // What changes nothing here need not be kept.
        let event = Event::of(value).ok().filter(|event| event.hint().is_some())?;
        Some(kept(event, value.to_string(), live, true))
    });
    let found = take_in(installation, events.collect()).await?;
    if found > 0 {
        tracing::info!(found, "events of Stripe that never came were recovered");
    }
    installation
        .catalog
        .write("note_recovery", move |tx| tx.put_setting(RECOVERED, &now.0.to_string()))
        .await?;
    installation.stripe.recover_at.store(now.plus(EVERY).0, Ordering::Relaxed);
    Ok(())
}
