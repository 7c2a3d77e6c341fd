//! The limits of one tenant, and the share that one key or one person has of them.

use super::AdmissionOptions;
use super::database_time::DatabaseBudget;
use super::limiter::Limiter;
use super::pauses::Refusals;
use super::places::Places;
use super::steady::SteadyClock;
use super::turns::{Crowd, Turn, Turns};
use crate::error::Result;
use crate::id::TenantId;
use crate::model::api_key::KeyRate;
use crate::model::plan::Rate;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::Duration;

/// What one key has of its tenant's rate, burst and concurrency at most: a fifth is left for people and other keys. So it
/// is for one person on the way out.
const SHARE: f64 = 0.8;

/// What limits were made of.
pub(super) struct Basis {
    /// The number of the latest change of what the tenant may use by which they are as they are.
    revision: AtomicI64,
    rate: Rate,
}

impl Basis {
    fn new(revision: i64, rate: Rate) -> Basis {
        Basis { revision: AtomicI64::new(revision), rate }
    }

    fn revision(&self) -> i64 {
        self.revision.load(Relaxed)
    }

    /// Whether they are those of this change or a later one.
    pub(super) fn is_of(&self, revision: i64) -> bool {
        self.revision() >= revision
    }

    /// Whether they stay what they are by a change: one that is about something else begins nothing anew.
    pub(super) fn stays(&self, revision: i64, rate: Rate) -> bool {
        if !self.is_of(revision) && self.rate == rate {
            self.revision.fetch_max(revision, Relaxed);
        }
        self.is_of(revision)
    }
}

/// Limits that are made of a [`Basis`].
pub(super) trait Based {
    fn basis(&self) -> &Basis;
}

/// The limits of one tenant, as its plan was when they were made.
pub(in crate::tenancy) struct Gauge {
    basis: Basis,
    tenant: TenantId,
    /// Of what uses the product, of what else sees and manages the tenant, and of the way out.
    pub(super) product: Option<Limiter>,
    pub(super) management: Option<Limiter>,
    pub(super) way_out: Option<Limiter>,
    pub(super) places: Option<Arc<Places>>,
    pub(super) database: Option<DatabaseBudget>,
    pub(super) refusals: Refusals,
    turns: Turns,
    crowd: Arc<Crowd>,
    clock: SteadyClock,
}

impl Based for Gauge {
    fn basis(&self) -> &Basis {
        &self.basis
    }
}

impl Gauge {
    /// `before` is what the tenant had: what was spent of that stays spent, and who is under way counts.
    pub(super) fn new(
        tenant: TenantId,
        (revision, rate): (i64, Rate),
        before: Option<&Gauge>,
        options: AdmissionOptions,
        (crowd, clock): (&Arc<Crowd>, &SteadyClock),
    ) -> Gauge {
        let limiter = |before: Option<&Limiter>| {
            let per_second = rate.requests_per_second?;
            let burst = rate.burst.unwrap_or(per_second);
            Some(Limiter::new("tenant", f64::from(per_second), burst, clock).after(before))
        };
        let default = Some(options.database_ms_per_second).filter(|most| *most > 0);
        let database = rate.database_ms_per_second.or(default).map(DatabaseBudget::new);
        Gauge {
            basis: Basis::new(revision, rate),
            tenant,
            product: limiter(before.and_then(|before| before.product.as_ref())),
            management: limiter(before.and_then(|before| before.management.as_ref())),
            way_out: limiter(before.and_then(|before| before.way_out.as_ref())),
            places: places_after(before.and_then(|before| before.places.as_ref()), rate.concurrency),
            database: database.map(|budget| budget.after(before.and_then(|before| before.database.as_ref()))),
            refusals: Refusals::default(),
            turns: before.map_or_else(|| Turns::new(options.turns), |before| before.turns.clone()),
            crowd: Arc::clone(crowd),
            clock: clock.clone(),
        }
    }

    /// Takes what statements took from the budget.
    pub(in crate::tenancy) fn spend(&self, took: Duration) {
        if let Some(budget) = &self.database {
            budget.spend(took, self.clock.ms());
        }
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// 503 `overloaded` when that takes too long.
    pub(super) async fn take_turn(&self) -> Result<Turn> {
        self.turns.take(self.tenant, &self.crowd).await.ok_or_else(super::turn_never_came)
    }
}

/// The same places, as many as there are to be now.
fn places_after(before: Option<&Arc<Places>>, most: Option<u32>) -> Option<Arc<Places>> {
    let most = most?;
    let Some(before) = before else { return Some(Arc::new(Places::new(most))) };
    before.resize(most);
    Some(Arc::clone(before))
}

/// What one key, or one person on the way out, has of the limits of a tenant.
pub(super) struct Share {
    basis: Basis,
    pub(super) limiter: Option<Limiter>,
    pub(super) places: Option<Arc<Places>>,
}

impl Based for Share {
    fn basis(&self) -> &Basis {
        &self.basis
    }
}

impl Share {
    /// Of a key; `given` is what was said as it was made.
    pub(super) fn of_key(
        gauge: &Gauge,
        before: Option<&Share>,
        given: Option<KeyRate>,
        clock: &SteadyClock,
    ) -> Share {
        let rate = gauge.basis.rate;
        let given = given.map(|given| (f64::from(given.requests_per_second), given.burst));
        let counts = match (share_of_rate(rate), given) {
            (Some(share), Some(given)) => Some((share.0.min(given.0), share.1.min(given.1))),
            (share, given) => share.or(given),
        };
        let places = before.and_then(|before| before.places.as_ref());
        Share {
            places: places_after(places, rate.concurrency.map(share_of)),
            ..Share::new("key", gauge, before, counts, clock)
        }
    }

    /// Of a person.
    pub(super) fn of_person(gauge: &Gauge, before: Option<&Share>, clock: &SteadyClock) -> Share {
        Share::new("identity", gauge, before, share_of_rate(gauge.basis.rate), clock)
    }

    fn new(
        name: &'static str,
        gauge: &Gauge,
        before: Option<&Share>,
        counts: Option<(f64, u32)>,
        clock: &SteadyClock,
    ) -> Share {
        let before = before.and_then(|before| before.limiter.as_ref());
        let limiter =
            counts.map(|(per_second, burst)| Limiter::new(name, per_second, burst, clock).after(before));
        Share { basis: Basis::new(gauge.basis.revision(), gauge.basis.rate), limiter, places: None }
    }

    /// Whether it is a share of what the tenant has now.
    pub(super) fn is_of(&self, gauge: &Gauge) -> bool {
        self.basis.is_of(gauge.basis.revision())
    }
}

/// What of a change limits are made anew by.
pub(super) fn change_of(gauge: &Gauge) -> (i64, Rate) {
    (gauge.basis.revision(), gauge.basis.rate)
}

fn share_of_rate(rate: Rate) -> Option<(f64, u32)> {
    rate.requests_per_second.map(|most| (f64::from(most) * SHARE, share_of(rate.burst.unwrap_or(most))))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "less than what is cut down")]
fn share_of(whole: u32) -> u32 {
    ((f64::from(whole) * SHARE) as u32).max(1)
}
