//! What an erasure leaves, and why.

use crate::catalog::OfTenant;
use crate::error::Result;
use crate::id::TenantId;
use crate::model::receipt::StoreKept;
use crate::model::tenant::TenantStatus;

const KEPT: &[(&str, &str)] = &[
    ("catalog: id and slugs of the tenant", "so that they are never given to anyone else"),
    ("catalog: accounts of former members", "they belong to the people, who may be members elsewhere"),
    ("catalog: letters to the owners that tell of this", "until they are mailed; they name the slug alone"),
    (
        "catalog: invoices and credit notes",
        "as they were issued, with what was used and whom they were addressed to: the law asks for them",
    ),
    (
        "ledgers of the numbers of invoices and credit notes",
        "numbers and digests alone, so that no number is given twice",
    ),
    ("ledger of erasures: this receipt", "so that a restored backup does not bring the tenant back"),
    (
        "ledger of audit checkpoints: numbers, hashes and times",
        "so that a log that was cut is noticed; nothing in it can be read back",
    ),
    (
        "log of the server",
        "its lines carry the tenant's id, and no records; they go where the operator sends them and as long as that keeps them",
    ),
    (
        "copies made by other means",
        "this program knows of its own backups alone, which are removed; others are the operator's to remove",
    ),
];

/// What is kept of every tenant, and what may be where nobody could look.
pub(super) fn kept(volumes_away: &[String]) -> Vec<StoreKept> {
    let kept = |store: String, reason: &str| StoreKept { store, reason: reason.to_owned(), until: None };
    let always = KEPT.iter().map(|(store, reason)| kept((*store).to_owned(), reason));
    let away = volumes_away.iter().map(|volume| {
        kept(
            format!("volume {volume}: whatever may be on it of this tenant"),
            "it cannot be had now, and nobody looked; `doctor` tells of what is found there later",
        )
    });
    always.chain(away).collect()
}

/// Tenants that have data of this one.
///
/// # Errors
/// As the database says.
pub(super) fn copies(of: &OfTenant<'_>) -> Result<Vec<StoreKept>> {
    let told = |(id, is_clone, _): (TenantId, bool, TenantStatus)| {
        let (what, reason) = if is_clone {
            ("clone", "it has expired by this, and is erased by itself with a receipt of its own")
        } else {
            ("restored beside", "it is a tenant of its own, which is closed and erased as such")
        };
        StoreKept { store: format!("tenant {id}: {what}"), reason: reason.to_owned(), until: None }
    };
    Ok(of.list_copies()?.into_iter().map(told).collect())
}
