//! The limits of one tenant, and of one key.

use super::AdmissionOptions;
use super::database_time::DatabaseBudget;
use super::limiter::Limiter;
use super::steady::SteadyClock;
use super::turns::{Places, Turns};
use crate::model::api_key::KeyRate;
use crate::model::plan::Rate;
use std::time::Duration;

/// What one key has of its tenant's rate, burst and concurrency at most: a fifth is left for people and other keys.
const SHARE_OF_KEY: f64 = 0.8;

/// The limits of one tenant, as its plan was when they were made.
pub(in crate::tenancy) struct Gauge {
    /// The number of the change of what the tenant may use that they are of.
    pub(super) revision: i64,
    pub(super) rate: Rate,
    pub(super) product: Option<Limiter>,
    pub(super) way_out: Option<Limiter>,
    pub(super) places: Option<Places>,
    pub(super) database: Option<DatabaseBudget>,
    pub(super) turns: Turns,
    clock: SteadyClock,
}

impl Gauge {
    pub(super) fn new(revision: i64, rate: Rate, options: AdmissionOptions, clock: &SteadyClock) -> Gauge {
        let limiter = || {
            let per_second = rate.requests_per_second?;
            let burst = rate.burst.unwrap_or(per_second);
            Some(Limiter::new("tenant", f64::from(per_second), burst, clock))
        };
        let default = Some(options.database_ms_per_second).filter(|most| *most > 0);
        Gauge {
            revision,
            rate,
            product: limiter(),
            way_out: limiter(),
            places: rate.concurrency.map(Places::new),
            database: rate.database_ms_per_second.or(default).map(DatabaseBudget::new),
            turns: Turns::new(options.turns),
            clock: clock.clone(),
        }
    }

    /// Takes what statements took from the budget.
    pub(in crate::tenancy) fn spend(&self, took: Duration) {
        if let Some(budget) = &self.database {
            budget.spend(took, self.clock.ms());
        }
    }
}

/// The limits of one key.
pub(super) struct KeyGauge {
    /// As [`Gauge::revision`].
    pub(super) revision: i64,
    pub(super) limiter: Option<Limiter>,
    pub(super) places: Option<Places>,
}

impl KeyGauge {
    /// `given` is what was said as the key was made.
    pub(super) fn new(revision: i64, rate: Rate, given: Option<KeyRate>, clock: &SteadyClock) -> KeyGauge {
        let share = rate
            .requests_per_second
            .map(|most| (f64::from(most) * SHARE_OF_KEY, share_of(rate.burst.unwrap_or(most))));
        let given = given.map(|given| (f64::from(given.requests_per_second), given.burst));
        let counts = match (share, given) {
            (Some(share), Some(given)) => Some((share.0.min(given.0), share.1.min(given.1))),
            (share, given) => share.or(given),
        };
        KeyGauge {
            revision,
            limiter: counts.map(|(per_second, burst)| Limiter::new("key", per_second, burst, clock)),
            places: rate.concurrency.map(|most| Places::new(share_of(most))),
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "less than what is cut down")]
fn share_of(whole: u32) -> u32 {
    ((f64::from(whole) * SHARE_OF_KEY) as u32).max(1)
}
