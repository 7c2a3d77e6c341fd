//! Uploads of a tenant: put, read, listed, removed.

mod download;
mod upload;

pub use crate::tenancy::tx::files::{FilesTotal, StoredFile};
pub use download::{Download, open_file};
pub use upload::{Stored, Upload, begin_upload};

use super::Installation;
use super::members::require_now;
use super::turns::Turns;
use crate::catalog::Actor;
use crate::error::{Error, Result};
use crate::model::tenant::Act;
use crate::model::{Etag, FilePath, Preconditions, Tagger};
use crate::policy::{Permission, Roles};
use crate::tenancy::{CatalogOf, TenantScope};
use std::time::Duration;

/// How long an upload or download waits for its turn.
const WAIT: Duration = Duration::from_secs(5);

/// Files on their way at once, over all tenants and of one of them. Each has a descriptor, and a piece in memory.
pub(super) struct FileTurns {
    uploads: Turns,
    downloads: Turns,
}

impl FileTurns {
    /// One in nine is an upload; one tenant has a quarter of either at most.
    pub(super) fn new(transfers: usize) -> FileTurns {
        let turns = |most: usize| Turns::new(most.max(1), most.div_ceil(4).max(1), WAIT);
        FileTurns { uploads: turns(transfers / 9), downloads: turns(transfers - transfers / 9) }
    }
}

/// What a tenant takes on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct StorageUse {
    /// Bytes of its database, without its log.
    pub database_bytes: u64,
    /// Its uploads.
    #[serde(flatten)]
    pub files: FilesTotal,
}

impl StorageUse {
    /// All of it.
    pub fn total_bytes(self) -> u64 {
        self.database_bytes.saturating_add(self.files.bytes)
    }
}

/// What the tenant takes on the disk now: two look-ups, nothing is added up. Asks for no permission: jobs count too.
///
/// # Errors
/// As the database says.
pub async fn storage_use(scope: &TenantScope) -> Result<StorageUse> {
    scope.read(|tx| Ok(StorageUse { database_bytes: tx.database_bytes()?, files: tx.files_total()? })).await
}

/// Files whose names begin with `prefix` and come behind `after`, in order.
///
/// # Errors
/// 403 without `files:read`.
pub async fn list_files(
    scope: &TenantScope,
    prefix: String,
    after: Option<String>,
    limit: u32,
) -> Result<Vec<StoredFile>> {
    scope.require(Permission::FilesRead)?;
    let after = after.unwrap_or_default();
    scope.read(move |tx| tx.list_files(&prefix, &after, limit)).await
}

/// Removes a file. Who reads it goes on to its end.
///
/// # Errors
/// 403 without `files:write`, 404 where there is none, 412 for another than the conditions ask for.
pub async fn delete_file(
    installation: &Installation,
    scope: TenantScope,
    path: FilePath,
    conditions: Preconditions,
) -> Result<()> {
    scope.require(Permission::FilesWrite)?;
    let tagger = tagger(installation, &scope);
    // To its end, also when the client goes away: content without a name would stay until the next start.
    super::detached(async move {
        let deleted = scope
            .write("delete_file", move |tx| {
                let current = tx.find_file(&path)?.ok_or_else(Error::not_found)?;
                conditions.admit_write(Some(&etag_of(&tagger, &current)))?;
                tx.delete_file(&path)
            })
            .await?;
        match deleted {
            Some(file) => {
                forget_content(&scope, &file).await;
                Ok(())
            }
            None => Err(Error::not_found()),
        }
    })
    .await
}

/// Removes what a name no longer has. That it is gone is on the disk already, so a failure here costs room only, until
/// the sweep of the next start.
async fn forget_content(scope: &TenantScope, file: &StoredFile) {
    if let Err(error) = scope.remove_content(file.id).await {
        tracing::warn!(tenant_id = %scope.tenant().id, error = ?error, "content of a removed file stays on the disk");
    }
}

fn tagger(installation: &Installation, scope: &TenantScope) -> Tagger {
    Tagger::new(installation.keys.etags, scope.tenant().id)
}

/// The tag of a file: the same for the same content, and another in another tenant.
fn etag_of(tagger: &Tagger, file: &StoredFile) -> Etag {
    tagger.tag("_files", file.sha256.as_bytes())
}

/// Whether someone still may what takes long: roles, memberships and states change meanwhile.
struct StillAllowed {
    catalog: CatalogOf,
    roles: Roles,
    actor: Actor,
    permission: Permission,
    act: Act,
}

impl StillAllowed {
    fn of(scope: &TenantScope, permission: Permission, act: Act) -> StillAllowed {
        let (catalog, roles, actor) = (scope.catalog(), scope.app_roles().clone(), scope.by().actor);
        StillAllowed { catalog, roles, actor, permission, act }
    }

    /// As the scope was given, asked anew.
    async fn check(&self) -> Result<()> {
        let (roles, actor, permission, act) = (self.roles.clone(), self.actor, self.permission, self.act);
        self.catalog
            .read(move |of| {
                of.tenant()?.admit(act)?;
                require_now(of, &roles, actor, permission)
            })
            .await
    }
}
