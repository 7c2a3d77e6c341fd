//! Making the sums anew from the events.

use super::super::TenantTx;
use super::find::event;
use super::quarter;
use super::sums::{Addition, Counted};
use super::totals::counted_value;
use crate::error::Result;
use crate::model::meter::{Meter, Meters};
use crate::params;
use crate::rating::Period;
use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;

/// By meter and quarter.
type Sums = BTreeMap<(String, i64), Addition>;

impl TenantTx<'_> {
    /// Makes the sum of one quarter anew, after an event of it was taken back by number `voided_by`.
    pub(super) fn rebuild_quarter(self, meter: &Arc<Meter>, starts_at: i64, voided_by: i64) -> Result<()> {
        let within = Period { from: starts_at, to: starts_at + super::QUARTER };
        let seqs = self.seqs_within(meter, within)?;
        let mut events = Vec::new();
        self.each_event_within(meter, within, i64::MAX, |event| {
            events.push((event.quantity, event.occurred_at, event.value(meter)));
        })?;
        for table in ["_usage_sums", "_usage_values"] {
            self.tx.execute(
                &format!("DELETE FROM {table} WHERE meter = ?1 AND starts_at = ?2"),
                params![meter.name.as_str(), starts_at],
            )?;
        }
        let mut addition = Addition::new(meter, starts_at);
        for (quantity, occurred_at, value) in &events {
            let event = Counted {
                seq: voided_by,
                quantity: *quantity,
                cost: 0,
                occurred_at: *occurred_at,
                value: value.as_deref(),
                events: 1,
            };
            addition.add(&event).ok_or_else(super::intake::beyond_counting)?;
        }
        addition.spans(seqs.map_or(voided_by, |(first, _)| first), voided_by);
        addition.costs(self.cost_within(meter, starts_at)?);
        self.add_to_sum(&addition)
    }

    fn cost_within(self, meter: &Meter, starts_at: i64) -> Result<i64> {
        Ok(self.tx.count(
            "SELECT coalesce(sum(cost), 0) FROM _usage_events WHERE meter = ?1 AND occurred_at >= ?2 AND occurred_at < ?3",
            params![meter.name.as_str(), starts_at, starts_at + super::QUARTER],
        )?)
    }

    /// Drops all sums and makes them anew; tells of how many events. Meters that nobody knows have none.
    ///
    /// # Errors
    /// As the database says.
    pub fn rebuild_usage_sums(self, meters: &Meters) -> Result<i64> {
        for table in ["_usage_sums", "_usage_values"] {
            self.tx.execute(&format!("DELETE FROM {table}"), &[])?;
        }
        self.forget_windows(None)?;
        let (sums, events) = self.sums_of_events(meters)?;
        sums.values().try_for_each(|addition| self.add_to_sum(addition))?;
        Ok(events)
    }

    /// Looks whether the chain of events is unbroken and the sums are what they come to. Tells how many events there are,
    /// and the first thing that is wrong.
    ///
    /// # Errors
    /// As the database says.
    pub fn verify_usage(self, meters: &Meters) -> Result<(i64, Option<String>)> {
        if let Some(seq) = self.find_broken_link()? {
            return Ok((seq, Some(format!("event {seq} is not what was written"))));
        }
        let (sums, events) = self.sums_of_events(meters)?;
        let mut kept = BTreeMap::new();
        self.tx.each(
            "SELECT meter, starts_at, quantity, cost, events, first_seq, last_seq FROM _usage_sums",
            &[],
            |row| {
                let sum = [row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?];
                kept.insert((row.get::<String>(0)?, row.get::<i64>(1)?), sum);
                Ok(ControlFlow::Continue(()))
            },
        )?;
        let differs = sums.iter().find(|(place, addition)| kept.remove(*place) != Some(addition.row()));
        let place = differs.map(|(place, _)| place.clone()).or_else(|| kept.into_keys().next());
        let fault = place.map(|(meter, starts_at)| {
            let at = crate::clock::Timestamp(starts_at);
            format!("the sum of {meter} from {at} on is not what its events come to; `tenantry usage rebuild` makes it anew")
        });
        Ok((events, fault))
    }

    /// The first event whose chain does not follow from the one before.
    fn find_broken_link(self) -> Result<Option<i64>> {
        let (mut chain, mut buffer, mut broken) = (Vec::new(), Vec::new(), None);
        self.tx.each(
            "SELECT seq, idempotency_key, meter, quantity, cost, occurred_at, received_at, dated, properties, voids, NULL, chain
             FROM _usage_events ORDER BY seq",
            &[],
            |row| {
                let kept: Vec<u8> = row.get(11)?;
                chain = event(row)?.row().chain(&chain, &mut buffer).to_vec();
                if chain == kept {
                    return Ok(ControlFlow::Continue(()));
                }
                broken = Some(row.get(0)?);
                Ok(ControlFlow::Break(()))
            },
        )?;
        Ok(broken)
    }

    /// What all events come to, by meter and quarter, and how many there are.
    fn sums_of_events(self, meters: &Meters) -> Result<(Sums, i64)> {
        let voided =
            self.tx.query("SELECT voids FROM _usage_events WHERE voids IS NOT NULL", &[], |row| {
                row.get::<i64>(0)
            })?;
        let voided: HashSet<i64> = voided.into_iter().collect();
        let mut sums = Sums::new();
        let (mut events, mut is_beyond) = (0, false);
        self.tx.each(
            "SELECT seq, meter, quantity, cost, occurred_at, properties, voids FROM _usage_events ORDER BY seq",
            &[],
            |row| {
                events += 1;
                let name: String = row.get(1)?;
                let Some(meter) = meters.get(&name) else { return Ok(ControlFlow::Continue(())) };
                let (seq, occurred_at): (i64, i64) = (row.get(0)?, row.get(4)?);
                let voids: Option<i64> = row.get(6)?;
                let starts_at = quarter(occurred_at);
                let addition =
                    sums.entry((name, starts_at)).or_insert_with(|| Addition::new(meter, starts_at));
                // What adds up is undone by what takes it back; of everything else both are left out.
                let is_counted = meter.aggregation.adds_up() || (voids.is_none() && !voided.contains(&seq));
                let properties: Option<String> = row.get(5)?;
                let value = meter.property.as_ref().zip(properties).filter(|_| is_counted);
                let value = value.and_then(|(name, properties)| counted_value(&properties, name));
                let added = if is_counted {
                    addition.add(&Counted {
                        seq,
                        quantity: row.get(2)?,
                        cost: row.get(3)?,
                        occurred_at,
                        value: value.as_deref(),
                        events: if voids.is_some() { -1 } else { 1 },
                    })
                } else {
                    addition.add_void(seq, row.get(3)?)
                };
                is_beyond |= added.is_none();
                Ok(ControlFlow::Continue(()))
            },
        )?;
        if is_beyond {
            return Err(super::intake::beyond_counting());
        }
        Ok((sums, events))
    }
}
