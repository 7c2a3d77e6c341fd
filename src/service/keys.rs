//! Secrets of the installation: made once, kept in `data/keys` with mode 0600, never in a database.

mod access;

pub(super) use access::{AccessKeys, VerifyingKey};

use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::model::hex::{bytes_of, hex};
use crate::model::mac::mark;
use crate::model::standard_webhooks;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use sha2::{Digest, Sha256};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// All keys.
pub(super) struct Keys {
    receipts: SigningKey,
    /// For the MAC of refresh tokens.
    pub(super) refresh: [u8; 32],
    /// For second factors: their secrets, and the marks of recovery codes.
    pub(super) factors: [u8; 32],
    /// For the digests of e-mail addresses in the log.
    pub(super) log: [u8; 32],
    /// For the signature of cursors.
    pub(super) cursors: [u8; 32],
    /// For the tags of records; made of the one for cursors.
    pub(super) etags: [u8; 16],
}

/// A public key in the form of a JSON Web Key (RFC 8037).
#[derive(Clone, Debug, serde::Serialize)]
pub struct PublicKey {
    kty: &'static str,
    crv: &'static str,
    alg: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
    kid: String,
    x: String,
}

impl Keys {
    /// Reads the keys, and makes those that are missing.
    pub(super) fn load(directory: &Path) -> Result<Keys> {
        let cursors: [u8; 32] = load_or_make(&directory.join("cursors.key"))?;
        let keys = Keys {
            receipts: SigningKey::from_bytes(&load_or_make(&directory.join("receipts.ed25519"))?),
            refresh: load_or_make(&directory.join("refresh.key"))?,
            factors: load_or_make(&directory.join("factors.key"))?,
            log: load_or_make(&directory.join("log.key"))?,
            // A cursor's mark is over a context that ends with a zero byte.
            etags: mark(&cursors, &[b"etags"]),
            cursors,
        };
        // To be given to whoever checks receipts elsewhere.
        let public = directory.join("receipts.pub");
        write_whole(&public, &format!("{}\n", hex(keys.receipts.verifying_key().as_bytes())))?;
        Ok(keys)
    }

    /// The keys of access tokens, as they are on disk.
    pub(super) fn load_access(directory: &Path, now: Timestamp) -> Result<AccessKeys> {
        AccessKeys::load(directory, now)
    }

    /// The secret that jobs are signed with where the settings name none, as whoever gets them needs it.
    pub(super) fn load_jobs_secret(directory: &Path) -> Result<String> {
        let path = directory.join("jobs.secret");
        match std::fs::read_to_string(&path) {
            Ok(text) if standard_webhooks::key_of(text.trim()).is_some() => Ok(text.trim().to_owned()),
            Ok(_) => Err(Error::internal(format!("{} does not hold a secret", path.display()))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let secret = standard_webhooks::secret_of(&crate::random::bytes::<32>());
                write_whole(&path, &format!("{secret}\n"))?;
                Ok(secret)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The key that signs receipts.
    pub(super) fn receipts(&self) -> &SigningKey {
        &self.receipts
    }
}

impl PublicKey {
    fn new(kid: String, public: &[u8; 32]) -> PublicKey {
        let x = URL_SAFE_NO_PAD.encode(public);
        PublicKey { kty: "OKP", crv: "Ed25519", alg: "EdDSA", usage: "sig", kid, x }
    }
}

/// The id of a key: the head of its digest.
fn key_id(public: &[u8; 32]) -> String {
    hex(Sha256::digest(public).get(..8).unwrap_or_default())
}

/// 32 bytes in hex out of a file. A file that cannot be read is an error, never replaced: everyone would be signed out,
/// and receipts could no longer be checked.
fn load_or_make(path: &Path) -> Result<[u8; 32]> {
    match std::fs::read_to_string(path) {
        Ok(text) => bytes_of(text.trim())
            .ok_or_else(|| Error::internal(format!("{} does not hold 64 hex digits", path.display()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let key = crate::random::bytes::<32>();
            write_whole(path, &hex(&key))?;
            Ok(key)
        }
        Err(error) => Err(error.into()),
    }
}

/// Writes a file that appears whole or not at all, and survives a power cut.
fn write_whole(path: &Path, text: &str) -> Result<()> {
    let unfinished = path.with_extension("new");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)?;
    if let Some(directory) = path.parent() {
        std::fs::File::open(directory)?.sync_all()?;
    }
    Ok(())
}
