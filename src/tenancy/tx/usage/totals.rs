//! What a meter comes to within a stretch of time: of the sums of whole quarters, and of the events at its edges.

use super::super::TenantTx;
use super::quarter;
use crate::db::{DbError, Row};
use crate::error::{Error, Result};
use crate::model::meter::{Aggregation, Meter};
use crate::params;
use crate::rating::Period;
use std::collections::BTreeSet;
use std::ops::ControlFlow;

impl TenantTx<'_> {
    /// What the meter comes to within a stretch of time, exactly: of quarters that lie in it only partly the events are
    /// looked at one by one.
    ///
    /// # Errors
    /// As the database says.
    pub(super) fn usage_within(self, meter: &Meter, within: Period) -> Result<i64> {
        let whole = whole_quarters(within);
        if meter.aggregation == Aggregation::Unique && whole == within {
            return Ok(self.tx.count(
                "SELECT count(DISTINCT value) FROM _usage_values WHERE meter = ?1 AND starts_at >= ?2 AND starts_at < ?3",
                params![meter.name.as_str(), whole.from, whole.to],
            )?);
        }
        let mut total = Total::new(meter.aggregation);
        if whole.from < whole.to {
            self.total_of_sums(meter, whole, &mut total)?;
            for edge in [Period { to: whole.from, ..within }, Period { from: whole.to, ..within }] {
                self.total_of_events(meter, edge, &mut total)?;
            }
        } else {
            self.total_of_events(meter, within, &mut total)?;
        }
        total.quantity()
    }

    fn total_of_sums(self, meter: &Meter, whole: Period, total: &mut Total) -> Result<()> {
        self.tx.each(
            "SELECT quantity, latest_at FROM _usage_sums WHERE meter = ?1 AND starts_at >= ?2 AND starts_at < ?3
             ORDER BY starts_at",
            params![meter.name.as_str(), whole.from, whole.to],
            |row| {
                total.add(row.get(0)?, row.get(1)?);
                Ok(ControlFlow::Continue(()))
            },
        )?;
        if meter.aggregation == Aggregation::Unique {
            self.tx.each(
                "SELECT DISTINCT value FROM _usage_values WHERE meter = ?1 AND starts_at >= ?2 AND starts_at < ?3",
                params![meter.name.as_str(), whole.from, whole.to],
                |row| {
                    total.add_value(row.get(0)?);
                    Ok(ControlFlow::Continue(()))
                },
            )?;
        }
        Ok(())
    }

    /// Events of a part of a quarter or two.
    fn total_of_events(self, meter: &Meter, within: Period, total: &mut Total) -> Result<()> {
        if within.from >= within.to {
            return Ok(());
        }
        self.each_event_within(meter, within, i64::MAX, |event| {
            total.add(event.quantity, event.occurred_at);
            if let Some(value) = event.value(meter) {
                total.add_value(value);
            }
        })
    }

    /// Hands over the events of a meter within a stretch of time and up to a number, in the order of their numbers, except
    /// those that were taken back and what took them back.
    pub(super) fn each_event_within(
        self,
        meter: &Meter,
        within: Period,
        watermark: i64,
        mut act: impl FnMut(&CountedRow),
    ) -> Result<()> {
        let Some((first, last)) = self.seqs_within(meter, within)? else { return Ok(()) };
        self.tx.each(
            "SELECT quantity, occurred_at, properties FROM _usage_events e
             WHERE seq BETWEEN ?1 AND ?2 AND meter = ?3 AND occurred_at >= ?4 AND occurred_at < ?5 AND voids IS NULL
               AND NOT EXISTS (SELECT 1 FROM _usage_events v WHERE v.voids = e.seq AND v.seq <= ?6)
             ORDER BY seq",
            params![first, last.min(watermark), meter.name.as_str(), within.from, within.to, watermark],
            |row| {
                act(&counted(row)?);
                Ok(ControlFlow::Continue(()))
            },
        )?;
        Ok(())
    }

    /// The numbers between which the events of a meter within a stretch of time are.
    pub(super) fn seqs_within(self, meter: &Meter, within: Period) -> Result<Option<(i64, i64)>, DbError> {
        let found = self.tx.query_row(
            "SELECT min(first_seq), max(last_seq) FROM _usage_sums WHERE meter = ?1 AND starts_at >= ?2 AND starts_at < ?3",
            params![meter.name.as_str(), quarter(within.from), within.to],
            |row| Ok((row.get::<Option<i64>>(0)?, row.get::<Option<i64>>(1)?)),
        )?;
        Ok(found.and_then(|(first, last)| first.zip(last)))
    }
}

/// The quarters that lie wholly within a stretch of time.
pub(super) fn whole_quarters(within: Period) -> Period {
    Period {
        from: quarter(within.from.saturating_add(super::QUARTER - 1)),
        to: if within.to == i64::MAX { i64::MAX } else { quarter(within.to) },
    }
}

/// What counts of a kept event.
pub(super) struct CountedRow {
    pub(super) quantity: i64,
    pub(super) occurred_at: i64,
    properties: Option<String>,
}

impl CountedRow {
    /// The value that a meter of different values counts.
    pub(super) fn value(&self, meter: &Meter) -> Option<String> {
        let (name, properties) = meter.property.as_ref().zip(self.properties.as_ref())?;
        counted_value(properties, name)
    }
}

/// The value of a property within canonical JSON, as text.
pub(super) fn counted_value(properties: &str, name: &str) -> Option<String> {
    match serde_json::from_str::<serde_json::Value>(properties).ok()?.get(name)? {
        serde_json::Value::String(text) => Some(text.clone()),
        value => Some(value.to_string()),
    }
}

fn counted(row: &Row<'_>) -> Result<CountedRow, DbError> {
    Ok(CountedRow { quantity: row.get(0)?, occurred_at: row.get(1)?, properties: row.get(2)? })
}

/// Quantities on their way to one.
pub(super) struct Total {
    aggregation: Aggregation,
    quantity: i128,
    latest_at: i64,
    values: BTreeSet<String>,
    /// Different values that were counted elsewhere.
    counted: i64,
}

impl Total {
    pub(super) fn new(aggregation: Aggregation) -> Total {
        Total { aggregation, quantity: 0, latest_at: i64::MIN, values: BTreeSet::new(), counted: 0 }
    }

    /// One more quantity, of the order of their numbers.
    pub(super) fn add(&mut self, quantity: i64, at: i64) {
        let quantity = i128::from(quantity);
        match self.aggregation {
            Aggregation::Sum | Aggregation::Count => self.quantity += quantity,
            Aggregation::Max => self.quantity = self.quantity.max(quantity),
            Aggregation::Latest if at >= self.latest_at => self.quantity = quantity,
            Aggregation::Latest | Aggregation::Unique => {}
        }
        self.latest_at = self.latest_at.max(at);
    }

    pub(super) fn add_value(&mut self, value: String) {
        self.values.insert(value);
    }

    /// So many different values, none of which is known here.
    pub(super) fn count_values(&mut self, different: i64) {
        self.counted = different;
    }

    pub(super) fn quantity(&self) -> Result<i64> {
        if self.aggregation == Aggregation::Unique {
            let known = i64::try_from(self.values.len()).unwrap_or(i64::MAX);
            return Ok(known.saturating_add(self.counted));
        }
        i64::try_from(self.quantity).map_err(|_| Error::internal("usage is more than can be counted"))
    }
}
