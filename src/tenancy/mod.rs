//! The only door to tenant files.
//!
//! A [`TenantScope`] is the proof of access to one tenant; `scope.read(..)` and `scope.write(..)` are the only ways to its
//! file. All SQL on tenant files is under `tx/`, one file per noun.

mod admission;
mod app;
mod backup;
mod buckets;
mod claims;
mod console;
mod contents;
mod counted;
mod efforts;
mod entitled;
mod erase;
mod export;
mod feeds;
mod fence;
mod file;
mod file_standings;
mod hooks;
mod import;
mod job_words;
mod layout;
mod ledger;
mod migrate;
mod moves;
mod open_files;
mod provision;
mod requests;
mod schema;
mod scope;
mod swap;
mod table_access;
mod threads;
pub mod tx;
mod volumes;
mod warnings;
mod written;

pub use admission::{AdmissionOptions, Admitted, Limiter, Standing, Standings, SteadyClock, rate_limited};
pub use app::{App, AppError, JobKind, JobKinds, SignUp, TableRules};
pub use backup::{BackupCopy, BackupFacts, Beside};
pub use console::{
    Console, ConsoleAnswer, ConsoleQuery, ConsoleRows, Reply, StatementBounds, run_worker, this_program,
};
pub use contents::{Content, NewContent, Sealed};
pub use efforts::{Effort, Efforts, day};
pub use export::ExportCopy;
pub use feeds::{ListenLimits, Listener};
pub use import::{Filled, Incoming, SearchRows, import_refused};
pub use job_words::{BUSY, JobTicket, JobWords, Words};
pub use layout::Layout;
pub(crate) use migrate::name_of_damaged;
pub use migrate::{KEEP_SNAPSHOTS, Migrated, Rehearsed, Snapshot};
pub use moves::MoveProgress;
pub use requests::{RequestBound, RequestCounts};
pub use scope::{CatalogOf, Lease, TenantScope, second_factor_required};
pub use swap::{Lost, Swap, Swapped};
pub use table_access::{TableAccess, Wants};
pub(crate) use threads::blocking;
pub use tx::TenantTx;
pub use tx::changes::{Keep, LaterWrites};
pub use volumes::Volume;
pub use warnings::Warnings;

use crate::catalog::{Catalog, MigrationTarget};
use crate::clock::SharedClock;
use crate::db::ReaderThreads;
use crate::error::Result;
use crate::id::TenantId;
use crate::telemetry::{Figures, SlowStatements};
use admission::Admission;
use contents::Contents;
use feeds::Feeds;
use fence::Fences;
use file::FileOptions;
use file_standings::FileStandings;
use ledger::Ledger;
use open_files::OpenFiles;
pub use open_files::{FileCounts, most_open_tenants};
use provision::{NewFile, Template};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use threads::aside;
use written::Written;

/// All tenants of an installation: where their files are, which of them are open, and what new ones are made from.
pub struct Tenancy {
    catalog: Arc<Catalog>,
    layout: Layout,
    app: Arc<App>,
    template: Template,
    /// The version of the template.
    target: MigrationTarget,
    standings: Arc<FileStandings>,
    written: Arc<Written>,
    files: OpenFiles,
    workers: console::Workers,
    contents: Arc<Contents>,
    fences: Arc<Fences>,
    ledger: Ledger,
    feeds: Arc<Feeds>,
    warnings: Arc<Warnings>,
    requests: RequestCounts,
    efforts: Efforts,
    figures: Arc<Figures>,
    slow: Arc<SlowStatements>,
    job_runs: RequestCounts,
    jobs: Arc<JobWords>,
    keep: Keep,
    admission: Admission,
    clock: SharedClock,
}

/// What bounds tenants.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Files that are open at once.
    pub open_tenants: usize,
    /// Feeds of changes.
    pub feed: FeedOptions,
    /// Requests.
    pub admission: AdmissionOptions,
    /// How long a statement may take before it is slow; nothing tells of none.
    pub slow_statement: Duration,
}

/// What bounds the feeds of changes.
#[derive(Clone, Copy, Debug)]
pub struct FeedOptions {
    /// How long changes are kept.
    pub keep: Keep,
    /// How many may listen.
    pub listen: ListenLimits,
}

impl Tenancy {
    /// Builds the template, which tries every migration, and reads the ledger of erasures; at most [`Bounds::open_tenants`] files
    /// will be open at once. Blocks.
    ///
    /// # Errors
    /// A migration that does not work, with file and line; or the disk refuses.
    pub fn open(
        catalog: Arc<Catalog>,
        layout: Layout,
        app: App,
        threads: ReaderThreads,
        bounds: Bounds,
        clock: SharedClock,
    ) -> Result<Tenancy> {
        let app = Arc::new(app);
        let template = Template::build(&layout, &app, clock.now())?;
        let ledger = Ledger::open(layout.erasure_ledger())?;
        let target = MigrationTarget { version: template.version(&app)?, digest: migrate::digest(&app) };
        let standings: Arc<FileStandings> = Arc::default();
        let written: Arc<Written> = Arc::default();
        let options = FileOptions {
            threads,
            clock: Arc::clone(&clock),
            app: Arc::clone(&app),
            standings: Arc::clone(&standings),
            written: Arc::clone(&written),
        };
        let fences: Arc<Fences> = Arc::default();
        let files = OpenFiles::new(bounds.open_tenants, layout.clone(), options, Arc::clone(&fences));
        for erased in ledger.tenants() {
            fences.lower(erased);
        }
        let workers = console::Workers::new();
        let (feeds, keep) = (Arc::new(Feeds::new(bounds.feed.listen)), bounds.feed.keep);
        let contents = Arc::new(Contents::new(layout.clone(), Arc::clone(&fences)));
        Ok(Tenancy {
            catalog,
            layout,
            app,
            template,
            target,
            standings,
            written,
            files,
            workers,
            contents,
            fences,
            ledger,
            feeds,
            warnings: Arc::default(),
            requests: RequestCounts::default(),
            efforts: Efforts::default(),
            figures: Arc::default(),
            slow: Arc::new(SlowStatements::over(bounds.slow_statement)),
            job_runs: RequestCounts::default(),
            jobs: Arc::default(),
            keep,
            admission: Admission::new(bounds.admission, Arc::clone(&clock)),
            clock,
        })
    }

    /// The app that tenants run.
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// The catalog.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// Whether a tenant is erased or being erased: nothing of it is kept any more.
    pub fn is_fenced(&self, tenant: TenantId) -> bool {
        self.fences.is_down(tenant)
    }

    /// Whether a tenant is being migrated right now.
    pub fn is_being_migrated(&self, tenant: TenantId) -> bool {
        self.files.is_gated(tenant)
    }

    /// What is said between those who enqueue jobs and the scheduler.
    pub fn jobs(&self) -> &Arc<JobWords> {
        &self.jobs
    }

    /// The lease to look after the jobs of a tenant: for the scheduler, which keeps tenants by their ids, and for handlers
    /// that speak for a job of theirs.
    pub(crate) fn lease_for_jobs(tenant: TenantId) -> Lease {
        Lease::new(tenant)
    }

    /// Where things are.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Names the program that is started for each SQL statement, see [`run_worker`]; until then none is run.
    pub fn run_sql_with(&self, program: PathBuf) {
        self.workers.are(program);
    }

    /// Makes the file of a new tenant.
    ///
    /// # Errors
    /// The disk refuses, or the tenant has a file already.
    pub async fn provision(&self, id: TenantId, epoch: i64) -> Result<()> {
        let template = self.template.clone();
        let layout = self.layout.clone();
        let now = self.clock.now();
        let entitlements = self.catalog.read(move |tx| tx.of(id).entitlements()).await?;
        let new = NewFile { id, epoch, entitlements };
        blocking(move || template.copy_to(&layout, &new, now)).await?;
        self.written.note(id, None);
        Ok(())
    }

    /// Runs `act`, which is short, on a thread that may block, unless the tenant is being erased: its files are found by
    /// the erasure, or not made.
    ///
    /// # Errors
    /// 404 while the tenant is being erased; what `act` returns.
    pub async fn unless_fenced<T: Send + 'static>(
        self: &Arc<Tenancy>,
        id: TenantId,
        act: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let tenancy = Arc::clone(self);
        blocking(move || tenancy.unless_fenced_blocking(id, act)).await
    }

    /// The same on this thread. Blocks.
    ///
    /// # Errors
    /// As [`Tenancy::unless_fenced`].
    pub fn unless_fenced_blocking<T>(&self, id: TenantId, act: impl FnOnce() -> Result<T>) -> Result<T> {
        self.fences.unless_down(id, act)
    }

    /// How often files of tenants were asked for, opened, and closed to make room for others.
    pub fn file_counts(&self) -> FileCounts {
        self.files.counts()
    }

    /// How many tenant files are open now, and how many may be.
    pub fn open_files(&self) -> (usize, usize) {
        self.files.usage()
    }

    /// Writes that wait for each of these tenants' files; none for one that is not open, and none is opened for it.
    pub fn writes_waiting(&self, of: &[TenantId]) -> Vec<usize> {
        self.files.writes_waiting(of)
    }

    /// Closes all tenant files: what was accepted is finished, and their logs are checkpointed.
    pub async fn close(self: &Arc<Tenancy>) {
        let tenancy = Arc::clone(self);
        let closed = tokio::task::spawn_blocking(move || tenancy.files.close_all()).await;
        if let Err(error) = closed {
            tracing::error!(error = %error, "closing the tenant files failed");
        }
    }
}
