//! Codes: those of a time step, and those for when the device is lost.

use crate::error::{Error, Result};
use crate::id::IdentityId;
use crate::model::hex::hex;
use crate::model::mac::mark;
use totp_rs::{Builder, Secret, Totp};

/// Recovery codes of one set.
const RECOVERY_CODES: usize = 10;
/// Letters of one, without the dashes: 80 bits.
const RECOVERY_LETTERS: usize = 16;
/// Digits of a code of a time step.
const DIGITS: usize = 6;

/// A code as it was typed.
pub(super) enum Code {
    /// Of a time step.
    Step(String),
    /// For when the device is lost.
    Recovery(String),
}

impl Code {
    /// What was typed, without the spaces and dashes that help to read it; nothing for what is no code at all.
    pub(super) fn parse(text: &str) -> Option<Code> {
        if text.len() > 64 {
            return None;
        }
        let plain: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        if plain.len() == DIGITS && plain.bytes().all(|b| b.is_ascii_digit()) {
            return Some(Code::Step(plain));
        }
        let plain = plain.to_ascii_lowercase();
        let is_recovery = plain.len() == RECOVERY_LETTERS && plain.bytes().all(|b| b.is_ascii_alphanumeric());
        is_recovery.then_some(Code::Recovery(plain))
    }
}

/// What an authenticator app shows beside the codes.
#[derive(Clone, Copy, Default)]
pub(super) struct Label<'l> {
    /// Whose product.
    pub(super) issuer: &'l str,
    /// Whose account.
    pub(super) account: &'l str,
}

/// What the codes of an identity are made of (RFC 6238). Neither the seed in the database nor the key outside of it says
/// anything without the other.
pub(super) fn totp(key: &[u8; 32], identity: IdentityId, seed: &str, label: Label<'_>) -> Result<Totp> {
    let half = |part: &[u8]| mark(key, &[part, identity.as_bytes(), seed.as_bytes()]);
    // 160 bits, as RFC 4226, section 4, would have it.
    let mut secret = [0; 20];
    let bytes = half(b"totp 1:").into_iter().chain(half(b"totp 2:"));
    secret.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    Builder::new()
        .with_secret(secret)
        // One step of drift each way.
        .with_skew(1)
        .with_issuer(Some(label.issuer.replace(':', " ")))
        .with_account_name(label.account)
        .build()
        .map_err(|error| Error::internal(error.to_string()))
}

/// New recovery codes.
pub(super) fn new_recovery_codes() -> Vec<String> {
    let code = || {
        let letters = Secret::from(crate::random::bytes::<10>().to_vec()).to_base32().to_ascii_lowercase();
        let groups: Vec<String> =
            letters.as_bytes().chunks(4).map(|group| String::from_utf8_lossy(group).into_owned()).collect();
        groups.join("-")
    };
    std::iter::repeat_with(code).take(RECOVERY_CODES).collect()
}

/// How a recovery code is stored; `plain` is as [`Code::parse`] leaves it.
pub(super) fn recovery_mark(key: &[u8; 32], identity: IdentityId, plain: &str) -> String {
    hex(&mark(key, &[b"recovery:", identity.as_bytes(), plain.as_bytes()]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    #[test]
    fn a_code_is_told_from_what_is_none_however_it_is_spaced() {
        let is = |text: &str| match Code::parse(text) {
            Some(Code::Step(plain) | Code::Recovery(plain)) => plain,
            None => String::new(),
        };
        assert_eq!(is("123 456"), "123456");
        assert_eq!(is(" ABCD-2345-abcd-2345 "), "abcd2345abcd2345");
        for wrong in ["", "12345", "1234567", "12345a", "\u{661}\u{662}\u{663}", "abcd-2345-abcd-234\u{e9}"] {
            assert_eq!(is(wrong), "", "{wrong}");
        }
        assert_eq!(is(&"1".repeat(10_000)), "");
    }

    #[test]
    fn secrets_differ_by_identity_seed_and_key() {
        let id = |ms| IdentityId::new(Timestamp(ms));
        let (ann, bob) = (id(1), id(2));
        let secret = |key: u8, identity, seed: &str| {
            totp(&[key; 32], identity, seed, Label::default()).unwrap().secret().to_base32()
        };
        let one = secret(1, ann, "00");
        assert_eq!(one, secret(1, ann, "00"));
        assert_eq!(one.len(), 32);
        for other in [secret(2, ann, "00"), secret(1, bob, "00"), secret(1, ann, "01")] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn recovery_codes_are_ten_and_unlike_each_other() {
        let mut codes = new_recovery_codes();
        assert!(codes.iter().all(|code| matches!(Code::parse(code), Some(Code::Recovery(_)))), "{codes:?}");
        codes.sort();
        codes.dedup();
        assert_eq!(codes.len(), RECOVERY_CODES);
    }
}
