//! Events that never came: once an hour Stripe is asked which there were. What is more than one round takes is gone on with
//! in the next one, and nothing counts as recovered before all of it is.

use super::client::{Client, Fault, form};
use super::inbox::{kept, take_in};
use crate::clock::{DAY, HOUR, MINUTE, SECOND, Timestamp};
use crate::error::Result;
use crate::model::stripe::{Event, Hint};
use crate::service::Installation;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::atomic::Ordering;

const EVERY: i64 = HOUR;
/// Asked again of what was asked before: Stripe's list may lag behind.
const OVERLAP: i64 = HOUR;
/// How far back the first time goes.
const AT_FIRST: i64 = DAY;
/// For so long Stripe tells of events.
const TOLD_FOR: i64 = 30 * DAY;
/// The wait after a failure.
const AFTER_FAILURE: i64 = 5 * MINUTE;
/// Pages that one round takes; then other work has its turn.
const PAGES: usize = 20;
/// Types that Stripe takes in one question.
const TYPES: usize = 20;
/// Until when nothing is missing.
const RECOVERED: &str = "stripe_recovered_at";
/// A run that was left off; nothing between two runs.
const RUN: &str = "stripe_recovery";

/// A run over all events since some moment.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Run {
    /// When it began: once it is over, nothing before that is missing.
    began: i64,
    /// Events from then on, in seconds.
    since: i64,
    /// Of which part of the types.
    part: usize,
    /// The last event that was read of them.
    after: Option<String>,
}

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
    let read = installation.catalog.read(|tx| Ok((tx.find_setting(RECOVERED)?, tx.find_setting(RUN)?)));
    let (last, left_off) = read.await?;
    let last = last.and_then(|last| last.parse::<i64>().ok()).map(Timestamp);
    let run = match left_off.and_then(|run| serde_json::from_str(&run).ok()) {
        Some(run) => run,
        None => match last.filter(|last| now.since(*last) < EVERY) {
            Some(last) => {
                installation.stripe.recover_at.store(last.0 + EVERY, Ordering::Relaxed);
                return Ok(());
            }
            None => begin(now, last),
        },
    };
    match round(installation, client, run).await {
        Ok(Some(left_off)) => {
            tracing::info!(
                part = left_off.part,
                "there are more events of Stripe to recover; it is gone on with them"
            );
            keep_run(installation, serde_json::to_string(&left_off)?).await
        }
        Ok(None) => {
            installation.stripe.recover_at.store(now.plus(EVERY).0, Ordering::Relaxed);
            Ok(())
        }
        Err(Fault::Ours(error)) => Err(error),
        Err(fault) => {
            tracing::warn!(%fault, "events of Stripe could not be recovered; it is tried again in some minutes");
            if matches!(fault, Fault::Unknown | Fault::Refused(_)) {
                // Perhaps it no longer knows where it was left off: all of it once more.
                keep_run(installation, String::new()).await?;
            }
            installation.stripe.recover_at.store(now.plus(AFTER_FAILURE).0, Ordering::Relaxed);
            Ok(())
        }
    }
}

fn begin(now: Timestamp, last: Option<Timestamp>) -> Run {
    let since = last.unwrap_or(now.plus(-AT_FIRST)).plus(-OVERLAP);
    if now.since(since) > TOLD_FOR {
        tracing::warn!(
            since = %since,
            "Stripe tells of events for thirty days only: what came before that and was missed shows as drift"
        );
    }
    Run { began: now.0, since: since.0 / SECOND, part: 0, after: None }
}

/// Takes so many pages in. Returns where it was left off; nothing where the run is over.
async fn round(installation: &Installation, client: &Client, mut run: Run) -> Result<Option<Run>, Fault> {
    let all: Vec<&str> = Hint::types().collect();
    let mut left = PAGES;
    while let Some(types) = all.chunks(TYPES).nth(run.part) {
        let mut query = form(&[("created[gte]", &run.since.to_string())]);
        query.extend(types.iter().map(|kind| ("types[]".to_owned(), (*kind).to_owned())));
        let mut pages = client.pages("/v1/events", query, run.after.take());
        while left > 0 {
            let Some(page) = pages.next().await? else { break };
            left -= 1;
            take(installation, &page).await?;
        }
        run.after = pages.left_off();
        if run.after.is_some() {
            return Ok(Some(run));
        }
        run.part += 1;
        if left == 0 && run.part < all.len().div_ceil(TYPES) {
            return Ok(Some(run));
        }
    }
    let write = installation.catalog.write("note_recovery", move |tx| {
        tx.put_setting(RECOVERED, &run.began.to_string())?;
        tx.put_setting(RUN, "")
    });
    write.await?;
    Ok(None)
}

async fn take(installation: &Installation, page: &[Value]) -> Result<()> {
    let live = installation.stripe.live;
    let events = page.iter().filter_map(|value| {
        // What changes nothing here need not be kept.
        let event = Event::of(value).ok().filter(|event| event.hint().is_some())?;
        Some(kept(event, value.to_string(), live, true))
    });
    let found = take_in(installation, events.collect()).await?;
    if found > 0 {
        tracing::info!(found, "events of Stripe that never came were recovered");
    }
    Ok(())
}

async fn keep_run(installation: &Installation, value: String) -> Result<()> {
    installation.catalog.write("note_recovery", move |tx| tx.put_setting(RUN, &value)).await
}
