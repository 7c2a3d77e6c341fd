//! Browsers that signed in before. Each carries a cookie that we know again, and failed sign-ins with it are counted apart:
//! whoever guesses somebody's password from elsewhere cannot make that browser wait.

use super::{Caller, Installation, TokenPair, identity};
use crate::clock::{DAY, Timestamp};
use crate::error::Result;
use crate::model::hex::hex;
use crate::model::{Email, mac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// How long a browser is known, counted from its last sign-in.
pub const LIFETIME: i64 = 365 * DAY;
/// The name that the device is counted under, and when it was given.
const BODY: usize = 16 + 8;

/// What the cookie holds; not shown in Debug output.
#[derive(Clone)]
pub struct DeviceCookie(String);

impl DeviceCookie {
    /// What a browser sent.
    pub fn given(text: String) -> DeviceCookie {
        DeviceCookie(text)
    }

    /// For the header.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for DeviceCookie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DeviceCookie(..)")
    }
}

/// A cookie for the browser in which this session just began. It is good for the account's address, and says nothing to
/// whoever reads it.
///
/// # Errors
/// 401 when the session is over already.
pub async fn remember(installation: &Installation, tokens: &TokenPair) -> Result<DeviceCookie> {
    let principal = identity::authenticate(installation, &tokens.access_token).await?;
    let mut bytes = Vec::with_capacity(BODY + mac::LENGTH);
    bytes.extend_from_slice(&crate::random::bytes::<16>());
    bytes.extend_from_slice(&installation.clock.now().0.to_be_bytes());
    let mark = mac::mark(
        &installation.tokens.refresh_key(),
        &[b"device:", &bytes, &Sha256::digest(principal.identity().email.as_bytes())],
    );
    bytes.extend_from_slice(&mark);
    Ok(DeviceCookie(URL_SAFE_NO_PAD.encode(&bytes)))
}

/// Under which name this caller's tries for the account are counted, if somebody signed in to it from there before.
pub(super) fn recognise(installation: &Installation, caller: &Caller, email: &Email) -> Option<String> {
    let text = caller.device.as_ref().map(DeviceCookie::as_str).filter(|text| text.len() < 100)?;
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (body, mark) = bytes.split_at_checked(BODY)?;
    let (name, given) = body.split_at_checked(16)?;
    let age = installation.clock.now().since(Timestamp(i64::from_be_bytes(given.try_into().ok()?)));
    let parts: [&[u8]; 3] = [b"device:", body, &Sha256::digest(email.as_str().as_bytes())];
    let known = mac::is_mark(&installation.tokens.refresh_key(), &parts, mark) && age < LIFETIME;
    known.then(|| hex(name))
}
