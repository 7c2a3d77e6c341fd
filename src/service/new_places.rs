//! Sign-ins from where nobody signed in to the account before: its owner is told.

use super::mail::at_minute;
use crate::catalog::{CatalogTx, NewSession};
use crate::error::Result;
use crate::model::letter::{Content, Recipient};
use std::net::IpAddr;

/// Posts a letter if the account was signed in to before, but never from this network. Whoever has the device cookie of a
/// browser that did is known already. A first sign-in is no news.
pub(super) fn tell_if_new(tx: &CatalogTx<'_>, new: &NewSession) -> Result<()> {
    let Some(network) = network_of(&new.address) else { return Ok(()) };
    let before = tx.list_session_addresses(new.identity)?;
    if before.is_empty() || before.iter().any(|address| network_of(address).as_ref() == Some(&network)) {
        return Ok(());
    }
    let device = if new.user_agent.is_empty() { "unknown".to_owned() } else { new.user_agent.clone() };
    let content = Content::NewSignIn { at: at_minute(tx.now()), address: new.address.clone(), device };
    tx.post(&format!("new_sign_in {}", new.id), &Recipient::Identity(new.identity), &content)
}

/// What belongs together: addresses within it change from day to day.
fn network_of(address: &str) -> Option<Vec<u8>> {
    Some(match address.parse::<IpAddr>().ok()?.to_canonical() {
        IpAddr::V4(address) => address.octets()[..3].to_vec(),
        IpAddr::V6(address) => address.octets()[..6].to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_one_network() {
        for (one, other, same) in [
            ("203.0.113.7", "203.0.113.200", true),
            ("203.0.113.7", "203.0.114.7", false),
            ("203.0.113.7", "::ffff:203.0.113.9", true),
            ("2001:db8:1:2::1", "2001:db8:1:3::1", true),
            ("2001:db8:1::1", "2001:db8:2::1", false),
        ] {
            assert_eq!(network_of(one) == network_of(other), same, "{one} {other}");
        }
        assert_eq!(network_of(""), None);
    }
}
