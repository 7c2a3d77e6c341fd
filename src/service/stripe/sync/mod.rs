//! Asking Stripe how an object stands, and storing what it says.

mod charges;
mod checkouts;
mod invoices;
mod subscriptions;

pub(super) use checkouts::checkout;
pub(super) use invoices::{invoice, store_invoice};
pub(super) use subscriptions::subscription;

use super::client::{Client, Fault};
use crate::catalog::OfTenant;
use crate::error::{Kind, Result};
use crate::id::TenantId;
use crate::model::stripe::{Difference, Hint, ObjectKind, Payment};
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
    /// The customer whom nobody knows yet.
    pub(super) waits_for: Option<String>,
}

impl Done {
    pub(super) fn parked(reason: impl Into<String>) -> Done {
        Done { reason: Some(reason.into()), parked: true, ..Done::default() }
    }

    pub(super) fn ignored(reason: impl Into<String>) -> Done {
        Done { reason: Some(reason.into()), ..Done::default() }
    }

    /// Both, one after the other.
    pub(super) fn and(mut self, other: Done) -> Done {
        self.changed.extend(other.changed);
        self.reason = match (self.reason, other.reason) {
            (Some(one), Some(two)) if one != two => Some(format!("{one}; {two}")),
            (one, two) => one.or(two),
        };
        Done {
            parked: self.parked || other.parked,
            tenant: self.tenant.or(other.tenant),
            waits_for: self.waits_for.take().or(other.waits_for),
            ..self
        }
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
        ObjectKind::Subscription => subscriptions::hinted(installation, client, id, hint, seen).await,
        ObjectKind::Invoice => invoice(installation, client, id, hint.trouble, seen).await,
        ObjectKind::Charge => charges::charge(installation, client, id, seen).await,
        ObjectKind::Dispute => {
            let dispute = fetch(client, format!("/v1/disputes/{id}"), seen).await?;
            match Payment::disputed_by(&dispute) {
                Some(charge) => charges::charge(installation, client, &charge, seen).await,
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
    Ok(found.ok_or_else(|| Done {
        waits_for: Some(customer.to_owned()),
        ..Done::parked(format!("the customer {customer} is linked to no tenant"))
    }))
}

fn is_there(of: &OfTenant<'_>) -> Result<bool> {
    match of.tenant() {
        Ok(tenant) => Ok(tenant.status.is_visible()),
        Err(error) if error.kind() == Kind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn sentences(id: &str, differences: &[Difference]) -> Vec<String> {
    differences.iter().map(|difference| format!("{id} {difference}")).collect()
}

/// What changed of it.
pub(super) fn sentences_of(done: Result<Done>) -> Result<Vec<String>> {
    done.map(|done| done.changed)
}
