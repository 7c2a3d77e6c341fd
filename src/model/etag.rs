//! The entity tag of a record as it is now (RFC 9110, section 8.8.3).

use crate::id::TenantId;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use siphasher::sip128::{Hasher128 as _, SipHasher13};
use std::hash::Hasher as _;

/// 128 bits in base64url, in quotes.
const LENGTH: usize = 24;

/// A strong entity tag: records of two tags differ in something that the reader may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Etag([u8; LENGTH]);

impl Etag {
    /// As it stands in a header, with its quotes.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The tag of what is the same for everyone.
    pub fn of_public(content: &[u8]) -> Etag {
        let mut tag = [b'"'; LENGTH];
        let digest = Sha256::digest(content);
        let _ = URL_SAFE_NO_PAD.encode_slice(digest.get(..16).unwrap_or_default(), &mut tag[1..LENGTH - 1]);
        Etag(tag)
    }

    /// One that was kept.
    pub fn kept(text: &str) -> Option<Etag> {
        text.as_bytes().try_into().ok().map(Etag)
    }
}

/// Makes the tags of one tenant's records.
///
/// The same record in another tenant has another tag, and nobody without the key can tell a record by its tag or make
/// two that share one. `SipHash` is made for that, and for inputs as short as a record.
#[derive(Clone, Copy)]
pub struct Tagger {
    key: [u8; 16],
    tenant: TenantId,
}

impl Tagger {
    /// For the records of `tenant`; the key is the installation's secret.
    pub fn new(key: [u8; 16], tenant: TenantId) -> Tagger {
        Tagger { key, tenant }
    }

    /// The tag of a record, given as all of it that the reader may see; its key is in there.
    pub fn tag(&self, table: &str, record: &[u8]) -> Etag {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        hasher.write(self.tenant.as_bytes());
        hasher.write(&table.len().to_le_bytes());
        hasher.write(table.as_bytes());
        hasher.write(record);
        let mut tag = [b'"'; LENGTH];
        // 16 bytes are 22 characters, which is the room between the quotes.
        let _ = URL_SAFE_NO_PAD.encode_slice(hasher.finish128().as_bytes(), &mut tag[1..LENGTH - 1]);
        Etag(tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    #[test]
    fn a_tag_depends_on_key_tenant_table_and_record() {
        let (one, other) = (TenantId::new(Timestamp(1)), TenantId::new(Timestamp(1)));
        let tag = Tagger::new([1; 16], one).tag("ab", b"c");
        assert_eq!(tag, Tagger::new([1; 16], one).tag("ab", b"c"));
        assert_ne!(tag, Tagger::new([2; 16], one).tag("ab", b"c"));
        assert_ne!(tag, Tagger::new([1; 16], other).tag("ab", b"c"));
        assert_ne!(tag, Tagger::new([1; 16], one).tag("a", b"bc"));
        assert_ne!(tag, Tagger::new([1; 16], one).tag("ab", b"d"));
        assert_eq!(tag.as_str().len(), 24);
        assert!(tag.as_str().starts_with('"') && tag.as_str().ends_with('"'));
        assert_eq!(Etag::kept(tag.as_str()), Some(tag));
    }
}
