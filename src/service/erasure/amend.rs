//! Receipts that are issued anew: the one before is named in them and stays in the ledger.

use crate::catalog::{By, OfTenant};
use crate::error::{Error, Result};
use crate::id::TenantId;
use crate::model::hex::hex;
use crate::model::receipt::{Receipt, Statement};
use crate::service::Installation;
use ed25519_dalek::SigningKey;
use serde_json::json;
use sha2::{Digest as _, Sha256};

/// What a receipt says from now on: signed, with the one before named in it.
///
/// # Errors
/// It cannot be read.
pub(super) fn anew(
    before: &Receipt,
    at: String,
    change: impl FnOnce(&mut Statement) -> Result<()>,
    key: &SigningKey,
) -> Result<Receipt> {
    let mut statement: Statement = before.verify(None).map_err(Error::internal)?;
    statement.amends = Some(hex(&Sha256::digest(before.statement.as_bytes())));
    statement.amended_at = Some(at);
    change(&mut statement)?;
    Ok(Receipt::sign(&statement, key)?)
}

/// Changes the receipt of an erased tenant in one transaction with `change`, and writes it into the ledger.
///
/// # Errors
/// As the catalog says; the disk refuses.
pub(super) async fn amend(
    installation: &Installation,
    id: TenantId,
    change: impl Fn(&OfTenant<'_>, &mut Statement) -> Result<()> + Send + 'static,
) -> Result<()> {
    let key = installation.keys.receipts().clone();
    let write = installation.catalog.write("amend_receipt", move |tx| {
        let of = tx.of(id);
        let Some(before) = tx.find_receipt(id)? else { return Err(Error::not_found()) };
        let before: Receipt = serde_json::from_str(&before)?;
        let at = of.now().to_string();
        let receipt = anew(&before, at, |statement| change(&of, statement), &key)?;
        of.amend_receipt(&serde_json::to_string(&receipt)?)?;
        tx.audit(&By::system(), "tenant.receipt_amended", &format!("tenant:{id}"), &json!({}))?;
        Ok(receipt)
    });
    let receipt = write.await?;
    installation.tenancy.append_to_ledger(id, receipt).await
}
