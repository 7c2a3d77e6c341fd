//! Access tokens (JWT, EdDSA) and refresh tokens (opaque, with a MAC).

mod mfa;

use super::keys::{AccessKeys, Keys, PublicKey};
use crate::catalog::AccessClaims;
use crate::clock::{MINUTE, SECOND, SharedClock};
use crate::error::{Error, Result};
use crate::id::{IdentityId, SessionId};
use crate::model::hex::hex;
use crate::model::mac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, Header, Validation};
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// How long an access token lives (DESIGN 6).
const ACCESS_LIFETIME: i64 = 5 * MINUTE;
/// How far clocks may differ (DESIGN 6).
const LEEWAY: i64 = 5 * SECOND;
/// The media type of access tokens (RFC 9068).
const TYP: &str = "at+jwt";
/// The code of a token that was good.
pub(super) const EXPIRED: &str = "token_expired";
const AUDIENCE: &str = "tenantry";
/// What a refresh token begins with, so that scanners for leaked secrets know it.
const REFRESH_PREFIX: &str = "tnr_";

/// Claims as they stand in the token. Every one is required, and each of exactly one type.
#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    sid: String,
    generation: i64,
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: String,
}

/// What a client gets at sign-in and refresh.
#[derive(Clone, Serialize)]
pub struct TokenPair {
    /// For `Authorization: Bearer`.
    pub access_token: String,
    /// `Bearer`.
    pub token_type: &'static str,
    /// Seconds.
    pub expires_in: i64,
    /// For the next access token; absent where another tab got it a moment ago.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
}

/// A refresh token made or read: whose it is, which generation, and the hash that is stored.
pub(super) struct Grant {
    /// The session.
    pub(super) session: SessionId,
    /// SHA-256 of the token, in hex.
    pub(super) hash: String,
    /// The token itself.
    pub(super) token: String,
}

#[derive(Clone)]
struct Verified {
    claims: AccessClaims,
    key_id: String,
    not_before: i64,
    expires: i64,
}

pub(super) struct Tokens {
    access: RwLock<Arc<AccessKeys>>,
    /// Rotations take turns.
    rotating: Mutex<()>,
    issuer: String,
    refresh_key: [u8; 32],
    /// Tokens that were verified, by digest. The signature does not change; time and session are asked every time.
    verified: Cache<[u8; 32], Arc<Verified>>,
    clock: SharedClock,
}

impl Tokens {
    pub(super) fn new(keys: &Keys, access: AccessKeys, clock: SharedClock) -> Tokens {
        Tokens {
            access: RwLock::new(Arc::new(access)),
            rotating: Mutex::default(),
            issuer: String::new(),
            refresh_key: keys.refresh,
            verified: Cache::new(16_384),
            clock,
        }
    }

    /// The keys as they are now.
    pub(super) fn keys(&self) -> Arc<AccessKeys> {
        Arc::clone(&self.access.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What others need to verify access tokens.
    pub(super) fn public_keys(&self) -> Vec<PublicKey> {
        self.keys().public(self.clock.now())
    }

    /// Another key signs from now on; the one before verifies until its last token has ended, or in an emergency no
    /// longer. Blocks.
    pub(super) fn rotate(&self, emergency: bool) -> Result<()> {
        let _turn = self.rotating.lock().unwrap_or_else(PoisonError::into_inner);
        let overlap = (!emergency).then_some(ACCESS_LIFETIME + LEEWAY);
        let next = self.keys().rotate(self.clock.now(), overlap)?;
        *self.access.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
        Ok(())
    }

    /// Names the issuer: the installation.
    pub(super) fn issued_by(&mut self, installation: &str) {
        self.issuer = format!("urn:tenantry:{installation}");
    }

    /// A new access token.
    pub(super) fn access(&self, session: SessionId, identity: IdentityId, generation: i64) -> Result<String> {
        let now = self.clock.now();
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: AUDIENCE.to_owned(),
            sub: identity.to_string(),
            sid: session.to_string(),
            generation,
            iat: now.seconds(),
            nbf: now.seconds(),
            exp: now.plus(ACCESS_LIFETIME).seconds(),
            jti: crate::id::uuid_v7(now).to_string(),
        };
        let keys = self.keys();
        let header = Header {
            typ: Some(TYP.to_owned()),
            kid: Some(keys.signing().id.clone()),
            ..Header::new(Algorithm::EdDSA)
        };
        jsonwebtoken::encode(&header, &claims, &keys.encoding).map_err(Error::internal)
    }

    /// The pair for a session, with or without a refresh token.
    pub(super) fn pair(
        &self,
        session: SessionId,
        identity: IdentityId,
        generation: i64,
        refresh_token: Option<String>,
    ) -> Result<TokenPair> {
        Ok(TokenPair {
            access_token: self.access(session, identity, generation)?,
            token_type: "Bearer",
            expires_in: ACCESS_LIFETIME / SECOND,
            refresh_token,
        })
    }

    /// Checks an access token: signature, type, key, issuer, audience, time.
    pub(super) fn verify(&self, token: &str) -> Result<AccessClaims> {
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let verified = match self.verified.get(&digest) {
            Some(verified) => verified,
            None => {
                let verified = Arc::new(self.verify_signature(token).ok_or_else(invalid)?);
                self.verified.insert(digest, Arc::clone(&verified));
                verified
            }
        };
        let now = self.clock.now();
        // Every time: a key is retired, or thrown away in an emergency, and its tokens with it.
        if self.keys().find(&verified.key_id, now).is_none() {
            self.verified.remove(&digest);
            return Err(invalid());
        }
        let (early, late) = (now.plus(LEEWAY).seconds(), now.plus(-LEEWAY).seconds());
        if early < verified.not_before {
            return Err(invalid());
        }
        // It stays known: who comes with it again costs no look at the signature.
        if late >= verified.expires {
            return Err(Error::unauthenticated(
                EXPIRED,
                "The access token has expired. Get another at /api/v1/auth/refresh.",
            ));
        }
        Ok(verified.claims.clone())
    }

    fn verify_signature(&self, token: &str) -> Option<Verified> {
        let header = jsonwebtoken::decode_header(token).ok()?;
        if header.alg != Algorithm::EdDSA || header.typ.as_deref() != Some(TYP) {
            return None;
        }
        let keys = self.keys();
        let key = keys.find(header.kid.as_deref()?, self.clock.now())?;
        // Times are compared above, with our clock and leeway; that each claim is there and of its type is up to
        // `Claims`, since the list of required claims of this crate knows only some of them.
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[self.issuer.as_str()]);
        let claims = jsonwebtoken::decode::<Claims>(token, &key.decoding, &validation).ok()?.claims;
        (claims.aud == AUDIENCE && claims.iat <= claims.exp).then_some(())?;
        Some(Verified {
            claims: AccessClaims {
                session: SessionId::parse(&claims.sid)?,
                identity: IdentityId::parse(&claims.sub)?,
                generation: claims.generation,
            },
            key_id: key.id.clone(),
            not_before: claims.nbf,
            expires: claims.exp,
        })
    }

    /// The key of what is known by its mark.
    pub(super) fn refresh_key(&self) -> [u8; 32] {
        self.refresh_key
    }

    /// A new refresh token of a session.
    pub(super) fn new_refresh(&self, session: SessionId) -> Grant {
        let mut bytes = Vec::with_capacity(64);
        bytes.extend_from_slice(session.as_bytes());
        bytes.extend_from_slice(&crate::random::bytes::<32>());
        let mac = mac::mark(&self.refresh_key, &[&bytes]);
        bytes.extend_from_slice(&mac);
        let token = format!("{REFRESH_PREFIX}{}", URL_SAFE_NO_PAD.encode(&bytes));
        Grant { session, hash: hash_of(&token), token }
    }

    /// Reads a refresh token that we made once, however long ago.
    pub(super) fn read_refresh(&self, token: &str) -> Option<Grant> {
        let bytes = URL_SAFE_NO_PAD.decode(token.strip_prefix(REFRESH_PREFIX)?).ok()?;
        let (body, mac) = bytes.split_at_checked(48)?;
        let right = mac::is_mark(&self.refresh_key, &[body], mac);
        let id = uuid::Uuid::from_slice(body.get(..16)?).ok()?;
        let session = SessionId::parse(&id.to_string()).filter(|_| right)?;
        Some(Grant { session, hash: hash_of(token), token: token.to_owned() })
    }
}

/// SHA-256 in hex: how single-use and refresh tokens are stored.
pub(super) fn hash_of(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

fn invalid() -> Error {
    Error::unauthenticated("token_invalid", "The access token is not valid. Sign in again.")
}
