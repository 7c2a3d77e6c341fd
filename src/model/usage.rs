//! Usage events as they are sent: read with a bound, every field at fault named.

mod body;
mod canonical;
mod element;
mod fields;
mod row;

pub use body::{MOST_EVENTS, UsageEventIn, read_usage_events};
pub use canonical::canonical_json;
pub use row::{UsageEvent, UsageRow};

use super::meter::Meter;
use super::money::Amount;
use crate::clock::{DAY, MINUTE};
use std::sync::Arc;

/// How long after it occurred an event is taken.
pub const OLDEST: i64 = 35 * DAY;
/// How far ahead of our clock the sender's may be.
pub const FUTURE: i64 = 5 * MINUTE;

/// The unit of sums, in milliseconds: the day of every time zone begins with one.
pub const QUARTER: i64 = 15 * MINUTE;

/// The quarter of an hour in which a moment lies.
pub fn quarter(moment: i64) -> i64 {
    moment.div_euclid(QUARTER) * QUARTER
}

/// One event, valid but for its time, which the transaction that takes it looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUsageEvent {
    /// What it counts for.
    pub meter: Arc<Meter>,
    /// In the meter's smallest unit.
    pub quantity: i64,
    /// What it cost, in millionths of a minor unit.
    pub cost: Amount,
    /// When it occurred, if that was said; else as it is received.
    pub occurred_at: Option<i64>,
    /// Who sends the same again does not count twice.
    pub key: String,
    /// Canonical JSON.
    pub properties: Option<String>,
    /// The value of the property whose different values count, for a meter that counts those.
    pub value: Option<String>,
}

/// Why one event of several is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageFault {
    /// The field at fault.
    pub field: String,
    /// What is wrong, for programs.
    pub code: &'static str,
    /// What is wrong, for people.
    pub message: String,
}
