//! The mark by which we know again what we have made: HMAC-SHA-256 (RFC 2104), of which the first half is kept.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// Bytes of a mark: half of the digest, the least that RFC 2104, section 5, lets be kept.
pub const LENGTH: usize = 16;

/// The mark over `parts`, one after the other: where one ends is not part of it, so it must follow from their content.
pub fn mark(key: &[u8; 32], parts: &[&[u8]]) -> [u8; LENGTH] {
    let mut kept = [0; LENGTH];
    // HMAC takes keys of any length.
    if let Ok(mut hmac) = Hmac::<Sha256>::new_from_slice(key) {
        parts.iter().for_each(|part| hmac.update(part));
        kept.iter_mut().zip(hmac.finalize().into_bytes()).for_each(|(to, from)| *to = from);
    }
    kept
}

/// Whether `given` is that mark; takes as long whether it is or not.
pub fn is_mark(key: &[u8; 32], parts: &[&[u8]], given: &[u8]) -> bool {
    mark(key, parts).ct_eq(given).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_of_this_key_and_this_content_in_whatever_pieces() {
        let (key, other) = ([7; 32], [8; 32]);
        let made = mark(&key, &[b"ab", b"c"]);
        assert!(is_mark(&key, &[b"a", b"bc"], &made));
        assert!(!is_mark(&key, &[b"abd"], &made) && !is_mark(&other, &[b"abc"], &made));
        assert!(!is_mark(&key, &[b"abc"], &made[..8]) && !is_mark(&key, &[b"abc"], &[]));
    }

    #[test]
    fn it_is_the_hmac_of_the_standard() {
        // RFC 4231, test case 1 has a key of 20 bytes: zeros up to the block change nothing (RFC 2104, section 2).
        let mut key = [0; 32];
        key[..20].fill(0x0b);
        let expected = crate::model::hex::bytes_of::<16>("b0344c61d8db38535ca8afceaf0bf12b");
        assert_eq!(Some(mark(&key, &[b"Hi There"])), expected);
    }
}
