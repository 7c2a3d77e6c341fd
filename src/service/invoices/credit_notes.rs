//! Credit notes: something is taken back of a final invoice. Their numbers are issued once, as those of invoices are, also
//! after an older catalog was restored: each is a signed line in a ledger beside it, whole, from which such a catalog takes
//! them in before the next one is issued.

use super::acts::{InvoiceAct, change, tenant_of, wrong_status};
use super::ledger::{self, each_line, last_number, public_key};
use super::numbers;
use crate::catalog::{By, CreditNote, Series, StoredInvoice};
use crate::error::{Error, Result};
use crate::id::InvoiceId;
use crate::model::invoice::InvoiceStatus;
use crate::model::issued::{CREDIT_NOTE, IssuedCreditNote};
use crate::service::Installation;
use crate::service::stripe::refuse_where_stripe_bills;
use crate::tenancy::blocking;
use serde_json::json;

/// Longest reason, in characters.
const LONGEST_REASON: usize = 500;
/// Lines that are written with one fsync.
const PAGE: u32 = 500;

/// Takes something back of a final invoice, tax included. Of one that is not paid so much less is to be paid; of a paid
/// one it is paid back by other means.
///
/// # Errors
/// 404 for an invoice that there is not; 409 `wrong_status` for a draft or a void one, `billed_by_stripe` for the statement
/// to one of Stripe's; 422 for more than is left of it; 503 `billing_stopped` where nothing is numbered.
pub async fn credit_invoice(
    installation: &Installation,
    id: InvoiceId,
    amount: i64,
    reason: String,
    by: By,
) -> Result<(StoredInvoice, CreditNote)> {
    let length = reason.trim().chars().count();
    if length == 0 || length > LONGEST_REASON {
        return Err(Error::invalid_field(
            "reason",
            "length",
            "must have 1 to 500 characters: why something is taken back",
        ));
    }
    let tenant = tenant_of(installation, id).await?;
    // A restored catalog takes in what it has issued before, rather than give a number again.
    numbers::settle(installation).await?;
    let with_stripe = installation.bills_by_stripe();
    let write = installation.catalog.write("credit_invoice", move |tx| {
        let of = tx.of(tenant);
        refuse_where_stripe_bills(&of, id, with_stripe)?;
        let before = of.find_invoice(id)?;
        if matches!(before.status, InvoiceStatus::Draft | InvoiceStatus::Void) {
            return Err(wrong_status(&before, "credited"));
        }
        let left = before.invoice.total - before.credited;
        if amount < 1 || amount > left {
            let message = format!("must be from 1 to {left}, which is what is left of the invoice");
            return Err(Error::invalid_field("amount_cents", "range", message));
        }
        let note = of.insert_credit_note(id, amount, reason.trim())?;
        let details =
            json!({ "number": before.invoice.number, "credit_note": note.number, "amount_cents": amount });
        of.audit(&by, "invoice.credited", &format!("invoice:{id}"), &details)?;
        if amount == left && before.status != InvoiceStatus::Paid {
            return Ok((change(&of, id, InvoiceAct::MarkPaid, &by)?, note));
        }
        Ok((of.find_invoice(id)?, note))
    });
    let credited = write.await?;
    if let Err(error) = note(installation).await {
        // It is issued; the line is written before the next number is given.
        tracing::warn!(tenant_id = %tenant, error = ?error, "a credit note is not in the ledger of numbers yet");
    }
    installation.invoices_changed(tenant).await?;
    Ok(credited)
}

/// Makes sure that the catalog knows all credit notes that were issued, and the ledger too.
pub(super) async fn settle(installation: &Installation) -> Result<()> {
    let _turn = installation.signing.lock().await;
    let path = installation.tenancy.layout().issued_credit_notes();
    let (key, file) = (public_key(installation), path.clone());
    let noted = blocking(move || last_number::<IssuedCreditNote>(&file, &key)).await?;
    let issued = installation.catalog.read(|tx| tx.last_document_number(Series::CreditNote)).await?;
    if noted <= issued {
        return write(installation, noted).await;
    }
    tracing::warn!(
        issued,
        noted,
        "the catalog is older than credit notes that were issued: they are taken in"
    );
    let key = public_key(installation);
    let unknown = blocking(move || {
        let mut unknown = Vec::new();
        each_line(&path, &key, |line: IssuedCreditNote| unknown.push(line))?;
        unknown.retain(|line| line.format == CREDIT_NOTE && line.number > issued);
        unknown.sort_by_key(|line| line.number);
        unknown.dedup_by_key(|line| line.number);
        Ok(unknown)
    });
    for line in unknown.await? {
        adopt(installation, line).await?;
    }
    Ok(())
}

/// Writes what was issued since into the ledger.
async fn note(installation: &Installation) -> Result<()> {
    let _turn = installation.signing.lock().await;
    let (path, key) = (installation.tenancy.layout().issued_credit_notes(), public_key(installation));
    let noted = blocking(move || last_number::<IssuedCreditNote>(&path, &key)).await?;
    write(installation, noted).await
}

async fn write(installation: &Installation, mut noted: i64) -> Result<()> {
    loop {
        let page = installation.catalog.read(move |tx| tx.list_issued_credit_notes(noted, PAGE)).await?;
        let Some(last) = page.last().map(|(number, ..)| *number) else { return Ok(()) };
        let issued = page.into_iter().map(|(number, tenant, note)| IssuedCreditNote {
            format: CREDIT_NOTE.to_owned(),
            number,
            credit_note: note.id,
            invoice: note.invoice_id,
            tenant,
            amount: note.amount,
            reason: note.reason,
            issued_at: note.issued_at,
        });
        let issued: Vec<IssuedCreditNote> = issued.collect();
        ledger::write(installation, installation.tenancy.layout().issued_credit_notes(), &issued).await?;
        noted = last;
    }
}

/// Takes a credit note in, with what it means for its invoice; or notes that its number is given, where that is nowhere.
async fn adopt(installation: &Installation, line: IssuedCreditNote) -> Result<()> {
    let (number, tenant) = (line.number, line.tenant);
    let note = CreditNote {
        id: line.credit_note,
        number: CreditNote::numbered(number),
        invoice_id: line.invoice,
        amount: line.amount,
        reason: line.reason,
        issued_at: line.issued_at,
    };
    let write = installation.catalog.write("adopt_credit_note", move |tx| {
        let (of, by) = (tx.of(tenant), By::system());
        tx.note_issued(Series::CreditNote, number)?;
        let target = format!("invoice:{}", note.invoice_id);
        let details = json!({ "credit_note": note.number, "amount_cents": note.amount, "tenant_id": tenant });
        if !of.adopt_credit_note(&note)? {
            return tx.audit(&by, "credit_note.lost", &target, &details);
        }
        of.audit(&by, "credit_note.adopted", &target, &details)?;
        let invoice = of.find_invoice(note.invoice_id)?;
        if invoice.due() == 0 && invoice.status.may_become(InvoiceStatus::Paid) {
            change(&of, note.invoice_id, InvoiceAct::MarkPaid, &by)?;
        }
        Ok(())
    });
    write.await
}
