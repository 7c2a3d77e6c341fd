//! What one period comes to, as it is billed.

use super::super::TenantTx;
use super::totals::{Total, counted_value};
use crate::error::Result;
use crate::model::meter::Meter;
use crate::model::usage::UsageRow;
use crate::params;
use crate::rating::Period;
use sha2::{Digest as _, Sha256};
use std::collections::HashSet;
use std::ops::ControlFlow;

/// What the usage of a meter comes to in one period, up to one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageTaken {
    /// In the meter's smallest unit.
    pub quantity: i64,
    /// In millionths of a minor unit.
    pub cost: i128,
    /// How many events that is, those that take others back among them.
    pub events: i64,
    /// The first of them.
    pub seq_from: Option<i64>,
    /// The last of them.
    pub seq_to: Option<i64>,
    /// SHA-256 over their canonical rows, in their order.
    pub digest: [u8; 32],
}

/// Usage that came late: of one meter, between two moments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LateUsage {
    /// The meter's name.
    pub meter: String,
    /// When the earliest of it occurred.
    pub from: i64,
    /// When the latest of it occurred.
    pub to: i64,
}

impl TenantTx<'_> {
    /// The number of the last event and the chain after it; 0 and nothing where there is none.
    ///
    /// # Errors
    /// As the database says.
    pub fn usage_head(self) -> Result<(i64, Vec<u8>)> {
        Ok(self.last_event()?)
    }

    /// What a meter comes to: all that occurred within the period and has a number up to `watermark`.
    ///
    /// # Errors
    /// As the database says.
    pub fn take_usage(self, meter: &Meter, period: Period, watermark: i64) -> Result<UsageTaken> {
        let mut hash = Sha256::new();
        let mut buffer = Vec::new();
        let mut total = Total::new(meter.aggregation);
        let mut taken =
            UsageTaken { quantity: 0, cost: 0, events: 0, seq_from: None, seq_to: None, digest: [0; 32] };
        if let Some((first, last)) = self.seqs_within(meter, period)? {
            let last = last.min(watermark);
            // What is taken back counts nothing; where quantities add up, its opposite sees to that.
            let voided =
                if meter.aggregation.adds_up() { HashSet::new() } else { self.voided(first, watermark)? };
            self.tx.each(
                "SELECT seq, idempotency_key, meter, quantity, cost, occurred_at, received_at, dated, properties, voids
                 FROM _usage_events
                 WHERE seq BETWEEN ?1 AND ?2 AND meter = ?3 AND occurred_at >= ?4 AND occurred_at < ?5 ORDER BY seq",
                params![first, last, meter.name.as_str(), period.from, period.to],
                |row| {
                    let (key, name): (String, String) = (row.get(1)?, row.get(2)?);
                    let properties: Option<String> = row.get(8)?;
                    let row = UsageRow(
                        row.get(0)?,
                        &key,
                        &name,
                        row.get(3)?,
                        row.get(4)?,
                        row.get(5)?,
                        row.get(6)?,
                        row.get(7)?,
                        properties.as_deref(),
                        row.get(9)?,
                    );
                    row.digest_into(&mut hash, &mut buffer);
                    taken.seq_from.get_or_insert(row.0);
                    taken.seq_to = Some(row.0);
                    taken.events += 1;
                    taken.cost += i128::from(row.4);
                    let counts = meter.aggregation.adds_up() || (row.9.is_none() && !voided.contains(&row.0));
                    if counts {
                        total.add(row.3, row.5);
                        let value = meter.property.as_ref().zip(row.8);
                        if let Some(value) = value.and_then(|(name, properties)| counted_value(properties, name)) {
                            total.add_value(value);
                        }
                    }
                    Ok(ControlFlow::Continue(()))
                },
            )?;
        }
        taken.digest = hash.finalize().into();
        taken.quantity = total.quantity()?;
        Ok(taken)
    }

    /// The events after `first` that were taken back by one up to `watermark`.
    fn voided(self, first: i64, watermark: i64) -> Result<HashSet<i64>> {
        let voided = self.tx.query(
            "SELECT voids FROM _usage_events WHERE voids >= ?1 AND seq <= ?2",
            params![first, watermark],
            |row| row.get(0),
        )?;
        Ok(voided.into_iter().collect())
    }

    /// Of which meters and times there is usage with a number after `after` and up to `watermark` that occurred before
    /// `before`.
    ///
    /// # Errors
    /// As the database says.
    pub fn late_usage(self, after: i64, watermark: i64, before: i64) -> Result<Vec<LateUsage>> {
        Ok(self.tx.query(
            "SELECT meter, min(occurred_at), max(occurred_at) FROM _usage_events
             WHERE seq > ?1 AND seq <= ?2 AND occurred_at < ?3 GROUP BY meter ORDER BY meter",
            params![after, watermark, before],
            |row| Ok(LateUsage { meter: row.get(0)?, from: row.get(1)?, to: row.get(2)? }),
        )?)
    }
}
