//! Lines of ours at Stripe: noted before they are sent, and once they are there.

use crate::catalog::OfTenant;
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::params;

/// A line on its way to Stripe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StripeItem {
    /// When it was noted first.
    pub begun_at: Timestamp,
    /// Its id at Stripe, once it is there.
    pub item: Option<String>,
    /// The invoice at Stripe that it is on or was meant for; none: the next one.
    pub invoice: Option<String>,
    /// The amount, as Stripe counts.
    pub amount: i64,
}

impl OfTenant<'_> {
    /// Notes a line that is going to be sent, or tells what was noted of it.
    ///
    /// # Errors
    /// 409 `statement_ended` for a line of a statement of which an operator said something else in the meantime.
    pub fn begin_stripe_item(
        &self,
        line: &str,
        invoice: Option<&str>,
        currency: &str,
        amount: i64,
    ) -> Result<StripeItem> {
        let has_ended = self.tx().exists(
            "SELECT 1 FROM invoice_lines l JOIN invoices i ON i.id = l.invoice_id
             WHERE l.id = ?1 AND (i.status = 'void' OR (i.status = 'paid' AND i.total <> 0 AND i.pushed_at IS NULL)) LIMIT 1",
            params![line],
        )?;
        if has_ended {
            return Err(Error::conflict(
                "statement_ended",
                "This statement was ended before it came to Stripe.",
            ));
        }
        self.tx().execute(
            "INSERT INTO stripe_items (line_id, tenant_id, invoice, currency, amount, begun_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (line_id) DO NOTHING",
            params![line, self.tenant, invoice, currency, amount, self.now()],
        )?;
        let noted = self.tx().query_row(
            "SELECT begun_at, item, amount, invoice FROM stripe_items WHERE line_id = ?1 AND tenant_id = ?2",
            params![line, self.tenant],
            |row| {
                Ok(StripeItem {
                    begun_at: row.get(0)?,
                    item: row.get(1)?,
                    amount: row.get(2)?,
                    invoice: row.get(3)?,
                })
            },
        )?;
        noted.ok_or_else(|| Error::internal("a line of another tenant has this id"))
    }

    /// Notes that a line which is not there is meant for another invoice.
    ///
    /// # Errors
    /// As the database says.
    pub fn redirect_stripe_item(&self, line: &str, invoice: Option<&str>) -> Result<()> {
        self.tx().execute(
            "UPDATE stripe_items SET invoice = ?3 WHERE line_id = ?1 AND tenant_id = ?2 AND item IS NULL",
            params![line, self.tenant, invoice],
        )?;
        Ok(())
    }

    /// Notes that a line is there, and on which invoice.
    ///
    /// # Errors
    /// As the database says.
    pub fn finish_stripe_item(&self, line: &str, item: &str, invoice: Option<&str>) -> Result<()> {
        self.tx().execute(
            "UPDATE stripe_items SET item = ?3, invoice = ?4, pushed_at = ?5
             WHERE line_id = ?1 AND tenant_id = ?2 AND item IS NULL",
            params![line, self.tenant, item, invoice, self.now()],
        )?;
        self.tx().execute(
            "UPDATE invoice_lines SET stripe_item_id = ?3
             WHERE id = ?1 AND EXISTS (SELECT 1 FROM invoices i WHERE i.id = invoice_lines.invoice_id AND i.tenant_id = ?2)",
            params![line, self.tenant, item],
        )?;
        Ok(())
    }
}
