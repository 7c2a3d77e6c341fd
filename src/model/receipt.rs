//! The signed proof of an erasure.

use super::hex::{bytes_of, hex};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

/// What was removed from one store, and how that was verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreErased {
    /// Which store: `tenant file`, `exports`, `memberships`, ...
    pub store: String,
    /// How many things were removed: files or rows.
    pub removed: u64,
    /// How it was made sure that nothing is left.
    pub verified: String,
}

/// What is kept, why, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreKept {
    /// Which store.
    pub store: String,
    /// The reason for keeping it.
    pub reason: String,
    /// Until when (RFC 3339); absent if for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// The statement that is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// `tenantry.erasure.v1`.
    pub format: String,
    /// The installation that erased.
    pub installation: String,
    /// The tenant that is gone. Its id is never used again.
    pub tenant_id: String,
    /// When its closing was asked for (RFC 3339), if it was.
    pub closed_at: Option<String>,
    /// When the erasure was complete (RFC 3339).
    pub erased_at: String,
    /// Per store what was removed.
    pub removed: Vec<StoreErased>,
    /// What is kept.
    pub kept: Vec<StoreKept>,
    /// Number and hash of the last entry of the tenant's audit chain.
    pub audit_head: (i64, String),
}

/// A statement with its signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// What is said, as the exact text that was signed: no canonical form has to be agreed on.
    pub statement: String,
    /// The Ed25519 public key, in hex.
    pub public_key: String,
    /// The Ed25519 signature over the bytes of `statement`, in hex.
    pub signature: String,
}

impl Receipt {
    /// Signs a statement.
    ///
    /// # Errors
    /// The statement does not serialise, which does not happen.
    pub fn sign(statement: &Statement, key: &SigningKey) -> Result<Receipt, serde_json::Error> {
        let statement = serde_json::to_string(statement)?;
        let signature = hex(&key.sign(statement.as_bytes()).to_bytes());
        Ok(Receipt { statement, public_key: hex(key.verifying_key().as_bytes()), signature })
    }

    /// Checks the signature with `trusted` (hex), or with the key in the receipt where none is given, and returns the
    /// statement.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn verify(&self, trusted: Option<&str>) -> Result<Statement, String> {
        if trusted.is_some_and(|key| !key.trim().eq_ignore_ascii_case(&self.public_key)) {
            return Err("the receipt was signed with another key than the trusted one".to_owned());
        }
        let key = bytes_of::<32>(&self.public_key)
            .and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok())
            .ok_or("the receipt holds no valid public key")?;
        let signature = bytes_of::<64>(&self.signature).ok_or("the receipt holds no valid signature")?;
        key.verify_strict(self.statement.as_bytes(), &Signature::from_bytes(&signature))
            .map_err(|_| "the signature does not match: the receipt was changed".to_owned())?;
        serde_json::from_str(&self.statement)
            .map_err(|error| format!("the statement cannot be read: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_receipt_or_another_key_is_noticed() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let statement = Statement {
            format: "tenantry.erasure.v1".into(),
            installation: "i".into(),
            tenant_id: "t".into(),
            closed_at: None,
            erased_at: "2026-01-01T00:00:00.000Z".into(),
            removed: vec![],
            kept: vec![],
            audit_head: (3, "ab".into()),
        };
        let receipt = Receipt::sign(&statement, &key).unwrap();
        assert_eq!(receipt.verify(None), Ok(statement.clone()));
        assert_eq!(receipt.verify(Some(&receipt.public_key)), Ok(statement));
        assert!(receipt.verify(Some(&"00".repeat(32))).is_err());
        let changed = Receipt { statement: receipt.statement.replace("\"t\"", "\"u\""), ..receipt };
        assert!(changed.verify(None).is_err());
    }
}
