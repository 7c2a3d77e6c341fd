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
mod cursors;
pub mod demo;
pub mod devices;
pub mod doctor;
pub mod documents;
pub mod emails;
pub mod erasure;
pub mod exports;
pub mod files;
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
use crate::db::ReaderThreads;
use crate::descriptors::Descriptors;
use crate::error::{Error, Kind, Result};
use crate::id::RequestId;
use crate::model::webhook::OutgoingRules;
use crate::telemetry::subject;
use crate::tenancy::{App, Bounds, Layout, SignUp, Tenancy, most_open_tenants};
use keys::Keys;
use mail::Mailer;
use password_hasher::PasswordHasher;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64};
use std::time::Duration;
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
    clock: SharedClock,
    work: Notify,
    /// Rung when an import waits.
    imports: Notify,
    /// Erasures take turns: the second of two for one tenant finds the receipt of the first.
    /// This run of the server: what it has counted is stored under it.
    run: String,
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

/// How long the end of a server is kept by a last look at what tenants take that were used in the minute before.
const LAST_LOOK: Duration = Duration::from_secs(2);

/// Enters the meters of the app into the catalog. Blocks.
fn declare_meters(catalog: &Arc<Catalog>, app: &mut App) -> Result<()> {
    let (catalog, mut meters) = (Arc::clone(catalog), app.meters.clone());
    let declared = tokio::runtime::Handle::current().block_on(async move {
        let write = catalog.write("declare_meters", move |tx| {
            tx.declare_meters(&mut meters)?;
            Ok(meters.clone())
        });
        write.await
    });
    app.meters = declared?;
    Ok(())
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
    /// Opens the data directory under its lock, tries the app's migrations, and takes up what an earlier run left
    /// unfinished.
    ///
    /// # Errors
    /// Another server has the directory, a migration does not work, or the disk refuses.
    pub async fn open(config: Config, clock: SharedClock) -> Result<Arc<Installation>> {
        Installation::open_with(config, clock, jobs::Functions::default()).await
    }

    /// The same with functions of this program that do jobs.
    ///
    /// # Errors
    /// As [`Installation::open`]; functions for kinds that cannot be, or that app.toml declares as well.
    pub async fn open_with(
        config: Config,
        clock: SharedClock,
        functions: jobs::Functions,
    ) -> Result<Arc<Installation>> {
        if backups::is_half_restored(&config.data) {
            return Err(Error::conflict(
                "half_restored",
                format!(
                    "{} is half restored from backups. Go on with `tenantry restore --all`, with the same arguments.",
                    config.data.display()
                ),
            ));
        }
        let installation = Installation::open_any(config, clock, functions).await?;
        erasure::erase_again(&installation).await?;
        Ok(installation)
    }

    /// The same of a directory that is being restored, whose tenants need not have files.
    async fn open_half_restored(config: Config, clock: SharedClock) -> Result<Arc<Installation>> {
        Installation::open_any(config, clock, jobs::Functions::default()).await
    }

    async fn open_any(
        config: Config,
        clock: SharedClock,
        functions: jobs::Functions,
    ) -> Result<Arc<Installation>> {
        let opening = Arc::clone(&clock);
        let open = move || Installation::open_blocking(config, opening, functions);
        let installation =
            tokio::task::spawn_blocking(open).await.unwrap_or_else(|error| Err(Error::internal(error)))?;
        let mut installation = installation;
        let first_plans = installation.app().plans.clone();
        installation.id = installation
            .catalog
            .write("open_installation", move |tx| {
                plans::publish_first(tx, &first_plans)?;
                tx.requeue_exports()?;
                tx.requeue_imports()?;
                tx.installation_id()
            })
            .await?;
        installation.tokens.issued_by(&installation.id);
        let has_operator = installation.catalog.read(|tx| tx.has_operator()).await?;
        installation.setup = operators::Setup::new(!has_operator);
        installation.tenancy.open_volumes(&installation.id, &installation.config.volumes).await?;
        installation.tenancy.finish_swaps().await?;
        installation.tenancy.finish_moves(&HashSet::new()).await?;
        installation.tenancy.read_standings().await?;
        migrations::govern(&installation).await?;
        let installation = Arc::new(installation);
        doctor::sweep_canaries(&installation).await?;
        provisioning::sweep_half_made(&installation, installation.clock.now()).await?;
        subscriptions::begin_missing(&installation).await?;
        erasure::complete_ledger(&installation).await?;
        backups::note_erased(&installation).await?;
        Ok(installation)
    }

    fn open_blocking(config: Config, clock: SharedClock, functions: jobs::Functions) -> Result<Installation> {
        // The app first: a typo in it must not even make a data directory.
        let mut app = App::load(config.app.as_deref())
            .map_err(|error| Error::new(Kind::Malformed, "app_invalid", error.to_string()))?;
        if app.sign_up == SignUp::Domains && config.smtp_host.is_none() {
            tracing::warn!(
                "public_signup = \"domains\": without a mail server nobody proves that an address is theirs"
            );
        }
        let templates = mail::Templates::load(config.app.as_deref(), &app.name)?;
        let layout = Layout::create(&config.data)?;
        let lock = lock::DirectoryLock::take(layout.root())?;
        layout.clear_tmp()?;
        crate::db::keep_temporary_files_in(&layout.tmp())?;
        let keys = Keys::load(&layout.keys())?;
        let access = Keys::load_access(&layout.keys(), clock.now())?;
        let secret = Keys::load_jobs_secret(&layout.keys())?;
        let handlers = jobs::Handlers::new(&config, &app, functions, &secret)?;
        let descriptors = Descriptors::share(config.max_connections);
        let threads = ReaderThreads::new(2);
        let catalog = Arc::new(Catalog::open(layout.root(), threads.clone(), Arc::clone(&clock))?);
        declare_meters(&catalog, &mut app)?;
        let telemetry =
            telemetry::Telemetry::open(layout.root(), &config, threads.clone(), Arc::clone(&clock))?;
        let tenancy = Tenancy::open(
            Arc::clone(&catalog),
            layout.clone(),
            app,
            threads,
            Bounds {
                open_tenants: most_open_tenants(config.open_tenants, descriptors.tenant_files),
                feed: changes::feed_options(&config),
                admission: addresses::admission_options(&config),
                slow_statement: Duration::from_millis(config.slow_statement_ms.into()),
            },
            Arc::clone(&clock),
        )?;
        Ok(Installation {
            id: String::new(),
            tokens: Tokens::new(&keys, access, Arc::clone(&clock)),
            hasher: PasswordHasher::new(),
            mailer: Mailer::new(&config, templates, layout.mail(), clock.now())?,
            stripe: stripe::Stripe::new(&config)?,
            handlers,
            outgoing: Arc::new(outgoing::Outgoing::new(
                OutgoingRules {
                    allow_http: config.outgoing_allow_http,
                    networks: config.outgoing_allow_networks.clone(),
                },
                Arc::new(outgoing::SystemLookup),
            )),
            fleet: migrations::Fleet::default(),
            telemetry,
            backups: backups::Backups::open(&config, &layout)?,
            doctor: doctor::Doctor::begun(clock.now()),
            making: provisioning::InTheMaking::default(),
            moves: moves::Moves::default(),
            setup: operators::Setup::new(false),
            throttle: throttle::Throttle::new(Arc::clone(&clock)),
            addresses: addresses::Addresses::new(&config, Arc::clone(&clock)),
            file_turns: files::FileTurns::new(descriptors.transfers),
            repeats: repeats::InProgress::default(),
            work: Notify::new(),
            imports: Notify::new(),
            run: RequestId::new(clock.now()).to_string(),
            erasing: tokio::sync::Mutex::new(()),
            billing_stopped_told: AtomicI64::new(i64::MIN),
            signing: tokio::sync::Mutex::new(()),
            checkpoint_owed: AtomicBool::new(true),
            draining: watch::Sender::new(false),
            catalog,
            tenancy: Arc::new(tenancy),
            keys,
            config,
            descriptors,
            clock,
            _lock: lock,
        })
    }

    /// Ends it in order: tenant files are finished and checkpointed, then the catalog.
    pub async fn close(&self) {
        self.start_draining();
        if tokio::time::timeout(LAST_LOOK, usage::watch_storage(self)).await.is_err() {
            tracing::warn!("how much some tenants take is looked at when they are used again");
        }
        self.tenancy.close().await;
        if let Err(error) = backups::note_written(self).await {
            tracing::error!(error = ?error, "which tenants were written could not be noted; the next start looks at all of them");
        }
        if let Err(error) = usage::store_requests(self).await {
            tracing::error!(error = ?error, "the last requests could not be counted");
        }
        if let Err(error) = usage::store_efforts(self).await {
            tracing::error!(error = ?error, "what serving tenants took could not be stored");
        }
        if let Err(error) = usage::store_job_runs(self).await {
            tracing::error!(error = ?error, "the last jobs could not be counted");
        }
        if let Err(error) = checkpoints::sign_all(self).await {
            tracing::error!(error = ?error, "the heads of audit logs could not be signed");
        }
        if let Err(error) = telemetry::store_all(self).await {
            tracing::error!(error = ?error, "the last figures of tenants could not be stored");
        }
        self.telemetry.close();
        let catalog = Arc::clone(&self.catalog);
        let _ = tokio::task::spawn_blocking(move || catalog.close()).await;
    }

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
