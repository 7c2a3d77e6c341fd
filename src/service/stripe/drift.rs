//! Where Stripe and we differ: looked for once a day, told to operators, and put right when they say so.

use super::client::{Client, Fault, form};
use super::follow::wanted;
use super::sync::{Done, Seen, invoice, subscription};
use crate::catalog::{By, StripeDrift};
use crate::clock::{DAY, HOUR, SECOND, Timestamp};
use crate::error::Result;
use crate::id::TenantId;
use crate::model::stripe::{Difference, Invoice, InvoiceState, Subscription, SubscriptionState, labels_of};
use crate::service::Installation;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

const EVERY: i64 = DAY;
/// The wait after a failure.
const AFTER_FAILURE: i64 = HOUR;
/// Invoices that are compared are that old at most.
const INVOICES: i64 = 60 * DAY;
/// Objects of one list.
const MOST: usize = 200_000;
/// When it was looked last.
const LOOKED: &str = "stripe_drift_at";

/// What was found the last time.
#[derive(Clone, Debug, serde::Serialize)]
pub struct DriftReport {
    /// When it was looked; nothing before the first time.
    pub as_of: Option<Timestamp>,
    /// What differs, or was put right since.
    pub items: Vec<StripeDrift>,
}

/// What was found the last time.
///
/// # Errors
/// 409 `billing_local` without Stripe.
pub async fn drift_report(installation: &Installation) -> Result<DriftReport> {
    installation.stripe.client()?;
    let read = installation.catalog.read(|tx| Ok((tx.find_setting(LOOKED)?, tx.list_stripe_drift()?)));
    let (looked, items) = read.await?;
    Ok(DriftReport { as_of: looked.and_then(|at| at.parse().ok()).map(Timestamp), items })
}

/// Looks for drift once a day.
///
/// # Errors
/// As the catalog says.
pub async fn look_for_drift_when_due(installation: &Installation) -> Result<()> {
    let Some(client) = &installation.stripe.client else { return Ok(()) };
    let now = installation.clock.now();
    if now.0 < installation.stripe.drift_at.load(Ordering::Relaxed) {
        return Ok(());
    }
    let last = installation.catalog.read(|tx| tx.find_setting(LOOKED)).await?;
    let last = last.and_then(|last| last.parse::<i64>().ok());
    if let Some(last) = last.filter(|last| now.0 - last < EVERY) {
        installation.stripe.drift_at.store(last + EVERY, Ordering::Relaxed);
        return Ok(());
    }
    match look(installation, client).await {
        Ok(found) => {
            if !found.is_empty() {
                tracing::warn!(
                    found = found.len(),
                    "Stripe and the catalog differ; see /operator/stripe-drift"
                );
            }
            store(installation, found).await?;
            installation.stripe.drift_at.store(now.plus(EVERY).0, Ordering::Relaxed);
            Ok(())
        }
        Err(Fault::Ours(error)) => Err(error),
        Err(fault) => {
            tracing::warn!(%fault, "drift from Stripe could not be looked for; it is tried again in an hour");
            installation.stripe.drift_at.store(now.plus(AFTER_FAILURE).0, Ordering::Relaxed);
            Ok(())
        }
    }
}

/// Looks now, puts right what Stripe says of it, and looks again. What is told as repaired is no longer found.
///
/// # Errors
/// 409 `billing_local` without Stripe; 503 `stripe_unavailable`.
pub async fn repair_drift(installation: &Installation, by: By) -> Result<DriftReport> {
    let client = installation.stripe.client()?;
    let found = look(installation, client).await?;
    {
        let _turn = installation.stripe.turn.lock().await;
        let mut seen = Seen::default();
        let objects: BTreeSet<(&str, &str)> =
            found.iter().map(|one| (one.kind.as_str(), one.object.as_str())).collect();
        // Customers first, in the order of the words: the rest is of one of them.
        for (kind, object) in objects {
            let done = match kind {
                "customer" => link(installation, &found, object).await,
                "subscription" => subscription(installation, client, object, &mut seen).await,
                _ => invoice(installation, client, object, None, &mut seen).await,
            };
            match done {
                // What cannot be put right is found again.
                Ok(_) | Err(Fault::Unknown | Fault::Refused(_)) => {}
                Err(fault) => return Err(fault.into()),
            }
        }
    }
    let left = look(installation, client).await?;
    let now = installation.clock.now();
    let is_left = |one: &StripeDrift| {
        left.iter().any(|other| (&other.object, &other.field) == (&one.object, &one.field))
    };
    let repaired: Vec<StripeDrift> = found
        .into_iter()
        .filter(|one| !is_left(one))
        .map(|one| StripeDrift { repaired_at: Some(now), ..one })
        .collect();
    let details = json!({ "repaired": repaired.len(), "left": left.len() });
    store(installation, repaired.into_iter().chain(left.clone()).collect()).await?;
    installation
        .catalog
        .write("audit_stripe_repair", move |tx| tx.audit(&by, "stripe_drift.repaired", "stripe", &details))
        .await?;
    installation.stripe.arrived.notify_one();
    drift_report(installation).await
}

async fn store(installation: &Installation, found: Vec<StripeDrift>) -> Result<()> {
    let write = installation.catalog.write("store_stripe_drift", move |tx| {
        tx.replace_stripe_drift(&found)?;
        tx.put_setting(LOOKED, &tx.now().0.to_string())
    });
    write.await
}

/// Links a customer of which Stripe says that it was made for a tenant here.
async fn link(installation: &Installation, found: &[StripeDrift], customer: &str) -> Result<Done, Fault> {
    let tenant = found
        .iter()
        .find(|one| one.object == customer && one.here.is_none())
        .and_then(|one| one.there.as_deref())
        .and_then(TenantId::parse);
    let (Some(tenant), customer, live) = (tenant, customer.to_owned(), installation.stripe.live) else {
        return Ok(Done::default());
    };
    let write = installation.catalog.write("link_stripe_customer", move |tx| {
        if tx.of(tenant).stripe_customer()?.is_none() {
            tx.of(tenant).link_stripe_customer(&customer)?;
            tx.unpark_stripe_events(&customer, live)?;
        }
        Ok(Done::default())
    });
    Ok(write.await?)
}

/// What is being compared.
struct Look {
    now: Timestamp,
    tenants: BTreeMap<String, TenantId>,
    found: Vec<StripeDrift>,
}

impl Look {
    fn add(&mut self, kind: &str, object: &str, tenant: Option<TenantId>, difference: Difference) {
        self.found.push(StripeDrift {
            object: object.to_owned(),
            kind: kind.to_owned(),
            field: difference.field.to_owned(),
            tenant_id: tenant,
            here: difference.here,
            there: difference.there,
            found_at: self.now,
            repaired_at: None,
        });
    }
}

async fn look(installation: &Installation, client: &Client) -> Result<Vec<StripeDrift>, Fault> {
    let since = (installation.clock.now().plus(-INVOICES).0 / SECOND).to_string();
    let customers = client.list("/v1/customers", Vec::new(), MOST).await?;
    let subscriptions = client.list("/v1/subscriptions", form(&[("status", "all")]), MOST).await?;
    let invoices = client.list("/v1/invoices", form(&[("created[gte]", &since)]), MOST).await?;
    let linked = installation.catalog.read(|tx| tx.list_stripe_customers("", u32::MAX)).await?;
    let now = installation.clock.now();
    let mut look = Look { now, tenants: linked.into_iter().collect(), found: Vec::new() };
    compare_customers(installation, &mut look, &customers).await?;
    compare_subscriptions(installation, &mut look, &subscriptions).await?;
    compare_invoices(installation, &mut look, &invoices).await?;
    Ok(look.found)
}

async fn compare_customers(installation: &Installation, look: &mut Look, listed: &[Value]) -> Result<()> {
    let there: BTreeSet<&str> = listed.iter().filter_map(|customer| customer["id"].as_str()).collect();
    let gone: Vec<(String, TenantId)> = look
        .tenants
        .iter()
        .filter(|(id, _)| !there.contains(id.as_str()))
        .map(|(id, tenant)| (id.clone(), *tenant))
        .collect();
    for (id, tenant) in gone {
        let difference = Difference { field: "customer", here: Some(tenant.to_string()), there: None };
        look.add("customer", &id, Some(tenant), difference);
    }
    let live = installation.stripe.live;
    let ours = listed.iter().filter(|customer| customer["livemode"] == live).filter_map(labels_of);
    for (id, made_by, tenant) in ours {
        let Some(tenant) = TenantId::parse(&tenant).filter(|_| made_by == installation.id) else { continue };
        if look.tenants.contains_key(&id) {
            continue;
        }
        let is_free = installation.catalog.read(move |tx| {
            let of = tx.of(tenant);
            Ok(of.stripe_customer()?.is_none() && of.tenant().is_ok_and(|tenant| tenant.status.is_visible()))
        });
        if is_free.await? {
            let difference = Difference { field: "customer", here: None, there: Some(tenant.to_string()) };
            look.add("customer", &id, Some(tenant), difference);
        }
    }
    Ok(())
}

async fn compare_subscriptions(installation: &Installation, look: &mut Look, listed: &[Value]) -> Result<()> {
    let mut there = BTreeSet::new();
    for said in listed.iter().filter_map(Subscription::read) {
        let Some(tenant) = look.tenants.get(&said.customer).copied() else { continue };
        if said.livemode != installation.stripe.live {
            continue;
        }
        there.insert(said.id.clone());
        let id = said.id.clone();
        let read = installation.catalog.read(move |tx| {
            let of = tx.of(tenant);
            let known = of.find_stripe_subscription(&said.id)?;
            let mut differences = SubscriptionState::differences(known.as_ref(), &said.state());
            // The tenant itself follows the one that counts.
            let counts = of.live_stripe_subscription()?.is_some_and(|(id, _)| id == said.id);
            if let (true, Some(course)) = (counts && differences.is_empty(), of.find_course()?)
                && let Some(wanted) = wanted(&of, &course, &said.state(), &said.prices)?
            {
                let (here, there) = (course.status.name(), wanted.status.name());
                let told = |field, here: &str, there: &str| Difference {
                    field,
                    here: Some(here.to_owned()),
                    there: Some(there.to_owned()),
                };
                differences.extend((here != there).then(|| told("tenant status", here, there)));
                let (here, there) = (&course.plan.key, &wanted.plan.key);
                differences.extend((here != there).then(|| told("tenant plan", here, there)));
            }
            Ok(differences)
        });
        for difference in read.await? {
            look.add("subscription", &id, Some(tenant), difference);
        }
    }
    let here = installation.catalog.read(|tx| tx.list_live_stripe_subscriptions()).await?;
    for (id, tenant) in here.into_iter().filter(|(id, _)| !there.contains(id)) {
        let difference = Difference { field: "status", here: Some("live".to_owned()), there: None };
        look.add("subscription", &id, Some(tenant), difference);
    }
    Ok(())
}

async fn compare_invoices(installation: &Installation, look: &mut Look, listed: &[Value]) -> Result<()> {
    for said in listed.iter().filter_map(Invoice::read) {
        let Some(tenant) = look.tenants.get(&said.customer).copied() else { continue };
        if said.livemode != installation.stripe.live {
            continue;
        }
        let id = said.id.clone();
        let read = installation.catalog.read(move |tx| {
            let known = tx.of(tenant).find_stripe_invoice(&said.id)?;
            Ok(InvoiceState::differences(known.as_ref(), &said.state()))
        });
        for difference in read.await? {
            look.add("invoice", &id, Some(tenant), difference);
        }
    }
    Ok(())
}
