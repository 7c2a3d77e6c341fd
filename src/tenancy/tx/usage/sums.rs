//! What events come to by quarters of an hour.

use super::super::TenantTx;
use super::quarter;
use crate::db::{DbError, Row};
use crate::error::{Error, Result};
use crate::model::meter::{Aggregation, Meter};
use crate::params;
use crate::rating::Period;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

/// What some events of one meter and quarter add to its sum.
#[derive(Clone, Debug)]
pub(super) struct Addition {
    pub(super) meter: Arc<Meter>,
    pub(super) starts_at: i64,
    quantity: i64,
    latest_at: i64,
    cost: i64,
    events: i64,
    first_seq: i64,
    last_seq: i64,
    values: BTreeSet<String>,
}

/// What counts of one event for the sums.
pub(super) struct Counted<'e> {
    pub(super) seq: i64,
    pub(super) quantity: i64,
    pub(super) cost: i64,
    pub(super) occurred_at: i64,
    pub(super) value: Option<&'e str>,
    /// 1, or -1 of what takes an event back.
    pub(super) events: i64,
}

impl Addition {
    pub(super) fn new(meter: &Arc<Meter>, starts_at: i64) -> Addition {
        Addition {
            meter: Arc::clone(meter),
            starts_at,
            quantity: 0,
            latest_at: i64::MIN,
            cost: 0,
            events: 0,
            first_seq: i64::MAX,
            last_seq: 0,
            values: BTreeSet::new(),
        }
    }

    /// Adds one more event; `None` where it comes to more than can be counted.
    pub(super) fn add(&mut self, event: &Counted<'_>) -> Option<()> {
        self.quantity = match self.meter.aggregation {
            Aggregation::Sum | Aggregation::Count => self.quantity.checked_add(event.quantity)?,
            Aggregation::Max => self.quantity.max(event.quantity),
            Aggregation::Latest if event.occurred_at >= self.latest_at => event.quantity,
            Aggregation::Latest | Aggregation::Unique => self.quantity,
        };
        self.cost = self.cost.checked_add(event.cost)?;
        if let Some(value) = event.value {
            self.values.insert(value.to_owned());
        }
        self.latest_at = self.latest_at.max(event.occurred_at);
        self.events += event.events;
        self.spans(event.seq, event.seq);
        Some(())
    }

    /// Adds an event that takes another one back, or was taken back, of a meter that does not add up.
    pub(super) fn add_void(&mut self, seq: i64, cost: i64) -> Option<()> {
        self.cost = self.cost.checked_add(cost)?;
        self.spans(seq, seq);
        Some(())
    }

    /// Its events lie between two numbers.
    pub(super) fn spans(&mut self, first: i64, last: i64) {
        self.first_seq = self.first_seq.min(first);
        self.last_seq = self.last_seq.max(last);
    }

    /// As `_usage_sums` has it: quantity, cost, events, first and last number.
    pub(super) fn row(&self) -> [i64; 5] {
        let quantity = match self.meter.aggregation {
            Aggregation::Unique => i64::try_from(self.values.len()).unwrap_or(i64::MAX),
            _ => self.quantity,
        };
        [quantity, self.cost, self.events, self.first_seq, self.last_seq]
    }

    /// All its events cost so much.
    pub(super) fn costs(&mut self, cost: i64) {
        self.cost = cost;
    }
}

/// How an addition enters the sum that is there.
macro_rules! upserts {
    ($($name:ident = $merged:literal;)*) => {$(
        const $name: &str = concat!(
            "INSERT INTO _usage_sums (meter, starts_at, quantity, latest_at, cost, events, first_seq, last_seq) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (meter, starts_at) DO UPDATE SET quantity = ",
            $merged,
            ", latest_at = CASE WHEN excluded.latest_at > _usage_sums.latest_at THEN excluded.latest_at \
             ELSE _usage_sums.latest_at END, cost = _usage_sums.cost + excluded.cost, \
             events = _usage_sums.events + excluded.events, last_seq = excluded.last_seq"
        );
    )*};
}

upserts! {
    ADD = "_usage_sums.quantity + excluded.quantity";
    MAX = "CASE WHEN excluded.quantity > _usage_sums.quantity THEN excluded.quantity ELSE _usage_sums.quantity END";
    LATEST = "CASE WHEN excluded.latest_at >= _usage_sums.latest_at THEN excluded.quantity \
              ELSE _usage_sums.quantity END";
}

impl TenantTx<'_> {
    /// Enters what events of one meter and quarter add.
    pub(super) fn add_to_sum(self, addition: &Addition) -> Result<()> {
        let sql = match addition.meter.aggregation {
            Aggregation::Sum | Aggregation::Count | Aggregation::Unique => ADD,
            Aggregation::Max => MAX,
            Aggregation::Latest => LATEST,
        };
        let mut quantity = addition.quantity;
        for value in &addition.values {
            let new = self.tx.execute(
                "INSERT INTO _usage_values (meter, starts_at, value) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                params![addition.meter.name.as_str(), addition.starts_at, value.as_str()],
            )?;
            quantity += i64::try_from(new).unwrap_or(0);
        }
        let added = self.tx.execute(
            sql,
            params![
                addition.meter.name.as_str(),
                addition.starts_at,
                quantity,
                addition.latest_at,
                addition.cost,
                addition.events,
                addition.first_seq,
                addition.last_seq
            ],
        );
        match added {
            Ok(_) => Ok(()),
            // The table keeps nothing beyond 64 bits.
            Err(DbError::Constraint(_)) => Err(super::intake::beyond_counting()),
            Err(error) => Err(error.into()),
        }
    }

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
