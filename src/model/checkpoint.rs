//! Signed heads of audit chains, and the check of a chain against them.

use super::audit::{AuditEntry, ChainCheck, GENESIS};
use super::signed::Signed;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a checkpoint says it is.
pub const FORMAT: &str = "tenantry.audit-checkpoint.v1";

/// The statement that is signed: at that time the chain ended with that entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// [`FORMAT`].
    pub format: String,
    /// The installation that signed.
    pub installation: String,
    /// Tenant id, or `installation`.
    pub chain: String,
    /// Number of the last entry.
    pub seq: i64,
    /// Its hash.
    pub hash: String,
    /// When this was signed (RFC 3339).
    pub at: String,
}

/// A head with its signature.
pub type Checkpoint = Signed<Head>;

/// A chain that is checked entry by entry, and against what was signed of it.
#[derive(Debug)]
pub struct SignedChainCheck<'c> {
    check: ChainCheck<'c>,
    /// Signed hashes by number, those that were not met yet.
    signed: BTreeMap<i64, String>,
    last_signed: Option<i64>,
}

impl<'c> SignedChainCheck<'c> {
    /// A check of `chain` from `floor` on, which is zero where nothing was dropped. Each checkpoint is one that was
    /// found, with whatever is wrong with it.
    ///
    /// # Errors
    /// A sentence: a checkpoint is not of the trusted key, two contradict each other, or none vouches for the floor.
    pub fn new(
        chain: &'c str,
        floor: i64,
        checkpoints: impl IntoIterator<Item = Checkpoint>,
        trusted: Option<&str>,
    ) -> Result<SignedChainCheck<'c>, String> {
        let mut signed = BTreeMap::new();
        for checkpoint in checkpoints {
            let head =
                checkpoint.verify(trusted).map_err(|why| format!("a checkpoint is not valid: {why}"))?;
            if head.format != FORMAT || head.chain != chain {
                return Err("a checkpoint is of another log".to_owned());
            }
            let (seq, hash) = (head.seq, head.hash);
            if signed.insert(seq, hash.clone()).is_some_and(|before| before != hash) {
                return Err(format!(
                    "entry {seq} was signed twice with different content: the log was rewound"
                ));
            }
        }
        let last_signed = signed.last_key_value().map(|(seq, _)| *seq);
        let start = match (floor, signed.get(&floor)) {
            (0, _) => GENESIS,
            (_, Some(hash)) => hash,
            (_, None) => {
                return Err(format!("entry 1 to {floor} are missing, and no checkpoint vouches for them"));
            }
        };
        let check = ChainCheck::from(chain, floor, start);
        // What was signed before the floor went with its entries.
        let signed = signed.split_off(&(floor + 1));
        Ok(SignedChainCheck { check, signed, last_signed })
    }

    /// Takes the next entry.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn take(&mut self, entry: &AuditEntry) -> Result<(), String> {
        self.check.take(entry)?;
        match self.signed.remove(&entry.seq) {
            Some(hash) if hash != entry.hash => {
                Err(format!("entry {} is not the one that was signed: the log was written anew", entry.seq))
            }
            _ => Ok(()),
        }
    }

    /// Number and hash of the last entry that was taken.
    pub fn head(&self) -> (i64, &str) {
        self.check.head()
    }

    /// The last entry that was signed.
    pub fn last_signed(&self) -> Option<i64> {
        self.last_signed
    }

    /// Ends the check.
    ///
    /// # Errors
    /// A sentence: entries that were signed are missing at the end.
    pub fn finish(&self) -> Result<(), String> {
        match self.signed.last_key_value() {
            None => Ok(()),
            Some((seq, _)) => Err(format!(
                "entry {} is missing: the log was cut, for entry {seq} was signed",
                self.check.head().0 + 1
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use ed25519_dalek::SigningKey;

    fn chain(actions: &[&str]) -> Vec<AuditEntry> {
        let mut entries: Vec<AuditEntry> = Vec::new();
        for (index, action) in actions.iter().enumerate() {
            let mut entry = AuditEntry {
                seq: i64::try_from(index).unwrap() + 1,
                at: Timestamp(1_000),
                actor: "system".into(),
                session: String::new(),
                action: (*action).into(),
                target: String::new(),
                address: String::new(),
                details: "{}".into(),
                prev_hash: entries.last().map_or(GENESIS.to_owned(), |last| last.hash.clone()),
                hash: String::new(),
            };
            entry.hash = entry.hash_of("t");
            entries.push(entry);
        }
        entries
    }

    fn sign(entry: &AuditEntry, key: u8) -> Checkpoint {
        let head = Head {
            format: FORMAT.into(),
            installation: "i".into(),
            chain: "t".into(),
            seq: entry.seq,
            hash: entry.hash.clone(),
            at: String::new(),
        };
        Checkpoint::sign(&head, &SigningKey::from_bytes(&[key; 32])).unwrap()
    }

    fn run(floor: i64, entries: &[AuditEntry], checkpoints: Vec<Checkpoint>) -> Result<(), String> {
        let trusted = sign(&chain(&["a"])[0], 7).public_key;
        let mut check = SignedChainCheck::new("t", floor, checkpoints, Some(&trusted))?;
        entries.iter().try_for_each(|entry| check.take(entry))?;
        check.finish()
    }

    #[test]
    fn a_log_that_was_cut_or_written_anew_is_noticed_by_what_was_signed() {
        let log = chain(&["a", "b", "c"]);
        let anew = chain(&["a", "x", "c"]);
        let signed = || vec![sign(&log[1], 7), sign(&log[2], 7)];
        assert_eq!(run(0, &log, signed()), Ok(()));
        assert_eq!(run(0, &anew, vec![]), Ok(()), "a chain alone says nothing of this");
        assert!(run(0, &anew, signed()).is_err_and(|why| why.contains("entry 2 is not the one")));
        assert!(run(0, &log[..2], signed()).is_err_and(|why| why.contains("entry 3 is missing")));
        let both = vec![sign(&log[1], 7), sign(&anew[1], 7)];
        assert!(run(0, &log, both).is_err_and(|why| why.contains("rewound")));
        assert!(run(0, &log, vec![sign(&log[2], 8)]).is_err_and(|why| why.contains("another key")));
    }

    #[test]
    fn a_log_is_checked_from_a_signed_floor_on_and_from_no_other() {
        let log = chain(&["a", "b", "c"]);
        assert_eq!(run(2, &log[2..], vec![sign(&log[1], 7)]), Ok(()));
        assert!(run(2, &log[2..], vec![sign(&log[2], 7)]).is_err_and(|why| why.contains("vouches")));
        assert!(run(0, &log[2..], vec![sign(&log[1], 7)]).is_err_and(|why| why.contains("missing")));
    }
}
