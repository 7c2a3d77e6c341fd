//! How fast one address may ask without being signed in. Whoever is signed in is limited by the plan of the tenant.

use super::throttle::network_of;
use crate::clock::SharedClock;
use crate::config::Config;
use crate::error::Result;
use crate::tenancy::{AdmissionOptions, Limiter, Standing, SteadyClock, rate_limited};
use quick_cache::sync::Cache;
use std::convert::Infallible;
use std::sync::Arc;

/// Networks whose limits are in memory. One that has to make way begins anew.
const MOST: usize = 65_536;
/// Requests at once after a rest, in seconds of the rate: a page of a whole office behind one address.
const BURST_SECONDS: u32 = 10;

/// The limits of all addresses.
pub struct Addresses {
    requests_per_second: u32,
    networks: Cache<String, Arc<Limiter>>,
    clock: SteadyClock,
}

impl Addresses {
    pub(super) fn new(config: &Config, clock: SharedClock) -> Addresses {
        Addresses {
            requests_per_second: config.address_requests_per_second,
            networks: Cache::new(MOST),
            clock: SteadyClock::new(clock),
        }
    }

    /// Takes a request of an address that is not signed in, and tells how its limit stands: an IPv4 address has one of its
    /// own, an IPv6 address that of its /64.
    ///
    /// # Errors
    /// 429 `rate_limited`.
    pub fn take(&self, address: &str) -> (Option<Standing>, Result<()>) {
        if self.requests_per_second == 0 {
            return (None, Ok(()));
        }
        let make = || {
            let (rate, burst) =
                (self.requests_per_second, self.requests_per_second.saturating_mul(BURST_SECONDS));
            Ok::<_, Infallible>(Arc::new(Limiter::new("address", f64::from(rate), burst, &self.clock)))
        };
        let Ok(limiter) = self.networks.get_or_insert_with(network_of(address).as_str(), make);
        match limiter.take() {
            Ok(standing) => (Some(standing), Ok(())),
            Err((standing, wait)) => (Some(standing), Err(rate_limited(standing.name, wait))),
        }
    }
}

/// What limits tenants beside their plans.
pub(super) fn admission_options(config: &Config) -> AdmissionOptions {
    AdmissionOptions {
        turns: config.tenant_turns,
        database_ms_per_second: config.tenant_database_ms_per_second,
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
    fn millions_of_addresses_take_bounded_memory() {
        let (_clock, addresses) = addresses();
        for number in 0..200_000_u32 {
            let address = std::net::Ipv4Addr::from_bits(number).to_string();
            assert!(addresses.take(&address).1.is_ok());
        }
        assert!(addresses.networks.len() <= MOST);
    }
}
