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
mod file;
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
pub use file::look_into_copy;
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
pub use moves::{MOVE_GIVEN_UP, MoveStatus, MovedFiles, TenantMove, move_given_up};
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
use crate::db::{Database, DatabaseOptions, Maintenance, OpenError, ReaderThreads, Tx, WriteLimits};
use crate::error::{Error, Result};
use crate::id::TenantId;
use access::AccessCache;
use file::{APPLICATION_ID, cannot_open, make, track, unknown_version};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The catalog, open.
pub struct Catalog {
    database: Arc<Database>,
    access: Arc<AccessCache>,
    path: PathBuf,
    clock: SharedClock,
}

impl Catalog {
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

    /// Writes to it that are queued and not begun.
    pub fn writes_waiting(&self) -> usize {
        self.database.writes_waiting()
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
