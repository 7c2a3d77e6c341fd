//! What the product does, one file per capability. Each function authorises, opens one transaction, records it in the
//! audit log and enqueues what follows.

pub mod account;
pub mod addresses;
pub mod admin;
pub mod api_keys;
pub mod audit;
pub mod backups;
pub mod changes;
pub mod checkpoints;
pub mod clones;
mod closing;
mod cursors;
pub mod demo;
pub mod devices;
pub mod doctor;
pub mod documents;
pub mod emails;
pub mod erasure;
pub mod exports;
pub mod files;
pub mod fleet_query;
pub mod identity;
pub mod imports;
pub mod invitations;
pub mod invoices;
pub mod jobs;
mod keys;
pub mod lifecycle;
mod lock;
pub mod mail;
pub mod margins;
pub mod members;
pub mod mfa;
pub mod migrations;
pub mod moves;
mod new_places;
mod opening;
pub mod operators;
mod outgoing;
mod password_hasher;
pub mod passwords;
pub mod plans;
pub mod provisioning;
pub mod records;
pub mod repeats;
pub mod roles;
pub mod schedules;
pub mod second_factor;
pub mod service_identities;
pub mod sessions;
mod sign_in_log;
pub mod sign_up;
pub mod signing_keys;
pub mod sql;
pub mod step_up;
pub mod streams;
pub mod stripe;
pub mod subscriptions;
pub mod telemetry;
pub mod tenants;
mod throttle;
mod tokens;
mod trust;
mod turns;
pub mod usage;
pub mod webhooks;

pub use keys::PublicKey;
pub use tokens::TokenPair;

pub use crate::catalog::{
    Actor, ApiKey, AuditFilter, By, CreditNote, Export, ExportStatus, HeldStatement, Identity, Import,
    Member, PlanVersion, PlanVersionLine, Principal, StoredInvoice, StripeDrift, StripeEvent,
    StripeEventFilter, StripeEventStatus, Tenant, key_not_allowed,
};

use crate::catalog::Catalog;
use crate::clock::SharedClock;
use crate::config::Config;
use crate::descriptors::Descriptors;
use crate::error::{Error, Result};
use crate::telemetry::subject;
use crate::tenancy::{App, Tenancy};
use keys::Keys;
use mail::Mailer;
use password_hasher::PasswordHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64};
use tokens::Tokens;
use tokio::sync::{Notify, watch};

/// One installation, open: everything that serves requests, runs jobs or answers the command line.
pub struct Installation {
    config: Config,
    descriptors: Descriptors,
    id: String,
    catalog: Arc<Catalog>,
    tenancy: Arc<Tenancy>,
    keys: Keys,
    tokens: Tokens,
    hasher: PasswordHasher,
    mailer: Mailer,
    stripe: stripe::Stripe,
    handlers: jobs::Handlers,
    outgoing: Arc<outgoing::Outgoing>,
    fleet: migrations::Fleet,
    telemetry: telemetry::Telemetry,
    backups: backups::Backups,
    doctor: doctor::Doctor,
    making: provisioning::InTheMaking,
    moves: moves::Moves,
    setup: operators::Setup,
    throttle: throttle::Throttle,
    addresses: addresses::Addresses,
    file_turns: files::FileTurns,
    repeats: repeats::InProgress,
    fleet_queries: fleet_query::Turns,
    clock: SharedClock,
    work: Notify,
    /// Rung when an import waits.
    imports: Notify,
    /// This run of the server: what it has counted is stored under it.
    run: String,
    /// Erasures take turns: the second of two for one tenant finds the receipt of the first.
    erasing: tokio::sync::Mutex<()>,
    /// When it was last told that billing is stopped.
    billing_stopped_told: AtomicI64,
    /// One at a time signs heads of audit chains and writes them into their ledger.
    signing: tokio::sync::Mutex<()>,
    /// Whether the catalog's log may still hold pages of before an erasure.
    checkpoint_owed: AtomicBool,
    draining: watch::Sender<bool>,
    // Last, so that it is let go of after everything else is closed.
    _lock: lock::DirectoryLock,
}

/// Where a request came from.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// The network address; empty if it is this machine's command line.
    pub address: Arc<str>,
    /// What the client calls itself, cut to 300 characters.
    pub user_agent: String,
    /// The cookie of a browser that signed in before.
    pub device: Option<devices::DeviceCookie>,
}

impl Installation {
    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// How many connections there may be at once: what the settings say, or what descriptors allow.
    pub fn max_connections(&self) -> usize {
        self.descriptors.connections
    }

    /// The installation's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The tenants; with a principal and a permission they open.
    pub fn tenancy(&self) -> &Arc<Tenancy> {
        &self.tenancy
    }

    /// The app that tenants run.
    pub fn app(&self) -> &App {
        self.tenancy.app()
    }

    /// The limits of those who come without being signed in.
    pub fn addresses(&self) -> &addresses::Addresses {
        &self.addresses
    }

    /// The clock.
    pub fn clock(&self) -> &SharedClock {
        &self.clock
    }

    /// Where the server listens: links lead there unless a public URL is configured.
    pub fn reached_at(&self, address: std::net::SocketAddr) {
        if self.config.public_url.is_none() {
            self.mailer.reached_at(format!("http://{address}"));
        }
    }

    /// Waits until there may be background work; also returns when there is none.
    pub async fn work_arrives(&self) {
        self.work.notified().await;
    }

    /// Waits until there may be an import to work off; also returns when there is none.
    pub async fn import_arrives(&self) {
        self.imports.notified().await;
    }

    /// From now on readiness is denied.
    pub fn start_draining(&self) {
        self.draining.send_replace(true);
    }

    /// Whether the server is shutting down: what would go on for long ends now.
    pub(super) fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// Waits until it is.
    pub(super) async fn drains(&self) {
        // Fails only without a sender, which is ours.
        let _ = self.draining.subscribe().wait_for(|draining| *draining).await;
    }

    /// Whether the installation can serve now: it is not draining, the catalog answers, the disk takes a file.
    ///
    /// # Errors
    /// 503 that says what is wrong.
    pub async fn check_ready(&self) -> Result<()> {
        if self.is_draining() {
            return Err(Error::unavailable("draining", "This server is shutting down.", 5));
        }
        self.catalog.read(|tx| tx.has_operator()).await?;
        let probe = self.tenancy.layout().tmp().join("ready");
        tokio::task::spawn_blocking(move || std::fs::write(probe, [0; 4_096]))
            .await
            .map_err(Error::internal)?
            .map_err(|error| {
                Error::unavailable("storage_unavailable", "The disk takes no more data. Make room.", 30)
                    .because(error)
            })
    }

    /// The public keys of access tokens (RFC 7517).
    pub fn public_keys(&self) -> Vec<PublicKey> {
        self.tokens.public_keys()
    }
}

/// Runs `act` to its end, also when whoever waits for it goes away.
async fn detached<T: Send + 'static>(act: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    tokio::spawn(subject::carried(act)).await.unwrap_or_else(|error| Err(Error::internal(error)))
}
