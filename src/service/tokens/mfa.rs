//! The token between the password and the second factor. It is good for nothing else.

use super::Tokens;
use crate::clock::{MINUTE, Timestamp};
use crate::id::IdentityId;
use crate::model::mac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// How long there is for the second factor.
const LIFETIME: i64 = 5 * MINUTE;
const PREFIX: &str = "tnm_";
/// The identity, the end, and what makes two tokens differ.
const BODY: usize = 16 + 8 + 16;

/// A token as it was sent; whether it is ours says [`Tokens::is_mfa`].
#[derive(Clone)]
pub(in crate::service) struct MfaToken {
    pub(in crate::service) identity: IdentityId,
    body: Vec<u8>,
    mac: Vec<u8>,
}

impl Tokens {
    /// A token for whoever gave this identity's password just now. It dies when another password is stored.
    pub(in crate::service) fn new_mfa(&self, identity: IdentityId, password_hash: &str) -> String {
        let mut bytes = Vec::with_capacity(BODY + mac::LENGTH);
        bytes.extend_from_slice(identity.as_bytes());
        bytes.extend_from_slice(&self.clock.now().plus(LIFETIME).0.to_be_bytes());
        bytes.extend_from_slice(&crate::random::bytes::<16>());
        let mac = mfa_mark(&self.refresh_key(), &bytes, password_hash);
        bytes.extend_from_slice(&mac);
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(&bytes))
    }

    /// Takes a token apart. Nothing of it is proven yet.
    pub(in crate::service) fn read_mfa(&self, token: &str) -> Option<MfaToken> {
        let text = token.strip_prefix(PREFIX).filter(|text| text.len() < 200)?;
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (body, mac) = bytes.split_at_checked(BODY)?;
        let identity = uuid::Uuid::from_slice(body.get(..16)?).ok()?;
        let ends = i64::from_be_bytes(body.get(16..24)?.try_into().ok()?);
        let identity = IdentityId::parse(&identity.to_string())?;
        let alive = self.clock.now() < Timestamp(ends);
        alive.then(|| MfaToken { identity, body: body.to_vec(), mac: mac.to_vec() })
    }
}

impl MfaToken {
    /// Whether we made it, for the password with this hash.
    pub(in crate::service) fn is_of(&self, key: &[u8; 32], password_hash: &str) -> bool {
        use subtle::ConstantTimeEq as _;
        mfa_mark(key, &self.body, password_hash).ct_eq(&self.mac).into()
    }
}

fn mfa_mark(key: &[u8; 32], body: &[u8], password_hash: &str) -> [u8; mac::LENGTH] {
    // Longer than what stands in a refresh token, so that neither is ever the other.
    mac::mark(key, &[b"mfa:", body, &Sha256::digest(password_hash.as_bytes())])
}
