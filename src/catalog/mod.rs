//! The catalog: one database with people, tenants and who belongs where. All its SQL is here, one file per noun.
//!
//! [`CatalogTx`] is a transaction on it; [`OfTenant`] the same for what belongs to one tenant, so that the tenant's id
//! is written once and not handed around.

mod access;
mod account_tokens;
mod answers;
mod api_keys;
mod audit;
mod backup_runs;
mod backups;
mod billing_details;
mod billing_settings;
mod cache;
mod checkpoints;
mod closing;
mod copies;
mod credit_notes;
mod erasures;
mod exports;
mod figures;
mod identities;
mod imports;
mod inspection;
mod invitations;
mod invoices;
mod job_hints;
mod leaving;
mod letters;
mod lifecycle;
mod margins;
mod memberships;
mod migration_runs;
mod moves;
mod plans;
mod seat_notices;
mod seats;
mod second_factors;
mod services;
mod sessions;
mod settings;
mod sign_ups;
mod stripe;
mod subscriptions;
mod swaps;
mod tenant_roles;
mod tenants;
mod usage;
mod versions;
mod webhooks;

pub use crate::config::DATA_VOLUME as DATA;
pub use access::{AccessClaims, Maker, Membership, Principal, key_not_allowed};
pub use account_tokens::{NewAccountToken, Purpose};
pub use answers::{AnswerName, Answers};
pub use api_keys::{ApiKey, NewApiKey};
pub use audit::{Actor, AuditFilter, By, INSTALLATION};
pub use backup_runs::{BackupRun, BackupRunStatus, BackupTally, LastRounds};
pub use backups::{Backup, DueBackup, StoredBackup};
pub use checkpoints::HeadSigned;
pub use closing::{Booked, NumberedPeriod};
pub use copies::CopyOf;
pub use credit_notes::CreditNote;
pub use exports::{Export, ExportStatus};
pub use figures::{Before, TenantFigures};
pub use identities::{Identity, StoredPassword, email_taken};
pub use imports::{Import, ImportStatus, ImportWish, Importer};
pub use inspection::CanaryIds;
pub use invitations::Invitation;
pub use invoices::{KeptInvoice, Series, StoredInvoice};
pub use job_hints::JobHint;
pub use letters::{LetterOutcome, PostedLetter};
pub use margins::MonthOfTenant;
pub use memberships::{Member, MyMembership};
pub use migration_runs::{MigrationRun, MigrationStage, MigrationStatus, NewMigrationRun};
pub use moves::{MoveStatus, MovedFiles, TenantMove};
pub use plans::{DEFAULT_PLAN, PlanVersion, PlanVersionLine};
pub use seats::Seats;
pub use second_factors::SecondFactor;
pub use sessions::{MOST_SESSIONS, NewSession, Rotation, Session};
pub use sign_ups::PendingSignUp;
pub use stripe::{
    AtStripe, HeldStatement, NewStripeEvent, StripeCheckout, StripeDrift, StripeEvent, StripeEventFilter,
    StripeEventStatus, StripeItem, StripeObjects, StripeOutcome,
};
pub use swaps::TenantSwap;
pub use tenant_roles::{TenantRole, role_taken};
pub use tenants::{NewTenant, Tenant, TenantChange, TenantNames, slug_taken};
pub use usage::{BYTES_OUT, CountedSum, DATABASE_TIME, EVENT_COST};
pub use versions::{FileVersion, MigrationTarget, TenantVersion, VersionCount, VersionState};
pub use webhooks::WebhookEvent;

use crate::clock::{SharedClock, Timestamp};
use crate::db::{
    Database, DatabaseOptions, Maintenance, OpenError, ReaderThreads, Track, TrackFault, Tx, WriteLimits,
};
use crate::error::{Error, Result};
use crate::id::TenantId;
use access::AccessCache;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// `PRAGMA application_id` of a catalog: `TnCa`.
const APPLICATION_ID: i32 = 0x546e_4361;

/// The catalog, open.
pub struct Catalog {
    database: Arc<Database>,
    access: Arc<AccessCache>,
    path: PathBuf,
    clock: SharedClock,
}

impl Catalog {
    /// Writes to it that are queued and not begun.
    pub fn writes_waiting(&self) -> usize {
        self.database.writes_waiting()
    }

    /// Opens the catalog in `directory`, makes it where there is none, and brings it up to date. Blocks.
    ///
    /// # Errors
    /// It is damaged, newer than this program, or the disk refuses.
    pub fn open(directory: &Path, threads: ReaderThreads, clock: SharedClock) -> Result<Catalog> {
        let path = directory.join("catalog.db");
        let now = clock.now();
        if !path.exists() {
            make(directory, now)?;
        }
        let file = Maintenance::open(&path).map_err(cannot_open)?;
        file.require_kind(APPLICATION_ID).map_err(cannot_open)?;
        if !file.is_current(&track()).map_err(unknown_version)? {
            file.migrate(&track(), now).map_err(Error::internal)?;
        }
        drop(file);
        let options = DatabaseOptions {
            application_id: APPLICATION_ID,
            readers: 8,
            cache_kib: 4_096,
            read_wait: Duration::from_secs(5),
            read_time: Duration::from_secs(10),
            write: WriteLimits { queue: 4_096, ..WriteLimits::default() },
            threads,
        };
        let database = Database::open(&path, options, Arc::clone(&clock), |_| Ok::<(), OpenError>(()))
            .map_err(cannot_open)?;
        Ok(Catalog { database, access: Arc::new(AccessCache::new()), path, clock })
    }

    /// Reads from the catalog. `act` may be run twice.
    ///
    /// # Errors
    /// What `act` returns, and as [`Database::read`].
    pub async fn read<T, F>(&self, mut act: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&CatalogTx<'_>) -> Result<T> + Send + 'static,
    {
        let access = Arc::clone(&self.access);
        self.database.read(move |tx| act(&CatalogTx { tx, access: &access })).await
    }

    /// Writes to the catalog in one transaction; the answer comes when it is on disk. `act` may be run twice.
    ///
    /// # Errors
    /// What `act` returns, and as [`Database::write`].
    pub async fn write<T, F>(&self, name: &'static str, mut act: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&CatalogTx<'_>) -> Result<T> + Send + 'static,
    {
        let access = Arc::clone(&self.access);
        self.database.write(name, move |tx| act(&CatalogTx { tx, access: &access })).await
    }

    /// Moves the write-ahead log into the file and empties it. False if a running reader stood in the way.
    ///
    /// # Errors
    /// The disk refuses.
    pub async fn checkpoint(&self) -> Result<bool> {
        let path = self.path.clone();
        tokio::task::spawn_blocking(move || {
            Ok(Maintenance::open(&path).map_err(Error::internal)?.checkpoint()?)
        })
        .await
        .unwrap_or_else(|error| Err(Error::internal(error)))
    }

    /// Writes a consistent copy to `target`, which must not exist, without stopping writers, and says what is in it: the
    /// migrations that it has, and rows by table. Blocks.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn copy_into(&self, target: &Path) -> Result<(usize, BTreeMap<String, u64>)> {
        Maintenance::open(&self.path).map_err(Error::internal)?.copy_with_pauses(target)?;
        look_into_copy(target)
    }

    /// The catalog's clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Ends the use of the file. Blocks.
    pub fn close(&self) {
        self.database.close();
    }
}

/// An open transaction on the catalog.
#[derive(Clone, Copy)]
pub struct CatalogTx<'t> {
    tx: &'t Tx<'t>,
    access: &'t Arc<AccessCache>,
}

impl<'t> CatalogTx<'t> {
    /// The time at which this transaction began.
    pub fn now(&self) -> Timestamp {
        self.tx.now()
    }

    /// The same transaction for what belongs to one tenant.
    pub fn of(&self, tenant: TenantId) -> OfTenant<'t> {
        OfTenant { catalog: *self, tenant }
    }
}

/// An open transaction on what the catalog holds of one tenant.
#[derive(Clone, Copy)]
pub struct OfTenant<'t> {
    catalog: CatalogTx<'t>,
    tenant: TenantId,
}

impl<'t> OfTenant<'t> {
    /// The time at which this transaction began.
    pub fn now(&self) -> Timestamp {
        self.catalog.now()
    }

    /// The tenant.
    pub fn tenant_id(&self) -> TenantId {
        self.tenant
    }

    /// The same transaction for what belongs to no tenant.
    pub fn catalog(&self) -> &CatalogTx<'t> {
        &self.catalog
    }

    fn tx(&self) -> &'t Tx<'t> {
        self.catalog.tx
    }
}

/// Looks into a copy of a catalog: which migrations it has, and rows by table. Blocks.
///
/// # Errors
/// What is wrong with it.
pub fn look_into_copy(path: &Path) -> Result<(usize, BTreeMap<String, u64>)> {
    let file = Maintenance::open(path).map_err(cannot_open)?;
    file.require_kind(APPLICATION_ID).map_err(cannot_open)?;
    Ok((file.count_applied(&track()).map_err(unknown_version)?, file.rows_by_table()?))
}

/// Makes a new catalog. It appears whole or not at all: a crash leaves a file of another name, which makes way.
fn make(directory: &Path, now: Timestamp) -> Result<()> {
    let unfinished = directory.join("catalog.new");
    for name in ["catalog.new", "catalog.new-wal", "catalog.new-shm"] {
        match std::fs::remove_file(directory.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    let file = Maintenance::create(&unfinished, APPLICATION_ID).map_err(cannot_open)?;
    file.migrate(&track(), now).map_err(Error::internal)?;
    drop(file);
    std::fs::rename(&unfinished, directory.join("catalog.db"))?;
    Ok(std::fs::File::open(directory)?.sync_all()?)
}

fn unknown_version(fault: TrackFault) -> Error {
    Error::unavailable(
        "catalog_unavailable",
        "The catalog was written by another version of this program. Start that version, or a newer one.",
        60,
    )
    .because(fault)
}

fn track() -> Track {
    Track::system(&[
        ("catalog/0001_core.sql", include_str!("../../migrations/catalog/0001_core.sql")),
        ("catalog/0002_erasures_begun.sql", include_str!("../../migrations/catalog/0002_erasures_begun.sql")),
        (
            "catalog/0003_audit_checkpoints.sql",
            include_str!("../../migrations/catalog/0003_audit_checkpoints.sql"),
        ),
        ("catalog/0004_second_factors.sql", include_str!("../../migrations/catalog/0004_second_factors.sql")),
        ("catalog/0005_account_tokens.sql", include_str!("../../migrations/catalog/0005_account_tokens.sql")),
        ("catalog/0006_idempotency.sql", include_str!("../../migrations/catalog/0006_idempotency.sql")),
        ("catalog/0007_sign_ups.sql", include_str!("../../migrations/catalog/0007_sign_ups.sql")),
        ("catalog/0008_plans.sql", include_str!("../../migrations/catalog/0008_plans.sql")),
        ("catalog/0009_api_keys.sql", include_str!("../../migrations/catalog/0009_api_keys.sql")),
        (
            "catalog/0010_roles_and_services.sql",
            include_str!("../../migrations/catalog/0010_roles_and_services.sql"),
        ),
        ("catalog/0011_usage.sql", include_str!("../../migrations/catalog/0011_usage.sql")),
        ("catalog/0012_invoices.sql", include_str!("../../migrations/catalog/0012_invoices.sql")),
        ("catalog/0013_stripe.sql", include_str!("../../migrations/catalog/0013_stripe.sql")),
        ("catalog/0014_statements.sql", include_str!("../../migrations/catalog/0014_statements.sql")),
        ("catalog/0015_jobs.sql", include_str!("../../migrations/catalog/0015_jobs.sql")),
        ("catalog/0016_api_key_rates.sql", include_str!("../../migrations/catalog/0016_api_key_rates.sql")),
        ("catalog/0017_stripe_parking.sql", include_str!("../../migrations/catalog/0017_stripe_parking.sql")),
        ("catalog/0018_letters.sql", include_str!("../../migrations/catalog/0018_letters.sql")),
        ("catalog/0019_webhooks.sql", include_str!("../../migrations/catalog/0019_webhooks.sql")),
        ("catalog/0020_billing.sql", include_str!("../../migrations/catalog/0020_billing.sql")),
        ("catalog/0021_migrations.sql", include_str!("../../migrations/catalog/0021_migrations.sql")),
        (
            "catalog/0022_billing_details.sql",
            include_str!("../../migrations/catalog/0022_billing_details.sql"),
        ),
        ("catalog/0023_money.sql", include_str!("../../migrations/catalog/0023_money.sql")),
        ("catalog/0024_backups.sql", include_str!("../../migrations/catalog/0024_backups.sql")),
        ("catalog/0025_swaps.sql", include_str!("../../migrations/catalog/0025_swaps.sql")),
        ("catalog/0026_letters_told.sql", include_str!("../../migrations/catalog/0026_letters_told.sql")),
        ("catalog/0028_imports.sql", include_str!("../../migrations/catalog/0028_imports.sql")),
        ("catalog/0029_backup_rounds.sql", include_str!("../../migrations/catalog/0029_backup_rounds.sql")),
        (
            "catalog/0030_invitation_letters.sql",
            include_str!("../../migrations/catalog/0030_invitation_letters.sql"),
        ),
        ("catalog/0031_moves.sql", include_str!("../../migrations/catalog/0031_moves.sql")),
        ("catalog/0032_clones.sql", include_str!("../../migrations/catalog/0032_clones.sql")),
        (
            "catalog/0033_stripe_customer_erasures.sql",
            include_str!("../../migrations/catalog/0033_stripe_customer_erasures.sql"),
        ),
    ])
}

fn cannot_open(error: OpenError) -> Error {
    Error::unavailable("catalog_unavailable", "The catalog cannot be opened. See the log.", 60).because(error)
}
