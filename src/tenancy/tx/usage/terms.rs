//! What of a tenant's plan counts for its usage, parsed once and kept.

use super::super::TenantTx;
use super::kept_windows::KeptWindows;
use crate::clock::{HOUR, SECOND};
use crate::error::{Error, Result};
use crate::model::entitlements::Entitlements;
use crate::model::meter::{Meters, STORAGE_BYTES};
use crate::model::money::Currency;
use crate::model::plan::{Price, Window};
use crate::rating::Period;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// Limits and prices of a tenant, as its file says them.
#[derive(Debug)]
pub struct UsageTerms {
    pub(super) revision: i64,
    zone: TimeZone,
    /// By meter.
    pub limits: BTreeMap<String, ScaledLimit>,
    /// By meter.
    pub prices: BTreeMap<String, Price>,
    /// The period that is open.
    pub period: Period,
    /// What usage may cost in it, in minor units.
    pub spend_cap: Option<i64>,
    /// What that is in.
    pub currency: Currency,
    /// All that the file says.
    pub entitlements: Entitlements,
}

/// A limit in the smallest unit of its meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScaledLimit {
    /// Where notices are due.
    pub soft: Option<i64>,
    /// What is not exceeded.
    pub hard: Option<i64>,
    /// Over what time.
    pub window: Window,
}

impl ScaledLimit {
    /// What percentages are of: the soft limit, or else the hard one.
    pub fn base(&self) -> i64 {
        self.soft.or(self.hard).unwrap_or(i64::MAX)
    }
}

/// The window of all time.
const EVER: Period = Period { from: 0, to: i64::MAX };

impl UsageTerms {
    fn of(entitlements: Entitlements, meters: &Meters) -> Result<UsageTerms> {
        let zone = TimeZone::get(&entitlements.timezone).map_err(Error::internal)?;
        let mut limits = BTreeMap::new();
        for (name, limit) in &entitlements.terms.limits {
            // A meter that is not known any more counts nothing.
            let Some(meter) = meters.get(name) else { continue };
            // What does not fit is more than can be used.
            let scaled = |quantity: Option<crate::model::plan::Decimal>| {
                quantity.map(|quantity| quantity.scaled(meter.scale).unwrap_or(i64::MAX))
            };
            let limit =
                ScaledLimit { soft: scaled(limit.soft), hard: scaled(limit.hard), window: limit.window };
            limits.insert(name.clone(), limit);
        }
        let prices = &entitlements.terms.prices;
        Ok(UsageTerms {
            revision: entitlements.revision,
            zone,
            limits,
            prices: prices.iter().map(|price| (price.meter.clone(), price.clone())).collect(),
            period: Period { from: entitlements.period_start, to: entitlements.period_end },
            spend_cap: entitlements.spend_cap,
            currency: entitlements.terms.currency,
            entitlements,
        })
    }

    /// How many bytes the tenant may take at most, if that is bounded.
    pub fn storage_limit(&self) -> Option<i64> {
        self.limits.get(STORAGE_BYTES).and_then(|limit| limit.hard)
    }

    /// Whether what a meter costs is under a spend cap.
    pub fn caps(&self, meter: &str) -> bool {
        self.spend_cap.is_some() && self.prices.contains_key(meter)
    }

    /// The window in which a moment lies, by the clock on the tenant's wall.
    ///
    /// # Errors
    /// A moment beyond the calendar.
    pub fn window(&self, window: Window, moment: i64) -> Result<Period> {
        window_in(&self.zone, window, moment)
    }
}

/// The window in which a moment lies, by the clock on the wall of a time zone.
///
/// # Errors
/// A moment beyond the calendar.
pub(super) fn window_in(zone: &TimeZone, window: Window, moment: i64) -> Result<Period> {
    let at = Timestamp::from_millisecond(moment).map_err(Error::internal)?.to_zoned_datetime(zone.clone());
    let (from, to) = match window {
        Window::None => return Ok(EVER),
        Window::Hour => {
            // An hour is one of 60 minutes, also where clocks are put on or back.
            let offset = i64::from(at.offset().seconds()) * SECOND;
            let from = (moment + offset).div_euclid(HOUR) * HOUR - offset;
            return Ok(Period { from, to: from + HOUR });
        }
        Window::Day => {
            let from = at.start_of_day().map_err(Error::internal)?;
            let to = from.tomorrow().and_then(|next| next.start_of_day()).map_err(Error::internal)?;
            (from, to)
        }
        Window::Month => {
            let from = at.first_of_month().and_then(|day| day.start_of_day()).map_err(Error::internal)?;
            let to = at.last_of_month().and_then(|day| day.tomorrow()).and_then(|day| day.start_of_day());
            (from, to.map_err(Error::internal)?)
        }
    };
    Ok(Period { from: from.timestamp().as_millisecond(), to: to.timestamp().as_millisecond() })
}

/// The same in the time zone of that name.
///
/// # Errors
/// An unknown time zone, or a moment beyond the calendar.
pub fn window_of(timezone: &str, window: Window, moment: i64) -> Result<Period> {
    window_in(&TimeZone::get(timezone).map_err(Error::internal)?, window, moment)
}

/// The terms of one file, as they were read last.
#[derive(Debug)]
pub struct TermsCache {
    kept: Mutex<Option<Arc<UsageTerms>>>,
    /// Windows as they were after the last event.
    pub(super) windows: KeptWindows,
    /// Whether storage may be bounded: most files never look.
    may_bound_storage: AtomicBool,
}

impl TermsCache {
    /// Forgets the windows that are in memory: they are read anew.
    pub(in crate::tenancy) fn forget_windows(&self) {
        self.windows.forget();
    }
}

impl Default for TermsCache {
    fn default() -> TermsCache {
        TermsCache {
            kept: Mutex::new(None),
            windows: KeptWindows::default(),
            may_bound_storage: AtomicBool::new(true),
        }
    }
}

impl TermsCache {
    /// The terms as they are in this transaction; nothing in a file that nobody told yet.
    ///
    /// # Errors
    /// As the database says.
    pub fn terms(&self, tx: TenantTx<'_>, meters: &Meters) -> Result<Option<Arc<UsageTerms>>> {
        let Some(revision) = tx.entitlements_revision()? else { return Ok(None) };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(terms) = kept.as_ref().filter(|terms| terms.revision == revision) {
            return Ok(Some(Arc::clone(terms)));
        }
        let Some(entitlements) = tx.find_entitlements()? else { return Ok(None) };
        let terms = Arc::new(UsageTerms::of(entitlements, meters)?);
        *kept = Some(Arc::clone(&terms));
        Ok(Some(terms))
    }

    /// The terms, if they bound how many bytes the tenant takes: by a limit, or by a price under a spend cap.
    ///
    /// # Errors
    /// As the database says.
    pub fn storage_terms(&self, tx: TenantTx<'_>, meters: &Meters) -> Result<Option<Arc<UsageTerms>>> {
        if !self.may_bound_storage.load(Relaxed) {
            return Ok(None);
        }
        let Some(terms) = self.terms(tx, meters)? else { return Ok(None) };
        let is_bound = terms.storage_limit().is_some() || terms.caps(STORAGE_BYTES);
        if !is_bound {
            self.may_bound_storage.store(false, Relaxed);
        }
        Ok(Some(terms).filter(|_| is_bound))
    }

    /// The file is being told of other terms.
    pub(in crate::tenancy) fn changes(&self) {
        self.may_bound_storage.store(true, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(zone: &str, window: Window, moment: &str) -> (String, String) {
        let zone = TimeZone::get(zone).unwrap();
        let moment: Timestamp = moment.parse().unwrap();
        let period = window_in(&zone, window, moment.as_millisecond()).unwrap();
        let text = |ms: i64| Timestamp::from_millisecond(ms).unwrap().to_string();
        (text(period.from), text(period.to))
    }

    fn pair(from: &str, to: &str) -> (String, String) {
        (from.to_owned(), to.to_owned())
    }

    #[test]
    fn windows_go_by_the_clock_on_the_tenants_wall() {
        let day = |zone: &str, moment: &str| window(zone, Window::Day, moment);
        assert_eq!(day("UTC", "2026-03-29T12:00:00Z"), pair("2026-03-29T00:00:00Z", "2026-03-30T00:00:00Z"));
        // Clocks go forward: a day of 23 hours. And back: one of 25.
        let berlin = "Europe/Berlin";
        assert_eq!(day(berlin, "2026-03-29T12:00:00Z"), pair("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"));
        assert_eq!(day(berlin, "2026-10-25T12:00:00Z"), pair("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"));
        let kiritimati = day("Pacific/Kiritimati", "2026-01-01T09:59:59.999Z");
        assert_eq!(kiritimati, pair("2025-12-31T10:00:00Z", "2026-01-01T10:00:00Z"));
        let month = window("Asia/Kathmandu", Window::Month, "2024-02-10T00:00:00Z");
        assert_eq!(month, pair("2024-01-31T18:15:00Z", "2024-02-29T18:15:00Z"));
        let hour = window("Asia/Kathmandu", Window::Hour, "2026-01-01T00:00:00Z");
        assert_eq!(hour, pair("2025-12-31T23:15:00Z", "2026-01-01T00:15:00Z"));
        // Of an hour that comes twice each is one.
        let (first, second) = ("2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z");
        assert_eq!(window(berlin, Window::Hour, first), pair("2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"));
        assert_eq!(
            window(berlin, Window::Hour, second),
            pair("2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z")
        );
    }

    #[test]
    fn every_moment_lies_in_its_window_and_windows_begin_with_a_quarter() {
        for zone in [
            "UTC",
            "Europe/Berlin",
            "Asia/Kathmandu",
            "Pacific/Chatham",
            "America/St_Johns",
            "Australia/Lord_Howe",
        ] {
            let zone = TimeZone::get(zone).unwrap();
            for step in 0..9_000_i64 {
                let moment = 1_767_225_600_000 + step * 3_541_000;
                for window in [Window::Hour, Window::Day, Window::Month] {
                    let period = window_in(&zone, window, moment).unwrap();
                    assert!(
                        period.from <= moment && moment < period.to,
                        "{zone:?} {moment} {window:?} {period:?}"
                    );
                    assert_eq!(super::super::quarter(period.from), period.from);
                }
            }
        }
    }
}
