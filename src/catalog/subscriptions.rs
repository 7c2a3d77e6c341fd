//! Subscriptions: on which plan a tenant is, and the service periods that follow from it.

use super::{CatalogTx, OfTenant};
use crate::clock::Timestamp;
use crate::db::{DbError, Row};
use crate::error::{Error, Result};
use crate::id::TenantId;
use crate::model::entitlements::Entitlements;
use crate::model::plan::Interval;
use crate::params;
use crate::rating::{Course, CourseStatus, Period, PlanRef, ServicePeriod};

const COLUMNS: &str = "plan, version, interval, status, timezone, anchor, number, period_start, period_end, trial_end, next_plan, \
     next_version";

fn course(row: &Row<'_>) -> Result<Course, DbError> {
    let next: Option<String> = row.get(10)?;
    let next_version: Option<i64> = row.get(11)?;
    Ok(Course {
        plan: PlanRef { key: row.get(0)?, version: row.get(1)? },
        // The CHECKs of the table let no other words in.
        interval: Interval::parse(&row.get::<String>(2)?).unwrap_or(Interval::Month),
        status: CourseStatus::parse(&row.get::<String>(3)?).unwrap_or(CourseStatus::Canceled),
        timezone: row.get(4)?,
        anchor: row.get(5)?,
        number: row.get(6)?,
        period: Period { from: row.get(7)?, to: row.get(8)? },
        trial_end: row.get(9)?,
        next: next.zip(next_version).map(|(key, version)| PlanRef { key, version }),
    })
}

impl CatalogTx<'_> {
    /// Tenants whose period is over, those that wait longest first.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_periods_over(&self, limit: u32) -> Result<Vec<TenantId>> {
        Ok(self.tx.query(
            "SELECT s.tenant_id FROM subscriptions s JOIN tenants t ON t.id = s.tenant_id
             WHERE s.period_end <= ?1 AND s.status <> 'canceled' AND t.status IN ('active', 'suspended', 'closing')
             ORDER BY s.period_end LIMIT ?2",
            params![self.now(), limit],
            |row| row.get(0),
        )?)
    }

    /// Tenants that were made before there were subscriptions.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_unsubscribed_tenants(&self, limit: u32) -> Result<Vec<TenantId>> {
        Ok(self.tx.query(
            "SELECT id FROM tenants t WHERE status IN ('active', 'suspended', 'closing')
               AND NOT EXISTS (SELECT 1 FROM subscriptions s WHERE s.tenant_id = t.id) LIMIT ?1",
            params![limit],
            |row| row.get(0),
        )?)
    }
}

impl OfTenant<'_> {
    /// The tenant's subscription.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_course(&self) -> Result<Option<Course>> {
        let sql = format!("SELECT {COLUMNS} FROM subscriptions WHERE tenant_id = ?1");
        Ok(self.tx().query_row(&sql, params![self.tenant], course)?)
    }

    /// Sets what usage may cost in a period, in minor units, or any amount; tells what was said before.
    ///
    /// # Errors
    /// 404 for a tenant without a subscription; as the database says.
    pub fn set_spend_cap(&self, cap: Option<i64>) -> Result<Option<i64>> {
        let before = self.tx().query_row(
            "SELECT spend_cap FROM subscriptions WHERE tenant_id = ?1",
            params![self.tenant],
            |row| row.get::<Option<i64>>(0),
        )?;
        let before = before.ok_or_else(Error::not_found)?;
        if before != cap {
            self.tx().execute(
                "UPDATE subscriptions SET spend_cap = ?2 WHERE tenant_id = ?1",
                params![self.tenant, cap],
            )?;
            self.tx().execute(
                "UPDATE tenants SET entitlements = entitlements + 1 WHERE id = ?1",
                params![self.tenant],
            )?;
            self.catalog.forget_tenant(self.tenant)?;
        }
        Ok(before)
    }

    /// Whether the tenant has had a trial of a plan.
    ///
    /// # Errors
    /// As the database says.
    pub fn has_had_trial(&self, plan: &str) -> Result<bool> {
        Ok(self.tx().exists(
            "SELECT 1 FROM service_periods WHERE tenant_id = ?1 AND plan = ?2 AND kind = 'trial' LIMIT 1",
            params![self.tenant, plan],
        )?)
    }

    /// How many service periods of the tenant have begun since `since`.
    ///
    /// # Errors
    /// As the database says.
    pub fn count_service_periods(&self, since: Timestamp) -> Result<i64> {
        Ok(self.tx().count(
            "SELECT count(*) FROM service_periods WHERE tenant_id = ?1 AND starts_at > ?2",
            params![self.tenant, since],
        )?)
    }

    /// When the tenant's newest service period began.
    ///
    /// # Errors
    /// As the database says.
    pub fn newest_service_start(&self) -> Result<Option<i64>> {
        let newest = self.tx().query_row(
            "SELECT max(starts_at) FROM service_periods WHERE tenant_id = ?1",
            params![self.tenant],
            |row| row.get::<Option<i64>>(0),
        )?;
        Ok(newest.flatten())
    }

    /// Ends the service period that runs at `at`.
    ///
    /// # Errors
    /// As the database says.
    pub fn end_service_period(&self, at: i64) -> Result<()> {
        self.tx().execute(
            "UPDATE service_periods SET ends_at = CASE WHEN starts_at > ?2 THEN starts_at ELSE ?2 END WHERE tenant_id = ?1 AND ends_at > ?2",
            params![self.tenant, at],
        )?;
        Ok(())
    }

    /// Stores where the subscription is now, and the service period that began with that. The one before ends there.
    ///
    /// # Errors
    /// As the database says.
    pub fn store_course(&self, course: &Course, begun: Option<&ServicePeriod>) -> Result<()> {
        let next = course.next.as_ref();
        let mut params = params![
            self.tenant,
            &course.plan.key,
            course.plan.version,
            course.interval.name(),
            course.status.name(),
            &course.timezone,
            course.anchor,
            course.number,
            course.period.from,
            course.period.to,
            course.trial_end,
            next.map(|next| next.key.as_str()),
            next.map(|next| next.version),
        ]
        .to_vec();
        let sql = format!(
            "INSERT INTO subscriptions (tenant_id, {COLUMNS})
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
             ON CONFLICT (tenant_id) DO UPDATE SET plan = ?2, version = ?3, interval = ?4, status = ?5, timezone = ?6,
               anchor = ?7, number = ?8, period_start = ?9, period_end = ?10, trial_end = ?11, next_plan = ?12,
               next_version = ?13"
        );
        self.tx().execute(&sql, &params)?;
        params.truncate(3);
        self.tx().execute(
            "UPDATE tenants SET plan = ?2, plan_version = ?3, entitlements = entitlements + 1 WHERE id = ?1",
            &params,
        )?;
        if let Some(begun) = begun {
            self.insert_service_period(begun)?;
        }
        self.catalog.forget_tenant(self.tenant)
    }

    fn insert_service_period(&self, begun: &ServicePeriod) -> Result<()> {
        // One that ends as it begins never was: of two changes in one moment the second counts.
        for sql in [
            "DELETE FROM service_periods WHERE tenant_id = ?1 AND starts_at >= ?2",
            "UPDATE service_periods SET ends_at = ?2 WHERE tenant_id = ?1 AND ends_at > ?2",
        ] {
            self.tx().execute(sql, params![self.tenant, begun.part.from])?;
        }
        self.tx().execute(
            "INSERT INTO service_periods
               (tenant_id, number, plan, version, kind, starts_at, ends_at, whole_start, whole_end)
             SELECT ?1, coalesce(max(number), 0) + 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM service_periods WHERE tenant_id = ?1",
            params![
                self.tenant,
                &begun.plan.key,
                begun.plan.version,
                begun.kind.name(),
                begun.part.from,
                begun.part.to,
                begun.whole.from,
                begun.whole.to
            ],
        )?;
        Ok(())
    }

    /// What the tenant may use now, with the number of its last change; nothing for one without a subscription.
    ///
    /// # Errors
    /// As the database says.
    pub fn entitlements(&self) -> Result<Option<Entitlements>> {
        let Some(course) = self.find_course()? else { return Ok(None) };
        let found = self.tx().query_row(
            "SELECT t.entitlements, s.spend_cap FROM tenants t JOIN subscriptions s ON s.tenant_id = t.id WHERE t.id = ?1",
            params![self.tenant],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let (revision, spend_cap) = found.ok_or_else(Error::not_found)?;
        let terms = self.catalog.plan_version(&course.plan)?.plan;
        Ok(Some(Entitlements {
            revision,
            plan: course.plan.key,
            version: course.plan.version,
            status: course.status.name().to_owned(),
            timezone: course.timezone,
            period_start: course.period.from,
            period_end: course.period.to,
            spend_cap,
            terms,
        }))
    }
}
