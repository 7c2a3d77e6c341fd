//! The signed proof of an erasure.

use super::signed::Signed;
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
    /// When it was issued anew (RFC 3339), if it was: something that was kept was removed since, or came back and was
    /// erased again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amended_at: Option<String>,
    /// SHA-256 of the statement that it takes the place of, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amends: Option<String>,
}

/// The statement with its signature.
pub type Receipt = Signed<Statement>;

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::SigningKey;

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
            amended_at: None,
            amends: None,
        };
        let receipt = Receipt::sign(&statement, &key).unwrap();
        assert_eq!(receipt.verify(None), Ok(statement.clone()));
        assert_eq!(receipt.verify(Some(&receipt.public_key)), Ok(statement));
        assert!(receipt.verify(Some(&"00".repeat(32))).is_err());
        let changed = Receipt { statement: receipt.statement.replace("\"t\"", "\"u\""), ..receipt };
        assert!(changed.verify(None).is_err());
    }
}
