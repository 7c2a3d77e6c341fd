//! Numbers are issued once, also after an older catalog was restored.
//!
//! A catalog that is put back does not know what it has issued since. The tenants' files do, each its own invoices; to look
//! through all of them before every invoice would open ten thousand files. So each issued number is also a signed line in a
//! ledger beside the catalog: number, invoice, tenant, digest. Before a number is given the last line is held against the
//! catalog. Where the ledger is ahead, exactly the tenants that it names are looked at, and the catalog adopts the invoices
//! that their files keep. A number whose invoice is nowhere is not given again either: the gap is audited, and `verify
//! billing` tells of it. A line is written right after the commit; should that be cut off, it is written before the next
//! number is given. Where the whole directory is put back, nothing in it knows better.
//!
//! Where the file of a tenant that the ledger names cannot be read now, no number is given at all: billing stops, which is
//! told once an hour. An operator can declare the numbers of that tenant lost; the ledger and the audit log say so.

use super::credit_notes;
use super::ledger::{self, each_line, last_number, public_key};
use crate::catalog::{Booked, By, KeptInvoice, Series};
use crate::clock::HOUR;
use crate::error::{Error, Result};
use crate::model::hex::hex;
use crate::model::invoice::Invoice;
use crate::model::issued::{FORMAT, Issued, LOST};
use crate::model::tenant::Act;
use crate::rating::invoice::booked;
use crate::service::Installation;
use crate::tenancy::{TenantScope, blocking};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::atomic::Ordering;

/// Lines that are written with one fsync.
const PAGE: u32 = 500;
/// The code of what stops billing until an operator does something.
pub(super) const STOPPED: &str = "billing_stopped";
/// How often it is told that billing is stopped.
const TOLD_EVERY: i64 = HOUR;

/// Makes sure that the catalog knows all numbers that were issued, and the ledgers too.
pub(super) async fn settle(installation: &Installation) -> Result<()> {
    settle_invoices(installation).await?;
    // What takes something back of them.
    credit_notes::settle(installation).await
}

async fn settle_invoices(installation: &Installation) -> Result<()> {
    let _turn = installation.signing.lock().await;
    let path = installation.tenancy.layout().issued_invoices();
    let (key, file) = (public_key(installation), path.clone());
    let noted = blocking(move || last_number::<Issued>(&file, &key)).await?;
    let issued = installation.catalog.read(|tx| tx.last_document_number(Series::Invoice)).await?;
    if noted > issued {
        tracing::warn!(
            issued,
            noted,
            "the catalog is older than invoices that were issued: they are looked for"
        );
        let key = public_key(installation);
        let unknown = blocking(move || lines_after(&path, issued, &key)).await?;
        for line in &unknown.issued {
            adopt(installation, line, unknown.lost.contains(&line.number)).await?;
        }
        return Ok(());
    }
    write(installation, noted).await
}

/// Writes what was issued since into the ledger.
pub(super) async fn note(installation: &Installation) -> Result<()> {
    let _turn = installation.signing.lock().await;
    let (path, key) = (installation.tenancy.layout().issued_invoices(), public_key(installation));
    let noted = blocking(move || last_number::<Issued>(&path, &key)).await?;
    write(installation, noted).await
}

async fn write(installation: &Installation, mut noted: i64) -> Result<()> {
    loop {
        let page = installation.catalog.read(move |tx| tx.list_issued(noted, PAGE)).await?;
        let Some(last) = page.last().map(|(number, ..)| *number) else { return Ok(()) };
        let issued = page.into_iter().map(|(number, invoice, tenant, digest)| Issued {
            format: FORMAT.to_owned(),
            number,
            invoice,
            tenant,
            digest,
        });
        let issued: Vec<Issued> = issued.collect();
        ledger::write(installation, installation.tenancy.layout().issued_invoices(), &issued).await?;
        noted = last;
    }
}

/// Declares the numbers of a tenant lost that the catalog does not know and whose invoices cannot be read. Nobody gives
/// them again, and nobody waits for them any more. Returns them.
///
/// # Errors
/// 404 for a tenant that is not there, 409 `no_number_missing`.
pub async fn declare_lost(installation: &Installation, selector: &str, by: By) -> Result<Vec<i64>> {
    let tenant = installation.catalog.tenant(selector).await?.id;
    let numbers = {
        let _turn = installation.signing.lock().await;
        let (path, key) = (installation.tenancy.layout().issued_invoices(), public_key(installation));
        let issued = installation.catalog.read(|tx| tx.last_document_number(Series::Invoice)).await?;
        let file = path.clone();
        let unknown = blocking(move || lines_after(&file, issued, &key)).await?;
        let missing = unknown.issued.into_iter();
        let missing: Vec<Issued> =
            missing.filter(|line| line.tenant == tenant && !unknown.lost.contains(&line.number)).collect();
        if missing.is_empty() {
            return Err(Error::conflict(
                "no_number_missing",
                "No number of an invoice of this tenant is waited for: the catalog knows all that were issued.",
            ));
        }
        let numbers: Vec<i64> = missing.iter().map(|line| line.number).collect();
        let lost = missing.into_iter().map(|line| Issued { format: LOST.to_owned(), ..line });
        let lost: Vec<Issued> = lost.collect();
        let details = json!({ "numbers": &numbers, "tenant_id": tenant });
        // Who did it is known before it counts.
        installation
            .catalog
            .write("declare_lost", move |tx| {
                tx.audit(&by, "invoice.declared_lost", &format!("tenant:{tenant}"), &details)
            })
            .await?;
        ledger::write(installation, path, &lost).await?;
        numbers
    };
    installation.billing_stopped_told.store(i64::MIN, Ordering::Relaxed);
    match settle(installation).await {
        // The file of another tenant is missing too.
        Err(error) if error.code() == STOPPED => {}
        other => other?,
    }
    Ok(numbers)
}

/// That billing is stopped, and what to do; told once an hour.
fn stopped(installation: &Installation, line: &Issued, cause: &Error) -> Error {
    let (number, tenant) = (line.number, line.tenant);
    let (now, told) = (installation.clock().now().0, &installation.billing_stopped_told);
    if now.saturating_sub(told.load(Ordering::Relaxed)) >= TOLD_EVERY {
        told.store(now, Ordering::Relaxed);
        tracing::error!(
            number, tenant_id = %tenant, error = ?cause,
            "billing of all tenants is stopped: an older catalog was put back, and the tenant's file, which has the invoice \
             of that number, cannot be read; put the file right, or run `tenantry plan declare-lost <tenant>`"
        );
    }
    let detail = format!(
        "Billing is stopped: invoice {number} was issued to tenant {tenant}, the catalog does not know it, and the tenant's file \
         cannot be read. Put the file right, or run `tenantry plan declare-lost {tenant}`."
    );
    Error::unavailable(STOPPED, detail, 60)
}

/// Takes one invoice in, or notes that its number is given and nothing more is known of it.
async fn adopt(installation: &Installation, line: &Issued, is_lost: bool) -> Result<()> {
    let number = line.number;
    let found = match find(installation, line).await {
        Ok(found) => found,
        Err(error) if error.kind() == crate::error::Kind::Unavailable && is_lost => None,
        // What cannot be looked at now may be there: no number is given before that is known.
        Err(error) if error.kind() == crate::error::Kind::Unavailable => {
            return Err(stopped(installation, line, &error));
        }
        Err(error) => {
            tracing::error!(number, tenant_id = %line.tenant, error = ?error, "an issued invoice is not to be had");
            None
        }
    };
    let (tenant, invoice) = (line.tenant, line.invoice);
    let write = installation.catalog.write("adopt_invoice", move |tx| {
        let by = By::system();
        tx.note_issued(Series::Invoice, number)?;
        let details = json!({ "number": number, "tenant_id": tenant });
        match &found {
            Some((kept, document, sums)) => {
                let of = tx.of(tenant);
                if of.adopt_invoice(kept, document, sums)? {
                    of.audit(&by, "invoice.adopted", &format!("invoice:{invoice}"), &details)?;
                }
                Ok(())
            }
            None => tx.audit(&by, "invoice.lost", &format!("invoice:{invoice}"), &details),
        }
    });
    write.await
}

/// The invoice as the tenant's file has it, and what was booked with it.
async fn find(
    installation: &Installation,
    line: &Issued,
) -> Result<Option<(KeptInvoice, Invoice, Vec<Booked>)>> {
    let selector = line.tenant.to_string();
    let reason = "issued invoices";
    let scope =
        TenantScope::for_operator(installation.tenancy(), By::system(), &selector, Act::Leave, reason)
            .await?;
    let kept = scope.read(|tx| tx.list_kept_invoices()).await?;
    let Some(kept) = kept.into_iter().find(|kept| kept.id == line.invoice) else { return Ok(None) };
    let is_whole =
        hex(&Sha256::digest(kept.document.as_bytes())) == line.digest && kept.digest == line.digest;
    let invoice = Invoice::read(&kept.document)?;
    if !is_whole || invoice.tenant.id != line.tenant || invoice.id != line.invoice {
        return Err(Error::internal("the tenant's file has another invoice than was issued"));
    }
    let sums = booked_with(&invoice)?;
    Ok(Some((kept, invoice, sums)))
}

/// What was booked of each meter with an invoice.
pub(super) fn booked_with(invoice: &Invoice) -> Result<Vec<Booked>> {
    let services = invoice.basis.services.iter();
    let used = services.flat_map(|service| service.usage.iter().map(move |used| (service, used)));
    used.map(|(service, used)| {
        let amount = booked(service, used)?;
        Ok(Booked { period: service.number, meter: used.meter.clone(), quantity: used.quantity, amount })
    })
    .collect()
}

/// What the ledger says of numbers that the catalog does not know.
struct Unknown {
    /// Each number once, in their order.
    issued: Vec<Issued>,
    /// Those that an operator declared lost.
    lost: HashSet<i64>,
}

/// The lines with a number beyond `after`.
fn lines_after(path: &Path, after: i64, key: &str) -> Result<Unknown> {
    let (mut issued, mut lost) = (BTreeMap::new(), HashSet::new());
    each_line(path, key, |line: Issued| {
        if line.format == LOST {
            lost.insert(line.number);
        } else if line.format == FORMAT && line.number > after {
            issued.insert(line.number, line);
        }
    })?;
    Ok(Unknown { issued: issued.into_values().collect(), lost })
}
