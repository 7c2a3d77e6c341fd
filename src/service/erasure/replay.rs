//! What the ledger of erasures knows and a catalog of before does not: whom it brought back is erased again.

use super::amend::anew;
use super::{customer, remove_files};
use crate::catalog::{By, CatalogTx};
use crate::error::{Error, Kind, Result};
use crate::id::TenantId;
use crate::model::receipt::{Receipt, Statement, StoreErased};
use crate::model::tenant::TenantStatus;
use crate::service::Installation;
use ed25519_dalek::SigningKey;
use serde_json::json;

/// What a tenant may be, in the catalog of before, that was erased since.
const VISIBLE: &[TenantStatus] =
    &[TenantStatus::Active, TenantStatus::Suspended, TenantStatus::Closing, TenantStatus::Erasing];

/// Erases from a catalog that is being restored whom the ledger names, with the receipts of then; how many. Their files are not
/// there.
///
/// # Errors
/// As the catalog says; the disk refuses.
pub(in crate::service) async fn replay_erasures(installation: &Installation) -> Result<u64> {
    let mut erased = 0;
    for (id, receipt) in installation.tenancy.read_ledger().await? {
        let replay = installation.catalog.write("replay_erasure", move |tx| {
            let of = tx.of(id);
            if !of.change_status(VISIBLE, TenantStatus::Erasing)? {
                return Ok(false);
            }
            of.delete_personal_rows()?;
            of.finish_erasure(&receipt)?;
            Ok(true)
        });
        match replay.await {
            Ok(replayed) => erased += u64::from(replayed),
            // The catalog is older than the tenant.
            Err(error) if error.kind() == Kind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(erased)
}

/// Erases again, before anything is served, whom a catalog of before has brought back that was put in place by hand: its files,
/// its figures, its rows. The receipt is issued anew and says so, also in the ledger.
///
/// # Errors
/// As the catalog says; the disk refuses.
pub(in crate::service) async fn erase_again(installation: &Installation) -> Result<()> {
    let named = installation.tenancy.erased_by_ledger();
    if named.is_empty() {
        return Ok(());
    }
    let back = installation.catalog.read(move |tx| tx.list_not_erased(&named)).await?;
    if back.is_empty() {
        return Ok(());
    }
    let receipts = installation.tenancy.read_ledger().await?;
    for id in back {
        // It is fenced in any case: nobody reaches it.
        match receipts.get(&id).map(|line| sound(installation, line)) {
            Some(Ok(receipt)) => again(installation, id, receipt).await?,
            Some(Err(why)) => {
                tracing::error!(tenant_id = %id, why, "the ledger says that a tenant was erased, and its line is not to be trusted");
            }
            None => {}
        }
    }
    Ok(())
}

/// The receipt, if it was signed, and by this installation.
fn sound(installation: &Installation, line: &str) -> Result<Receipt, String> {
    let receipt: Receipt = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let statement = receipt.verify(None)?;
    if statement.installation != installation.id {
        return Err("it is of another installation".to_owned());
    }
    Ok(receipt)
}

async fn again(installation: &Installation, id: TenantId, before: Receipt) -> Result<()> {
    tracing::warn!(tenant_id = %id, "the catalog brought an erased tenant back, as one of before does: it is erased again");
    let begin = installation.catalog.write("begin_erasure_again", move |tx| {
        let of = tx.of(id);
        of.expire_clones()?;
        of.change_status(VISIBLE, TenantStatus::Erasing)
    });
    begin.await?;
    let files: u64 = remove_files(installation, id).await?.iter().map(|store| store.removed).sum();
    let key = installation.keys.receipts().clone();
    let receipt = installation
        .catalog
        .write("erase_again", move |tx| remove_rows(tx, id, files, &before, &key))
        .await?;
    installation.tenancy.append_to_ledger(id, receipt).await?;
    installation.checkpoint_owed.store(true, std::sync::atomic::Ordering::Relaxed);
    Ok(())
}

fn remove_rows(
    tx: &CatalogTx<'_>,
    id: TenantId,
    files: u64,
    before: &Receipt,
    key: &SigningKey,
) -> Result<Receipt> {
    let of = tx.of(id);
    let customer = of.stripe_customer()?;
    let rows: u64 = of.delete_personal_rows()?.iter().map(|(_, rows)| rows).sum();
    if of.count_personal_rows()? != 0 {
        return Err(Error::internal("rows of an erased tenant are left in the catalog"));
    }
    let at = of.now().to_string();
    let told = |what: &str, removed, verified: &str| StoreErased {
        store: format!("{what}, brought back by a catalog of before"),
        removed,
        verified: verified.to_owned(),
    };
    let change = |statement: &mut Statement| {
        if customer::is_pending(&statement.kept)
            && let Some(customer) = &customer
        {
            of.ask_customer_erasure()?;
            of.try_customer_erasure(customer, of.now())?;
        }
        statement.removed.push(told(
            "rows of the catalog",
            rows,
            "counted to zero in the transaction that removed them",
        ));
        statement.removed.push(told("files", files, "the directories were synced and no longer hold them"));
        Ok(())
    };
    let receipt = anew(before, at, change, key)?;
    of.finish_erasure(&serde_json::to_string(&receipt)?)?;
    tx.audit(&By::system(), "tenant.erased", &format!("tenant:{id}"), &json!({ "again": true }))?;
    Ok(receipt)
}
