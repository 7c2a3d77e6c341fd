//! Names become addresses once, and what is connected to is what was looked at.

use crate::model::webhook::OutgoingRules;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// Addresses that one request may try.
const MOST_ADDRESSES: usize = 16;

/// Looks names up.
pub(in crate::service) trait Lookup: Send + Sync + 'static {
    /// The addresses of a name. Blocks.
    ///
    /// # Errors
    /// As the machine's resolver says.
    fn addresses(&self, name: &str) -> std::io::Result<Vec<IpAddr>>;
}

/// By the resolver of this machine.
pub(in crate::service) struct SystemLookup;

impl Lookup for SystemLookup {
    fn addresses(&self, name: &str) -> std::io::Result<Vec<IpAddr>> {
        Ok((name, 0).to_socket_addrs()?.map(|address| address.ip()).collect())
    }
}

/// Where a host leads that is not called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Nowhere {
    /// No address is known for it.
    NoAddress,
    /// One of its addresses is not in the open internet, nor in a network that the operator opened.
    NotAllowed,
}

/// Gives ureq nothing but addresses that may be called. It connects to these and looks up nothing again.
pub(super) struct CheckedResolver {
    rules: Arc<OutgoingRules>,
    lookup: Arc<dyn Lookup>,
}

impl CheckedResolver {
    pub(super) fn new(rules: &Arc<OutgoingRules>, lookup: &Arc<dyn Lookup>) -> CheckedResolver {
        CheckedResolver { rules: Arc::clone(rules), lookup: Arc::clone(lookup) }
    }

    /// The addresses of a host, every one of which may be called: where one may not, none is. Why there are none is for the
    /// log alone: else tenants could ask which names there are in our networks.
    fn checked(&self, host: &str) -> Result<Vec<IpAddr>, ureq::Error> {
        self.found(host).map_err(|why| {
            tracing::info!(host, ?why, "a host is not called");
            ureq::Error::HostNotFound
        })
    }

    fn found(&self, host: &str) -> Result<Vec<IpAddr>, Nowhere> {
        let literal = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        let addresses = match literal.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => self.lookup.addresses(host).map_err(|_| Nowhere::NoAddress)?,
        };
        if addresses.is_empty() {
            return Err(Nowhere::NoAddress);
        }
        if addresses.iter().all(|address| self.rules.admit(*address)) {
            Ok(addresses)
        } else {
            Err(Nowhere::NotAllowed)
        }
    }
}

impl std::fmt::Debug for CheckedResolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CheckedResolver")
    }
}

impl Resolver for CheckedResolver {
    fn resolve(&self, uri: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let host = uri.host().ok_or(ureq::Error::HostNotFound)?;
        let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("http") { 80 } else { 443 });
        let mut resolved = self.empty();
        for address in self.checked(host)?.into_iter().take(MOST_ADDRESSES) {
            resolved.push(SocketAddr::new(address, port));
        }
        Ok(resolved)
    }
}
