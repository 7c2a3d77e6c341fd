//! What lets a request of a tenant in beyond who asks and in which state the tenant is: how fast it may ask, how much at
//! once, what database time it has left, and whose turn it is.
//!
//! Everything is in memory and bounded; what has to make way begins anew with all it may have. A request costs a look at
//! one or two sharded tables and a few atomics: no thread hop, no lock that tenants share.
//!
//! What leads out of a limit ([`is_product`](super::requests::is_product) says no) has a rate of its own, as large as
//! that of everything else, and asks for neither places nor turns nor database time: a runaway script does not lock the
//! owner out of bills, members and the export.

mod database_time;
mod gauge;
mod limiter;
mod refused;
mod steady;
mod turns;

pub use limiter::{Limiter, Standing};
pub use steady::SteadyClock;

use crate::catalog::{Catalog, Tenant};
use crate::clock::SharedClock;
use crate::error::{Error, Result};
use crate::id::{ApiKeyId, TenantId};
use crate::model::api_key::KeyRate;
use foldhash::fast::RandomState;
use gauge::{Gauge, KeyGauge};
use quick_cache::sync::Cache;
use quick_cache::{Lifecycle, UnitWeighter};
use refused::Refused;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OwnedSemaphorePermit;
use turns::{Crowd, Turn};

/// Tenants and keys whose limits are in memory.
const MOST_TENANTS: usize = 131_072;
const MOST_KEYS: usize = 65_536;

/// What the settings say.
#[derive(Clone, Copy, Debug)]
pub struct AdmissionOptions {
    /// Requests of one tenant that are worked on at once while others ask too; 0 is any number.
    pub turns: usize,
    /// Milliseconds of database time a second of tenants whose plans say nothing; 0 is any amount.
    pub database_ms_per_second: u32,
}

/// What is known of all tenants.
pub(super) struct Admission {
    clock: SteadyClock,
    tenants: Held<TenantId, Gauge>,
    keys: Held<ApiKeyId, KeyGauge>,
    crowd: Crowd,
    refused: Refused,
    options: AdmissionOptions,
}

/// A bounded table whose entries stay as long as a request holds them.
type Held<K, V> = Cache<K, Arc<V>, UnitWeighter, RandomState, KeepInUse>;

/// Keeps what is in use: who has requests under way would begin to count anew.
#[derive(Clone)]
struct KeepInUse;

impl<K, V> Lifecycle<K, Arc<V>> for KeepInUse {
    type RequestState = ();

    fn is_pinned(&self, _: &K, value: &Arc<V>) -> bool {
        Arc::strong_count(value) > 1
    }
}

fn held<K: Eq + Hash, V>(most: usize) -> Held<K, V> {
    Cache::with(most, most as u64, UnitWeighter, RandomState::default(), KeepInUse)
}

/// A request that was let in: it has its places until this is dropped.
pub struct Admitted {
    pub(super) gauge: Arc<Gauge>,
    _places: (Option<OwnedSemaphorePermit>, Option<OwnedSemaphorePermit>),
    turn: Mutex<Option<Turn>>,
}

impl Admitted {
    /// Gives the turn back before the request is over: who waits for a slow peer keeps nobody else waiting.
    pub(super) fn release_turn(&self) {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

/// How the limits stand by which a request was let in or refused.
pub type Standings = [Option<Standing>; 3];

impl Admission {
    pub(super) fn new(options: AdmissionOptions, clock: SharedClock) -> Admission {
        let clock = SteadyClock::new(clock);
        Admission {
            tenants: held(MOST_TENANTS),
            keys: held(MOST_KEYS),
            crowd: Crowd::new(clock.clone()),
            refused: Refused::default(),
            options,
            clock,
        }
    }

    /// The limits of the tenant as its plan is now.
    async fn gauge(&self, catalog: &Catalog, tenant: &Tenant) -> Result<Arc<Gauge>> {
        let revision = tenant.entitlements;
        // A request may have read the tenant before a change, and come here after another one that has not.
        let is_current = |gauge: &Arc<Gauge>| gauge.revision >= revision;
        if let Some(gauge) = self.tenants.get(&tenant.id).filter(is_current) {
            return Ok(gauge);
        }
        let rate = catalog.rate(tenant).await?;
        let make = || Arc::new(Gauge::new(revision, rate, self.options, &self.clock));
        let Ok(gauge) =
            self.tenants.get_or_insert_with(&tenant.id, || Ok::<_, std::convert::Infallible>(make()));
        if is_current(&gauge) {
            return Ok(gauge);
        }
        let gauge = make();
        self.tenants.insert(tenant.id, Arc::clone(&gauge));
        Ok(gauge)
    }

    fn key_gauge(&self, gauge: &Gauge, key: ApiKeyId, given: Option<KeyRate>) -> Arc<KeyGauge> {
        let make = || Arc::new(KeyGauge::new(gauge.revision, gauge.rate, given, &self.clock));
        let Ok(known) = self.keys.get_or_insert_with(&key, || Ok::<_, std::convert::Infallible>(make()));
        if known.revision >= gauge.revision {
            return known;
        }
        let made = make();
        self.keys.insert(key, Arc::clone(&made));
        made
    }

    /// Lets a request in. `count` counts it for what is billed, once it was neither too fast nor too dear.
    ///
    /// # Errors
    /// 429 `rate_limited`, `database_time_exhausted`, `concurrency_limited`; 503 `overloaded`; what `count` says.
    pub(super) async fn admit(
        &self,
        catalog: &Catalog,
        tenant: &Tenant,
        key: Option<(ApiKeyId, Option<KeyRate>)>,
        is_product: bool,
        count: impl FnOnce() -> Result<()>,
    ) -> (Standings, Result<Admitted>) {
        let mut standings = Standings::default();
        let admitted = async {
            let gauge = self.gauge(catalog, tenant).await?;
            self.crowd.note(tenant.id);
            let key = key.map(|(key, given)| self.key_gauge(&gauge, key, given));
            // The key first: what it is refused costs the tenant nothing.
            let of_key = key.as_ref().and_then(|key| key.limiter.as_ref());
            let of_tenant = if is_product { &gauge.product } else { &gauge.way_out };
            for (place, limiter) in [(1, of_key), (0, of_tenant.as_ref())] {
                let Some(limiter) = limiter else { continue };
                match limiter.take() {
                    Ok(standing) => standings[place] = Some(standing),
                    Err((standing, wait)) => {
                        standings[place] = Some(standing);
                        return Err(rate_limited(standing.name, wait));
                    }
                }
            }
            if !is_product {
                count()?;
                return Ok(Admitted { gauge, _places: (None, None), turn: Mutex::default() });
            }
            if let Some(budget) = &gauge.database {
                budget.admit(self.clock.ms()).map_err(database_time_exhausted)?;
            }
            count()?;
            let of_key = match key.as_ref().and_then(|key| key.places.as_ref()) {
                Some(places) => Some(places.take().await.ok_or_else(|| concurrency_limited("key"))?),
                None => None,
            };
            let of_tenant = match &gauge.places {
                Some(places) => {
                    let place = places.take().await;
                    let (quota, left) = places.standing();
                    standings[2] = Some(Standing { name: "concurrency", quota, left, seconds: None });
                    Some(place.ok_or_else(|| concurrency_limited("tenant"))?)
                }
                None => None,
            };
            let turn = gauge.turns.take(tenant.id, &self.crowd).await.ok_or_else(turn_never_came)?;
            Ok(Admitted { gauge, _places: (of_key, of_tenant), turn: Mutex::new(Some(turn)) })
        };
        let admitted = admitted.await;
        if let Err(error) = &admitted {
            self.refused.note(tenant.id, error.code());
        }
        (standings, admitted)
    }

    /// What was refused since the last time: tenant, code and number.
    pub(super) fn take_refused(&self) -> Vec<(TenantId, String, u64)> {
        self.refused.take()
    }
}

/// 429 for what asks faster than it may: `limit` is whose limit it is.
pub fn rate_limited(limit: &'static str, wait: u32) -> Error {
    let whose = match limit {
        "key" => "This API key",
        "address" => "Your network",
        _ => "This tenant",
    };
    let detail = format!("{whose} asks faster than it may. Wait {wait} s; RateLimit says what is left.");
    Error::too_many("rate_limited", detail, wait).with_member("limit", limit)
}

fn concurrency_limited(limit: &'static str) -> Error {
    let detail =
        "Too many requests are under way at once, more than the plan has. Send the next when one has ended.";
    Error::too_many("concurrency_limited", detail, 1).with_member("limit", limit)
}

fn database_time_exhausted(wait: u32) -> Error {
    let detail = format!(
        "The queries of this tenant have taken more of the database than it may have. Wait {wait} s, and ask for less \
         at once: filters on columns with an index, fewer rows."
    );
    Error::too_many("database_time_exhausted", detail, wait)
}

fn turn_never_came() -> Error {
    let detail = "Too many requests of this tenant wait while others ask too. Try again shortly.";
    Error::unavailable("overloaded", detail, 1)
}

#[cfg(test)]
mod tests;
