//! Where a request came from.

use super::cookies;
use super::problem::Problem;
use super::routes::{Access, Declared};
use super::warnings::limited_by;
use crate::error::Error;
use crate::service::{Caller, Installation};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// A request to a route that everyone may use.
pub(super) struct Public {
    /// Where it came from.
    pub(super) caller: Caller,
}

impl FromRequestParts<Arc<Installation>> for Public {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        installation: &Arc<Installation>,
    ) -> Result<Public, Problem> {
        let declared = Declared::of(parts)?;
        declared.require(Access::Public)?;
        declared.check_query(parts)?;
        let address = address(parts, installation);
        let caller = Caller {
            address,
            user_agent: user_agent(&parts.headers),
            device: cookies::device(&parts.headers, installation),
        };
        let public = Public { caller };
        if !declared.is_by_token() {
            public.count(installation)?;
        }
        Ok(public)
    }
}

impl Public {
    /// Takes the request from the limits of its address.
    pub(super) fn count(&self, installation: &Installation) -> Result<(), Error> {
        let (standing, taken) = installation.addresses().take(&self.caller.address);
        limited_by([standing, None, None]);
        taken
    }
}

/// What is answered to who is refused before any tenant's limits count: the request is taken from those of the address.
pub(super) fn refused_at_the_door(installation: &Installation, address: &str, refusal: Error) -> Problem {
    let (standing, taken) = installation.addresses().take(address);
    if taken.is_err() {
        limited_by([standing, None, None]);
    }
    Problem(taken.err().unwrap_or(refusal))
}

/// The other end of a connection, written out once for all its requests.
#[derive(Clone)]
pub(super) struct Peer {
    address: IpAddr,
    text: Arc<str>,
}

impl Peer {
    pub(super) fn new(peer: SocketAddr) -> Peer {
        let address = peer.ip().to_canonical();
        Peer { address, text: address.to_string().into() }
    }
}

/// The address of the peer; behind trusted proxies the rightmost forwarded address that is none of them.
pub(super) fn address(parts: &Parts, installation: &Installation) -> Arc<str> {
    let Some(peer) = parts.extensions.get::<Peer>() else {
        return Arc::default();
    };
    let trusted = &installation.config().trusted_proxies;
    if !trusted.contains(&peer.address) {
        note_forwarded(parts, peer, installation);
        return Arc::clone(&peer.text);
    }
    let forwarded: Vec<&str> = parts
        .headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    // From the right, where our own proxies wrote; whatever the client put at the left is not looked at.
    let addresses = forwarded.iter().rev().map_while(|part| part.trim().parse::<IpAddr>().ok());
    let client = addresses.map(|address| address.to_canonical()).find(|address| !trusted.contains(address));
    client.map_or_else(|| Arc::clone(&peer.text), |client| client.to_string().into())
}

/// A proxy that nobody named makes all people behind it one address, which runs into its limits: that is told once.
fn note_forwarded(parts: &Parts, peer: &Peer, installation: &Installation) {
    if parts.headers.contains_key("x-forwarded-for") && installation.addresses().is_first_forwarded() {
        tracing::warn!(
            peer = %peer.text,
            "X-Forwarded-For came from {0}, which is no trusted proxy: it is not believed, and all who come from {0} \
             count as one. If it is your proxy, set trusted_proxies = [\"{0}\"]",
            peer.text
        );
    }
}

fn user_agent(headers: &HeaderMap) -> String {
    let text = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.chars().filter(|c| !c.is_control()).take(300).collect()
}
