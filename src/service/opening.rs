//! How an installation begins: its files are opened under its lock, and what an earlier run left is taken up.

use super::keys::Keys;
use super::mail::Mailer;
use super::password_hasher::PasswordHasher;
use super::tokens::Tokens;
use super::{
    Installation, addresses, backups, changes, doctor, erasure, files, fleet_query, jobs, lock, mail,
    migrations, moves, operators, outgoing, plans, provisioning, repeats, stripe, subscriptions, telemetry,
    throttle,
};
use crate::catalog::Catalog;
use crate::clock::SharedClock;
use crate::config::Config;
use crate::db::ReaderThreads;
use crate::descriptors::Descriptors;
use crate::error::{Error, Kind, Result};
use crate::id::RequestId;
use crate::model::webhook::OutgoingRules;
use crate::tenancy::{App, Bounds, Layout, SignUp, Tenancy, most_open_tenants};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64};
use std::time::Duration;
use tokio::sync::{Notify, watch};

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
        let installation = Installation::open_any(config, clock, functions, false).await?;
        erasure::erase_again(&installation).await?;
        Ok(installation)
    }

    /// The same of a directory that is being restored, whose tenants need not have files.
    pub(super) async fn open_half_restored(config: Config, clock: SharedClock) -> Result<Arc<Installation>> {
        Installation::open_any(config, clock, jobs::Functions::default(), true).await
    }

    async fn open_any(
        config: Config,
        clock: SharedClock,
        functions: jobs::Functions,
        is_restored: bool,
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
        let volumes = &installation.config.volumes;
        if is_restored {
            // Nobody is known to be on them yet: those that are new get their marks.
            installation.tenancy.look_at_volumes(&installation.id, volumes).await?;
        }
        installation.tenancy.open_volumes(&installation.id, volumes).await?;
        installation.tenancy.finish_swaps().await?;
        moves::finish_all(&installation).await?;
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
            fleet_queries: fleet_query::Turns::default(),
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
}
