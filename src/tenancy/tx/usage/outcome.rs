//! What became of events, and what they lead to.

use crate::model::notice::Warning;
use crate::model::plan::Window;

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It counts, under that number.
    Accepted(i64),
    /// It came before, under that number, and counts once.
    Duplicate(i64),
    /// It is not taken.
    Refused(UsageRefusal),
}

/// Why an event is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UsageRefusal {
    /// Its key came with another payload.
    KeyReused,
    /// It occurred longer ago than events are taken.
    TooOld,
    /// It occurred later than now.
    Future,
    /// A hard limit has no room for it.
    LimitReached {
        /// The meter.
        meter: String,
        /// What is used.
        used: String,
        /// The limit.
        hard: String,
        /// Over what time.
        window: Window,
        /// When there is room again by itself.
        resets_at: Option<i64>,
    },
    /// The spend cap has no room for it.
    SpendCapReached {
        /// The cap, with its currency.
        cap: String,
        /// When there is room again by itself.
        resets_at: i64,
    },
}

/// What the events that were taken lead to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Limits that are nearly or wholly used, each with the end of its window.
    pub warnings: Vec<(Warning, i64)>,
    /// The meters whose limits were looked at; `spend` is the cap.
    pub looked_at: Vec<String>,
    /// Whether any limit was.
    pub touches_limits: bool,
    /// Whether there are notices to be told.
    pub has_notices: bool,
}
