//! Stripe. It is the truth for payment, this catalog for usage: what happened there is asked, never taken from what a
//! webhook says; a webhook is only a reason to ask.

mod addresses;
mod checkout;
mod client;
mod compare;
mod customers;
mod drift;
mod ended;
mod follow;
mod hold;
mod inbox;
mod leaving;
mod letters;
mod operate;
mod push;
mod recover;
mod rest;
mod sale;
mod statements;
mod sync;
mod work;

pub use addresses::tell_addresses;
pub use checkout::{CheckoutIn, begin_checkout, open_portal};
pub(in crate::service) use customers::{CustomerOutcome, delete_customer};
pub use drift::{DriftReport, drift_report, look_for_drift_when_due, repair_drift};
pub(in crate::service) use ended::refuse_where_stripe_bills;
pub use hold::{list_held_statements, retry_statement};
pub use inbox::{receive, require_webhooks};
pub use leaving::cancel_leaving;
pub use operate::{list_events, parse_event_status, replay_event};
pub use push::{Line, push_lines};
pub use recover::recover_when_due;
pub(super) use rest::send_rest_of_erased;
pub use rest::send_rest_when_due;
pub use work::{sweep_events, work_off};

use super::Installation;
use crate::config::{Config, Secret};
use crate::error::{Error, Result};
use crate::id::TenantId;
use client::Client;
use std::sync::atomic::AtomicI64;
use tokio::sync::{Mutex, Notify};

/// Tenants whose checkouts may begin at the same time.
const SALES: usize = 16;

/// Stripe as far as the settings say something of it.
pub(super) struct Stripe {
    /// None without a secret key: then billing is local.
    client: Option<Client>,
    /// Of the webhook endpoint; none: it is off.
    secrets: Vec<Secret>,
    live: bool,
    /// An event came.
    arrived: Notify,
    /// Whoever asks Stripe and stores what it says takes a turn: an older answer never comes behind a newer one.
    turn: Mutex<()>,
    /// Whoever compares everything: one at a time.
    looking: Mutex<()>,
    /// Whoever begins a checkout takes a turn with the others of its tenant, and of those that share it by chance.
    sales: [Mutex<()>; SALES],
    /// When events are recovered next, and drift is looked for: what the catalog says, kept so that it is not asked each
    /// second.
    recover_at: AtomicI64,
    drift_at: AtomicI64,
    /// When statements that no subscription takes are looked for next.
    rest_at: AtomicI64,
    /// Up to which tenant that was done, where a round was left off.
    rest_after: Mutex<Option<TenantId>>,
}

impl Stripe {
    pub(super) fn new(config: &Config) -> Result<Stripe> {
        let stripe = Stripe {
            client: Client::new(config)?,
            secrets: config.stripe_endpoint_secrets(),
            live: config.is_stripe_live(),
            arrived: Notify::new(),
            turn: Mutex::new(()),
            looking: Mutex::new(()),
            sales: std::array::from_fn(|_| Mutex::new(())),
            recover_at: AtomicI64::new(0),
            drift_at: AtomicI64::new(0),
            rest_at: AtomicI64::new(0),
            rest_after: Mutex::new(None),
        };
        if stripe.client.is_none() && !stripe.secrets.is_empty() {
            tracing::warn!(
                "stripe_webhook_secrets are set, but stripe_secret_key is not: events of Stripe are kept and wait"
            );
        }
        Ok(stripe)
    }

    /// Whose turn it is to begin a checkout for a tenant.
    fn sale_of(&self, tenant: TenantId) -> &Mutex<()> {
        // The last letters of an id are random.
        let chance = tenant.to_string().bytes().last().unwrap_or_default();
        &self.sales[usize::from(chance) % SALES]
    }

    /// # Errors
    /// 409 `billing_local` without a secret key.
    fn client(&self) -> Result<&Client> {
        self.client.as_ref().ok_or_else(|| {
            Error::conflict(
                "billing_local",
                "Billing is local here: this installation is not connected to Stripe. The operator can set \
                 stripe_secret_key.",
            )
        })
    }
}

/// Refuses what needs Stripe where this installation is not connected to it.
///
/// # Errors
/// 409 `billing_local`.
pub(super) fn require_connected(installation: &Installation) -> Result<()> {
    installation.stripe.client().map(drop)
}

impl Installation {
    /// Whether payment goes through Stripe.
    pub fn bills_by_stripe(&self) -> bool {
        self.stripe.client.is_some()
    }

    /// Waits until an event of Stripe came; for ever without Stripe.
    pub async fn stripe_arrives(&self) {
        if self.stripe.client.is_none() {
            return std::future::pending().await;
        }
        self.stripe.arrived.notified().await;
    }
}
