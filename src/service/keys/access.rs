//! The keys of access tokens: one signs, and those before it verify until the last token of theirs has ended.
//!
//! `access.ed25519` holds the private key that signs and when it was made; `access.old` a line for each key before: its
//! public half, when it was made, until when it verifies. Private halves are not kept longer than they sign.

use super::{PublicKey, key_id, write_whole};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::model::hex::{bytes_of, hex};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey as _;
use jsonwebtoken::{DecodingKey, EncodingKey};
use std::path::{Path, PathBuf};

/// A key that verifies.
pub(in crate::service) struct VerifyingKey {
    /// The head of its digest.
    pub(in crate::service) id: String,
    pub(in crate::service) decoding: DecodingKey,
    public: [u8; 32],
    pub(in crate::service) made_at: Timestamp,
    /// When the last token of a key that signs no more has ended.
    pub(in crate::service) until: Option<Timestamp>,
}

/// The keys at one moment: the first of them signs.
pub(in crate::service) struct AccessKeys {
    pub(in crate::service) encoding: EncodingKey,
    signing: VerifyingKey,
    old: Vec<VerifyingKey>,
    directory: PathBuf,
}

impl VerifyingKey {
    fn new(public: [u8; 32], made_at: Timestamp, until: Option<Timestamp>) -> Result<VerifyingKey> {
        let decoding = DecodingKey::from_ed_components(&URL_SAFE_NO_PAD.encode(public));
        Ok(VerifyingKey {
            id: key_id(&public),
            decoding: decoding.map_err(Error::internal)?,
            public,
            made_at,
            until,
        })
    }

    fn verifies(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

fn signing_file(directory: &Path) -> PathBuf {
    directory.join("access.ed25519")
}

fn old_file(directory: &Path) -> PathBuf {
    directory.join("access.old")
}

impl AccessKeys {
    /// Reads the keys, and makes the first one where there is none. A file that cannot be read is an error, never
    /// replaced: everyone would be signed out.
    pub(super) fn load(directory: &Path, now: Timestamp) -> Result<AccessKeys> {
        let path = signing_file(directory);
        let (key, made_at) = match std::fs::read_to_string(&path) {
            Ok(text) => read_signing(&text).ok_or_else(|| unreadable(&path))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => write_new(directory, now)?,
            Err(error) => return Err(error.into()),
        };
        let path = old_file(directory);
        let old = match std::fs::read_to_string(&path) {
            Ok(text) => read_old(&text)?.ok_or_else(|| unreadable(&path))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        AccessKeys::of(directory, &key, made_at, old, now)
    }

    fn of(
        directory: &Path,
        key: &SigningKey,
        made_at: Timestamp,
        mut old: Vec<VerifyingKey>,
        now: Timestamp,
    ) -> Result<AccessKeys> {
        let private = key.to_pkcs8_der().map_err(|error| Error::internal(error.to_string()))?;
        let signing = VerifyingKey::new(key.verifying_key().to_bytes(), made_at, None)?;
        // A rotation that was cut off may have written the key down as old already.
        old.retain(|key| key.verifies(now) && key.id != signing.id);
        let encoding = EncodingKey::from_ed_der(private.as_bytes());
        Ok(AccessKeys { encoding, signing, old, directory: directory.to_path_buf() })
    }

    /// Another key signs from now on. Those before it verify for `overlap` milliseconds; in an emergency no longer.
    /// Each file is replaced in one step, and whichever was written when the power fails, no token of before is refused
    /// that should not be, and after an emergency's first step none of an old key passes. Blocks.
    pub(in crate::service) fn rotate(&self, now: Timestamp, overlap: Option<i64>) -> Result<AccessKeys> {
        let mut lines = String::new();
        if let Some(overlap) = overlap {
            let keep = |key: &VerifyingKey| key.until.unwrap_or(now.plus(overlap));
            for key in self.all(now) {
                use std::fmt::Write as _;
                let _ = writeln!(lines, "{} {} {}", hex(&key.public), key.made_at.0, keep(key).0);
            }
        }
        write_whole(&old_file(&self.directory), &lines)?;
        let (key, made_at) = write_new(&self.directory, now)?;
        let old = read_old(&lines)?.ok_or_else(|| unreadable(&old_file(&self.directory)))?;
        AccessKeys::of(&self.directory, &key, made_at, old, now)
    }

    /// The key that signs.
    pub(in crate::service) fn signing(&self) -> &VerifyingKey {
        &self.signing
    }

    /// All keys that verify now, the one that signs first.
    pub(in crate::service) fn all(&self, now: Timestamp) -> impl Iterator<Item = &VerifyingKey> {
        std::iter::once(&self.signing).chain(self.old.iter().filter(move |key| key.verifies(now)))
    }

    /// The key of that id, if it verifies now.
    pub(in crate::service) fn find(&self, id: &str, now: Timestamp) -> Option<&VerifyingKey> {
        self.all(now).find(|key| key.id == id)
    }

    /// What others need to verify (RFC 7517).
    pub(in crate::service) fn public(&self, now: Timestamp) -> Vec<PublicKey> {
        self.all(now).map(|key| PublicKey::new(key.id.clone(), &key.public)).collect()
    }
}

fn write_new(directory: &Path, now: Timestamp) -> Result<(SigningKey, Timestamp)> {
    let key = SigningKey::from_bytes(&crate::random::bytes::<32>());
    write_whole(&signing_file(directory), &format!("{}\n{}\n", hex(key.as_bytes()), now.0))?;
    Ok((key, now))
}

fn read_signing(text: &str) -> Option<(SigningKey, Timestamp)> {
    let mut lines = text.lines();
    let key = SigningKey::from_bytes(&bytes_of(lines.next()?.trim())?);
    // Files of before keys were rotated hold no time.
    let made_at = lines.next().map_or(Some(0), |line| line.trim().parse().ok())?;
    Some((key, Timestamp(made_at)))
}

fn read_old(text: &str) -> Result<Option<Vec<VerifyingKey>>> {
    let mut keys = Vec::new();
    for line in text.lines() {
        let mut words = line.split(' ');
        let read = (|| {
            let public = bytes_of(words.next()?)?;
            let times: (i64, i64) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
            Some((public, times))
        })();
        let Some((public, (made_at, until))) = read else { return Ok(None) };
        keys.push(VerifyingKey::new(public, Timestamp(made_at), Some(Timestamp(until)))?);
    }
    Ok(Some(keys))
}

fn unreadable(path: &Path) -> Error {
    Error::internal(format!("{} does not hold keys", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: fn(i64) -> Timestamp = Timestamp;

    fn ids(keys: &AccessKeys, now: i64) -> Vec<String> {
        keys.all(T(now)).map(|key| key.id.clone()).collect()
    }

    #[test]
    fn a_key_verifies_until_its_last_token_ended_also_after_a_restart() {
        let directory = tempfile::TempDir::new().unwrap();
        let one = AccessKeys::load(directory.path(), T(1)).unwrap();
        let two = one.rotate(T(10), Some(100)).unwrap();
        let three = two.rotate(T(20), Some(100)).unwrap();
        let [first, second, third] = [&one, &two, &three].map(|keys| keys.signing().id.clone());
        assert_eq!(ids(&three, 20), [third.as_str(), &second, &first].map(str::to_owned).to_vec());
        let again = AccessKeys::load(directory.path(), T(115)).unwrap();
        assert_eq!(ids(&again, 115), [third.clone(), second]);
        assert_eq!(ids(&again, 120), [third]);
        assert_eq!(again.signing().made_at, T(20));
    }

    #[test]
    fn in_an_emergency_no_old_key_verifies() {
        let directory = tempfile::TempDir::new().unwrap();
        let one = AccessKeys::load(directory.path(), T(1)).unwrap();
        let two = one.rotate(T(2), Some(100)).unwrap().rotate(T(3), None).unwrap();
        assert_eq!(ids(&two, 3).len(), 1);
        assert_eq!(ids(&AccessKeys::load(directory.path(), T(3)).unwrap(), 3), ids(&two, 3));
    }

    #[test]
    fn a_rotation_that_was_cut_off_leaves_the_old_key_signing() {
        let directory = tempfile::TempDir::new().unwrap();
        let one = AccessKeys::load(directory.path(), T(1)).unwrap();
        let before = std::fs::read(signing_file(directory.path())).unwrap();
        one.rotate(T(10), Some(100)).unwrap();
        std::fs::write(signing_file(directory.path()), before).unwrap();
        let again = AccessKeys::load(directory.path(), T(11)).unwrap();
        assert_eq!(ids(&again, 11), [one.signing().id.clone()]);
        assert_eq!(ids(&again, 1_000), [one.signing().id.clone()]);
    }

    #[test]
    fn a_file_that_holds_something_else_is_not_replaced() {
        let directory = tempfile::TempDir::new().unwrap();
        std::fs::write(signing_file(directory.path()), "x").unwrap();
        assert!(AccessKeys::load(directory.path(), T(1)).is_err());
        assert_eq!(std::fs::read(signing_file(directory.path())).unwrap(), b"x");
    }
}
