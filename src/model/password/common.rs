//! Passwords that many people chose; `common.md` says where they come from and how they are kept.

use sha2::{Digest, Sha256};

/// Bytes kept of each digest.
const WIDTH: usize = 5;

static DIGESTS: &[u8] = include_bytes!("common.bin");

/// Whether this text, in lower case, is one of them.
pub(super) fn contains(lower: &str) -> bool {
    let digest = Sha256::digest(lower.as_bytes());
    let (records, _) = DIGESTS.as_chunks::<WIDTH>();
    records.binary_search_by(|record| record.as_slice().cmp(&digest[..WIDTH])).is_ok()
}

#[cfg(test)]
mod tests {
    use super::{DIGESTS, WIDTH, contains};

    #[test]
    fn the_list_is_whole_and_sorted() {
        let (records, rest) = DIGESTS.as_chunks::<WIDTH>();
        assert_eq!((records.len(), rest.len()), (177_447, 0));
        assert!(records.is_sorted());
        assert!(contains("qwertyuiop") && contains("1234567890qwerty") && !contains("quartz otter juggles"));
    }
}
