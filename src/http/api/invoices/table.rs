//! Invoices as CSV (RFC 4180). Texts cannot become formulas; numbers are numbers, those below nothing too.

use crate::error::{Error, Result};
use crate::service::StoredInvoice;
use crate::service::audit::harmless;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};

const LINE: [&str; 13] = [
    "invoice",
    "number",
    "position",
    "kind",
    "meter",
    "description",
    "quantity",
    "unit_cents",
    "amount_cents",
    "currency",
    "seq_from",
    "seq_to",
    "digest",
];

/// The lines of one invoice.
pub(super) fn lines(stored: &StoredInvoice) -> Result<Response> {
    let invoice = &stored.invoice;
    let number = invoice.number.clone().unwrap_or_default();
    let text = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
    let rows = invoice.lines.iter().enumerate().map(|(index, line)| {
        [
            invoice.id.to_string(),
            number.clone(),
            (index + 1).to_string(),
            line.kind.name().to_owned(),
            harmless(line.meter.clone().unwrap_or_default()),
            harmless(line.description.clone()),
            line.quantity.clone(),
            line.unit.clone().unwrap_or_default(),
            line.amount.to_string(),
            invoice.currency.clone(),
            text(line.seq_from),
            text(line.seq_to),
            line.digest.clone().unwrap_or_default(),
        ]
    });
    let name = invoice.number.as_deref().unwrap_or("draft");
    respond(&LINE, rows, name)
}

const INVOICE: [&str; 12] = [
    "id",
    "number",
    "status",
    "currency",
    "period_from",
    "period_to",
    "subtotal_cents",
    "tax_cents",
    "total_cents",
    "due_cents",
    "issued_at",
    "due_at",
];

/// Invoices, a row for each; where there are more, the cursor of the next page is in a `Link`.
pub(super) fn list(invoices: &[StoredInvoice], next: Option<&str>) -> Result<Response> {
    let moment =
        |moment: Option<crate::clock::Timestamp>| moment.map(|at| at.to_string()).unwrap_or_default();
    let rows = invoices.iter().map(|stored| {
        let invoice = &stored.invoice;
        [
            invoice.id.to_string(),
            invoice.number.clone().unwrap_or_default(),
            stored.status.name().to_owned(),
            invoice.currency.clone(),
            invoice.period.from.to_string(),
            invoice.period.to.to_string(),
            invoice.subtotal.to_string(),
            invoice.tax.to_string(),
            invoice.total.to_string(),
            stored.due().to_string(),
            moment(invoice.issued_at),
            moment(invoice.due_at),
        ]
    });
    let mut response = respond(&INVOICE, rows, "invoices")?;
    if let Some(next) = next {
        let link = format!("<?cursor={next}>; rel=\"next\"");
        response.headers_mut().insert(header::LINK, HeaderValue::from_str(&link).map_err(Error::internal)?);
    }
    Ok(response)
}

fn respond<const N: usize>(
    head: &[&str; N],
    rows: impl Iterator<Item = [String; N]>,
    name: &str,
) -> Result<Response> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(head).map_err(Error::internal)?;
    for row in rows {
        csv.write_record(row).map_err(Error::internal)?;
    }
    let bytes = csv.into_inner().map_err(|error| Error::internal(error.into_error()))?;
    let disposition = format!("attachment; filename=\"{name}.csv\"");
    let disposition = HeaderValue::from_str(&disposition).map_err(Error::internal)?;
    let kind = HeaderValue::from_static("text/csv; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, disposition)], bytes).into_response())
}
