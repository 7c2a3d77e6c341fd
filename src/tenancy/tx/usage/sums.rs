//! What events come to by quarters of an hour: adding to it. `totals` reads it.

use super::super::TenantTx;
use crate::db::DbError;
use crate::error::Result;
use crate::model::meter::{Aggregation, Meter};
use crate::params;
use std::collections::BTreeSet;
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
}
