//! Notices that a limit is nearly or wholly used: where they are due, and what they say.

use super::letter::Content;
use super::webhook::EventType;
use crate::clock::Timestamp;
use serde_json::{Value, json};

/// From this percentage on a limit is warned of.
pub const WARN_FROM: i64 = 80;
/// The percentages that notices are due at.
pub const THRESHOLDS: [i64; 2] = [WARN_FROM, 100];

/// How much `used` is of `limit`, in percent, rounded down. Of nothing all is used.
pub fn percent(used: i64, limit: i64) -> i64 {
    if limit <= 0 {
        return 100;
    }
    i64::try_from(i128::from(used.max(0)) * 100 / i128::from(limit)).unwrap_or(i64::MAX)
}

/// The thresholds that lie beyond `before` and not beyond `now`, both in percent.
pub fn crossed(before: i64, now: i64) -> impl Iterator<Item = i64> {
    THRESHOLDS.into_iter().filter(move |threshold| before < *threshold && *threshold <= now)
}

/// A limit that is used to 80 percent or more. Told with the answer to what used it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The meter.
    pub meter: String,
    /// What is used, as a decimal number.
    pub used: String,
    /// The limit.
    pub limit: String,
    /// How much of it that is.
    pub percent: i64,
}

/// A notice that a limit or the spend cap is used to a threshold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The meter; empty of the spend cap.
    pub meter: String,
    /// The window: `hour`, `day`, `month`, `none`, `period`.
    pub window: String,
    /// When the window began.
    pub starts_at: i64,
    /// Percent.
    pub threshold: i64,
    /// What was used.
    pub used: String,
    /// The limit, or the cap with its currency.
    pub allowed: String,
    /// When it came to that.
    pub at: Timestamp,
}

impl Notice {
    /// The letter about it, to those who see to the bills of a tenant of that name and slug.
    pub fn letter(&self, tenant: String, slug: String) -> Content {
        let what = if self.meter.is_empty() { "the spend cap" } else { &self.meter };
        let over = match self.window.as_str() {
            "none" => String::new(),
            "period" => " in this billing period".to_owned(),
            window => format!(" in this {window}"),
        };
        Content::UsageNotice {
            tenant,
            slug,
            what: what.to_owned(),
            used: self.used.clone(),
            allowed: self.allowed.clone(),
            percent: self.threshold,
            over,
        }
    }

    /// The event about it: its type, what tells it from all others of the tenant, and what it says.
    pub fn event(&self) -> (EventType, String, Value) {
        let (is_cap, is_over) = (self.meter.is_empty(), self.threshold >= 100);
        let kind = match (is_cap, is_over) {
            (_, false) => EventType::UsageThresholdReached,
            (false, true) => EventType::UsageLimitReached,
            (true, true) => EventType::SpendCapReached,
        };
        let Notice { meter, window, starts_at, threshold, used, allowed, .. } = self;
        let data = json!({
            "meter": (!is_cap).then_some(meter), "spend_cap": is_cap, "window": window,
            "window_starts_at": Timestamp(*starts_at), "threshold_percent": threshold, "used": used,
            "allowed": allowed,
        });
        (kind, format!("notice:{meter}:{window}:{starts_at}:{threshold}:{allowed}"), data)
    }
}

#[cfg(test)]
mod tests {
    use super::{crossed, percent};

    #[test]
    fn percentages_are_rounded_down_and_do_not_overflow() {
        for (used, limit, expected) in [
            (0, 10, 0),
            (7, 9, 77),
            (8, 10, 80),
            (799, 1_000, 79),
            (i64::MAX, 1, i64::MAX),
            (0, 0, 100),
            (-5, 10, 0),
        ] {
            assert_eq!(percent(used, limit), expected, "{used} of {limit}");
        }
    }

    #[test]
    fn a_threshold_is_crossed_where_it_is_reached_and_not_before_or_after() {
        let all = |before, now| crossed(before, now).collect::<Vec<_>>();
        assert_eq!(all(0, 79), [0; 0]);
        assert_eq!(all(79, 80), [80]);
        assert_eq!(all(80, 99), [0; 0]);
        assert_eq!(all(0, 250), [80, 100]);
        assert_eq!(all(100, 250), [0; 0]);
    }
}
