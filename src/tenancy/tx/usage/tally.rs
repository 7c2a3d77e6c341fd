//! What a meter has come to in a window, event by event.

use super::super::TenantTx;
use super::quarter;
use super::sums::Counted;
use crate::db::DbError;
use crate::error::Result;
use crate::model::meter::{Aggregation, Meter};
use crate::params;
use crate::rating::Period;
use std::collections::HashSet;
use std::sync::Arc;

/// A window of a meter while events are taken.
pub(super) struct Tally {
    pub(super) meter: Arc<Meter>,
    pub(super) period: Period,
    pub(super) quantity: i64,
    /// Of the meters whose last event counts: when that occurred.
    latest_at: i64,
    /// Of the meters of different values: those that came in this transaction.
    values: HashSet<String>,
    /// The event up to which the row that is kept counts; nothing where there is none.
    pub(super) row_seq: Option<i64>,
    pub(super) is_changed: bool,
}

impl Tally {
    pub(super) fn has(&self, meter: &Meter, moment: i64) -> bool {
        self.meter.name == meter.name && (self.period.from..self.period.to).contains(&moment)
    }

    /// Takes an event in of which [`TenantTx::with_event`] said what it leads to.
    pub(super) fn take(&mut self, event: &Counted<'_>, quantity: i64) {
        self.quantity = quantity;
        self.latest_at = self.latest_at.max(event.occurred_at);
        if let Some(value) = event.value.filter(|_| self.meter.aggregation == Aggregation::Unique) {
            self.values.insert(value.to_owned());
        }
        self.is_changed = true;
    }
}

impl TenantTx<'_> {
    /// Begins with what is known of a window: its quantity, and up to which event a row is kept of it.
    pub(super) fn tally(
        self,
        meter: &Arc<Meter>,
        period: Period,
        (quantity, row_seq): (i64, Option<i64>),
    ) -> Result<Tally> {
        let latest_at = match meter.aggregation {
            Aggregation::Latest => self.latest_within(meter, period)?,
            _ => i64::MIN,
        };
        let (meter, values) = (Arc::clone(meter), HashSet::new());
        Ok(Tally { meter, period, quantity, latest_at, values, row_seq, is_changed: false })
    }

    /// What a window comes to once an event that occurred in it is taken too.
    pub(super) fn with_event(self, tally: &Tally, event: &Counted<'_>) -> Result<i64> {
        Ok(match tally.meter.aggregation {
            Aggregation::Sum | Aggregation::Count => tally.quantity.saturating_add(event.quantity),
            Aggregation::Max => tally.quantity.max(event.quantity),
            Aggregation::Latest if event.occurred_at >= tally.latest_at => event.quantity,
            Aggregation::Latest => tally.quantity,
            Aggregation::Unique => {
                let is_known = match event.value {
                    Some(value) => {
                        tally.values.contains(value) || self.has_value(&tally.meter, value, tally.period)?
                    }
                    None => true,
                };
                tally.quantity.saturating_add(i64::from(!is_known))
            }
        })
    }

    /// When the last event of a meter within a stretch of time occurred.
    fn latest_within(self, meter: &Meter, period: Period) -> Result<i64, DbError> {
        // The last quarter that has any; of an event that is ahead of the end of the period, no exact answer is needed.
        let found = self.tx.query_row(
            "SELECT latest_at FROM _usage_sums
             WHERE meter = ?1 AND starts_at >= ?2 AND starts_at < ?3 AND latest_at >= ?4 ORDER BY starts_at DESC LIMIT 1",
            params![meter.name.as_str(), quarter(period.from), period.to, period.from],
            |row| row.get(0),
        )?;
        Ok(found.unwrap_or(i64::MIN))
    }

    /// Whether a value came within a stretch of time.
    fn has_value(self, meter: &Meter, value: &str, period: Period) -> Result<bool> {
        const WITHIN: &str = "SELECT 1 FROM _usage_values WHERE meter = ?1 AND value = ?2 AND starts_at >= ?3 AND starts_at < ?4";
        let whole = super::totals::whole_quarters(period);
        let within =
            |from: i64, to: i64| self.tx.exists(WITHIN, params![meter.name.as_str(), value, from, to]);
        if within(whole.from, whole.to)? {
            return Ok(true);
        }
        // In a quarter that lies in it only partly the events themselves are looked at.
        for edge in [
            Period { to: whole.from.min(period.to), ..period },
            Period { from: whole.to.max(period.from), ..period },
        ] {
            if edge.from >= edge.to || !within(quarter(edge.from), edge.to)? {
                continue;
            }
            let mut found = false;
            self.each_event_within(meter, edge, i64::MAX, |event| {
                found |= event.value(meter).as_deref() == Some(value);
            })?;
            if found {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
