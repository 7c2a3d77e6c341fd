//! Signatures as Standard Webhooks has them: HMAC-SHA-256 over `<id>.<seconds>.<body>`, in base64 behind `v1,`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// What stands before a secret that is written down.
pub const PREFIX: &str = "whsec_";

/// The key that a secret stands for: what follows [`PREFIX`] in base64, or the bytes of a text without it.
pub fn key_of(secret: &str) -> Option<Vec<u8>> {
    match secret.strip_prefix(PREFIX) {
        Some(encoded) => STANDARD.decode(encoded).ok().filter(|key| !key.is_empty()),
        None => Some(secret.as_bytes().to_vec()).filter(|key| !key.is_empty()),
    }
}

/// A key as it is written down.
pub fn secret_of(key: &[u8]) -> String {
    format!("{PREFIX}{}", STANDARD.encode(key))
}

/// The header `webhook-signature` of a message.
pub fn sign(key: &[u8], id: &str, seconds: i64, body: &[u8]) -> String {
    let mut signature = String::from("v1,");
    // HMAC takes keys of any length.
    if let Ok(mut hmac) = Hmac::<Sha256>::new_from_slice(key) {
        hmac.update(format!("{id}.{seconds}.").as_bytes());
        hmac.update(body);
        STANDARD.encode_string(hmac.finalize().into_bytes(), &mut signature);
    }
    signature
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_of_openssl_is_known() {
        // printf 'msg_1.1700000000.{"a":1}' | openssl dgst -sha256 -hmac 0123456789abcdef -binary | base64
        let key = key_of("whsec_MDEyMzQ1Njc4OWFiY2RlZg==").unwrap();
        assert_eq!(key, b"0123456789abcdef");
        assert_eq!(secret_of(&key), "whsec_MDEyMzQ1Njc4OWFiY2RlZg==");
        assert_eq!(sign(&key, "msg_1", 1_700_000_000, b"{\"a\":1}"), OPENSSL);
    }

    #[test]
    fn the_example_of_the_specification_comes_out() {
        let key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = sign(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b"{\"test\": 2432232314}");
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_that_is_none_is_found() {
        assert_eq!(key_of("plain words").as_deref(), Some(&b"plain words"[..]));
        assert!(key_of("whsec_***").is_none() && key_of("whsec_").is_none() && key_of("").is_none());
    }

    const OPENSSL: &str = "v1,41C4mdfM4X7k7EqLRBhc2OjUAQFwQVsqMUoL0CbTfxc=";
}
