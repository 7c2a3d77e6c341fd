//! Signed heads of audit chains, and what may be dropped below them.

use super::CatalogTx;
use crate::clock::{DAY, MINUTE, Timestamp};
use crate::error::Result;
use crate::model::audit::{ChainCheck, GENESIS};
use crate::params;
use serde_json::json;

/// How long an entry may wait for a signature, and how many may.
const WAIT: i64 = 10 * MINUTE;
const MOST_UNSIGNED: i64 = 50;
/// Acts after which the head is signed at once.
const AT_ONCE: &[&str] = &[
    "audit.exported",
    "audit.trimmed",
    "export.downloaded",
    "export.requested",
    "operator.access",
    "operator.added",
    "ownership.transferred",
    "tenant.closed",
    "tenant.erased",
    "tenant.reopened",
];
/// Entries that one signature looks through at a time.
const PAGE: u32 = 1_000;

/// What came of signing a chain's head.
#[derive(Debug, PartialEq, Eq)]
pub enum HeadSigned {
    /// It is signed now, or was before.
    Done,
    /// It belongs to a tenant that is not there yet.
    NotYet,
    /// It is not signed: the entries since the last checkpoint do not hold together.
    Broken(String),
}

impl CatalogTx<'_> {
    pub(super) fn audit_entry_is_unsigned(&self, chain: &str, action: &str) -> Result<()> {
        let now = self.now();
        let due_at = if AT_ONCE.contains(&action) { now } else { now.plus(WAIT) };
        self.tx.execute(
            "INSERT INTO audit_unsigned (chain, due_at, entries) VALUES (?1, ?2, 1)
             ON CONFLICT (chain) DO UPDATE SET entries = entries + 1,
               due_at = min(due_at, ?2, iif(entries + 1 >= ?3, ?4, due_at))",
            params![chain, due_at, MOST_UNSIGNED, now],
        )?;
        Ok(())
    }

    /// Chains with entries that are to be signed by `until`.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_audit_unsigned(&self, until: Timestamp, limit: u32) -> Result<Vec<String>> {
        Ok(self.tx.query(
            "SELECT chain FROM audit_unsigned WHERE due_at <= ?1 ORDER BY due_at LIMIT ?2",
            params![until, limit],
            |row| row.get(0),
        )?)
    }

    /// Signs the head of a chain, after a look at the entries since the last checkpoint: what was tampered with is not
    /// vouched for, and is looked at again in ten minutes.
    ///
    /// # Errors
    /// As the database says, and as `sign`.
    pub fn sign_audit_head(
        &self,
        chain: &str,
        mut sign: impl FnMut(i64, &str) -> Result<String>,
    ) -> Result<HeadSigned> {
        if self
            .tx
            .exists("SELECT 1 FROM tenants WHERE id = ?1 AND status = 'provisioning'", params![chain])?
        {
            self.postpone(chain)?;
            return Ok(HeadSigned::NotYet);
        }
        let last = self.tx.query_row(
            "SELECT seq, hash FROM audit_checkpoints WHERE chain = ?1 ORDER BY seq DESC LIMIT 1",
            params![chain],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let (last_seq, last_hash): (i64, String) = last.unwrap_or((0, GENESIS.to_owned()));
        let mut check = ChainCheck::from(chain, last_seq, &last_hash);
        loop {
            let page = self.list_audit_chain(chain, check.head().0, PAGE)?;
            if let Err(why) = page.iter().try_for_each(|entry| check.take(entry)) {
                self.postpone(chain)?;
                return Ok(HeadSigned::Broken(why));
            }
            if page.len() < PAGE as usize {
                break;
            }
        }
        let (seq, hash) = check.head();
        if seq > last_seq {
            self.tx.execute(
                "INSERT INTO audit_checkpoints (chain, seq, hash, signed_at, checkpoint) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![chain, seq, hash, self.now(), sign(seq, hash)?],
            )?;
        }
        self.tx.execute("DELETE FROM audit_unsigned WHERE chain = ?1", params![chain])?;
        Ok(HeadSigned::Done)
    }

    fn postpone(&self, chain: &str) -> Result<()> {
        let later = self.now().plus(WAIT);
        self.tx.execute("UPDATE audit_unsigned SET due_at = ?2 WHERE chain = ?1", params![chain, later])?;
        Ok(())
    }

    /// Checkpoints that are not in the ledger yet: chain, number and text.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_checkpoints_to_write(&self, limit: u32) -> Result<Vec<(String, i64, String)>> {
        Ok(self.tx.query(
            "SELECT chain, seq, checkpoint FROM audit_checkpoints WHERE in_ledger = 0 ORDER BY chain, seq LIMIT ?1",
            params![limit],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?)
    }

    /// Notes that a checkpoint is in the ledger.
    ///
    /// # Errors
    /// As the database says.
    pub fn checkpoint_is_written(&self, chain: &str, seq: i64) -> Result<()> {
        self.tx.execute(
            "UPDATE audit_checkpoints SET in_ledger = 1 WHERE chain = ?1 AND seq = ?2",
            params![chain, seq],
        )?;
        Ok(())
    }

    /// Checkpoints of a chain, oldest first, as they were signed.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_checkpoints(&self, chain: &str) -> Result<Vec<String>> {
        Ok(self.tx.query(
            "SELECT checkpoint FROM audit_checkpoints WHERE chain = ?1 ORDER BY seq",
            params![chain],
            |row| row.get(0),
        )?)
    }

    /// Number and hash of the last entry of a chain that was dropped.
    ///
    /// # Errors
    /// As the database says.
    pub fn audit_floor(&self, chain: &str) -> Result<Option<(i64, String)>> {
        Ok(self.tx.query_row(
            "SELECT seq, hash FROM audit_checkpoints WHERE chain = ?1 AND is_floor = 1 ORDER BY seq DESC LIMIT 1",
            params![chain],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?)
    }

    /// Whether the catalog has to know a checkpoint that the ledger has, and does not: the chain is neither erased nor
    /// was dropped up to there.
    ///
    /// # Errors
    /// As the database says.
    pub fn misses_checkpoint(&self, chain: &str, seq: i64, text: &str) -> Result<bool> {
        let known = self.tx.query_row(
            "SELECT checkpoint = ?3 FROM audit_checkpoints WHERE chain = ?1 AND seq = ?2
             UNION ALL SELECT 1 FROM audit_checkpoints WHERE chain = ?1 AND is_floor = 1 AND seq > ?2
             UNION ALL SELECT 1 FROM erasures WHERE tenant_id = ?1
             ORDER BY 1 DESC LIMIT 1",
            params![chain, seq, text],
            |row| row.get::<i64>(0),
        )?;
        Ok(known != Some(1))
    }

    /// Drops entries of up to `limit` chains that were signed before `before`; the last checkpoint of them becomes the
    /// floor of its chain, once a day at most. Returns how many chains there were.
    ///
    /// # Errors
    /// As the database says.
    pub fn drop_old_audit_entries(&self, before: Timestamp, limit: u32) -> Result<usize> {
        let floors: Vec<(String, i64)> = self.tx.query(
            "SELECT old.chain, max(old.seq) FROM audit_checkpoints AS old
             WHERE old.is_floor = 0 AND old.signed_at < ?1 AND old.in_ledger = 1
             GROUP BY old.chain HAVING min(old.signed_at) < ?2 LIMIT ?3",
            params![before, before.plus(-DAY), limit],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        for (chain, seq) in &floors {
            self.append_for_system(chain, "audit.trimmed", &json!({ "up_to": seq }))?;
            for sql in [
                "UPDATE audit_checkpoints SET is_floor = 1 WHERE chain = ?1 AND seq = ?2",
                "DELETE FROM audit_entries WHERE chain = ?1 AND seq <= ?2",
                "DELETE FROM audit_checkpoints WHERE chain = ?1 AND seq < ?2",
            ] {
                self.tx.execute(sql, params![chain, *seq])?;
            }
        }
        Ok(floors.len())
    }
}
