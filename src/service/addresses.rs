//! How fast one address may ask without being signed in. Whoever is signed in is limited by the plan of the tenant.

use super::throttle::{WIDE, network_of, wide_network_of};
use crate::clock::SharedClock;
use crate::config::Config;
use crate::error::Error;
use crate::tenancy::{AdmissionOptions, Limiter, Standing, SteadyClock, rate_limited};
use quick_cache::sync::Cache;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Networks whose limits are in memory. One that has to make way begins anew.
const MOST: usize = 65_536;
/// Requests at once after a rest, in seconds of the rate: a page of a whole office behind one address.
const BURST_SECONDS: u32 = 10;

/// The limits of all addresses.
pub struct Addresses {
    requests_per_second: u32,
    networks: Cache<String, Arc<Limiter>>,
    /// Those of IPv6 by /48.
    wide: Cache<String, Arc<Limiter>>,
    /// Whether somebody said in whose name they ask, and was not believed.
    has_forwarded: AtomicBool,
    clock: SteadyClock,
}

impl Addresses {
    pub(super) fn new(config: &Config, clock: SharedClock) -> Addresses {
        Addresses {
            requests_per_second: config.address_requests_per_second,
            networks: Cache::new(MOST),
            wide: Cache::new(MOST),
            has_forwarded: AtomicBool::new(false),
            clock: SteadyClock::new(clock),
        }
    }

    /// Takes a request of an address that is not signed in, and tells how its limit stands: an IPv4 address has one of its
    /// own, an IPv6 address that of its /64, and all of a /48 have eight times as much.
    ///
    /// # Errors
    /// 429 `rate_limited`.
    pub fn take(&self, address: &str) -> (Option<Standing>, Result<(), Error>) {
        if self.requests_per_second == 0 {
            return (None, Ok(()));
        }
        let network = network_of(address);
        // What a network is refused costs its neighbours nothing; a new one takes no room unless they have some left.
        let known = self.networks.get(network.as_str()).map(|limiter| limiter.take());
        if let Some(refused @ Err(_)) = known {
            return told(refused);
        }
        if let Some(wide) = wide_network_of(address) {
            let refused = self.limiter(&self.wide, &wide, WIDE).take();
            if refused.is_err() {
                return told(refused);
            }
        }
        told(known.unwrap_or_else(|| self.limiter(&self.networks, &network, 1).take()))
    }

    fn limiter(&self, table: &Cache<String, Arc<Limiter>>, network: &str, times: u32) -> Arc<Limiter> {
        let make = || {
            let rate = self.requests_per_second.saturating_mul(times);
            let burst = rate.saturating_mul(BURST_SECONDS);
            Ok::<_, Infallible>(Arc::new(Limiter::new("address", f64::from(rate), burst, &self.clock)))
        };
        let Ok(limiter) = table.get_or_insert_with(network, make);
        limiter
    }

    /// Whether this is the first time that somebody forwards who is not believed.
    pub fn is_first_forwarded(&self) -> bool {
        !self.has_forwarded.load(Relaxed) && !self.has_forwarded.swap(true, Relaxed)
    }
}

fn told(taken: Result<Standing, (Standing, u32)>) -> (Option<Standing>, Result<(), Error>) {
    match taken {
        Ok(standing) => (Some(standing), Ok(())),
        Err((standing, wait)) => (Some(standing), Err(rate_limited(standing.name, wait))),
    }
}

/// What limits tenants beside their plans.
pub(super) fn admission_options(config: &Config) -> AdmissionOptions {
    AdmissionOptions {
        turns: config.tenant_turns,
        database_ms_per_second: config.tenant_database_ms_per_second,
        refusal_pause_ms: config.refusal_pause_ms,
        // Each has a place of these until it is told.
        refusal_pauses: config.max_requests / 16,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{ManualClock, Timestamp};
    use crate::config::Partial;

    fn addresses() -> (Arc<ManualClock>, Addresses) {
        let config =
            Config::load(Partial { address_requests_per_second: Some(1), ..Partial::default() }, None);
        let clock = Arc::new(ManualClock::new(Timestamp(1_000_000)));
        let shared = Arc::clone(&clock) as SharedClock;
        (clock, Addresses::new(&config.unwrap(), shared))
    }

    fn taken(addresses: &Addresses, address: &str) -> usize {
        (0..100).filter(|_| addresses.take(address).1.is_ok()).count()
    }

    #[test]
    fn an_ipv4_address_is_counted_by_itself_and_an_ipv6_address_with_its_64() {
        let (clock, addresses) = addresses();
        assert_eq!((taken(&addresses, "192.0.2.1"), taken(&addresses, "192.0.2.2")), (10, 10));
        assert_eq!(taken(&addresses, "2001:db8::1"), 10);
        assert_eq!(taken(&addresses, "2001:db8::ffff:1"), 0);
        assert_eq!(taken(&addresses, "2001:db8:0:1::1"), 10);
        // The same address in another spelling.
        assert_eq!(taken(&addresses, "::ffff:192.0.2.1"), 0);
        clock.advance(3_000);
        assert_eq!(taken(&addresses, "192.0.2.1"), 3);
    }

    #[test]
    fn all_networks_of_a_48_have_eight_times_as_much_and_none_of_it_for_who_is_refused_already() {
        let (_clock, addresses) = addresses();
        // One that goes on and on takes nothing from its neighbours.
        for _ in 0..20 {
            taken(&addresses, "2001:db8:7:1::1");
        }
        let all: usize =
            (2..1_000).map(|number| taken(&addresses, &format!("2001:db8:7:{number:x}::1"))).sum();
        assert_eq!(all, 70);
        // Those beyond that take no room.
        assert!(addresses.networks.len() <= 9, "{}", addresses.networks.len());
        assert_eq!(taken(&addresses, "2001:db8:8:1::1"), 10);
    }

    #[test]
    fn that_somebody_forwards_is_new_once() {
        let (_clock, addresses) = addresses();
        assert_eq!([(); 3].map(|()| addresses.is_first_forwarded()), [true, false, false]);
    }

    #[test]
    fn millions_of_addresses_take_bounded_memory() {
        let (_clock, addresses) = addresses();
        for number in 0..200_000_u32 {
            let address = std::net::Ipv4Addr::from_bits(number).to_string();
            assert!(addresses.take(&address).1.is_ok());
        }
        assert!(addresses.networks.len() <= MOST);
    }
}
