//! Whom the invoices of a tenant are addressed to.

use super::OfTenant;
use crate::error::Result;
use crate::model::invoice::BillingDetails;
use crate::params;

impl OfTenant<'_> {
    /// Whom invoices are addressed to, if anybody has said so.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_billing_details(&self) -> Result<Option<BillingDetails>> {
        Ok(self.tx().query_row(
            "SELECT name, address, tax_id FROM billing_details WHERE tenant_id = ?1",
            params![self.tenant],
            |row| {
                let address: String = row.get(1)?;
                let address = address.lines().map(str::to_owned).collect();
                Ok(BillingDetails { name: row.get(0)?, address, tax_id: row.get(2)? })
            },
        )?)
    }

    /// Sets it for the invoices that are issued from now on; where nothing is said, nothing is kept.
    ///
    /// # Errors
    /// As the database says.
    pub fn put_billing_details(&self, details: &BillingDetails) -> Result<()> {
        if details.is_empty() {
            self.tx().execute("DELETE FROM billing_details WHERE tenant_id = ?1", params![self.tenant])?;
            return Ok(());
        }
        self.tx().execute(
            "INSERT INTO billing_details (tenant_id, name, address, tax_id) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (tenant_id) DO UPDATE SET name = ?2, address = ?3, tax_id = ?4",
            params![
                self.tenant,
                details.name.as_deref(),
                details.address.join("\n"),
                details.tax_id.as_deref()
            ],
        )?;
        Ok(())
    }
}
