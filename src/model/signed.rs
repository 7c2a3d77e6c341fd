//! Statements that anyone with the public key can check.

use super::hex::{bytes_of, hex};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;

/// A statement with its signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed<T> {
    /// What is said, as the exact text that was signed: no canonical form has to be agreed on.
    pub statement: String,
    /// The Ed25519 public key, in hex.
    pub public_key: String,
    /// The Ed25519 signature over the bytes of `statement`, in hex.
    pub signature: String,
    /// What the statement is read as.
    #[serde(skip)]
    pub says: PhantomData<fn() -> T>,
}

impl<T: Serialize + DeserializeOwned> Signed<T> {
    /// Signs a statement.
    ///
    /// # Errors
    /// The statement does not serialise, which does not happen.
    pub fn sign(statement: &T, key: &SigningKey) -> Result<Signed<T>, serde_json::Error> {
        let statement = serde_json::to_string(statement)?;
        let signature = hex(&key.sign(statement.as_bytes()).to_bytes());
        Ok(Signed {
            statement,
            public_key: hex(key.verifying_key().as_bytes()),
            signature,
            says: PhantomData,
        })
    }

    /// Checks the signature with `trusted` (hex), or with the key beside it where none is given, and returns the
    /// statement.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn verify(&self, trusted: Option<&str>) -> Result<T, String> {
        if trusted.is_some_and(|key| !key.trim().eq_ignore_ascii_case(&self.public_key)) {
            return Err("it was signed with another key than the trusted one".to_owned());
        }
        let key = bytes_of::<32>(&self.public_key)
            .and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok())
            .ok_or("it holds no valid public key")?;
        let signature = bytes_of::<64>(&self.signature).ok_or("it holds no valid signature")?;
        key.verify_strict(self.statement.as_bytes(), &Signature::from_bytes(&signature))
            .map_err(|_| "the signature does not match: it was changed after it was signed".to_owned())?;
        serde_json::from_str(&self.statement)
            .map_err(|error| format!("the statement cannot be read: {error}"))
    }
}
