//! How much of a limit is used, in the window that an event falls into.

use super::super::TenantTx;
use super::terms::{ScaledLimit, UsageTerms};
use crate::db::DbError;
use crate::error::Result;
use crate::model::meter::{Aggregation, Meter};
use crate::model::plan::Window;
use crate::params;
use crate::rating::Period;
use std::sync::Arc;

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

/// What the spend cap is called beside the meters, none of which is called so.
pub(super) const SPEND_CAP: &str = "spend_cap";

/// From this percentage on a limit is warned of.
pub(super) const WARN_FROM: i64 = 80;
/// The percentages that notices are due at.
pub(super) const THRESHOLDS: [i64; 2] = [WARN_FROM, 100];

/// How much of a limit is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitUse {
    /// The meter.
    pub meter: Arc<Meter>,
    /// What is used in the window that is open now.
    pub used: i64,
    /// The limit.
    pub limit: ScaledLimit,
    /// When another window begins; never for one without.
    pub resets_at: Option<i64>,
}

/// How much `used` is of `limit`, in percent, rounded down. Of nothing all is used.
pub fn percent(used: i64, limit: i64) -> i64 {
    if limit <= 0 {
        return 100;
    }
    i64::try_from(i128::from(used.max(0)) * 100 / i128::from(limit)).unwrap_or(i64::MAX)
}

/// A window while events are taken.
pub(super) struct OpenWindow {
    pub(super) meter: Arc<Meter>,
    pub(super) limit: ScaledLimit,
    pub(super) period: Period,
    pub(super) quantity: i64,
    pub(super) before: i64,
}

impl OpenWindow {
    /// What is used once an event is taken too.
    pub(super) fn with(&self, quantity: i64) -> i64 {
        match self.meter.aggregation {
            Aggregation::Sum | Aggregation::Count => self.quantity.saturating_add(quantity),
            Aggregation::Max => self.quantity.max(quantity),
            Aggregation::Latest => quantity,
            // Whether the value is a new one is known when it was entered.
            Aggregation::Unique => self.quantity,
        }
    }
}

const LIMIT: &str = "limit";

impl TenantTx<'_> {
    /// Opens the window of a limit in which `moment` lies.
    pub(super) fn open_window(
        self,
        terms: &UsageTerms,
        meter: &Arc<Meter>,
        limit: ScaledLimit,
        moment: i64,
    ) -> Result<OpenWindow> {
        let period = terms.window(limit.window, moment)?;
        let quantity = self.window_quantity(meter, LIMIT, period)?;
        Ok(OpenWindow { meter: Arc::clone(meter), limit, period, quantity, before: quantity })
    }

    /// What was used in a window: as it was kept, or as the sums say.
    pub(super) fn window_quantity(self, meter: &Meter, kind: &str, period: Period) -> Result<i64> {
        let kept = self.tx.query_row(
            "SELECT quantity FROM _usage_windows WHERE meter = ?1 AND kind = ?2 AND starts_at = ?3",
            params![meter.name.as_str(), kind, period.from],
            |row| row.get(0),
        )?;
        match kept {
            Some(quantity) => Ok(quantity),
            None => self.usage_within(meter, period),
        }
    }

    pub(super) fn keep_window(self, meter: &Meter, kind: &str, starts_at: i64, quantity: i64) -> Result<()> {
        self.tx.execute(
            "INSERT INTO _usage_windows (meter, kind, starts_at, quantity) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (meter, kind, starts_at) DO UPDATE SET quantity = excluded.quantity",
            params![meter.name.as_str(), kind, starts_at, quantity],
        )?;
        Ok(())
    }

    /// Closes a window after its events were entered.
    pub(super) fn close_window(self, window: &mut OpenWindow) -> Result<()> {
        if window.meter.aggregation == Aggregation::Unique {
            window.quantity = self.usage_within(&window.meter, window.period)?;
        }
        self.keep_window(&window.meter, LIMIT, window.period.from, window.quantity)
    }

    /// Forgets what was kept of windows: of one meter, or of all.
    pub(in crate::tenancy) fn forget_windows(self, meter: Option<&str>) -> Result<(), DbError> {
        match meter {
            Some(meter) => {
                self.tx.execute("DELETE FROM _usage_windows WHERE meter = ?1", params![meter])?;
            }
            None => {
                self.tx.execute("DELETE FROM _usage_windows", &[])?;
            }
        }
        Ok(())
    }

    /// How much of each limit is used now, by meter. Limits of meters that Tenantry counts itself are not among them.
    ///
    /// # Errors
    /// As the database says.
    pub fn limit_uses(
        self,
        terms: &UsageTerms,
        meters: &crate::model::meter::Meters,
    ) -> Result<Vec<LimitUse>> {
        let now = self.now().0;
        let known = terms.limits.iter().filter_map(|(name, limit)| Some((meters.get(name)?, *limit)));
        known
            .filter(|(meter, _)| !meter.is_built_in)
            .map(|(meter, limit)| {
                let window = self.open_window(terms, meter, limit, now)?;
                let resets_at = (limit.window != Window::None).then_some(window.period.to);
                Ok(LimitUse { meter: Arc::clone(meter), used: window.quantity, limit, resets_at })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::percent;

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
}
