//! Secrets of the installation: made once, kept in `data/keys` with mode 0600, never in a database.

use crate::error::{Error, Result};
use crate::model::hex::{bytes_of, hex};
use crate::model::mac::mark;
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
    access: SigningKey,
    receipts: SigningKey,
    /// For the MAC of refresh tokens.
    pub(super) refresh: [u8; 32],
    /// For second factors: their secrets, and the marks of recovery codes.
    pub(super) factors: [u8; 32],
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
            access: SigningKey::from_bytes(&load_or_make(&directory.join("access.ed25519"))?),
            receipts: SigningKey::from_bytes(&load_or_make(&directory.join("receipts.ed25519"))?),
            refresh: load_or_make(&directory.join("refresh.key"))?,
            factors: load_or_make(&directory.join("factors.key"))?,
            // A cursor's mark is over a context that ends with a zero byte.
            etags: mark(&cursors, &[b"etags"]),
            cursors,
        };
        // To be given to whoever checks receipts elsewhere.
        let public = directory.join("receipts.pub");
        write_whole(&public, &format!("{}\n", hex(keys.receipts.verifying_key().as_bytes())))?;
        Ok(keys)
    }

    /// The key that signs access tokens.
    pub(super) fn access(&self) -> &SigningKey {
        &self.access
    }

    /// The key that signs receipts.
    pub(super) fn receipts(&self) -> &SigningKey {
        &self.receipts
    }

    /// The id of the access key: the head of its digest.
    pub(super) fn access_id(&self) -> String {
        let digest = Sha256::digest(self.access.verifying_key().as_bytes());
        hex(digest.get(..8).unwrap_or_default())
    }

    /// The public half of the access key, base64url.
    pub(super) fn access_public(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.access.verifying_key().as_bytes())
    }

    pub(super) fn public_keys(&self) -> Vec<PublicKey> {
        vec![PublicKey {
            kty: "OKP",
            crv: "Ed25519",
            alg: "EdDSA",
            usage: "sig",
            kid: self.access_id(),
            x: self.access_public(),
        }]
    }
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
