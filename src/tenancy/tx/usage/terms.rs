//! What of a tenant's plan counts for its usage, parsed once and kept.

use super::super::TenantTx;
use super::kept_windows::KeptWindows;
use crate::error::{Error, Result};
use crate::model::entitlements::Entitlements;
use crate::model::meter::{Meters, STORAGE_BYTES};
use crate::model::money::Currency;
use crate::model::plan::{Decimal, Limit, Price, Window};
use crate::rating::{Period, window_in};
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
    /// A limit of a meter that keeps so many digits. What does not fit is more than can be used.
    pub fn of(limit: &Limit, scale: u8) -> ScaledLimit {
        let scaled = |quantity: Option<Decimal>| quantity.map(|it| it.scaled(scale).unwrap_or(i64::MAX));
        ScaledLimit { soft: scaled(limit.soft), hard: scaled(limit.hard), window: limit.window }
    }

    /// What percentages are of: the soft limit, or else the hard one.
    pub fn base(&self) -> i64 {
        self.soft.or(self.hard).unwrap_or(i64::MAX)
    }
}

impl UsageTerms {
    fn of(entitlements: Entitlements, meters: &Meters) -> Result<UsageTerms> {
        let zone = TimeZone::get(&entitlements.timezone).map_err(Error::internal)?;
        let mut limits = BTreeMap::new();
        for (name, limit) in &entitlements.terms.limits {
            // A meter that is not known any more counts nothing.
            let Some(meter) = meters.get(name) else { continue };
            limits.insert(name.clone(), ScaledLimit::of(limit, meter.scale));
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

    /// The terms, if how many bytes the tenant takes matters to them: for a limit, or for a price under a spend cap.
    ///
    /// # Errors
    /// As the database says.
    pub fn storage_terms(&self, tx: TenantTx<'_>, meters: &Meters) -> Result<Option<Arc<UsageTerms>>> {
        if !self.may_bound_storage.load(Relaxed) {
            return Ok(None);
        }
        let Some(terms) = self.terms(tx, meters)? else { return Ok(None) };
        let is_bound = terms.limits.contains_key(STORAGE_BYTES) || terms.caps(STORAGE_BYTES);
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
