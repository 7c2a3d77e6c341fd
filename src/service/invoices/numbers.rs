//! Numbers are issued once, also after an older catalog was restored.
//!
//! A catalog that is put back does not know what it has issued since. The tenants' files do, each its own invoices; to look
//! through all of them before every invoice would open ten thousand files. So each issued number is also a signed line in a
//! ledger beside the catalog: number, invoice, tenant, digest. Before a number is given the last line is held against the
//! catalog. Where the ledger is ahead, exactly the tenants that it names are looked at, and the catalog adopts the invoices
//! that their files keep. A number whose invoice is nowhere is not given again either: the gap is audited, and `verify
//! billing` tells of it. A line is written right after the commit; should that be cut off, it is written before the next
//! number is given. Where the whole directory is put back, nothing in it knows better.

use crate::catalog::{Booked, By, KeptInvoice};
use crate::error::{Error, Result};
use crate::model::hex::hex;
use crate::model::invoice::Invoice;
use crate::model::issued::{FORMAT, Issued, IssuedLine};
use crate::model::tenant::Act;
use crate::rating::invoice::booked;
use crate::service::Installation;
use crate::service::checkpoints::append;
use crate::tenancy::{TenantScope, blocking};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// Lines that are written with one fsync.
const PAGE: u32 = 500;
/// A line is no longer than that.
const LONGEST: u64 = 4 << 10;

/// Makes sure that the catalog knows all numbers that were issued, and the ledger too.
pub(super) async fn settle(installation: &Installation) -> Result<()> {
    let _turn = installation.signing.lock().await;
    let path = installation.tenancy.layout().issued_invoices();
    let (key, ledger) = (public_key(installation), path.clone());
    let noted = blocking(move || last_number(&ledger, &key)).await?;
    let issued = installation.catalog.read(|tx| tx.last_invoice_number()).await?;
    if noted > issued {
        tracing::warn!(
            issued,
            noted,
            "the catalog is older than invoices that were issued: they are looked for"
        );
        let key = public_key(installation);
        let lines = blocking(move || lines_after(&path, issued, &key)).await?;
        for line in lines {
            adopt(installation, &line).await?;
        }
        return Ok(());
    }
    write(installation, noted).await
}

/// Writes what was issued since into the ledger.
pub(super) async fn note(installation: &Installation) -> Result<()> {
    let _turn = installation.signing.lock().await;
    let (path, key) = (installation.tenancy.layout().issued_invoices(), public_key(installation));
    let noted = blocking(move || last_number(&path, &key)).await?;
    write(installation, noted).await
}

async fn write(installation: &Installation, mut noted: i64) -> Result<()> {
    loop {
        let page = installation.catalog.read(move |tx| tx.list_issued(noted, PAGE)).await?;
        let Some(last) = page.last().map(|(number, ..)| *number) else { return Ok(()) };
        let key = installation.keys.receipts();
        let lines = page.into_iter().map(|(number, invoice, tenant, digest)| {
            let issued = Issued { format: FORMAT.to_owned(), number, invoice, tenant, digest };
            Ok(serde_json::to_string(&IssuedLine::sign(&issued, key)?)?)
        });
        let lines: Vec<String> = lines.collect::<Result<_>>()?;
        let path = installation.tenancy.layout().issued_invoices();
        blocking(move || append(&path, lines.iter().map(String::as_str))).await?;
        noted = last;
    }
}

/// Takes one invoice in, or notes that its number is given and nothing more is known of it.
async fn adopt(installation: &Installation, line: &Issued) -> Result<()> {
    let number = line.number;
    let found = match find(installation, line).await {
        Ok(found) => found,
        // What cannot be looked at now may be there: no number is given before that is known.
        Err(error) if error.kind() == crate::error::Kind::Unavailable => return Err(error),
        Err(error) => {
            tracing::error!(number, tenant_id = %line.tenant, error = ?error, "an issued invoice is not to be had");
            None
        }
    };
    let (tenant, invoice) = (line.tenant, line.invoice);
    let write = installation.catalog.write("adopt_invoice", move |tx| {
        let by = By::system();
        tx.note_issued(number)?;
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

fn public_key(installation: &Installation) -> String {
    hex(installation.keys.receipts().verifying_key().as_bytes())
}

fn read(line: &str, key: &str) -> Option<Issued> {
    let issued = serde_json::from_str::<IssuedLine>(line).ok()?.verify(Some(key)).ok()?;
    (issued.format == FORMAT).then_some(issued)
}

/// The number of the last line that is one of ours; a crash may have cut the very last one off.
fn last_number(path: &Path, key: &str) -> Result<i64> {
    let mut file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error.into()),
    };
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(4 * LONGEST)))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    let end = String::from_utf8_lossy(&end);
    let last = end.lines().rev().find_map(|line| read(line, key));
    match last {
        Some(issued) => Ok(issued.number),
        None if length == 0 => Ok(0),
        None => Err(Error::internal(format!(
            "{} ends with nothing that this installation signed: put its keys back, or move that file away",
            path.display()
        ))),
    }
}

/// The lines with a number beyond `after`, each number once, in their order.
fn lines_after(path: &Path, after: i64, key: &str) -> Result<Vec<Issued>> {
    let mut lines = std::collections::BTreeMap::new();
    for line in BufReader::new(std::fs::File::open(path)?).split(b'\n') {
        let line = line?;
        if let Some(issued) =
            read(&String::from_utf8_lossy(&line), key).filter(|issued| issued.number > after)
        {
            lines.insert(issued.number, issued);
        }
    }
    Ok(lines.into_values().collect())
}
