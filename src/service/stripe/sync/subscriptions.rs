//! Subscriptions: the one that counts is followed, a second one that is collected beside it is told loudly.

use super::super::client::{Client, Fault};
use super::super::follow::follow_subscription;
use super::super::letters;
use super::{Done, Seen, fetch, is_there, other_mode, owner, sentences, unreadable};
use crate::catalog::{By, OfTenant, StripeDrift};
use crate::error::Result;
use crate::id::TenantId;
use crate::model::stripe::{Hint, Subscription, SubscriptionState};
use crate::service::Installation;
use serde_json::json;

/// What of drift tells of a subscription that counts for nothing.
const COUNTS_FOR_NOTHING: &str = "counts for nothing";

/// Asks how a subscription stands, stores it and lets the tenant's plan and status follow.
pub(in crate::service::stripe) async fn subscription(
    installation: &Installation,
    client: &Client,
    id: &str,
    seen: &mut Seen,
) -> Result<Done, Fault> {
    look(installation, client, id, false, seen).await
}

/// The same because of an event, which may be one of those that people are told of.
pub(super) async fn hinted(
    installation: &Installation,
    client: &Client,
    id: &str,
    hint: Hint,
    seen: &mut Seen,
) -> Result<Done, Fault> {
    look(installation, client, id, hint.trial_ends, seen).await
}

async fn look(
    installation: &Installation,
    client: &Client,
    id: &str,
    trial_ends: bool,
    seen: &mut Seen,
) -> Result<Done, Fault> {
    let said = fetch(client, format!("/v1/subscriptions/{id}"), seen).await?;
    let Some(said) = Subscription::read(&said).filter(|said| said.id == id) else {
        return Ok(unreadable("subscription"));
    };
    if said.livemode != installation.stripe.live {
        return Ok(other_mode());
    }
    let tenant = match owner(installation, &said.customer).await? {
        Ok(tenant) => tenant,
        Err(parked) => return Ok(parked),
    };
    let mut gone = None;
    let mut done = Done::default();
    if let Some(other) = rival(installation, tenant, &said).await? {
        // Perhaps it is over, and nobody has told us yet.
        match fetch(client, format!("/v1/subscriptions/{other}"), seen).await {
            Ok(value) => {
                if let Some(theirs) = Subscription::read(&value).filter(|theirs| theirs.id == other) {
                    done = store(installation, tenant, theirs, None, false).await?;
                }
            }
            Err(Fault::Unknown) => gone = Some(other),
            Err(fault) => return Err(fault),
        }
    }
    Ok(done.and(store(installation, tenant, said, gone, trial_ends).await?))
}

/// Another subscription that counts for the tenant of one that is live.
async fn rival(
    installation: &Installation,
    tenant: TenantId,
    said: &Subscription,
) -> Result<Option<String>, Fault> {
    if said.state().is_over() {
        return Ok(None);
    }
    let counts = installation.catalog.read(move |tx| tx.of(tenant).live_stripe_subscription()).await?;
    Ok(counts.map(|(id, _)| id).filter(|id| *id != said.id))
}

async fn store(
    installation: &Installation,
    tenant: TenantId,
    said: Subscription,
    gone: Option<String>,
    trial_ends: bool,
) -> Result<Done, Fault> {
    let live = installation.stripe.live;
    let write = installation.catalog.write("store_stripe_subscription", move |tx| {
        let of = tx.of(tenant);
        if !is_there(&of)? {
            return Ok(Done::parked("the tenant is gone"));
        }
        let mut done = store_subscription(&of, &said, gone.as_deref(), live)?;
        if trial_ends
            && !done.parked
            && let Some(ends) = said.trial_end.filter(|_| said.status == "trialing")
        {
            letters::tell_of_trial(&of, ends)?;
            done.reason.get_or_insert_with(|| "whoever pays is told that the trial ends, once".to_owned());
        }
        Ok(done)
    });
    Ok(Done { tenant: Some(tenant), ..write.await? })
}

/// Stores what Stripe says of a subscription. `gone`: the one that counted so far, if Stripe does not know it any more.
fn store_subscription(
    of: &OfTenant<'_>,
    said: &Subscription,
    gone: Option<&str>,
    live: bool,
) -> Result<Done> {
    let (known, state) = (of.find_stripe_subscription(&said.id)?, said.state());
    let differences = SubscriptionState::differences(known.as_ref(), &state);
    let was_parked = of.stripe_subscription_parked(&said.id)?;
    let mut counts = of.live_stripe_subscription()?.map(|(id, _)| id).filter(|id| *id != said.id);
    if let Some(other) = counts.take_if(|other| Some(other.as_str()) == gone) {
        of.end_lost_stripe_subscription(&other)?;
    }
    if let Some(other) = counts.filter(|_| !state.is_over()) {
        return store_second(of, said, &state, was_parked.as_deref(), &other);
    }
    if !differences.is_empty() || was_parked.is_some() {
        of.store_stripe_subscription(&said.id, &state, None)?;
    }
    let mut done = Done { changed: sentences(&said.id, &differences), ..Done::default() };
    let adopted = of.adopt_stripe_subscription()?;
    let freed = was_parked.is_some().then(|| said.id.clone());
    for id in freed.iter().chain(&adopted) {
        of.catalog().forget_stripe_drift(id, COUNTS_FOR_NOTHING)?;
        // What was parked because of that is worked off now.
        of.catalog().unpark_stripe_events(&said.customer, live)?;
    }
    if let Some(id) = adopted.or(freed.filter(|_| !state.is_over())) {
        of.audit(&By::system(), "billing.subscription_counts", &format!("stripe:{id}"), &json!({}))?;
        done.changed.push(format!("{id} counts from now on"));
    }
    Ok(done.and(follow_subscription(of, known.as_ref(), said)?))
}

/// A second one that is collected beside the one that counts: kept as it stands, and nothing follows it. Somebody pays twice,
/// which only somebody who asks them can put right.
fn store_second(
    of: &OfTenant<'_>,
    said: &Subscription,
    state: &SubscriptionState,
    was_parked: Option<&str>,
    other: &str,
) -> Result<Done> {
    let reason = format!(
        "{} is a second live subscription of this tenant: Stripe collects it beside {other}, which counts. Cancel one of \
         them at Stripe and refund what was paid for it; the one that stays then counts by itself",
        said.id
    );
    let differences = SubscriptionState::differences(of.find_stripe_subscription(&said.id)?.as_ref(), state);
    if !differences.is_empty() || was_parked != Some(reason.as_str()) {
        of.store_stripe_subscription(&said.id, state, Some(&reason))?;
    }
    if was_parked.is_none() {
        tracing::error!(
            subscription = said.id,
            counts = other,
            "a tenant pays for two subscriptions at Stripe"
        );
        let details = json!({ "counts": other });
        of.audit(&By::system(), "billing.second_subscription", &format!("stripe:{}", said.id), &details)?;
        let found = StripeDrift {
            object: said.id.clone(),
            kind: "subscription".to_owned(),
            field: COUNTS_FOR_NOTHING.to_owned(),
            tenant_id: Some(of.tenant()?.id),
            here: Some(reason.clone()),
            there: Some(said.status.clone()),
            found_at: of.now(),
            repaired_at: None,
        };
        of.catalog().note_stripe_drift(0, &found)?;
    }
    Ok(Done { changed: sentences(&said.id, &differences), ..Done::parked(reason) })
}
