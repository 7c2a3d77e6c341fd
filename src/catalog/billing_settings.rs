//! What is levied on the invoices of a tenant beside what they are for.

use super::OfTenant;
use crate::error::Result;
use crate::model::invoice::TaxRate;
use crate::params;

impl OfTenant<'_> {
    /// The tenant's tax rate, if it has one.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_tax_rate(&self) -> Result<Option<TaxRate>> {
        Ok(self.tx().query_row(
            "SELECT tax_name, tax_percent, tax_id FROM billing_settings WHERE tenant_id = ?1",
            params![self.tenant],
            |row| Ok(TaxRate { name: row.get(0)?, percent: row.get(1)?, id: row.get(2)? }),
        )?)
    }

    /// Sets it for the invoices that are drawn up from now on, or takes it away.
    ///
    /// # Errors
    /// As the database says.
    pub fn put_tax_rate(&self, rate: Option<&TaxRate>) -> Result<()> {
        let Some(rate) = rate else {
            self.tx().execute("DELETE FROM billing_settings WHERE tenant_id = ?1", params![self.tenant])?;
            return Ok(());
        };
        self.tx().execute(
            "INSERT INTO billing_settings (tenant_id, tax_name, tax_percent, tax_id) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (tenant_id) DO UPDATE SET tax_name = ?2, tax_percent = ?3, tax_id = ?4",
            params![self.tenant, rate.name.as_str(), rate.percent.as_str(), rate.id.as_deref()],
        )?;
        Ok(())
    }
}
