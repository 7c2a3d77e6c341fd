//! One tenant's file, open: checked to be the right one, of a version that this program knows.

mod schemas;

pub(super) use schemas::Schemas;

use super::app::{App, AppError};
use super::console::Consoles;
use super::entitled::Entitled;
use super::file_standings::{FileStandings, Noted, unavailable};
use super::hooks::Hooks;
use super::layout::SNAPSHOTS;
use super::migrate::{bring_up, copy_on_open, version};
use super::schema;
use super::tx::TenantTx;
use super::tx::changes::Tracked;
use super::tx::usage::TermsCache;
use super::written::Written;
use crate::catalog::FileVersion;
use crate::clock::{SharedClock, monotonic};
use crate::db::{
    Database, DatabaseOptions, DbError, OpenError, ReaderThreads, Track, TrackFault, Tx, WriteLimits,
    count_applied,
};
use crate::error::{Error, Kind, Result};
use crate::id::TenantId;
use crate::model::table::Schema;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// `PRAGMA application_id` of a tenant file: `TnTn`.
pub(super) const APPLICATION_ID: i32 = 0x546e_546e;

/// Readers of one tenant at once: one tenant cannot hold every thread and descriptor.
pub(super) const READERS: u32 = 4;

/// Our own tables in a tenant file.
pub(super) fn system_track() -> Track {
    Track::system(&[
        ("tenant/0001_stamp.sql", include_str!("../../migrations/tenant/0001_stamp.sql")),
        ("tenant/0002_idempotency.sql", include_str!("../../migrations/tenant/0002_idempotency.sql")),
        ("tenant/0003_changes.sql", include_str!("../../migrations/tenant/0003_changes.sql")),
        ("tenant/0004_files.sql", include_str!("../../migrations/tenant/0004_files.sql")),
        ("tenant/0005_answers.sql", include_str!("../../migrations/tenant/0005_answers.sql")),
        ("tenant/0007_entitlements.sql", include_str!("../../migrations/tenant/0007_entitlements.sql")),
        ("tenant/0008_usage.sql", include_str!("../../migrations/tenant/0008_usage.sql")),
        ("tenant/0009_invoices.sql", include_str!("../../migrations/tenant/0009_invoices.sql")),
        ("tenant/0010_jobs.sql", include_str!("../../migrations/tenant/0010_jobs.sql")),
        ("tenant/0011_event_senders.sql", include_str!("../../migrations/tenant/0011_event_senders.sql")),
        ("tenant/0012_schedules.sql", include_str!("../../migrations/tenant/0012_schedules.sql")),
        ("tenant/0013_webhooks.sql", include_str!("../../migrations/tenant/0013_webhooks.sql")),
        ("tenant/0016_job_indexes.sql", include_str!("../../migrations/tenant/0016_job_indexes.sql")),
    ])
}

/// What all files are opened with.
pub(super) struct FileOptions {
    pub(super) threads: ReaderThreads,
    pub(super) clock: SharedClock,
    pub(super) app: Arc<App>,
    pub(super) standings: Arc<FileStandings>,
    pub(super) written: Arc<Written>,
}

/// An open tenant file and the schema in it.
pub(super) struct TenantFile {
    pub(super) database: Arc<Database>,
    pub(super) schema: Arc<Schema>,
    /// The version that it had when it was opened.
    version: FileVersion,
    pub(super) consoles: Consoles,
    /// The tables whose changes are captured.
    pub(super) tracked: Arc<Tracked>,
    /// What the file says of what the tenant may use.
    pub(super) entitled: Entitled,
    /// The same, parsed for what counts usage.
    pub(super) terms: Arc<TermsCache>,
    /// Whether there were notices of limits in it that nobody was told of, until somebody took that up.
    pub(super) has_untold: AtomicBool,
    /// Whether it is not known how the limits of the tenant stand, until somebody looks them up.
    pub(super) limits_unseen: AtomicBool,
    /// Whether endpoints of webhooks are to be told of records.
    pub(super) hooks: Arc<Hooks>,
}

/// Why a file is not served.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Query(#[from] DbError),
    #[error(transparent)]
    Other(#[from] Error),
    #[error("the file is stamped for tenant {0} epoch {1}: it was swapped or restored over")]
    Stamp(String, i64),
    #[error("the file is a link")]
    Link,
    #[error(transparent)]
    Track(#[from] TrackFault),
    #[error("the file has other tables than the app: {0}")]
    Rules(#[from] AppError),
    #[error("the file is older than the app")]
    Older,
    #[error("migrating the file failed: {0}")]
    Migration(#[from] crate::db::MigrationError),
}

impl Refusal {
    /// Whether it is up to the machine and not to the file: it may go well another time.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Refusal::Open(OpenError::Database(error))
            | Refusal::Query(error)
            | Refusal::Track(TrackFault::Query(error)) => error.is_passing(),
            Refusal::Migration(error) => error.is_passing(),
            Refusal::Other(error) => {
                error.kind() == Kind::Unavailable && error.code() != "tenant_unavailable"
            }
            Refusal::Open(OpenError::Missing | OpenError::Foreign(_))
            | Refusal::Track(TrackFault::Newer { .. } | TrackFault::Edited { .. })
            | Refusal::Stamp(..)
            | Refusal::Link
            | Refusal::Rules(_)
            | Refusal::Older => false,
        }
    }
}

impl TenantFile {
    /// Ends the use of the file for everyone: SQL statements are stopped, accepted writes and running reads finished.
    /// Blocks.
    pub(super) fn close(&self) {
        self.consoles.close();
        self.database.close();
    }

    /// Opens the file of tenant `id` at `path`. Blocks.
    ///
    /// # Errors
    /// 503 `tenant_unavailable`; the log gets an alarm with the reason.
    pub(super) fn open(
        path: &Path,
        id: TenantId,
        epoch: i64,
        options: &FileOptions,
        schemas: &Schemas,
    ) -> Result<TenantFile> {
        options.standings.admit(id)?;
        let opened = match TenantFile::try_open(path, id, epoch, options, schemas) {
            Err(Refusal::Older) => TenantFile::migrate_and_open(path, id, epoch, options, schemas),
            other => other,
        };
        opened.map_err(|refusal| {
            let isolation = matches!(refusal, Refusal::Stamp(..) | Refusal::Link);
            tracing::error!(
                alarm = if isolation { "isolation" } else { "tenant_unavailable" },
                tenant_id = %id,
                reason = %reason(&refusal),
                "a tenant's file cannot be served"
            );
            unavailable().because(refusal)
        })
    }

    /// A file on which a migration failed is not tried again at every request.
    fn migrate_and_open(
        path: &Path,
        id: TenantId,
        epoch: i64,
        options: &FileOptions,
        schemas: &Schemas,
    ) -> Result<TenantFile, Refusal> {
        let (begun, now) = (monotonic(), options.clock.now());
        let app = (!options.standings.may_lag(id)).then_some(options.app.as_ref());
        let copy = copy_on_open(path, &path.with_file_name(SNAPSHOTS), &options.app, now);
        if let Err(refusal) = bring_up(path, app, now) {
            if matches!(&refusal, Refusal::Migration(error) if !error.is_passing()) {
                options.standings.fail(id, reason(&refusal));
                options.standings.note(id, Noted::Failed { error: reason(&refusal), copy });
            }
            return Err(refusal);
        }
        tracing::info!(tenant_id = %id, "the tenant's file was migrated as it was opened");
        options.written.note(id, None);
        let file = TenantFile::try_open(path, id, epoch, options, schemas)?;
        let took_ms = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
        options.standings.note(id, Noted::Migrated { version: file.version.clone(), took_ms, copy });
        Ok(file)
    }

    fn try_open(
        path: &Path,
        id: TenantId,
        epoch: i64,
        options: &FileOptions,
        schemas: &Schemas,
    ) -> Result<TenantFile, Refusal> {
        if is_link(path) {
            return Err(Refusal::Link);
        }
        let (mut found, mut revision, mut has_untold, mut tells_of_records) = (None, None, false, false);
        let system_track = system_track();
        let database = Database::open(path, database_options(options), Arc::clone(&options.clock), |tx| {
            check_stamp(tx, id, epoch)?;
            // Both are looked at: a file that is older in one may be newer in the other.
            let (system, app) = (count_applied(tx, &system_track)?, count_applied(tx, &options.app.track)?);
            let is_behind = app < options.app.track.migrations.len();
            if system < system_track.migrations.len() || (is_behind && !options.standings.may_lag(id)) {
                return Err(Refusal::Older);
            }
            let fingerprint = schema::fingerprint(tx)?;
            let schema = schemas.of(tx, &options.app, fingerprint, is_behind)?;
            found = Some((schema, version(system, app, &fingerprint)));
            revision = TenantTx::new(tx).entitlements_revision()?;
            has_untold = TenantTx::new(tx).has_untold_notices()?;
            tells_of_records = TenantTx::new(tx).tells_of_records()?;
            Ok::<(), Refusal>(())
        })?;
        let (schema, version) = found.ok_or(Refusal::Open(OpenError::Missing))?;
        let (tracked, plan) = Tracked::new(&schema, &|table| options.app.meter_of(table));
        database.capture(Arc::new(plan));
        database.when_written(options.written.listener(id));
        let (tracked, entitled) = (Arc::new(tracked), Entitled::new(revision));
        Ok(TenantFile {
            database,
            schema,
            version,
            tracked,
            entitled,
            terms: Arc::default(),
            has_untold: AtomicBool::new(has_untold),
            limits_unseen: AtomicBool::new(true),
            hooks: Arc::new(Hooks::new(tells_of_records)),
            consoles: Consoles::new(),
        })
    }
}

pub(super) fn reason(refusal: &Refusal) -> String {
    use std::error::Error as _;
    let mut text = refusal.to_string();
    let mut cause = refusal.source();
    while let Some(inner) = cause {
        let more = inner.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = inner.source();
    }
    text
}

fn database_options(options: &FileOptions) -> DatabaseOptions {
    DatabaseOptions {
        application_id: APPLICATION_ID,
        readers: READERS,
        cache_kib: 512,
        read_wait: Duration::from_secs(5),
        read_time: Duration::from_secs(5),
        write: WriteLimits::default(),
        threads: options.threads.clone(),
    }
}

/// A symbolic link, or a file with another name beside this one: two tenants could be made to share it.
pub(super) fn is_link(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(metadata) = std::fs::symlink_metadata(path) else { return false };
    metadata.file_type().is_symlink() || metadata.nlink() > 1
}

pub(super) fn check_stamp(tx: &Tx<'_>, id: TenantId, epoch: i64) -> Result<(), Refusal> {
    let stamps = tx
        .query("SELECT id, epoch FROM _tenant", &[], |row| Ok((row.get::<String>(0)?, row.get::<i64>(1)?)))?;
    match stamps.as_slice() {
        [(stamped, at)] if *stamped == id.to_string() && *at == epoch => Ok(()),
        [(stamped, at)] => Err(Refusal::Stamp(stamped.clone(), *at)),
        _ => Err(Refusal::Stamp("nobody".to_owned(), 0)),
    }
}
