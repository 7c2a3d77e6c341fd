//! Periods of a month or a year, computed from their anchor in the tenant's time zone.

use crate::error::{Error, Result};
use crate::model::plan::Interval;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

/// A stretch of time: from the first moment to the one after the last, in milliseconds since 1970 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// Its first moment.
    pub from: i64,
    /// The first moment after it.
    pub to: i64,
}

/// Where periods begin: at the anchor's day and hour by the clock on the wall, each so many months after the anchor.
///
/// A day that a month does not have is its last one; an hour that a day does not have, as clocks go forward, comes as much
/// later as they do; of an hour that comes twice it is the first. None of it carries over to the next period.
#[derive(Clone, Debug)]
pub struct Calendar {
    anchor: DateTime,
    /// The first period begins there exactly, also in the second of two hours of one name.
    first: Option<i64>,
    zone: TimeZone,
    months: i64,
}

/// Periods on either side of the anchor: a thousand years.
const MOST: i64 = 12_000;

impl Calendar {
    /// Periods of `interval` whose first begins at `anchor`.
    ///
    /// # Errors
    /// An unknown time zone, or a moment beyond the calendar.
    pub fn new(anchor: i64, timezone: &str, interval: Interval) -> Result<Calendar> {
        let zone = TimeZone::get(timezone).map_err(Error::internal)?;
        let anchor = Timestamp::from_millisecond(anchor).map_err(Error::internal)?;
        let first = Some(anchor.as_millisecond());
        Ok(Calendar { anchor: zone.to_datetime(anchor), first, zone, months: interval.months() })
    }

    /// When period `number` begins; 0 is the one that begins at the anchor.
    ///
    /// # Errors
    /// A moment beyond the calendar.
    pub fn start_of(&self, number: i64) -> Result<i64> {
        if let (0, Some(first)) = (number, self.first) {
            return Ok(first);
        }
        let months = number.clamp(-MOST, MOST) * self.months;
        let begins = self.anchor.checked_add(months.months()).map_err(Error::internal)?;
        let begins = self.zone.to_zoned_datetime(begins).map_err(Error::internal)?;
        Ok(begins.timestamp().as_millisecond())
    }

    /// Period `number`.
    ///
    /// # Errors
    /// As [`Calendar::start_of`].
    pub fn period(&self, number: i64) -> Result<Period> {
        Ok(Period { from: self.start_of(number)?, to: self.start_of(number + 1)? })
    }

    /// The same clock on the wall in another zone.
    ///
    /// # Errors
    /// An unknown time zone.
    pub fn in_zone(&self, timezone: &str) -> Result<Calendar> {
        let zone = TimeZone::get(timezone).map_err(Error::internal)?;
        Ok(Calendar { zone, first: None, ..self.clone() })
    }
}

/// The moment so many days later, at the same time by the clock on the wall.
///
/// # Errors
/// An unknown time zone, or a moment beyond the calendar.
pub(super) fn days_after(moment: i64, timezone: &str, days: u32) -> Result<i64> {
    let zone = TimeZone::get(timezone).map_err(Error::internal)?;
    let moment = Timestamp::from_millisecond(moment).map_err(Error::internal)?.to_zoned_datetime(zone);
    let later = moment.checked_add(i64::from(days).days()).map_err(Error::internal)?;
    Ok(later.timestamp().as_millisecond())
}
