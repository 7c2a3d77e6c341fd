//! Answers that are kept for who repeats a request.

use super::TenantTx;
use crate::clock::DAY;
use crate::db::DbError;
use crate::error::Result;
use crate::params;

/// How long an answer is kept.
const KEPT: i64 = DAY;
/// Answers that one write sweeps away at most: more than it adds, so that none stay for ever.
const SWEPT: u32 = 10;

/// An answer, and what it was given to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAnswer {
    /// Digest of the request.
    pub request: String,
    /// Digest of what the actor could see.
    pub viewpoint: String,
    /// Whether something was created.
    pub created: bool,
    /// The record's key as it stands in a path.
    pub record_key: Option<String>,
    /// The record's entity tag.
    pub etag: Option<String>,
    /// The body, unless it was too long to keep.
    pub body: Option<Vec<u8>>,
}

impl TenantTx<'_> {
    /// The answer that `actor` was given for this key within 24 hours.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_answer(&self, actor: &str, key: &str) -> Result<Option<KeptAnswer>> {
        Ok(self.tx.query_row(
            "SELECT request, viewpoint, created, record_key, etag, body FROM _idempotency
             WHERE actor = ?1 AND key = ?2 AND created_at > ?3",
            params![actor, key, self.now().plus(-KEPT)],
            |row| {
                Ok::<_, DbError>(KeptAnswer {
                    request: row.get(0)?,
                    viewpoint: row.get(1)?,
                    created: row.get(2)?,
                    record_key: row.get(3)?,
                    etag: row.get(4)?,
                    body: row.get(5)?,
                })
            },
        )?)
    }

    /// Keeps an answer, in place of an older one that is out of time, and sweeps away a few others that are.
    ///
    /// # Errors
    /// As the database says.
    pub fn keep_answer(&self, actor: &str, key: &str, answer: KeptAnswer) -> Result<()> {
        self.tx.execute(
            "DELETE FROM _idempotency WHERE created_at <= ?1
             AND id IN (SELECT id FROM _idempotency ORDER BY id LIMIT ?2)",
            params![self.now().plus(-KEPT), SWEPT],
        )?;
        self.tx.execute("DELETE FROM _idempotency WHERE actor = ?1 AND key = ?2", params![actor, key])?;
        self.tx.execute(
            "INSERT INTO _idempotency
               (id, actor, key, request, viewpoint, created, record_key, etag, body, created_at)
             SELECT coalesce(max(id), 0) + 1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 FROM _idempotency",
            params![
                actor,
                key,
                answer.request,
                answer.viewpoint,
                answer.created,
                answer.record_key,
                answer.etag,
                answer.body,
                self.now(),
            ],
        )?;
        Ok(())
    }
}
