//! Tenants whose files are not simply brought up to date when they are opened: those on which a migration failed, those
//! that were rolled back, and all of them while migrations wait for a run.

use crate::catalog::FileVersion;
use crate::error::{Error, Result};
use crate::id::TenantId;
use crate::tenancy::Snapshot;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How a tenant stands.
enum Standing {
    /// Its file stays at the version that it has, and is served so.
    Held,
    /// A migration failed, with what it said: its file is not served.
    Failed(String),
}

/// What opening a file found out, for the catalog.
pub(super) enum Noted {
    /// It was migrated, in so many milliseconds; the copy that was made before.
    Migrated { version: FileVersion, took_ms: i64, copy: Option<Snapshot> },
    /// It could not be.
    Failed { error: String, copy: Option<Snapshot> },
}

/// How tenants stand; most stand as all others and are not in here.
#[derive(Default)]
pub(super) struct FileStandings {
    by_tenant: Mutex<HashMap<TenantId, Standing>>,
    /// Whether files may be behind the app: they are served as they are.
    lag: AtomicBool,
    noted: Mutex<Vec<(TenantId, Noted)>>,
    has_noted: AtomicBool,
}

impl FileStandings {
    fn by_tenant(&self) -> MutexGuard<'_, HashMap<TenantId, Standing>> {
        self.by_tenant.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn noted(&self) -> MutexGuard<'_, Vec<(TenantId, Noted)>> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets files be behind the app, or has them migrated as they are opened.
    pub(super) fn let_lag(&self, lag: bool) {
        self.lag.store(lag, Relaxed);
    }

    pub(super) fn hold(&self, id: TenantId) {
        self.by_tenant().insert(id, Standing::Held);
    }

    pub(super) fn fail(&self, id: TenantId, error: String) {
        self.by_tenant().insert(id, Standing::Failed(error));
    }

    pub(super) fn clear(&self, id: TenantId) {
        self.by_tenant().remove(&id);
    }

    /// Whether the tenant was rolled back and stays where it is.
    pub(super) fn is_held(&self, id: TenantId) -> bool {
        matches!(self.by_tenant().get(&id), Some(Standing::Held))
    }

    /// Whether the file may stay behind the app.
    pub(super) fn may_lag(&self, id: TenantId) -> bool {
        self.lag.load(Relaxed) || self.is_held(id)
    }

    /// Refuses a tenant on which a migration failed.
    ///
    /// # Errors
    /// 503 `tenant_unavailable`.
    pub(super) fn admit(&self, id: TenantId) -> Result<()> {
        match self.by_tenant().get(&id) {
            Some(Standing::Failed(error)) => Err(unavailable().because(Error::internal(error.clone()))),
            Some(Standing::Held) | None => Ok(()),
        }
    }

    /// Keeps what is to be told to the catalog.
    pub(super) fn note(&self, id: TenantId, noted: Noted) {
        self.noted().push((id, noted));
        self.has_noted.store(true, Relaxed);
    }

    /// Takes what is to be told to the catalog.
    pub(super) fn take_noted(&self) -> Vec<(TenantId, Noted)> {
        if !self.has_noted.load(Relaxed) {
            return Vec::new();
        }
        let mut noted = self.noted();
        self.has_noted.store(false, Relaxed);
        std::mem::take(&mut *noted)
    }
}

/// 503 for a file that cannot be served.
pub(super) fn unavailable() -> Error {
    Error::unavailable(
        "tenant_unavailable",
        "The file of this tenant cannot be served. The operator has been told.",
        60,
    )
}
