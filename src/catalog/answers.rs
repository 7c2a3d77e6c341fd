//! Answers kept for who repeats a request: claimed before it is done, so that it is done once at most.

use super::CatalogTx;
use crate::clock::DAY;
use crate::db::{DbError, Tx};
use crate::error::Result;
use crate::model::idempotency::{Claim, GivenAnswer};
use crate::params;

/// How long an answer is kept.
const KEPT: i64 = DAY;
/// Answers that one claim sweeps away at most: more than it adds, so that none stay for ever.
const SWEPT: u32 = 10;

/// Which answer: whose, and by which key.
#[derive(Clone, Debug)]
pub struct AnswerName {
    /// Who asked.
    pub actor: String,
    /// The Idempotency-Key.
    pub key: String,
}

/// The table of kept answers in a file that has one.
pub struct Answers<'t>(&'t Tx<'t>);

impl<'t> Answers<'t> {
    /// Those of the catalog or of a tenant's file.
    pub fn of(tx: &'t Tx<'t>) -> Answers<'t> {
        Answers(tx)
    }

    /// Claims the key for a request, unless it has been used within a day.
    ///
    /// # Errors
    /// As the database says.
    pub fn claim(&self, name: &AnswerName, request: &str) -> Result<Claim> {
        let (tx, now) = (self.0, self.0.now());
        tx.execute(
            "DELETE FROM _idempotency WHERE created_at <= ?1
             AND id IN (SELECT id FROM _idempotency ORDER BY id LIMIT ?2)",
            params![now.plus(-KEPT), SWEPT],
        )?;
        let found = tx.query_row(
            "SELECT request, status, location, body FROM _idempotency
             WHERE actor = ?1 AND key = ?2 AND created_at > ?3",
            params![name.actor.as_str(), name.key.as_str(), now.plus(-KEPT)],
            |row| {
                let answer: GivenAnswer = GivenAnswer { status: 0, location: row.get(2)?, body: row.get(3)? };
                Ok::<_, DbError>((row.get::<String>(0)?, row.get::<Option<i64>>(1)?, answer))
            },
        )?;
        match found {
            None => {}
            Some((of, status, answer)) if of == request => {
                let status = status.and_then(|status| u16::try_from(status).ok()).unwrap_or(0);
                return Ok(if status == 0 {
                    Claim::Unfinished
                } else {
                    Claim::Answered(GivenAnswer { status, ..answer })
                });
            }
            Some(_) => return Ok(Claim::Reused),
        }
        self.release(name)?;
        tx.execute(
            "INSERT INTO _idempotency (id, actor, key, request, status, created_at)
             SELECT coalesce(max(id), 0) + 1, ?1, ?2, ?3, 0, ?4 FROM _idempotency",
            params![name.actor.as_str(), name.key.as_str(), request, now],
        )?;
        Ok(Claim::New)
    }

    /// Keeps the answer to a request that was claimed.
    ///
    /// # Errors
    /// As the database says.
    pub fn keep(&self, name: &AnswerName, answer: &GivenAnswer) -> Result<()> {
        self.0.execute(
            "UPDATE _idempotency SET status = ?3, location = ?4, body = ?5 WHERE actor = ?1 AND key = ?2",
            params![
                name.actor.as_str(),
                name.key.as_str(),
                i64::from(answer.status),
                answer.location.clone(),
                answer.body.clone()
            ],
        )?;
        Ok(())
    }

    /// Lets go of a key: what it came with was refused and may be tried again.
    ///
    /// # Errors
    /// As the database says.
    pub fn release(&self, name: &AnswerName) -> Result<()> {
        let own = params![name.actor.as_str(), name.key.as_str()];
        self.0.execute("DELETE FROM _idempotency WHERE actor = ?1 AND key = ?2", own)?;
        Ok(())
    }
}

impl<'t> CatalogTx<'t> {
    /// Answers that are about no tenant.
    pub fn answers(&self) -> Answers<'t> {
        Answers::of(self.tx)
    }
}
