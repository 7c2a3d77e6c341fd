//! What tenants bring in and what they cost, month by month.

use super::{BYTES_OUT, CatalogTx, DATABASE_TIME, EVENT_COST, OfTenant, Tenant};
use crate::error::Result;
use crate::id::TenantId;
use crate::model::meter::STORAGE_BYTES;
use crate::model::money::Currency;
use crate::params;
use crate::rating::Period;

/// What is known of one tenant and month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonthOfTenant {
    /// The tenant.
    pub id: TenantId,
    /// Its slug.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Its plan.
    pub plan: String,
    /// What it pays in.
    pub currency: Currency,
    /// What was invoiced in that currency without taxes, less what was taken back, in minor units.
    pub revenue: i64,
    /// Whether there are invoices in another one.
    pub has_other_currency: bool,
    /// What its usage events cost, in millionths of a minor unit.
    pub event_cost: i64,
    /// Microseconds that statements on its file ran.
    pub database_us: i64,
    /// Bytes of answers to it.
    pub bytes_out: i64,
    /// The most bytes that it took on the disk.
    pub storage_bytes: i64,
}

impl CatalogTx<'_> {
    /// What is known of a month, tenant by tenant in the order of their ids.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_months(
        &self,
        month: Period,
        after: Option<TenantId>,
        limit: u32,
    ) -> Result<Vec<MonthOfTenant>> {
        let tenants = self.list_tenants(after, None, limit)?;
        tenants.into_iter().map(|tenant| self.of(tenant.id).month_as(tenant, month)).collect()
    }
}

impl OfTenant<'_> {
    /// What is known of a month of the tenant.
    ///
    /// # Errors
    /// 404 if there is none.
    pub fn month(&self, month: Period) -> Result<MonthOfTenant> {
        self.month_as(self.tenant()?, month)
    }

    fn month_as(&self, tenant: Tenant, month: Period) -> Result<MonthOfTenant> {
        let plan = self.catalog.find_plan(&tenant.plan)?;
        let currency = plan.map_or(Currency::USD, |plan| plan.plan.currency);
        let (revenue, has_other_currency) = self.revenue(month, currency)?;
        Ok(MonthOfTenant {
            id: tenant.id,
            slug: tenant.slug,
            name: tenant.name,
            plan: tenant.plan,
            currency,
            revenue,
            has_other_currency,
            event_cost: self.counted(EVENT_COST, month)?,
            database_us: self.counted(DATABASE_TIME, month)?,
            bytes_out: self.counted(BYTES_OUT, month)?,
            storage_bytes: self.counted(STORAGE_BYTES, month)?,
        })
    }

    /// What was invoiced within a stretch of time in a currency, without taxes and less what was taken back; and whether
    /// there is anything in another one.
    fn revenue(&self, within: Period, currency: Currency) -> Result<(i64, bool)> {
        let by_currency = self.tx().query(
            "SELECT currency, sum(subtotal - CASE WHEN total = 0 THEN 0 ELSE credited * subtotal / total END) FROM invoices
             WHERE tenant_id = ?1 AND issued_at >= ?2 AND issued_at < ?3 AND status IN ('final', 'paid')
             GROUP BY currency",
            params![self.tenant, within.from, within.to],
            |row| Ok((row.get::<String>(0)?, row.get::<i64>(1)?)),
        )?;
        let revenue = by_currency.iter().find(|(code, _)| code == currency.code()).map_or(0, |found| found.1);
        Ok((revenue, by_currency.iter().any(|(code, _)| code != currency.code())))
    }
}
