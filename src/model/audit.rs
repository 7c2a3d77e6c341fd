//! Audit entries and the chain of hashes that holds them together.

use super::hex::hex;
use crate::clock::Timestamp;
use sha2::{Digest, Sha256};

/// One act, as it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AuditEntry {
    /// Number within the tenant, from 1, without gaps.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// Who: `identity:<id>`, `operator:<id>` or `system`.
    pub actor: String,
    /// The session in which; empty where there was none.
    pub session: String,
    /// What: `member.role_changed`.
    pub action: String,
    /// To what: `identity:<id>`; empty if the tenant itself.
    pub target: String,
    /// The network address it came from; empty if it came from this machine.
    pub address: String,
    /// More about it, as JSON; never secrets.
    pub details: String,
    /// The hash of the entry before; 64 zeros for the first.
    pub prev_hash: String,
    /// SHA-256 over all of the above, see [`AuditEntry::hash_of`].
    pub hash: String,
}

/// What comes before the first entry.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

impl AuditEntry {
    /// SHA-256 in hex over the compact JSON array
    /// `[chain, seq, at in ms, actor, session, action, target, address, details, prev_hash]`. `chain` is the tenant's id, or
    /// `installation`: an entry cannot be moved into another tenant's log.
    pub fn hash_of(&self, chain: &str) -> String {
        let fields = serde_json::json!([
            chain,
            self.seq,
            self.at.0,
            self.actor,
            self.session,
            self.action,
            self.target,
            self.address,
            self.details,
            self.prev_hash
        ]);
        hex(&Sha256::digest(fields.to_string().as_bytes()))
    }
}

/// Walks a chain and says where it breaks.
#[derive(Debug)]
pub struct ChainCheck<'c> {
    chain: &'c str,
    next_seq: i64,
    prev_hash: String,
}

impl<'c> ChainCheck<'c> {
    /// A check of the chain named `chain` from its first entry.
    pub fn new(chain: &'c str) -> ChainCheck<'c> {
        ChainCheck::from(chain, 0, GENESIS)
    }

    /// A check that goes on after the entry `seq`, of which the hash is known to be `hash`.
    pub fn from(chain: &'c str, seq: i64, hash: &str) -> ChainCheck<'c> {
        ChainCheck { chain, next_seq: seq + 1, prev_hash: hash.to_owned() }
    }

    /// Takes the next entry.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn take(&mut self, entry: &AuditEntry) -> Result<(), String> {
        if entry.seq != self.next_seq {
            return Err(format!("entry {} is missing: entry {} follows instead", self.next_seq, entry.seq));
        }
        if entry.prev_hash != self.prev_hash {
            return Err(format!("entry {} does not continue the entry before it", entry.seq));
        }
        if entry.hash_of(self.chain) != entry.hash {
            return Err(format!("entry {} was changed after it was written", entry.seq));
        }
        self.next_seq += 1;
        self.prev_hash.clone_from(&entry.hash);
        Ok(())
    }

    /// How many entries were taken, and the hash of the last.
    pub fn head(&self) -> (i64, &str) {
        (self.next_seq - 1, &self.prev_hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(seq: i64, prev_hash: &str) -> AuditEntry {
        let mut entry = AuditEntry {
            seq,
            at: Timestamp(1_000 + seq),
            actor: "system".into(),
            session: String::new(),
            action: "tenant.created".into(),
            target: String::new(),
            address: String::new(),
            details: "{}".into(),
            prev_hash: prev_hash.into(),
            hash: String::new(),
        };
        entry.hash = entry.hash_of("t");
        entry
    }

    #[test]
    fn a_changed_missing_or_foreign_entry_breaks_the_chain() {
        let first = entry(1, GENESIS);
        let second = entry(2, &first.hash);
        let run = |chain, entries: &[&AuditEntry]| {
            let mut check = ChainCheck::new(chain);
            entries.iter().try_for_each(|entry| check.take(entry))
        };
        assert_eq!(run("t", &[&first, &second]), Ok(()));
        assert!(run("t", &[&second]).is_err_and(|why| why.contains("missing")));
        assert!(run("u", &[&first]).is_err_and(|why| why.contains("changed")));
        let changed = AuditEntry { action: "nothing.happened".into(), ..first.clone() };
        assert!(run("t", &[&changed]).is_err_and(|why| why.contains("changed")));
        let cut = AuditEntry { prev_hash: GENESIS.into(), ..second };
        assert!(run("t", &[&first, &cut]).is_err_and(|why| why.contains("continue")));
    }
}
