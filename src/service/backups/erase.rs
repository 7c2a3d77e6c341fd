//! What an erasure does about backups.

use super::Installation;
use super::store::of_tenant;
use crate::clock::{DAY, HOUR, Timestamp};
use crate::error::{Error, Result};
use crate::id::TenantId;
use crate::model::receipt::{StoreErased, StoreKept};
use std::time::Duration;
use tokio::time::timeout;

/// What is left of a tenant's backups.
pub(in crate::service) struct BackupsErased {
    /// What was removed, if the store could be asked.
    pub(in crate::service) removed: Option<StoreErased>,
    /// What is kept for a while.
    pub(in crate::service) kept: Vec<StoreKept>,
}

/// How long an erasure waits for who works on the tenant's backups.
const PATIENCE: Duration = Duration::from_secs(30);

/// Removes all backups of a tenant that is being erased. A store that cannot be reached, or is slow to take what is being stored,
/// holds no erasure up: then it is noted that they are to be removed, and each minute tries.
///
/// # Errors
/// As the catalog says.
pub(in crate::service) async fn erase(installation: &Installation, id: TenantId) -> Result<BackupsErased> {
    let mut kept: Vec<StoreKept> = of_catalog(installation).await?.into_iter().collect();
    // Nobody begins anew: the fence is down.
    let removed = match timeout(PATIENCE, installation.backups.wait_and_begin(id)).await {
        Ok(_begun) => remove(installation, id).await,
        Err(_) => Err(Error::internal("a backup of the tenant, or a restore, is under way")),
    };
    match removed {
        Ok(removed) => {
            installation.catalog.write("backups_erased", move |tx| tx.note_backups_erased(id)).await?;
            Ok(BackupsErased { removed: Some(removed), kept })
        }
        Err(error) => {
            tracing::error!(tenant_id = %id, error = ?error, "backups of an erased tenant could not be removed yet");
            installation.catalog.write("backups_to_erase", move |tx| tx.note_backups_to_erase(id)).await?;
            kept.push(StoreKept {
                store: "backups".to_owned(),
                reason: "they could not be removed at once; it is tried again each minute to remove them, and none of them is restored"
                    .to_owned(),
                until: None,
            });
            Ok(BackupsErased { removed: None, kept })
        }
    }
}

async fn remove(installation: &Installation, id: TenantId) -> Result<StoreErased> {
    let store = &installation.backups.store;
    let removed = store.delete_all(&of_tenant(id)).await?;
    if !store.list(&of_tenant(id)).await?.is_empty() {
        return Err(Error::internal("something is left of the backups of an erased tenant"));
    }
    Ok(StoreErased {
        store: "backups".to_owned(),
        removed,
        verified: match store.directory() {
            Some(_) => "the store was listed and holds nothing of the tenant".to_owned(),
            None => "the bucket was listed and holds no object of the tenant; earlier versions and uploads that were cut off, \
                     if it keeps any, go by its own rules"
                .to_owned(),
        },
    })
}

/// Backups of the catalog of before hold rows of the tenant until they have had their time. Where the server makes no rounds by
/// itself nobody knows when the newest is followed by another one.
async fn of_catalog(installation: &Installation) -> Result<Option<StoreKept>> {
    let until = installation.catalog.read(|tx| tx.catalog_backups_until()).await?;
    // The newest is followed by another one, and kept from then on.
    let retention = installation.retention();
    let days = i64::from(retention.days.max(7 * (retention.weeks + 1))) + 1;
    let every = i64::from(installation.config.backup_hours) * HOUR;
    let newest = installation.clock.now().plus(every + days * DAY);
    Ok(until.map(|until: Timestamp| StoreKept {
        store: "backups of the catalog that were made before".to_owned(),
        reason: "they hold the accounts of all tenants; whoever restores one has the ledger of erasures refuse this tenant"
            .to_owned(),
        until: (every > 0).then(|| until.max(newest).to_string()),
    }))
}

/// Removes backups of erased tenants that could not be removed before.
///
/// # Errors
/// As catalog and store say.
pub(super) async fn erase_left(installation: &Installation) -> Result<()> {
    for id in installation.catalog.read(|tx| tx.list_backups_to_erase()).await? {
        let _begun = installation.backups.wait_and_begin(id).await;
        remove(installation, id).await?;
        tracing::info!(tenant_id = %id, "backups of an erased tenant were removed");
        installation.catalog.write("backups_erased", move |tx| tx.note_backups_erased(id)).await?;
    }
    Ok(())
}

/// Notes which backups are to be removed though the catalog does not say so: one of before an erasure may have been put back.
///
/// # Errors
/// As the catalog says.
pub(in crate::service) async fn note_erased(installation: &Installation) -> Result<()> {
    let mut erased = installation.catalog.read(|tx| tx.list_backed_up()).await?;
    erased.retain(|id| installation.tenancy.is_erased(*id));
    if erased.is_empty() {
        return Ok(());
    }
    let note = installation
        .catalog
        .write("backups_to_erase", move |tx| erased.iter().try_for_each(|id| tx.note_backups_to_erase(*id)));
    note.await
}
