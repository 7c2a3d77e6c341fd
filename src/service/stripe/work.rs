//! Working events off: each is a reason to ask Stripe how its object stands, and nothing more.

use super::client::{Client, Fault};
use super::inbox::UNREADABLE;
use super::sync::{Done, Seen, look_at};
use crate::catalog::{StripeEvent, StripeEventStatus, StripeOutcome};
use crate::clock::{DAY, HOUR, SECOND};
use crate::error::Result;
use crate::model::stripe::Hint;
use crate::service::Installation;
use futures_util::StreamExt as _;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

/// Tells of what Stripe does not know any more.
const DELETED: &str = "invoice.deleted";
/// Events that are taken at once.
const BATCH: u32 = 100;
/// Customers that are looked at at once; of one, one event after the other.
const AT_ONCE: usize = 4;
/// The wait after a first failure; each further one doubles it.
const FIRST_WAIT: i64 = 5 * SECOND;
const LONGEST_WAIT: i64 = HOUR;
/// For so long an event is tried.
const LIFETIME: i64 = 3 * DAY;
/// Events that are done with are kept for so long; Stripe itself tells of them for thirty days.
const KEPT: i64 = 90 * DAY;

/// How long to wait after so many failures.
pub(super) fn wait_after(failures: i64) -> i64 {
    let doublings = u32::try_from(failures.clamp(0, 20)).unwrap_or(20);
    (FIRST_WAIT << doublings).min(LONGEST_WAIT)
}

/// Works off the events whose time has come.
///
/// # Errors
/// As the catalog says.
pub async fn work_off(installation: &Installation) -> Result<()> {
    let Some(client) = &installation.stripe.client else { return Ok(()) };
    loop {
        let due = installation.catalog.read(|tx| tx.list_due_stripe_events(BATCH)).await?;
        if due.is_empty() {
            return Ok(());
        }
        let _turn = installation.stripe.turn.lock().await;
        let mut customers: BTreeMap<String, Vec<StripeEvent>> = BTreeMap::new();
        for event in due {
            let whose = event.customer.clone().unwrap_or_else(|| event.object.clone());
            customers.entry(whose).or_default().push(event);
        }
        // Who cannot be reached for one is not asked for the others.
        let is_away = AtomicBool::new(false);
        let works =
            customers.into_values().map(|events| work_off_one(installation, client, events, &is_away));
        let done: Vec<Result<()>> =
            futures_util::stream::iter(works).buffer_unordered(AT_ONCE).collect().await;
        done.into_iter().collect::<Result<()>>()?;
    }
}

/// Events of one customer. They were all there before Stripe is asked, so one answer serves all of one object.
async fn work_off_one(
    installation: &Installation,
    client: &Client,
    events: Vec<StripeEvent>,
    is_away: &AtomicBool,
) -> Result<()> {
    let mut seen = Seen::default();
    for event in events {
        let looked = if is_away.load(Ordering::Relaxed) {
            Err(Fault::Later("Stripe cannot be reached".to_owned()))
        } else {
            look(installation, client, &event, &mut seen).await
        };
        match looked {
            Ok(done) => finish(installation, event.id, done).await?,
            Err(Fault::Unknown) if event.kind == DELETED => {
                finish(installation, event.id, Done::ignored("it is gone there, and nothing here was of it"))
                    .await?;
            }
            Err(Fault::Unknown) => {
                finish(installation, event.id, Done::parked("Stripe does not know it")).await?;
            }
            Err(Fault::Refused(why)) => {
                finish(installation, event.id, Done::parked(format!("Stripe refuses: {why}"))).await?;
            }
            Err(Fault::Later(why)) => {
                is_away.store(true, Ordering::Relaxed);
                put_off(installation, event, why).await?;
            }
            Err(Fault::Ours(error)) => {
                tracing::error!(event = event.id, error = ?error, "an event of Stripe could not be worked off");
                put_off(installation, event, "a fault of this server; its log says more".to_owned()).await?;
            }
        }
    }
    Ok(())
}

async fn look(
    installation: &Installation,
    client: &Client,
    event: &StripeEvent,
    seen: &mut Seen,
) -> Result<Done, Fault> {
    if event.livemode != installation.stripe.live {
        return Ok(Done::parked("it is of the other mode than this installation"));
    }
    if event.kind == UNREADABLE {
        return Ok(Done::parked("it is no event that can be read"));
    }
    let Some(hint) = Hint::of_type(&event.kind) else {
        return Ok(Done::ignored("events of this type change nothing here"));
    };
    if event.object.is_empty() {
        return Ok(Done::parked("its object has no id that could be one"));
    }
    look_at(installation, client, hint, &event.object, seen).await
}

async fn finish(installation: &Installation, id: String, done: Done) -> Result<()> {
    let status = match (&done.reason, done.parked, done.changed.is_empty()) {
        (_, true, _) => StripeEventStatus::Parked,
        (_, false, false) => StripeEventStatus::Applied,
        (_, false, true) => StripeEventStatus::Ignored,
    };
    let unchanged = || "nothing to change: what Stripe says was known".to_owned();
    let outcome = StripeOutcome {
        status,
        reason: done.reason.or_else(|| done.changed.is_empty().then(unchanged)),
        changed: done.changed,
        tenant: done.tenant,
        waits_for: done.waits_for,
    };
    installation.catalog.write("finish_stripe_event", move |tx| tx.finish_stripe_event(&id, &outcome)).await
}

async fn put_off(installation: &Installation, event: StripeEvent, why: String) -> Result<()> {
    let now = installation.clock.now();
    if now.since(event.received_at) > LIFETIME && event.attempts > 0 {
        let reason = Some(format!("given up after {} attempts: {why}", event.attempts));
        let outcome = StripeOutcome {
            status: StripeEventStatus::Failed,
            changed: Vec::new(),
            reason,
            tenant: None,
            waits_for: None,
        };
        let write = installation
            .catalog
            .write("fail_stripe_event", move |tx| tx.finish_stripe_event(&event.id, &outcome));
        return write.await;
    }
    let until = now.plus(wait_after(event.attempts));
    let write = installation
        .catalog
        .write("postpone_stripe_event", move |tx| tx.postpone_stripe_event(&event.id, &why, until));
    write.await
}

/// Removes events that were done with long ago.
///
/// # Errors
/// As the catalog says.
pub async fn sweep_events(installation: &Installation) -> Result<()> {
    let before = installation.clock.now().plus(-KEPT);
    installation
        .catalog
        .write("sweep_stripe_events", move |tx| tx.sweep_stripe_events(before))
        .await
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_an_hour() {
        assert_eq!([0, 1, 2, 9, 10, 99].map(wait_after), [5_000, 10_000, 20_000, 2_560_000, HOUR, HOUR]);
    }
}
