//! What an address on the network is counted with.

use std::net::IpAddr;

/// What a /48 has of what a /64 has: one customer of a provider has 65,536 of those, and is not as many people.
pub(in crate::service) const WIDE: u32 = 8;

/// An IPv4 address, or the /64 of an IPv6 address: one household has that many.
pub(in crate::service) fn network_of(address: &str) -> String {
    match address.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V6(v6)) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Ok(v4) => v4.to_string(),
        Err(_) => address.to_owned(),
    }
}

/// The /48 of an IPv6 address: what one customer of a provider has at most.
pub(in crate::service) fn wide_network_of(address: &str) -> Option<String> {
    match address.parse::<IpAddr>().ok()?.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, ..] = v6.segments();
            Some(format!("{a:x}:{b:x}:{c:x}::/48"))
        }
        IpAddr::V4(_) => None,
    }
}
