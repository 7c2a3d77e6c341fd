//! Erasure: irreversible removal, and the receipt.

mod amend;
mod customer;
mod kept;
mod replay;
#[cfg(test)]
mod tests;

pub use customer::delete_customers_left;
pub(super) use customer::{ask as ask_customer_erasure, require_stripe};
pub(super) use replay::{erase_again, replay_erasures};

use self::customer::Customer;
use self::kept::{copies, kept};
use super::mail::{MOST_PEOPLE, on_day};
use super::{Installation, backups, invoices, stripe, telemetry};
use crate::catalog::{By, OfTenant, Tenant};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id::TenantId;
use crate::model::letter::{Content, Recipient};
use crate::model::receipt::{Receipt, Statement, StoreErased, StoreKept};
use crate::model::tenant::TenantStatus;
use crate::policy::OWNER;
use crate::telemetry::subject;
use ed25519_dalek::SigningKey;
use serde_json::json;
use std::sync::atomic::Ordering;

/// Erases every tenant whose grace period is over, and finishes what was cut off. Returns how many. One that fails stays
/// `erasing`, is tried again, and holds up no other.
///
/// # Errors
/// As the catalog says.
pub async fn erase_due_tenants(installation: &Installation) -> Result<usize> {
    let due = installation.catalog.read(|tx| tx.list_tenants_to_erase()).await?;
    let mut erased = 0;
    for id in due {
        match subject::of_tenant(id, erase_tenant(installation, id, By::system())).await {
            Ok(_) => erased += 1,
            Err(error) => {
                tracing::error!(tenant_id = %id, error = ?error, "erasing failed and will be tried again");
            }
        }
    }
    Ok(erased)
}

/// Ends the grace period of a closing tenant at once and erases it; with `stripe_customer` its customer at Stripe, too.
///
/// # Errors
/// 404 if there is none, 422 when `confirm` is not the slug, 409 `not_closing` if it was not closed before, `billing_local` where
/// it has a customer and this installation is not connected to Stripe any more.
pub async fn erase_now(
    installation: &Installation,
    selector: &str,
    confirm: &str,
    stripe_customer: bool,
    by: By,
) -> Result<Receipt> {
    let tenant = installation.catalog.tenant(selector).await?;
    if confirm != tenant.slug {
        return Err(Error::invalid_field(
            "confirm",
            "mismatch",
            "must be the slug of the tenant, to be sure",
        ));
    }
    if !matches!(tenant.status, TenantStatus::Closing | TenantStatus::Erasing) {
        return Err(not_closing());
    }
    let id = tenant.id;
    if stripe_customer {
        require_stripe(installation, id).await?;
    }
    let end = installation.catalog.write("end_grace", move |tx| {
        let of = tx.of(id);
        of.end_grace()?;
        if stripe_customer { ask_customer_erasure(&of, &of.tenant()?) } else { Ok(()) }
    });
    end.await?;
    erase_tenant(installation, id, by).await
}

/// The steps of DESIGN 9: state, drain, count, files, backups, Stripe, rows, receipt, ledger. Each can be done twice.
async fn erase_tenant(installation: &Installation, id: TenantId, by: By) -> Result<Receipt> {
    // One at a time: whoever comes second, the background runner say, finds the receipt.
    let _turn = installation.erasing.lock().await;
    if let Some(text) = installation.catalog.read(move |tx| tx.find_receipt(id)).await? {
        let receipt: Receipt = serde_json::from_str(&text)?;
        installation.tenancy.append_to_ledger(id, receipt.clone()).await?;
        return Ok(receipt);
    }
    invoices::bill_leaving(installation, id).await;
    stripe::send_rest_of_erased(installation, id).await;
    begin(installation, id).await?;
    tracing::info!(tenant_id = %id, "erasing");
    let (mut files, mut kept) =
        (remove_files(installation, id).await?, kept(&installation.tenancy.volumes_away()));
    let backups = backups::erase(installation, id).await?;
    files.extend(backups.removed);
    kept.extend(backups.kept);
    let customer = customer::erase(installation, id).await?;
    let key = installation.keys.receipts().clone();
    let issuer = installation.id.clone();
    let receipt = installation
        .catalog
        .write("erase_tenant", move |tx| {
            erase_rows(&tx.of(id), (&files, &kept, customer), &key, &issuer, &by)
        })
        .await?;
    installation.tenancy.append_to_ledger(id, receipt.clone()).await?;
    installation.checkpoint_owed.store(true, Ordering::Relaxed);
    pay_checkpoint(installation).await?;
    tracing::info!(tenant_id = %id, "erased");
    Ok(receipt)
}

async fn begin(installation: &Installation, id: TenantId) -> Result<()> {
    let begun = installation
        .catalog
        .write("begin_erasure", move |tx| {
            // Asked again here: it may have been reopened since, and closed anew with another date.
            let tenant = tx.of(id).tenant()?;
            let due = tenant.erase_after.is_some_and(|after| after <= tx.now());
            if tenant.status == TenantStatus::Closing && !due {
                return Ok(false);
            }
            tx.of(id).expire_clones()?;
            tx.of(id).change_status(&[TenantStatus::Closing, TenantStatus::Erasing], TenantStatus::Erasing)
        })
        .await?;
    if begun { Ok(()) } else { Err(not_closing()) }
}

/// Removes the files and says how many there were when it was first begun.
async fn remove_files(installation: &Installation, id: TenantId) -> Result<Vec<StoreErased>> {
    let mut found = installation.tenancy.count_files(id).await?;
    found.push(telemetry::count(installation, id).await?);
    let found = serde_json::to_string(&found)?;
    let noted = installation.catalog.write("note_erasure", move |tx| tx.of(id).note_erasure(&found)).await?;
    let noted: Vec<StoreErased> = serde_json::from_str(&noted)?;
    let mut removed = installation.tenancy.erase_files(id).await?;
    removed.push(telemetry::erase(installation, id).await?);
    for store in &mut removed {
        let before = noted.iter().find(|noted| noted.store == store.store);
        store.removed = before.map_or(0, |noted| noted.removed).max(store.removed);
    }
    Ok(removed)
}

/// Empties the write-ahead log of the catalog, which holds the old pages of erased rows. A reader that stands in the way
/// is waited for until the next sweep.
///
/// # Errors
/// As the catalog says.
pub async fn pay_checkpoint(installation: &Installation) -> Result<()> {
    if installation.checkpoint_owed.load(Ordering::Relaxed) && installation.catalog.checkpoint().await? {
        installation.checkpoint_owed.store(false, Ordering::Relaxed);
    }
    Ok(())
}

fn erase_rows(
    of: &OfTenant<'_>,
    (files, kept, customer): (&[StoreErased], &[StoreKept], Customer),
    key: &SigningKey,
    issuer: &str,
    by: &By,
) -> Result<Receipt> {
    let tenant = of.tenant()?;
    let audit_head = of.audit_head()?;
    tell_owners(of, &tenant)?;
    let customer = customer::settle(of, customer)?;
    let mut removed = files.to_vec();
    removed.extend(customer.removed());
    for (table, rows) in of.delete_personal_rows()? {
        removed.push(StoreErased {
            store: format!("catalog: {table}"),
            removed: rows,
            verified: "counted to zero in the transaction that removed them; freed pages are overwritten"
                .to_owned(),
        });
    }
    if of.count_personal_rows()? != 0 {
        return Err(Error::internal("rows of an erased tenant are left in the catalog"));
    }
    let statement = Statement {
        format: "tenantry.erasure.v1".to_owned(),
        installation: issuer.to_owned(),
        tenant_id: tenant.id.to_string(),
        closed_at: tenant.closed_at.map(|at: Timestamp| at.to_string()),
        erased_at: of.now().to_string(),
        removed,
        kept: kept.iter().cloned().chain(customer.kept()).chain(copies(of)?).collect(),
        audit_head,
        amended_at: None,
        amends: None,
    };
    let receipt = Receipt::sign(&statement, key)?;
    of.finish_erasure(&serde_json::to_string(&receipt)?)?;
    of.catalog().audit(by, "tenant.erased", &format!("tenant:{}", tenant.id), &json!({}))?;
    Ok(receipt)
}

/// The letter is about the accounts of the owners: what is about the tenant goes with it. It names the slug, which stays.
fn tell_owners(of: &OfTenant<'_>, tenant: &Tenant) -> Result<()> {
    let owners = of.list_people_in_roles(&[OWNER], MOST_PEOPLE)?;
    if owners.is_empty() {
        tracing::warn!(tenant_id = %tenant.id, "nobody is told that a tenant is erased: no owner has an address");
    }
    for (owner, _) in owners {
        let content = Content::TenantErased { slug: tenant.slug.clone(), erased_on: on_day(of.now()) };
        let fact = format!("tenant_erased {} {owner}", tenant.id);
        of.catalog().post(&fact, &Recipient::Identity(owner), &content)?;
    }
    Ok(())
}

fn not_closing() -> Error {
    Error::conflict("not_closing", "Only a tenant that is closing can be erased. Close it first.")
}

/// The receipt of an erased tenant.
///
/// # Errors
/// 404 if there is none.
pub async fn find_receipt(installation: &Installation, selector: &str) -> Result<Receipt> {
    let id = installation.catalog.tenant(selector).await?.id;
    let text =
        installation.catalog.read(move |tx| tx.find_receipt(id)).await?.ok_or_else(Error::not_found)?;
    Ok(serde_json::from_str(&text)?)
}

/// Receipts after `after`, in the order of the tenants' ids.
///
/// # Errors
/// As the catalog says.
pub async fn list_receipts(
    installation: &Installation,
    after: Option<TenantId>,
    limit: u32,
) -> Result<Vec<(TenantId, Receipt)>> {
    let rows = installation.catalog.read(move |tx| tx.list_receipts(after, limit)).await?;
    rows.into_iter().map(|(id, text)| Ok((id, serde_json::from_str(&text)?))).collect()
}

/// Writes into the ledger what a crash kept out of it.
pub(super) async fn complete_ledger(installation: &Installation) -> Result<()> {
    let mut after = None;
    loop {
        let page = list_receipts(installation, after, 1_000).await?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = Some(*last);
        for (id, receipt) in page {
            installation.tenancy.append_to_ledger(id, receipt).await?;
        }
    }
}
