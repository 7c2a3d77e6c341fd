//! Which service periods are billed, up to which usage event, and what was booked of them.

use super::{CatalogTx, OfTenant};
use crate::clock::Timestamp;
use crate::db::{DbError, Row};
use crate::error::Result;
use crate::id::TenantId;
use crate::model::invoice::Credit;
use crate::params;
use crate::rating::{Period, PlanRef, ServiceKind, ServicePeriod};

/// A service period with its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberedPeriod {
    /// Its number, from 1.
    pub number: i64,
    /// What it is.
    pub period: ServicePeriod,
    /// The last usage event that counted as it was billed; nothing where it was not.
    pub watermark: Option<i64>,
}

/// What was invoiced of one meter in a service period, adjustments included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booked {
    /// The number of the service period.
    pub period: i64,
    /// The meter.
    pub meter: String,
    /// How much was used, in the meter's smallest unit.
    pub quantity: i64,
    /// What that comes to, in minor units.
    pub amount: i64,
}

const COLUMNS: &str = "number, plan, version, kind, starts_at, ends_at, whole_start, whole_end, watermark";

fn numbered(row: &Row<'_>) -> Result<NumberedPeriod, DbError> {
    Ok(NumberedPeriod {
        number: row.get(0)?,
        period: ServicePeriod {
            plan: PlanRef { key: row.get(1)?, version: row.get(2)? },
            // The CHECK of the table lets no other word in.
            kind: ServiceKind::parse(&row.get::<String>(3)?).unwrap_or(ServiceKind::Trial),
            part: Period { from: row.get(4)?, to: row.get(5)? },
            whole: Period { from: row.get(6)?, to: row.get(7)? },
        },
        watermark: row.get(8)?,
    })
}

impl CatalogTx<'_> {
    /// Tenants with a service period that ended at `ended` or before and is not billed, those that wait longest first.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_tenants_to_bill(&self, ended: Timestamp, limit: u32) -> Result<Vec<TenantId>> {
        Ok(self.tx.query(
            "SELECT p.tenant_id FROM service_periods p JOIN tenants t ON t.id = p.tenant_id
             WHERE p.billed_at IS NULL AND p.ends_at <= ?1 AND t.is_clone = 0
               AND (t.status IN ('active', 'suspended') OR (t.status = 'closing' AND p.ends_at <= t.closed_at))
             GROUP BY p.tenant_id ORDER BY min(p.ends_at) LIMIT ?2",
            params![ended, limit],
            |row| row.get(0),
        )?)
    }
}

impl OfTenant<'_> {
    /// The first service period that is not billed, if it ended at `ended` or before. Clones are not billed.
    ///
    /// # Errors
    /// As the database says.
    pub fn next_period_to_bill(&self, ended: Timestamp) -> Result<Option<NumberedPeriod>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM service_periods
             WHERE tenant_id = ?1 AND billed_at IS NULL
               AND NOT EXISTS (SELECT 1 FROM tenants t WHERE t.id = ?1 AND t.is_clone = 1)
             ORDER BY number LIMIT 1"
        );
        let next = self.tx().query_row(&sql, params![self.tenant], numbered)?;
        Ok(next.filter(|next| next.period.part.to <= ended.0))
    }

    /// Ends the service of a tenant that has left at that moment: what would have come after it is not billed.
    ///
    /// # Errors
    /// As the database says.
    pub fn end_service(&self, at: Timestamp) -> Result<()> {
        for sql in [
            "DELETE FROM service_periods WHERE tenant_id = ?1 AND billed_at IS NULL AND starts_at >= ?2",
            "UPDATE service_periods SET ends_at = ?2 WHERE tenant_id = ?1 AND billed_at IS NULL AND ends_at > ?2",
        ] {
            self.tx().execute(sql, params![self.tenant, at])?;
        }
        Ok(())
    }

    /// Lets the period that runs at that moment end then: with a whole fee, for what is whole of it.
    ///
    /// # Errors
    /// As the database says.
    pub fn shorten_service(&self, at: i64) -> Result<()> {
        self.tx().execute(
            "UPDATE service_periods SET ends_at = ?2, whole_end = ?2
             WHERE tenant_id = ?1 AND billed_at IS NULL AND starts_at < ?2 AND ends_at > ?2 AND starts_at = whole_start",
            params![self.tenant, at],
        )?;
        Ok(())
    }

    /// Goes on with the service of a tenant that stays after all, from where it was ended to the end of its period.
    ///
    /// # Errors
    /// As the database says.
    pub fn resume_service(&self) -> Result<()> {
        self.tx().execute(
            "INSERT INTO service_periods (tenant_id, number, plan, version, kind, starts_at, ends_at, whole_start, whole_end)
             SELECT p.tenant_id, p.number + 1, p.plan, p.version, p.kind, p.ends_at, s.period_end, p.whole_start, p.whole_end
             FROM service_periods p JOIN subscriptions s ON s.tenant_id = p.tenant_id
             WHERE p.tenant_id = ?1 AND p.ends_at < s.period_end AND s.status <> 'canceled'
               AND p.number = (SELECT max(number) FROM service_periods WHERE tenant_id = ?1)",
            params![self.tenant],
        )?;
        Ok(())
    }

    /// Billed service periods that lie, at least in part, between `from` and `to`, in their order.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_billed_periods(&self, from: i64, to: i64) -> Result<Vec<NumberedPeriod>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM service_periods
             WHERE tenant_id = ?1 AND billed_at IS NOT NULL AND ends_at > ?2 AND starts_at <= ?3 ORDER BY number"
        );
        Ok(self.tx().query(&sql, params![self.tenant, from, to], numbered)?)
    }

    /// The last usage event that any bill counted.
    ///
    /// # Errors
    /// As the database says.
    pub fn last_watermark(&self) -> Result<i64> {
        Ok(self.tx().count(
            "SELECT coalesce(max(watermark), 0) FROM service_periods WHERE tenant_id = ?1",
            params![self.tenant],
        )?)
    }

    /// What was booked of a meter in a service period: quantity and amount.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_booked(&self, period: i64, meter: &str) -> Result<(i64, i64)> {
        let found = self.tx().query_row(
            "SELECT quantity, amount FROM booked_usage WHERE tenant_id = ?1 AND period = ?2 AND meter = ?3",
            params![self.tenant, period, meter],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        Ok(found.unwrap_or_default())
    }

    /// Notes that a service period is billed, and what is booked by now. False if it was billed before.
    ///
    /// # Errors
    /// As the database says.
    pub fn store_closing(&self, number: i64, watermark: i64, booked: &[Booked]) -> Result<bool> {
        let changed = self.tx().execute(
            "UPDATE service_periods SET billed_at = ?3, watermark = ?4
             WHERE tenant_id = ?1 AND number = ?2 AND billed_at IS NULL",
            params![self.tenant, number, self.now(), watermark],
        )?;
        if changed == 0 {
            return Ok(false);
        }
        self.put_booked(booked)?;
        Ok(true)
    }

    /// Notes what was booked of service periods by now.
    ///
    /// # Errors
    /// As the database says.
    pub fn put_booked(&self, booked: &[Booked]) -> Result<()> {
        for booked in booked {
            self.tx().execute(
                "INSERT INTO booked_usage (tenant_id, period, meter, quantity, amount) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (tenant_id, period, meter) DO UPDATE SET quantity = ?4, amount = ?5",
                params![self.tenant, booked.period, booked.meter.as_str(), booked.quantity, booked.amount],
            )?;
        }
        Ok(())
    }

    /// Credit that earlier invoices in that currency left.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_credit(&self, currency: &str) -> Result<Credit> {
        let found = self.tx().query_row(
            "SELECT amount, at_stripe, given_here FROM credit_balances WHERE tenant_id = ?1 AND currency = ?2",
            params![self.tenant, currency],
            |row| Ok(Credit { ours: row.get(0)?, at_stripe: row.get(1)?, given_here: row.get(2)? }),
        )?;
        Ok(found.unwrap_or_default())
    }

    /// Stores how that credit stands.
    ///
    /// # Errors
    /// As the database says.
    pub fn put_credit(&self, currency: &str, credit: Credit) -> Result<()> {
        if credit == self.find_credit(currency)? {
            return Ok(());
        }
        self.tx().execute(
            "INSERT INTO credit_balances (tenant_id, currency, amount, at_stripe, given_here) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (tenant_id, currency) DO UPDATE SET amount = ?3, at_stripe = ?4, given_here = ?5",
            params![self.tenant, currency, credit.ours, credit.at_stripe, credit.given_here],
        )?;
        Ok(())
    }
}
