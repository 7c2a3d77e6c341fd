//! Moving tenants from one volume of this machine to another.

mod giving_up;

pub(super) use giving_up::give_up_and_wait;
pub use giving_up::give_up_move;

use super::Installation;
use crate::catalog::{By, DATA, MOVE_GIVEN_UP, MoveStatus, OfTenant, TenantMove, move_given_up};
use crate::error::{Error, Kind, Result};
use crate::id::TenantId;
use crate::model::tenant::TenantStatus;
use crate::telemetry::subject;
use crate::tenancy::{MoveProgress, Tenancy, Volume, blocking};
use serde::Serialize;
use serde_json::json;
use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often whoever waits for a move looks.
const LOOK: Duration = Duration::from_millis(50);

/// Moves that go on now, and how far they are.
#[derive(Default)]
pub(super) struct Moves(Mutex<HashMap<TenantId, Arc<MoveProgress>>>);

impl Moves {
    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<TenantId, Arc<MoveProgress>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// 409 `move_open` where the tenant is being moved.
    fn begin(&self, tenant: TenantId) -> Result<Arc<MoveProgress>> {
        let mut all = self.all();
        if all.contains_key(&tenant) {
            return Err(Error::conflict(
                "move_open",
                "This tenant is being moved. Wait for the end of that.",
            ));
        }
        let progress: Arc<MoveProgress> = Arc::default();
        all.insert(tenant, Arc::clone(&progress));
        Ok(progress)
    }

    fn end(&self, tenant: TenantId) {
        self.all().remove(&tenant);
    }

    /// Keeps moves of a tenant from beginning for as long as what is returned lives; nothing where it is moved now.
    fn keep_from(&self, tenant: TenantId) -> Option<Kept<'_>> {
        self.begin(tenant).ok().map(|_| Kept(self, tenant))
    }
}

/// A tenant that cannot be moved now.
struct Kept<'m>(&'m Moves, TenantId);

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        self.0.end(self.1);
    }
}

/// A move as it is told.
#[derive(Debug, Serialize)]
pub struct MoveOut {
    /// The tenant's slug.
    pub slug: String,
    /// What is noted of it.
    #[serde(flatten)]
    pub noted: TenantMove,
    /// Bytes that are to be copied, while it goes on.
    pub total_bytes: Option<u64>,
    /// Bytes that were copied, while it goes on.
    pub copied_bytes: Option<u64>,
}

/// Begins to move a tenant to a volume of the settings, or to `data`, the data directory. It goes on to its end even if nobody
/// waits for it.
///
/// # Errors
/// 404; 409 `wrong_status` unless it is active, `move_open`, `swap_open`, `same_volume`, `place_taken`; 422 `unknown_volume`; 503
/// `tenant_migrating`, `volume_unavailable`, `no_room_for_move`.
pub async fn start_move(
    installation: &Arc<Installation>,
    selector: &str,
    to: &str,
    by: By,
) -> Result<MoveOut> {
    let tenant = installation.catalog.tenant(selector).await?;
    if !tenant.status.is_visible() {
        return Err(Error::not_found());
    }
    if tenant.status != TenantStatus::Active {
        return Err(Error::conflict(
            "wrong_status",
            format!("The tenant is {}; this needs one that is active.", tenant.status.name()),
        ));
    }
    let id = tenant.id;
    let progress = installation.moves.begin(id)?;
    let begun = begin(installation, id, to, by.clone()).await;
    if let Err(error) = begun {
        installation.moves.end(id);
        return Err(error);
    }
    let (moving, to) = (Arc::clone(installation), to.to_owned());
    tokio::spawn(subject::of_tenant(id, async move {
        let note = {
            let to = to.clone();
            move |of: &OfTenant<'_>, moved: &crate::catalog::MovedFiles| {
                let details =
                    json!({ "to": to, "files": moved.files, "bytes": moved.bytes, "sha256": moved.sha256 });
                of.audit(&by, "tenant.moved", "", &details)
            }
        };
        let place = Kept(&moving.moves, id);
        let moved = moving.tenancy.move_tenant(Tenancy::lease_for_move(id), to, progress, note).await;
        drop(place);
        if let Err(error) = moved
            && error.code() != MOVE_GIVEN_UP
        {
            tracing::error!(tenant_id = %id, error = ?error, "moving a tenant broke off");
        }
    }));
    find_move(installation, selector).await
}

async fn begin(installation: &Installation, id: TenantId, to: &str, by: By) -> Result<()> {
    installation.tenancy.require_place(&installation.id, id, to).await?;
    let to = to.to_owned();
    let begin = installation.catalog.write("begin_move", move |tx| {
        let of = tx.of(id);
        let tenant = of.tenant()?;
        of.begin_move(&tenant.volume, &to, &by.actor.to_string())?;
        of.audit(&by, "tenant.move_begun", "", &json!({ "from": tenant.volume, "to": to }))
    });
    begin.await
}

/// The last move of a tenant, and how far it is.
///
/// # Errors
/// 404, also where it was never moved.
pub async fn find_move(installation: &Installation, selector: &str) -> Result<MoveOut> {
    let tenant = installation.catalog.tenant(selector).await?;
    let id = tenant.id;
    let progress = installation.moves.all().get(&id).cloned();
    let last = installation.catalog.read(move |tx| tx.of(id).last_move()).await?;
    let noted = last.ok_or_else(|| {
        Error::new(Kind::NotFound, "never_moved", "This tenant was never moved to another volume.")
    })?;
    let load = |of: fn(&MoveProgress) -> u64| progress.as_deref().map(of);
    Ok(MoveOut {
        slug: tenant.slug.clone(),
        noted,
        total_bytes: load(|progress| progress.total.load(Relaxed)),
        copied_bytes: load(|progress| progress.copied.load(Relaxed)),
    })
}

/// Moves a tenant and waits for the end. `progress` gets lines for whoever waits.
///
/// # Errors
/// As [`start_move`]; 409 `move_failed` with what went wrong, `move_given_up`.
pub(super) async fn move_and_wait(
    installation: &Arc<Installation>,
    selector: &str,
    to: &str,
    by: By,
    progress: &(dyn Fn(String) + Send + Sync),
) -> Result<MoveOut> {
    let begun = start_move(installation, selector, to, by).await?;
    let (id, mut told) = (begun.noted.tenant_id, 0);
    loop {
        let goes_on = installation.moves.all().contains_key(&id);
        let now = find_move(installation, &id.to_string()).await?;
        if !goes_on {
            return match now.noted.status {
                MoveStatus::Done | MoveStatus::Moved => Ok(now),
                MoveStatus::GivingUp | MoveStatus::GivenUp => Err(move_given_up()),
                MoveStatus::Copying | MoveStatus::Failed => Err(Error::new(
                    Kind::Conflict,
                    "move_failed",
                    now.noted.error.unwrap_or_else(|| "The move broke off. See the log.".to_owned()),
                )),
            };
        }
        let percent = now.copied_bytes.unwrap_or(0).saturating_mul(100) / now.total_bytes.unwrap_or(1).max(1);
        if percent > told {
            told = percent;
            progress(format!("{told} %"));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Looks which volumes can be used, and ends moves that could not be ended before.
///
/// # Errors
/// As the catalog says.
pub async fn sweep(installation: &Installation) -> Result<()> {
    let (tenancy, config) = (&installation.tenancy, &installation.config);
    tenancy.look_at_volumes(&installation.id, &config.volumes).await?;
    finish_all(installation).await
}

/// Ends moves that an earlier run began, or that could not be ended before. One that cannot be ended keeps no other from it.
///
/// # Errors
/// As the catalog says.
pub(super) async fn finish_all(installation: &Installation) -> Result<()> {
    for id in installation.tenancy.open_moves().await? {
        finish(installation, id).await?;
    }
    Ok(())
}

/// The same of one tenant, unless it is moved now.
async fn finish(installation: &Installation, id: TenantId) -> Result<()> {
    match installation.moves.keep_from(id) {
        Some(_kept) => {
            let why = "The server ended in the middle. The tenant is where it was.";
            installation.tenancy.finish_move(id, why).await
        }
        None => Ok(()),
    }
}

/// A volume as it is told.
#[derive(Debug, Serialize)]
pub struct VolumeOut {
    /// Its name.
    pub name: String,
    /// Its directory.
    pub path: String,
    /// How many tenants are on it.
    pub tenants: u64,
    /// Bytes that are free there, where it can be used.
    pub free_bytes: Option<u64>,
    /// Why it cannot be used now.
    pub fault: Option<String>,
}

/// All volumes, the data directory first.
///
/// # Errors
/// As the catalog says.
pub async fn list_volumes(installation: &Installation) -> Result<Vec<VolumeOut>> {
    let counted = installation.catalog.read(|tx| tx.count_by_volume()).await?;
    let layout = installation.tenancy.layout().clone();
    blocking(move || {
        let data = (DATA.to_owned(), Volume { path: layout.root().to_path_buf(), fault: None });
        let told = |(name, volume): (String, Volume)| VolumeOut {
            tenants: counted.get(&name).copied().unwrap_or_default(),
            free_bytes: volume.fault.is_none().then(|| free_bytes(&volume.path)).flatten(),
            path: volume.path.display().to_string(),
            fault: volume.fault,
            name,
        };
        Ok(std::iter::once(data).chain(layout.volumes()).map(told).collect())
    })
    .await
}

fn free_bytes(path: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(path).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}
