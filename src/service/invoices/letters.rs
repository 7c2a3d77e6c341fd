//! Letters about invoices, posted with what they tell of.

use crate::catalog::OfTenant;
use crate::error::Result;
use crate::id::InvoiceId;
use crate::model::invoice::Invoice;
use crate::model::letter::{Content, Recipient};
use crate::model::money::Currency;
use crate::service::mail::on_day;

fn written(invoice: &Invoice, minor: i64) -> String {
    match Currency::parse(&invoice.currency) {
        Some(currency) => currency.write(minor),
        None => format!("{minor} {}", invoice.currency),
    }
}

/// An invoice is to be paid.
pub(super) fn tell_of_final(of: &OfTenant<'_>, id: InvoiceId, invoice: &Invoice) -> Result<()> {
    let content = Content::InvoiceFinal {
        tenant: of.tenant()?.name,
        number: invoice.number.clone().unwrap_or_default(),
        total: written(invoice, invoice.total),
        due_on: invoice.due_at.map(on_day).unwrap_or_default(),
    };
    of.post(&format!("invoice_final {id}"), &Recipient::Money, &content)
}

/// An invoice of ours was paid.
pub(super) fn tell_of_paid(of: &OfTenant<'_>, id: InvoiceId, invoice: &Invoice) -> Result<()> {
    let content = Content::InvoicePaid {
        tenant: of.tenant()?.name,
        number: invoice.number.clone().unwrap_or_default(),
        total: written(invoice, invoice.total),
    };
    of.post(&format!("invoice_paid {id}"), &Recipient::Money, &content)
}
