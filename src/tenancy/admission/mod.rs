//! What lets a request of a tenant in beyond who asks and in which state the tenant is: how fast it may ask, how much at
//! once, what database time it has left, and whose turn it is.
//!
//! Everything is in memory and bounded; what has to make way begins anew with all it may have. A request costs a look at
//! one or two sharded tables and a few atomics: no thread hop, and no lock that tenants share unless limits are new. A
//! change that leaves the limits as they are begins nothing anew, and one of the limits gives back nothing that was spent.
//!
//! There are three [lanes](Lane), each with a rate of its own as large as that of the others. What leads a person out of a
//! limit asks for neither places nor turns nor database time, and nobody has all of it: neither a runaway script nor people
//! who may only look lock the owner out of bills, members and the export.

mod database_time;
mod gauge;
mod limiter;
mod pauses;
mod places;
mod refused;
mod steady;
mod turns;

pub use limiter::{Limiter, Standing};
pub use steady::SteadyClock;

use crate::catalog::{Catalog, Tenant};
use crate::clock::SharedClock;
use crate::error::{Error, Result};
use crate::id::{ApiKeyId, IdentityId, TenantId};
use crate::model::api_key::KeyRate;
use crate::model::plan::Rate;
use foldhash::fast::RandomState;
use gauge::{Based, Gauge, Share, change_of};
use pauses::Pauses;
use quick_cache::sync::Cache;
use quick_cache::{Lifecycle, UnitWeighter};
use refused::Refused;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OwnedSemaphorePermit;
use turns::{Crowd, Turn};

/// Tenants, keys and people whose limits are in memory.
const MOST_TENANTS: usize = 131_072;
const MOST_KEYS: usize = 65_536;
const MOST_PEOPLE: usize = 65_536;

/// What the settings say.
#[derive(Clone, Copy, Debug)]
pub struct AdmissionOptions {
    /// Requests of one tenant that are worked on at once while others ask too; 0 is any number.
    pub turns: usize,
    /// Milliseconds of database time a second of tenants whose plans say nothing; 0 is any amount.
    pub database_ms_per_second: u32,
    /// Milliseconds by which refusals are told later of who goes on asking; 0 tells all at once.
    pub refusal_pause_ms: u64,
    /// Refusals that wait to be told at once at most, of all tenants.
    pub refusal_pauses: usize,
}

/// What is known of all tenants.
pub(super) struct Admission {
    clock: SteadyClock,
    tenants: Held<TenantId, Gauge>,
    keys: Held<ApiKeyId, Share>,
    /// On the way out.
    people: Held<(TenantId, IdentityId), Share>,
    /// Limits are made one at a time: two that come after the same ones would each give away what the other took.
    making: Mutex<()>,
    crowd: Arc<Crowd>,
    refused: Refused,
    pauses: Pauses,
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

/// What a request is about, as far as limits go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// It uses the product.
    Product,
    /// It sees or manages the tenant.
    Management,
    /// It leads this person out of what a limit keeps from the product: to bills, the plan, members, keys, the export.
    WayOut(IdentityId),
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
        drop(self.take_turn());
    }

    fn take_turn(&self) -> Option<Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Waits for what may be slow in coming, without the turn if the request has one: it gets another afterwards.
    ///
    /// # Errors
    /// 503 `overloaded` when that takes too long.
    pub async fn out_of_turn<T>(&self, slow: impl Future<Output = T>) -> Result<T> {
        let had = self.take_turn().is_some();
        let came = slow.await;
        if had {
            let turn = self.gauge.take_turn().await?;
            *self.turn.lock().unwrap_or_else(PoisonError::into_inner) = Some(turn);
        }
        Ok(came)
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
            people: held(MOST_PEOPLE),
            making: Mutex::default(),
            crowd: Arc::new(Crowd::new(clock.clone())),
            refused: Refused::default(),
            pauses: Pauses::new(options.refusal_pause_ms, options.refusal_pauses),
            options,
            clock,
        }
    }

    /// The limits of the tenant as its plan is now.
    async fn gauge(&self, catalog: &Catalog, tenant: &Tenant) -> Result<Arc<Gauge>> {
        // A request may have read the tenant before a change, and come here after another one that has not.
        let revision = tenant.entitlements;
        if let Some(gauge) = self.tenants.get(&tenant.id).filter(|gauge| gauge.basis().is_of(revision)) {
            return Ok(gauge);
        }
        let change = (revision, catalog.rate(tenant).await?);
        let context = (&self.crowd, &self.clock);
        Ok(self.made(&self.tenants, tenant.id, change, |before| {
            Gauge::new(tenant.id, change, before, self.options, context)
        }))
    }

    fn key_share(&self, gauge: &Gauge, key: ApiKeyId, given: Option<KeyRate>) -> Arc<Share> {
        if let Some(share) = self.keys.get(&key).filter(|share| share.is_of(gauge)) {
            return share;
        }
        let make = |before: Option<&Share>| Share::of_key(gauge, before, given, &self.clock);
        self.made(&self.keys, key, change_of(gauge), make)
    }

    fn person_share(&self, gauge: &Gauge, tenant: TenantId, person: IdentityId) -> Arc<Share> {
        let who = (tenant, person);
        if let Some(share) = self.people.get(&who).filter(|share| share.is_of(gauge)) {
            return share;
        }
        let make = |before: Option<&Share>| Share::of_person(gauge, before, &self.clock);
        self.made(&self.people, who, change_of(gauge), make)
    }

    /// Limits as they are by a change: those that are known if they stay, or others in their place.
    fn made<K: Eq + Hash, V: Based>(
        &self,
        table: &Held<K, V>,
        key: K,
        (revision, rate): (i64, Rate),
        make: impl FnOnce(Option<&V>) -> V,
    ) -> Arc<V> {
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        let known = table.get(&key);
        if let Some(known) = known.as_ref().filter(|known| known.basis().stays(revision, rate)) {
            return Arc::clone(known);
        }
        let made = Arc::new(make(known.as_deref()));
        table.insert(key, Arc::clone(&made));
        made
    }

    /// Lets a request in. `count` counts it for what is billed, once nothing else is in its way.
    ///
    /// # Errors
    /// 429 `rate_limited`, `database_time_exhausted`, `concurrency_limited`; 503 `overloaded`; what `count` says.
    pub(super) async fn admit(
        &self,
        catalog: &Catalog,
        tenant: &Tenant,
        key: Option<(ApiKeyId, Option<KeyRate>)>,
        lane: Lane,
        count: impl FnOnce() -> Result<()>,
    ) -> (Standings, Result<Admitted>) {
        let mut standings = Standings::default();
        let admitted = async {
            let gauge = self.gauge(catalog, tenant).await?;
            let key = key.map(|(key, given)| self.key_share(&gauge, key, given));
            let (of_tenant, person) = match lane {
                Lane::Product => (&gauge.product, None),
                Lane::Management => (&gauge.management, None),
                Lane::WayOut(person) => (&gauge.way_out, Some(self.person_share(&gauge, tenant.id, person))),
            };
            // The share first: what a key or a person is refused costs the tenant nothing.
            let of_share = key.as_ref().or(person.as_ref()).and_then(|share| share.limiter.as_ref());
            for (place, limiter) in [(1, of_share), (0, of_tenant.as_ref())] {
                let Some(limiter) = limiter else { continue };
                match limiter.take() {
                    Ok(standing) => standings[place] = Some(standing),
                    Err((standing, wait)) => {
                        standings[place] = Some(standing);
                        // Boxed: who is let in carries no room for it.
                        Box::pin(self.pauses.wait(&gauge.refusals, self.clock.ms())).await;
                        return Err(rate_limited(standing.name, wait));
                    }
                }
            }
            // Who is refused keeps nobody waiting.
            self.crowd.note(tenant.id);
            if matches!(lane, Lane::WayOut(_)) {
                count()?;
                return Ok(Admitted { gauge, _places: (None, None), turn: Mutex::default() });
            }
            if let Some(budget) = &gauge.database {
                budget.admit(self.clock.ms()).map_err(database_time_exhausted)?;
            }
            // The concurrency of a plan is that of the product.
            let is_product = lane == Lane::Product;
            let of_key = match key.as_ref().and_then(|key| key.places.as_ref()).filter(|_| is_product) {
                Some(places) => Some(places.take().await.ok_or_else(|| concurrency_limited("key"))?),
                None => None,
            };
            let of_tenant = match gauge.places.as_ref().filter(|_| is_product) {
                Some(places) => {
                    let place = places.take().await;
                    let (quota, left) = places.standing();
                    standings[2] = Some(Standing { name: "concurrency", quota, left, seconds: None });
                    Some(place.ok_or_else(|| concurrency_limited("tenant"))?)
                }
                None => None,
            };
            let turn = gauge.take_turn().await?;
            count()?;
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
        "identity" => "This person",
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
