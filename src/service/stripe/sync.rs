//! Asking Stripe how an object stands, and storing what it says.

use super::client::{Client, Fault, form};
use super::follow::follow_subscription;
use super::letters;
use super::statements::{fill_draft, follow};
use crate::catalog::OfTenant;
use crate::error::{Kind, Result};
use crate::id::TenantId;
use crate::model::stripe::{
    CheckoutSession, Difference, Hint, Invoice, InvoiceState, ObjectKind, Payment, Subscription,
    SubscriptionState,
};
use crate::service::Installation;
use serde_json::Value;
use std::collections::BTreeMap;

/// What Stripe said in this round, by path: an object is asked for once.
#[derive(Default)]
pub(super) struct Seen(BTreeMap<String, Value>);

/// What came of a look.
#[derive(Clone, Debug, Default)]
pub(super) struct Done {
    pub(super) changed: Vec<String>,
    /// Why nothing was changed, or not all.
    pub(super) reason: Option<String>,
    /// Whether somebody has to look at it.
    pub(super) parked: bool,
    pub(super) tenant: Option<TenantId>,
}

impl Done {
    pub(super) fn parked(reason: impl Into<String>) -> Done {
        Done { reason: Some(reason.into()), parked: true, ..Done::default() }
    }

    pub(super) fn ignored(reason: impl Into<String>) -> Done {
        Done { reason: Some(reason.into()), ..Done::default() }
    }

    /// Both, one after the other.
    fn and(mut self, other: Done) -> Done {
        self.changed.extend(other.changed);
        self.reason = match (self.reason, other.reason) {
            (Some(one), Some(two)) if one != two => Some(format!("{one}; {two}")),
            (one, two) => one.or(two),
        };
        Done { parked: self.parked || other.parked, tenant: self.tenant.or(other.tenant), ..self }
    }
}

/// Looks at what a hint is about.
pub(super) async fn look_at(
    installation: &Installation,
    client: &Client,
    hint: Hint,
    id: &str,
    seen: &mut Seen,
) -> Result<Done, Fault> {
    match hint.kind {
        ObjectKind::Checkout => checkout(installation, client, id, seen).await,
        ObjectKind::Subscription => subscription(installation, client, id, seen).await,
        ObjectKind::Invoice => invoice(installation, client, id, hint.trouble, seen).await,
        ObjectKind::Charge => charge(installation, client, id, seen).await,
        ObjectKind::Dispute => {
            let dispute = fetch(client, format!("/v1/disputes/{id}"), seen).await?;
            match Payment::disputed_by(&dispute) {
                Some(charge_id) => charge(installation, client, &charge_id, seen).await,
                None => Ok(Done::parked("the dispute names no charge")),
            }
        }
    }
}

async fn fetch(client: &Client, path: String, seen: &mut Seen) -> Result<Value, Fault> {
    if let Some(value) = seen.0.get(&path) {
        return Ok(value.clone());
    }
    let value = client.get(&path, Vec::new()).await?;
    seen.0.insert(path, value.clone());
    Ok(value)
}

fn unreadable(what: &str) -> Done {
    Done::parked(format!("what Stripe answers is no {what} that can be read"))
}

fn other_mode() -> Done {
    Done::parked("Stripe's object is of the other mode than this installation")
}

/// Whose customer that is; where it is nobody's, the event waits for somebody.
async fn owner(installation: &Installation, customer: &str) -> Result<Result<TenantId, Done>, Fault> {
    let id = customer.to_owned();
    let found = installation.catalog.read(move |tx| tx.tenant_of_stripe_customer(&id)).await?;
    Ok(found.ok_or_else(|| Done::parked(format!("the customer {customer} is linked to no tenant"))))
}

fn is_there(of: &OfTenant<'_>) -> Result<bool> {
    match of.tenant() {
        Ok(tenant) => Ok(tenant.status.is_visible()),
        Err(error) if error.kind() == Kind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Asks how a subscription stands, stores it and lets the tenant's plan and status follow.
pub(super) async fn subscription(
    installation: &Installation,
    client: &Client,
    id: &str,
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
    let write = installation.catalog.write("store_stripe_subscription", move |tx| {
        let of = tx.of(tenant);
        if !is_there(&of)? {
            return Ok(Done::parked("the tenant is gone"));
        }
        store_subscription(&of, &said)
    });
    Ok(Done { tenant: Some(tenant), ..write.await? })
}

fn store_subscription(of: &OfTenant<'_>, said: &Subscription) -> Result<Done> {
    let (known, state) = (of.find_stripe_subscription(&said.id)?, said.state());
    let differences = SubscriptionState::differences(known.as_ref(), &state);
    if !differences.is_empty() {
        of.store_stripe_subscription(&said.id, &state)?;
    }
    let done = Done { changed: sentences(&said.id, &differences), ..Done::default() };
    Ok(done.and(follow_subscription(of, known.as_ref(), said)?))
}

fn sentences(id: &str, differences: &[Difference]) -> Vec<String> {
    differences.iter().map(|difference| format!("{id} {difference}")).collect()
}

/// Asks how an invoice stands and stores it, and the same of its subscription.
pub(super) async fn invoice(
    installation: &Installation,
    client: &Client,
    id: &str,
    trouble: Option<&'static str>,
    seen: &mut Seen,
) -> Result<Done, Fault> {
    let said = fetch(client, format!("/v1/invoices/{id}"), seen).await?;
    let Some(said) = Invoice::read(&said).filter(|said| said.id == id) else {
        return Ok(unreadable("invoice"));
    };
    if said.livemode != installation.stripe.live {
        return Ok(other_mode());
    }
    let tenant = match owner(installation, &said.customer).await? {
        Ok(tenant) => tenant,
        Err(parked) => return Ok(parked),
    };
    let (of_subscription, draft) =
        (said.subscription.clone(), (said.status == "draft").then(|| said.clone()));
    let write = installation.catalog.write("store_stripe_invoice", move |tx| {
        let of = tx.of(tenant);
        if !is_there(&of)? {
            return Ok(Done::parked("the tenant is gone"));
        }
        store_invoice(&of, &said, trouble)
    });
    let mut done = Done { tenant: Some(tenant), ..write.await? };
    if let Some(id) = of_subscription {
        // One that is gone by now changes nothing of the invoice.
        match subscription(installation, client, &id, seen).await {
            Ok(more) => {
                let is_ours = more.tenant == Some(tenant) && !done.parked;
                done = done.and(more);
                if let Some(draft) = draft.filter(|_| is_ours) {
                    done.changed.extend(fill_draft(installation, client, tenant, &draft).await?);
                }
            }
            Err(Fault::Unknown) => done = done.and(Done::ignored(format!("Stripe does not know {id}"))),
            Err(fault) => return Err(fault),
        }
    }
    Ok(done)
}

/// What changed of it.
pub(super) fn sentences_of(done: Result<Done>) -> Result<Vec<String>> {
    done.map(|done| done.changed)
}

/// Stores what Stripe says of an invoice, and lets the statements to it follow.
pub(super) fn store_invoice(
    of: &OfTenant<'_>,
    said: &Invoice,
    trouble: Option<&'static str>,
) -> Result<Done> {
    let (known, state) = (of.find_stripe_invoice(&said.id)?, said.state());
    let is_open = matches!(state.status.as_str(), "draft" | "open" | "uncollectible");
    let trouble = trouble.or(said.finalization_failed.then_some("finalization_failed")).filter(|_| is_open);
    let before = of.stripe_invoice_trouble(&said.id)?;
    let after = if is_open { trouble.map(str::to_owned).or_else(|| before.clone()) } else { None };
    let differences = InvoiceState::differences(known.as_ref(), &state);
    let mut changed = sentences(&said.id, &differences);
    if before != after {
        changed.extend(sentences(&said.id, &[Difference { field: "trouble", here: before, there: after }]));
    }
    if !changed.is_empty() {
        of.store_stripe_invoice(&said.id, &state, trouble)?;
    }
    letters::tell_of_trouble(of, said, trouble)?;
    changed.extend(follow(of, &said.id)?);
    Ok(Done { changed, ..Done::default() })
}

/// A charge: what of an invoice was given back, and whether that is disputed.
async fn charge(
    installation: &Installation,
    client: &Client,
    id: &str,
    seen: &mut Seen,
) -> Result<Done, Fault> {
    let said = fetch(client, format!("/v1/charges/{id}"), seen).await?;
    let Some(said) = Payment::read(&said).filter(|said| said.id == id) else {
        return Ok(unreadable("charge"));
    };
    if said.livemode != installation.stripe.live {
        return Ok(other_mode());
    }
    let Some(customer) = &said.customer else {
        return Ok(Done::parked("the charge names no customer"));
    };
    let tenant = match owner(installation, customer).await? {
        Ok(tenant) => tenant,
        Err(parked) => return Ok(parked),
    };
    let Some(invoice_id) = invoice_of(client, &said).await? else {
        return Ok(Done { tenant: Some(tenant), ..Done::ignored("the charge is of no invoice") });
    };
    let done = invoice(installation, client, &invoice_id, None, seen).await?;
    if done.parked {
        return Ok(done);
    }
    let write = installation.catalog.write("store_stripe_returns", move |tx| {
        let of = tx.of(tenant);
        let (refunded, disputed) = of.stripe_invoice_returns(&invoice_id)?.unwrap_or_default();
        let differs =
            |field, here: String, there: String| Difference { field, here: Some(here), there: Some(there) };
        let mut differences = Vec::new();
        if refunded != said.refunded {
            differences.push(differs("refunded", refunded.to_string(), said.refunded.to_string()));
        }
        if disputed != said.disputed {
            differences.push(differs("disputed", disputed.to_string(), said.disputed.to_string()));
        }
        if !differences.is_empty() {
            of.update_stripe_invoice_returns(&invoice_id, said.refunded, said.disputed)?;
        }
        Ok(Done { changed: sentences(&invoice_id, &differences), ..Done::default() })
    });
    Ok(done.and(write.await?))
}

/// The invoice that a charge paid: it says so itself in old versions, in current ones the payments of invoices do.
async fn invoice_of(client: &Client, charge: &Payment) -> Result<Option<String>, Fault> {
    if let Some(invoice) = &charge.invoice {
        return Ok(Some(invoice.clone()));
    }
    let Some(intent) = &charge.intent else { return Ok(None) };
    let query = form(&[("payment[type]", "payment_intent"), ("payment[payment_intent]", intent)]);
    match client.get("/v1/invoice_payments", query).await {
        Ok(list) => Ok(list.pointer("/data/0/invoice").and_then(Value::as_str).map(str::to_owned)),
        // Versions that do not know of them.
        Err(Fault::Unknown | Fault::Refused(_)) => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// A checkout: links its customer, and looks at what it began once that is paid.
async fn checkout(
    installation: &Installation,
    client: &Client,
    id: &str,
    seen: &mut Seen,
) -> Result<Done, Fault> {
    let said = fetch(client, format!("/v1/checkout/sessions/{id}"), seen).await?;
    let Some(said) = CheckoutSession::read(&said).filter(|said| said.id == id) else {
        return Ok(unreadable("checkout session"));
    };
    if said.livemode != installation.stripe.live {
        return Ok(other_mode());
    }
    if said.mode != "subscription" {
        return Ok(Done::ignored(format!("a checkout for a {} begins no subscription", said.mode)));
    }
    let (session, ours) = (said.clone(), installation.id.clone());
    let (live, now_complete) = (installation.stripe.live, said.status == "complete");
    let write = installation.catalog.write("store_stripe_checkout", move |tx| {
        let begun = tx.find_stripe_checkout(&session.id)?;
        // Metadata are written by whoever has a secret key; what a payment link carries in its address is not looked at.
        let named = session.tenant.as_deref().filter(|_| session.installation.as_deref() == Some(&ours));
        let named = named.and_then(TenantId::parse);
        let Some(tenant) = begun.as_ref().map(|begun| begun.tenant).or(named) else {
            return Ok(Done::parked("this checkout was not begun here"));
        };
        let of = tx.of(tenant);
        if !is_there(&of)? {
            return Ok(Done::parked("the tenant is gone"));
        }
        let mut done = Done { tenant: Some(tenant), ..Done::default() };
        if let Some(begun) = begun
            && (begun.status != session.status || begun.payment != session.payment)
        {
            tx.update_stripe_checkout(&session.id, &session.status, &session.payment)?;
            for (field, here, there) in
                [("status", begun.status, &session.status), ("payment", begun.payment, &session.payment)]
            {
                let difference = Difference { field, here: Some(here), there: Some(there.clone()) };
                if difference.here != difference.there {
                    done.changed.extend(sentences(&session.id, &[difference]));
                }
            }
        }
        if let Some(customer) = session.customer.as_deref().filter(|_| now_complete) {
            match of.link_stripe_customer(customer) {
                Ok(false) => {}
                Ok(true) => {
                    done.changed.push(format!("{customer} is linked to the tenant"));
                    tx.unpark_stripe_events(customer, live)?;
                }
                Err(error) if error.kind() == Kind::Conflict => return Ok(Done::parked(error.detail())),
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    });
    let done = write.await?;
    if done.parked || !now_complete {
        return Ok(done);
    }
    if !said.is_paid() {
        return Ok(done.and(Done::ignored("the checkout is complete, but not paid yet")));
    }
    match &said.subscription {
        Some(id) => Ok(done.and(subscription(installation, client, id, seen).await?)),
        None => Ok(done.and(Done::parked("a paid checkout of a subscription names none"))),
    }
}
