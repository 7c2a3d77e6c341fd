//! Invoices: drawn up, issued with a number, paid or not.

mod adopted;
mod kept;
mod numbers;

pub use kept::KeptInvoice;
pub use numbers::Series;

use super::{CatalogTx, OfTenant};
use crate::clock::Timestamp;
use crate::db::{DbError, Row};
use crate::error::{Error, Result};
use crate::id::{InvoiceId, TenantId};
use crate::model::invoice::{Invoice, InvoiceStatus};
use crate::params;

/// An invoice and how it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredInvoice {
    /// What it says.
    pub invoice: Invoice,
    /// SHA-256 of that in its canonical form, in hex.
    pub digest: String,
    /// How it stands.
    pub status: InvoiceStatus,
    /// What credit notes took back of it, in minor units.
    pub credited: i64,
    /// Whether Stripe sends it.
    pub by_stripe: bool,
    /// What Stripe calls it.
    pub stripe_invoice_id: Option<String>,
    /// When it was drawn up.
    pub drafted_at: Timestamp,
    /// When it was paid.
    pub paid_at: Option<Timestamp>,
    /// When it was declared void.
    pub voided_at: Option<Timestamp>,
    /// When it was given up.
    pub given_up_at: Option<Timestamp>,
}

impl StoredInvoice {
    /// What is still to be paid.
    pub fn due(&self) -> i64 {
        match self.status {
            InvoiceStatus::Draft | InvoiceStatus::Final | InvoiceStatus::Uncollectible => {
                self.invoice.total - self.credited
            }
            InvoiceStatus::Paid | InvoiceStatus::Void => 0,
        }
    }
}

const COLUMNS: &str = "document, digest, status, credited, stripe_invoice_id, drafted_at, paid_at, voided_at, given_up_at, by_stripe";

/// What [`COLUMNS`] reads; the document is parsed behind the row.
fn stored(row: &Row<'_>) -> Result<(String, StoredRow), DbError> {
    let rest = StoredRow {
        digest: row.get(1)?,
        status: row.get(2)?,
        credited: row.get(3)?,
        stripe_invoice_id: row.get(4)?,
        drafted_at: row.get(5)?,
        paid_at: row.get(6)?,
        voided_at: row.get(7)?,
        given_up_at: row.get(8)?,
        by_stripe: row.get(9)?,
    };
    Ok((row.get(0)?, rest))
}

struct StoredRow {
    digest: String,
    status: String,
    credited: i64,
    stripe_invoice_id: Option<String>,
    drafted_at: Timestamp,
    paid_at: Option<Timestamp>,
    voided_at: Option<Timestamp>,
    given_up_at: Option<Timestamp>,
    by_stripe: bool,
}

fn invoice_of((document, row): (String, StoredRow)) -> Result<StoredInvoice> {
    Ok(StoredInvoice {
        invoice: Invoice::read(&document)?,
        digest: row.digest,
        // The CHECK of the table lets no other word in.
        status: InvoiceStatus::parse(&row.status).unwrap_or(InvoiceStatus::Void),
        credited: row.credited,
        by_stripe: row.by_stripe,
        stripe_invoice_id: row.stripe_invoice_id,
        drafted_at: row.drafted_at,
        paid_at: row.paid_at,
        voided_at: row.voided_at,
        given_up_at: row.given_up_at,
    })
}

impl CatalogTx<'_> {
    /// Whose invoice that is.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_invoice_tenant(&self, id: InvoiceId) -> Result<Option<TenantId>> {
        Ok(self
            .tx
            .query_row("SELECT tenant_id FROM invoices WHERE id = ?1", params![id], |row| row.get(0))?)
    }

    /// Drafts that were drawn up at `drafted` or before, the oldest first.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_drafts(
        &self,
        drafted: Timestamp,
        only: Option<TenantId>,
        limit: u32,
    ) -> Result<Vec<(TenantId, InvoiceId)>> {
        let only = only.map(|id| id.to_string());
        Ok(self.tx.query(
            "SELECT tenant_id, id FROM invoices
             WHERE status = 'draft' AND drafted_at <= ?1 AND (?2 IS NULL OR tenant_id = ?2)
             ORDER BY drafted_at, tenant_id, closes, id LIMIT ?3",
            params![drafted, only.as_deref(), limit],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?)
    }

    /// Tenants that owe and are not treated so yet: past due as soon as an invoice is due, read-only where it was due at
    /// `overdue` or before. `with_stripe`: where Stripe has a subscription, that says whether it is past due.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_owing_tenants(&self, overdue: Timestamp, with_stripe: bool) -> Result<Vec<TenantId>> {
        Ok(self.tx.query(
            "SELECT DISTINCT i.tenant_id FROM invoices i JOIN tenants t ON t.id = i.tenant_id
               JOIN subscriptions s ON s.tenant_id = i.tenant_id
             WHERE i.status = 'final' AND i.by_stripe = 0 AND i.due_at <= ?1
               AND ((s.status = 'active' AND NOT (?3 AND EXISTS (
                       SELECT 1 FROM stripe_subscriptions p WHERE p.tenant_id = i.tenant_id
                         AND p.status NOT IN ('canceled', 'incomplete', 'incomplete_expired'))))
                    OR (t.unpaid = 0 AND i.due_at <= ?2)) LIMIT 1000",
            params![self.now(), overdue, with_stripe],
            |row| row.get(0),
        )?)
    }
}

impl OfTenant<'_> {
    /// Adds a draft with its lines; `by_stripe` where Stripe bills what is on it.
    ///
    /// # Errors
    /// As the database says.
    pub fn insert_draft(&self, invoice: &Invoice, by_stripe: bool) -> Result<()> {
        self.tx().execute(
            "INSERT INTO invoices (id, tenant_id, closes, status, currency, period_from, period_to, subtotal, tax, total,
               document, digest, drafted_at, by_stripe)
             VALUES (?1, ?2, ?3, 'draft', ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            params![
                invoice.id,
                self.tenant,
                invoice.basis.closes,
                invoice.currency.as_str(),
                invoice.period.from,
                invoice.period.to,
                invoice.subtotal,
                invoice.tax,
                invoice.total,
                invoice.canonical()?,
                invoice.digest()?,
                self.now(),
                by_stripe
            ],
        )?;
        for (index, line) in invoice.lines.iter().enumerate() {
            self.tx().execute(
                "INSERT INTO invoice_lines (invoice_id, position, id, kind, meter, description, quantity, unit, amount,
                   seq_from, seq_to, events, digest)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
                params![
                    invoice.id,
                    i64::try_from(index + 1).unwrap_or(i64::MAX),
                    line.id.as_str(),
                    line.kind.name(),
                    line.meter.as_deref(),
                    line.description.as_str(),
                    line.quantity.as_str(),
                    line.unit.as_deref(),
                    line.amount,
                    line.seq_from,
                    line.seq_to,
                    line.events,
                    line.digest.as_deref()
                ],
            )?;
        }
        Ok(())
    }

    /// The invoice of that id.
    ///
    /// # Errors
    /// 404 if the tenant has none.
    pub fn find_invoice(&self, id: InvoiceId) -> Result<StoredInvoice> {
        let sql = format!("SELECT {COLUMNS} FROM invoices WHERE tenant_id = ?1 AND id = ?2");
        let found = self.tx().query_row(&sql, params![self.tenant, id], stored)?;
        invoice_of(found.ok_or_else(Error::not_found)?)
    }

    /// Invoices, the newest first: those behind `after`.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_invoices(&self, after: Option<InvoiceId>, limit: u32) -> Result<Vec<StoredInvoice>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM invoices
             WHERE tenant_id = ?1 AND (?2 IS NULL
               OR (closes, id) < ((SELECT closes FROM invoices WHERE tenant_id = ?1 AND id = ?2), ?2))
             ORDER BY closes DESC, id DESC LIMIT ?3"
        );
        let after = after.map(|id| id.to_string());
        let found = self.tx().query(&sql, params![self.tenant, after.as_deref(), limit], stored)?;
        found.into_iter().map(invoice_of).collect()
    }

    /// Gives a draft its number and makes it final: from here on nothing of it changes. Nothing is done to one that is
    /// final already.
    ///
    /// # Errors
    /// 404 if the tenant has none of that id.
    pub fn finalize_invoice(&self, id: InvoiceId, due_after: i64) -> Result<Option<StoredInvoice>> {
        let draft = self.find_invoice(id)?;
        if draft.status != InvoiceStatus::Draft {
            return Ok(None);
        }
        let number = self.catalog.next_document_number(Series::Invoice)?;
        let mut issued = Invoice {
            number: Some(format!("INV-{number:06}")),
            issued_at: Some(self.now()),
            due_at: Some(self.now().plus(due_after)),
            ..draft.invoice
        };
        // It may have been set right since it was drawn up.
        issued.tenant.billing = self.find_billing_details()?;
        self.tx().execute(
            "UPDATE invoices SET status = 'final', number = ?3, issued_at = ?4, due_at = ?5, document = ?6, digest = ?7
             WHERE tenant_id = ?1 AND id = ?2",
            params![
                self.tenant,
                id,
                issued.number.as_deref(),
                issued.issued_at,
                issued.due_at,
                issued.canonical()?,
                issued.digest()?
            ],
        )?;
        self.find_invoice(id).map(Some)
    }

    /// What became of a final invoice. The ways that lead there are held by the table.
    ///
    /// # Errors
    /// As the database says.
    pub fn end_invoice(&self, id: InvoiceId, status: InvoiceStatus) -> Result<()> {
        let column = match status {
            InvoiceStatus::Paid => "paid_at",
            InvoiceStatus::Void => "voided_at",
            InvoiceStatus::Uncollectible => "given_up_at",
            InvoiceStatus::Draft | InvoiceStatus::Final => {
                return Err(Error::internal("an invoice ends paid, void or given up"));
            }
        };
        let sql = format!(
            "UPDATE invoices SET status = ?3, {column} = ?4, kept = 0 WHERE tenant_id = ?1 AND id = ?2"
        );
        self.tx().execute(&sql, params![self.tenant, id, status.name(), self.now()])?;
        Ok(())
    }

    /// Whether a final invoice that is collected here was due at `due` or before.
    ///
    /// # Errors
    /// As the database says.
    pub fn has_invoice_due(&self, due: Timestamp) -> Result<bool> {
        Ok(self.tx().exists(
            "SELECT 1 FROM invoices WHERE tenant_id = ?1 AND status = 'final' AND by_stripe = 0 AND due_at <= ?2 LIMIT 1",
            params![self.tenant, due],
        )?)
    }
}
