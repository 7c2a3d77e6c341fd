//! What the catalog knows of usage: the meters that there are, and what Tenantry counts itself.

use super::{CatalogTx, OfTenant};
use crate::error::{Error, Kind, Result};
use crate::id::TenantId;
use crate::model::meter::{Aggregation, Meter, Meters, SEATS, is_level};
use crate::model::usage::quarter;
use crate::params;
use crate::rating::Period;
use std::collections::BTreeMap;

/// What a server has counted of a meter in one quarter of an hour so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedSum {
    /// Whose usage.
    pub tenant: TenantId,
    /// When the quarter begins, in milliseconds since 1970 UTC.
    pub starts_at: i64,
    /// All that this server has counted in it.
    pub quantity: i64,
}

/// What the catalog keeps the cost of events under, by days of UTC. No meter is called so.
pub const EVENT_COST: &str = "_event_cost";
/// The same of the microseconds that statements on a tenant's file ran.
pub const DATABASE_TIME: &str = "_database_us";
/// The same of the bytes of answers.
pub const BYTES_OUT: &str = "_bytes_out";

/// What of a meter never changes, as it was declared first.
struct Declared {
    unit: String,
    aggregation: String,
    scale: u8,
    property: Option<String>,
}

impl CatalogTx<'_> {
    /// Enters the meters of the app, and adds to them those that were declared before.
    ///
    /// # Errors
    /// 400 `meter_changed` for one whose scale, aggregation or property is another one than before.
    pub fn declare_meters(&self, meters: &mut Meters) -> Result<()> {
        let declared = self.tx.query(
            "SELECT name, unit, aggregation, scale, property FROM meters ORDER BY name",
            &[],
            |row| {
                let scale = row.get::<i64>(3)?;
                let declared = Declared {
                    unit: row.get(1)?,
                    aggregation: row.get(2)?,
                    scale: u8::try_from(scale).unwrap_or_default(),
                    property: row.get(4)?,
                };
                Ok((row.get::<String>(0)?, declared))
            },
        )?;
        for (name, before) in declared {
            match meters.get(&name) {
                Some(now) => refuse_change(now, &before)?,
                None => meters.add_former(Meter {
                    // What is stored is what was declared.
                    aggregation: Aggregation::parse(&before.aggregation).unwrap_or_default(),
                    name,
                    unit: before.unit,
                    scale: before.scale,
                    property: before.property,
                    is_built_in: false,
                }),
            }
        }
        for meter in meters.iter().filter(|meter| !meter.is_built_in) {
            self.tx.execute(
                "INSERT INTO meters (name, unit, aggregation, scale, property, declared_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (name) DO UPDATE SET unit = excluded.unit",
                params![
                    meter.name.as_str(),
                    meter.unit.as_str(),
                    meter.aggregation.name(),
                    i64::from(meter.scale),
                    meter.property.as_deref(),
                    self.now()
                ],
            )?;
        }
        Ok(())
    }

    /// Stores what a server has counted of a meter: all of it, so that storing it twice changes nothing.
    ///
    /// # Errors
    /// As the database says.
    pub fn store_counted(&self, meter: &str, server: &str, sums: &[CountedSum]) -> Result<()> {
        for sum in sums {
            self.tx.execute(
                "INSERT INTO usage_sums (tenant_id, meter, starts_at, server, quantity) SELECT ?1, ?2, ?3, ?4, ?5
                 WHERE EXISTS (SELECT 1 FROM tenants WHERE id = ?1)
                 ON CONFLICT (tenant_id, meter, starts_at, server) DO UPDATE SET quantity = excluded.quantity",
                params![sum.tenant, meter, sum.starts_at, server, sum.quantity],
            )?;
        }
        Ok(())
    }
}

fn refuse_change(now: &Meter, before: &Declared) -> Result<()> {
    let is_same = now.scale == before.scale
        && now.aggregation.name() == before.aggregation
        && now.property == before.property;
    if is_same {
        return Ok(());
    }
    Err(Error::new(
        Kind::Malformed,
        "meter_changed",
        format!(
            "app.toml: meters.{}: was declared with aggregation = {:?}, scale = {} and property = {:?}, and keeps them: \
             what was counted so far would come to something else. Give the changed meter another name.",
            now.name,
            before.aggregation,
            before.scale,
            before.property.as_deref().unwrap_or_default()
        ),
    ))
}

impl OfTenant<'_> {
    /// What Tenantry itself has counted of a meter within a stretch of time, by quarters of an hour in their order.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_counted(&self, meter: &str, within: Period) -> Result<Vec<(i64, i64)>> {
        let of_all = if is_level(meter) { "max(quantity)" } else { "sum(quantity)" };
        let sql = format!(
            "SELECT starts_at, {of_all} FROM usage_sums
             WHERE tenant_id = ?1 AND meter = ?2 AND starts_at >= ?3 AND starts_at < ?4 GROUP BY starts_at ORDER BY starts_at"
        );
        Ok(self.tx().query(&sql, params![self.tenant, meter, within.from, within.to], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?)
    }

    /// What a meter that Tenantry counts itself comes to within a stretch of time: all of it; or the most that there was,
    /// also where that began before.
    ///
    /// # Errors
    /// As the database says.
    pub fn counted(&self, meter: &str, within: Period) -> Result<i64> {
        let sql = if is_level(meter) {
            "SELECT coalesce(max(quantity), 0) FROM
               (SELECT quantity FROM usage_sums
                WHERE tenant_id = ?1 AND meter = ?2 AND starts_at >= ?3 AND starts_at < ?4
                UNION ALL
                SELECT latest FROM
                  (SELECT latest FROM usage_sums WHERE tenant_id = ?1 AND meter = ?2 AND starts_at < ?3
                   ORDER BY starts_at DESC LIMIT 1) before) levels"
        } else {
            "SELECT coalesce(sum(quantity), 0) FROM usage_sums
             WHERE tenant_id = ?1 AND meter = ?2 AND starts_at >= ?3 AND starts_at < ?4"
        };
        Ok(self.tx().count(sql, params![self.tenant, meter, within.from, within.to])?)
    }

    /// Stores what the events of each day since `since` cost, where that is another amount than before.
    ///
    /// # Errors
    /// As the database says.
    pub fn store_daily_costs(&self, since: i64, costs: &[(i64, i64)]) -> Result<()> {
        let within = Period { from: since, to: i64::MAX };
        let mut before: BTreeMap<i64, i64> = self.list_counted(EVENT_COST, within)?.into_iter().collect();
        let changed = costs.iter().filter(|(day, cost)| before.remove(day) != Some(*cost));
        let changed: Vec<(i64, i64)> = changed.copied().collect();
        // What costs nothing any more was taken back.
        let gone = before.into_keys().map(|day| (day, 0));
        for (day, cost) in changed.into_iter().chain(gone) {
            self.tx().execute(
                "INSERT INTO usage_sums (tenant_id, meter, starts_at, server, quantity) VALUES (?1, ?2, ?3, '', ?4)
                 ON CONFLICT (tenant_id, meter, starts_at, server) DO UPDATE SET quantity = excluded.quantity",
                params![self.tenant, EVENT_COST, day, cost],
            )?;
        }
        Ok(())
    }

    /// Notes how something stands in the quarter that is open.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_level(&self, meter: &str, level: i64) -> Result<()> {
        self.tx().execute(
            "INSERT INTO usage_sums (tenant_id, meter, starts_at, server, quantity, latest) VALUES (?1, ?2, ?3, '', ?4, ?4)
             ON CONFLICT (tenant_id, meter, starts_at, server) DO UPDATE SET latest = excluded.latest, quantity =
               CASE WHEN excluded.quantity > usage_sums.quantity THEN excluded.quantity ELSE usage_sums.quantity END",
            params![self.tenant, meter, quarter(self.now().0), level],
        )?;
        Ok(())
    }

    /// Notes how many seats are taken now, and posts the notices that are due with that.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_seats(&self) -> Result<()> {
        self.note_level(SEATS, self.seats()?.used)?;
        self.notice_seats()
    }
}
