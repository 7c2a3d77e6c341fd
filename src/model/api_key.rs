//! The text of an API key: `tnt_<id>_<secret><checksum>`.
//!
//! The checksum is no secret: it tells a key that was cut off or mistyped from one that is unknown, without a look-up,
//! and lets programs that search for leaked keys be sure of what they found.

use super::hex::hex;
use crate::id::ApiKeyId;
use sha2::{Digest, Sha256};

/// With what every key begins, and no access token.
pub const PREFIX: &str = "tnt_";
/// Characters of the secret: 256 bits.
const SECRET: usize = 64;
/// Characters of the checksum.
const CHECKSUM: usize = 8;

/// How fast a key may ask, as it was told when it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct KeyRate {
    /// Requests a second in the long run.
    pub requests_per_second: u32,
    /// Requests that may come at once.
    pub burst: u32,
}

/// A key in full. It has no `Debug` and is told once.
pub struct Key(String);

impl Key {
    /// The key of this id and secret.
    pub fn new(id: ApiKeyId, secret: &[u8; 32]) -> Key {
        let text = format!("{PREFIX}{id}_{}", hex(secret));
        let checksum = checksum(&text);
        Key(text + &checksum)
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The text, to be told.
    pub fn into_text(self) -> String {
        self.0
    }

    /// The id in a text that has the form of a key and whose checksum is right.
    pub fn id_in(text: &str) -> Option<ApiKeyId> {
        let (id, rest) = text.strip_prefix(PREFIX)?.split_once('_')?;
        if rest.len() != SECRET + CHECKSUM || !rest.is_ascii() {
            return None;
        }
        let (body, sum) = text.split_at(text.len() - CHECKSUM);
        if checksum(body) == sum { ApiKeyId::parse(id) } else { None }
    }
}

fn checksum(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes())[..CHECKSUM / 2])
}

#[cfg(test)]
mod tests {
    use super::Key;
    use crate::clock::Timestamp;
    use crate::id::ApiKeyId;

    #[test]
    fn what_is_not_a_whole_key_is_none() {
        let id = ApiKeyId::new(Timestamp(1_700_000_000_000));
        let key = Key::new(id, &[7; 32]).into_text();
        assert_eq!(Key::id_in(&key), Some(id));
        for at in 0..key.len() {
            assert_eq!(Key::id_in(&key[..at]), None);
            let mut bytes = key.clone().into_bytes();
            bytes[at] = if bytes[at] == b'1' { b'2' } else { b'1' };
            assert_eq!(Key::id_in(std::str::from_utf8(&bytes).unwrap()), None, "{at}");
        }
        assert_eq!(Key::id_in(&format!("{key}0")), None);
        assert_eq!(Key::id_in("tnt__"), None);
    }
}
