//! Reading events and what they come to.

use super::super::TenantTx;
use super::totals::Total;
use crate::clock::DAY;
use crate::db::{DbError, Row};
use crate::error::{Error, Result};
use crate::model::meter::{Aggregation, Meter};
use crate::model::plan::Window;
use crate::model::usage::UsageEvent;
use crate::params;
use crate::rating::{Period, window_in};
use jiff::tz::TimeZone;
use std::ops::{ControlFlow, RangeInclusive};
use std::sync::Arc;

/// Windows that one answer tells of at most, of one meter.
const MOST_WINDOWS: usize = 10_000;

const COLUMNS: &str = "seq, idempotency_key, meter, quantity, cost, occurred_at, received_at, dated, properties, voids, \
     (SELECT s.sender FROM _usage_senders s WHERE s.id = _usage_events.sender)";

pub(super) fn event(row: &Row<'_>) -> Result<UsageEvent, DbError> {
    Ok(UsageEvent {
        seq: row.get(0)?,
        key: row.get(1)?,
        meter: row.get(2)?,
        quantity: row.get(3)?,
        cost: row.get(4)?,
        occurred_at: row.get(5)?,
        received_at: row.get(6)?,
        dated: row.get(7)?,
        properties: row.get(8)?,
        voids: row.get(9)?,
        sender: row.get(10)?,
    })
}

/// Which usage is asked for.
#[derive(Clone, Debug)]
pub struct UsageQuery {
    /// The meter.
    pub meter: Arc<Meter>,
    /// From when to when; both are moved out to full quarters of an hour.
    pub period: Period,
    /// By which windows it is told; all of it is one for [`Window::None`].
    pub window: Window,
    /// The time zone that days and months go by.
    pub timezone: String,
}

/// What the usage of a meter comes to in a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageSum {
    /// The window, as far as it was asked for.
    pub period: Period,
    /// In the meter's smallest unit.
    pub quantity: i64,
    /// In millionths of a minor unit.
    pub cost: i128,
}

impl TenantTx<'_> {
    /// The event of that number.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_usage_event(self, seq: i64) -> Result<Option<UsageEvent>> {
        let sql = format!("SELECT {COLUMNS} FROM _usage_events WHERE seq = ?1");
        Ok(self.tx.query_row(&sql, params![seq], event)?)
    }

    /// The event that took another one back.
    ///
    /// # Errors
    /// As the database says.
    pub fn voided_by(self, seq: i64) -> Result<Option<i64>> {
        Ok(self
            .tx
            .query_row("SELECT seq FROM _usage_events WHERE voids = ?1", params![seq], |row| row.get(0))?)
    }

    /// The event that came with a key.
    pub(super) fn find_event_by_key(self, key: &str) -> Result<Option<UsageEvent>> {
        let sql = format!("SELECT {COLUMNS} FROM _usage_events WHERE idempotency_key = ?1");
        Ok(self.tx.query_row(&sql, params![key], event)?)
    }

    /// Events of these numbers, both ends among them, in their order: of one meter, or of all.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_usage_events(
        self,
        meter: Option<&str>,
        numbers: &RangeInclusive<i64>,
        limit: u32,
    ) -> Result<Vec<UsageEvent>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM _usage_events WHERE seq BETWEEN ?1 AND ?2 AND (?3 IS NULL OR meter = ?3) \
             ORDER BY seq LIMIT ?4"
        );
        Ok(self.tx.query(&sql, params![*numbers.start(), *numbers.end(), meter, limit], event)?)
    }

    /// Hands over every event, in their order.
    ///
    /// # Errors
    /// As the database says, or what `act` returns.
    pub fn each_usage_event(self, mut act: impl FnMut(UsageEvent) -> Result<()>) -> Result<()> {
        let mut failed = None;
        self.tx.each(&format!("SELECT {COLUMNS} FROM _usage_events ORDER BY seq"), &[], |row| {
            Ok(match act(event(row)?) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            })
        })?;
        failed.map_or(Ok(()), Err)
    }

    /// What all events since a moment cost, by days of UTC, in millionths of a minor unit.
    ///
    /// # Errors
    /// As the database says.
    pub fn daily_costs(self, since: i64) -> Result<Vec<(i64, i64)>> {
        Ok(self.tx.query(
            "SELECT starts_at - starts_at % ?2, sum(cost) FROM _usage_sums WHERE starts_at >= ?1
             GROUP BY 1 HAVING sum(cost) <> 0 ORDER BY 1",
            params![since, DAY],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?)
    }

    /// What a meter comes to, window by window. Windows without usage are left out.
    ///
    /// # Errors
    /// 422 for more windows than are told at once; as the database says.
    pub fn find_usage(self, query: &UsageQuery) -> Result<Vec<UsageSum>> {
        let mut windows = Windows::of(query)?;
        let mut failed = None;
        self.tx.each(
            "SELECT starts_at, quantity, latest_at, cost FROM _usage_sums
             WHERE meter = ?1 AND starts_at >= ?2 AND starts_at < ?3 ORDER BY starts_at",
            params![query.meter.name.as_str(), query.period.from, query.period.to],
            |row| {
                let (starts_at, quantity, latest_at) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok(match windows.add(starts_at, quantity, latest_at, row.get(3)?) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(error) => {
                        failed = Some(error);
                        ControlFlow::Break(())
                    }
                })
            },
        )?;
        failed.map_or(Ok(()), Err)?;
        if query.meter.aggregation == Aggregation::Unique {
            self.count_values(query, &mut windows)?;
        }
        windows.finish()
    }

    /// How many different values each window has.
    fn count_values(self, query: &UsageQuery, windows: &mut Windows<'_>) -> Result<()> {
        // Which windows there are is known from the sums; the values are counted where they lie, not fetched.
        for sum in &mut windows.sums {
            let different = self.tx.count(
                "SELECT count(DISTINCT value) FROM _usage_values WHERE meter = ?1 AND starts_at >= ?2 AND starts_at < ?3",
                params![query.meter.name.as_str(), sum.period.from, sum.period.to],
            )?;
            sum.total.count_values(different);
        }
        Ok(())
    }
}

/// Quarters on their way into windows.
struct Windows<'q> {
    query: &'q UsageQuery,
    zone: TimeZone,
    sums: Vec<OpenSum>,
    /// Which of them was used last.
    open: Option<usize>,
}

struct OpenSum {
    period: Period,
    total: Total,
    cost: i128,
}

/// What quarters of an hour of a meter that Tenantry counts itself come to, window by window.
///
/// # Errors
/// 422 for more windows than are told at once.
pub fn fold_quarters(query: &UsageQuery, quarters: &[(i64, i64)]) -> Result<Vec<UsageSum>> {
    let mut windows = Windows::of(query)?;
    for (starts_at, quantity) in quarters {
        windows.add(*starts_at, *quantity, *starts_at, 0)?;
    }
    windows.finish()
}

impl<'q> Windows<'q> {
    fn of(query: &'q UsageQuery) -> Result<Windows<'q>> {
        let zone = TimeZone::get(&query.timezone).map_err(Error::internal)?;
        Ok(Windows { query, zone, sums: Vec::new(), open: None })
    }

    fn add(&mut self, starts_at: i64, quantity: i64, latest_at: i64, cost: i64) -> Result<()> {
        let sum = self.at(starts_at)?;
        sum.total.add(quantity, latest_at);
        sum.cost += i128::from(cost);
        Ok(())
    }

    /// The window in which a quarter lies.
    fn at(&mut self, starts_at: i64) -> Result<&mut OpenSum> {
        let is_in = |sum: &OpenSum| sum.period.from <= starts_at && starts_at < sum.period.to;
        let open = self.open.filter(|index| is_in(&self.sums[*index]));
        let index = match open.or_else(|| self.sums.iter().position(is_in)) {
            Some(index) => index,
            None if self.sums.len() >= MOST_WINDOWS => {
                return Err(Error::invalid_field(
                    "window",
                    "too_many",
                    format!(
                        "would be more than {MOST_WINDOWS} windows; ask for less time at once, or larger windows"
                    ),
                ));
            }
            None => {
                let whole = match self.query.window {
                    Window::None => self.query.period,
                    window => window_in(&self.zone, window, starts_at)?,
                };
                let period = Period {
                    from: whole.from.max(self.query.period.from),
                    to: whole.to.min(self.query.period.to),
                };
                let total = Total::new(self.query.meter.aggregation);
                self.sums.push(OpenSum { period, total, cost: 0 });
                self.sums.len() - 1
            }
        };
        self.open = Some(index);
        Ok(&mut self.sums[index])
    }

    fn finish(self) -> Result<Vec<UsageSum>> {
        let each = self.sums.into_iter();
        let mut sums: Vec<UsageSum> = each
            .map(|sum| Ok(UsageSum { period: sum.period, quantity: sum.total.quantity()?, cost: sum.cost }))
            .collect::<Result<_>>()?;
        sums.sort_unstable_by_key(|sum| sum.period.from);
        Ok(sums)
    }
}
