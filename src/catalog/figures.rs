//! What lists of the fleet tell of a tenant beside its row: how large it is, when it was used, what it brings in and costs,
//! and how that was a month before.

use super::margins::MonthOfTenant;
use super::{OfTenant, Tenant};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::model::meter::{API_REQUESTS, STORAGE_BYTES};
use crate::params;
use crate::rating::Period;

/// What is known of a tenant now.
#[derive(Clone, Debug)]
pub struct TenantFigures {
    /// The tenant.
    pub tenant: Tenant,
    /// What it brings in and costs in the month that is open.
    pub month: MonthOfTenant,
    /// Bytes that it took on the disk when that was last looked at.
    pub size_bytes: Option<i64>,
    /// When the last quarter of an hour began in which it was used.
    pub last_used_at: Option<Timestamp>,
}

/// A tenant now and a month before, to be held against each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// Requests of the month that is open.
    pub requests: i64,
    /// Requests of the whole month before.
    pub requests_before: i64,
    /// What was invoiced in the month before up to the same moment of it, in minor units.
    pub revenue_before: i64,
    /// Bytes that it took when the month began.
    pub size_before: Option<i64>,
}

impl OfTenant<'_> {
    /// What is known of the tenant in the month that is open.
    ///
    /// # Errors
    /// 404 if there is none.
    pub fn figures(&self, month: Period) -> Result<TenantFigures> {
        let tenant = self.tenant()?;
        Ok(TenantFigures {
            month: self.month_as(tenant.clone(), month)?,
            tenant,
            size_bytes: self.size_before(i64::MAX)?,
            last_used_at: self.last_used()?,
        })
    }

    /// How the month that is open stands against the one before, of which `so_far` is as much as there is of the open one.
    ///
    /// # Errors
    /// As the database says.
    pub fn before(&self, figures: &TenantFigures, month: Period, so_far: Period) -> Result<Before> {
        let whole = Period { from: so_far.from, to: month.from };
        Ok(Before {
            requests: self.counted(API_REQUESTS, month)?,
            requests_before: self.counted(API_REQUESTS, whole)?,
            revenue_before: self.revenue(so_far, figures.month.currency)?.0,
            size_before: self.size_before(month.from)?,
        })
    }

    /// How large the tenant was when that was last looked at before a moment.
    fn size_before(&self, moment: i64) -> Result<Option<i64>> {
        Ok(self
            .tx()
            .query_row(
                "SELECT latest FROM usage_sums WHERE tenant_id = ?1 AND meter = ?2 AND starts_at < ?3
                 ORDER BY starts_at DESC LIMIT 1",
                params![self.tenant, STORAGE_BYTES, moment],
                |row| row.get::<Option<i64>>(0),
            )?
            .flatten())
    }

    fn last_used(&self) -> Result<Option<Timestamp>> {
        Ok(self.tx().query_row(
            "SELECT starts_at FROM usage_sums WHERE tenant_id = ?1 AND meter = ?2
             ORDER BY starts_at DESC LIMIT 1",
            params![self.tenant, API_REQUESTS],
            |row| row.get(0),
        )?)
    }
}
