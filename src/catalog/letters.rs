//! Letters that wait to be written: noted with the act that they tell of.

use super::{CatalogTx, OfTenant};
use crate::clock::Timestamp;
use crate::db::{DbError, Row};
use crate::error::Result;
use crate::id::TenantId;
use crate::model::letter::{Content, Recipient};
use crate::params;

/// A letter that waits to be written.
#[derive(Clone, Debug)]
pub struct PostedLetter {
    /// Its id.
    pub id: String,
    /// The tenant that it is about, if about one.
    pub tenant: Option<TenantId>,
    /// To whom it goes.
    pub recipient: Recipient,
    /// Which letter, and what stands in it, as JSON.
    pub content: String,
    /// When it was posted.
    pub posted_at: Timestamp,
    /// How often it could not be written.
    pub attempts: u32,
    /// Marks of the addresses that it went to before it could not be written to others.
    pub told: Vec<String>,
}

/// What becomes of a letter that waited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LetterOutcome {
    /// It was written, or nobody is to get it.
    Written,
    /// It is tried again.
    Later {
        /// Not before that.
        at: Timestamp,
        /// And not for those whose addresses have these marks, which hold no spaces.
        told: Vec<String>,
    },
    /// It is not tried again, for that reason.
    GivenUp(&'static str),
}

/// What follows after the letters of all tenants.
const FIRST_SENDER: &str = "";

fn posted(row: &Row<'_>) -> Result<PostedLetter, DbError> {
    Ok(PostedLetter {
        id: row.get(0)?,
        tenant: TenantId::parse(&row.get::<String>(1)?),
        recipient: Recipient::parse(&row.get::<String>(2)?),
        content: row.get(3)?,
        posted_at: row.get(4)?,
        attempts: u32::try_from(row.get::<i64>(5)?).unwrap_or(u32::MAX),
        told: row.get::<String>(6)?.split_whitespace().map(str::to_owned).collect(),
    })
}

impl CatalogTx<'_> {
    /// Posts a letter about an account. One that tells the same `fact` was posted before counts alone.
    ///
    /// # Errors
    /// As the database says.
    pub fn post(&self, fact: &str, to: &Recipient, content: &Content) -> Result<()> {
        self.post_from(FIRST_SENDER, fact, to, content)
    }

    fn post_from(&self, sender: &str, fact: &str, to: &Recipient, content: &Content) -> Result<()> {
        let id = crate::id::uuid_v7(self.now()).to_string();
        self.tx.execute(
            "INSERT INTO letters (id, fact, tenant_id, recipient, content, posted_at, next_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)
             ON CONFLICT (fact) DO NOTHING",
            params![id, fact, sender, to.to_text(), serde_json::to_string(content)?, self.now()],
        )?;
        Ok(())
    }

    /// Letters that were posted and are not written yet, up to 10,000.
    ///
    /// # Errors
    /// As the database says.
    pub fn count_letters_to_write(&self) -> Result<u64> {
        let count = self.tx.count(
            "SELECT count(*) FROM (SELECT 1 FROM letters WHERE written_at IS NULL LIMIT 10000)",
            &[],
        )?;
        Ok(count.unsigned_abs())
    }

    /// Letters to be written now: the `each` that are due for the longest time of the next `senders` tenants after `after`;
    /// accounts are one of them. With the last of these. However many one tenant has, another's first is among them.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_letters_to_write(
        &self,
        after: Option<&str>,
        senders: u32,
        each: u32,
    ) -> Result<(Vec<PostedLetter>, Option<String>)> {
        let (mut letters, mut last) = (Vec::new(), after.map(str::to_owned));
        for number in 0..senders {
            let first = number == 0 && last.is_none();
            let compares = if first { ">=" } else { ">" };
            let next: Option<Option<String>> = self.tx.query_row(
                &format!(
                    "SELECT min(tenant_id) FROM letters WHERE written_at IS NULL AND tenant_id {compares} ?1"
                ),
                params![last.clone().unwrap_or_default()],
                |row| row.get(0),
            )?;
            let Some(next) = next.flatten() else { return Ok((letters, None)) };
            letters.extend(self.tx.query(
                "SELECT id, tenant_id, recipient, content, posted_at, attempts, told FROM letters
                 WHERE written_at IS NULL AND tenant_id = ?1 AND next_at <= ?3 ORDER BY next_at, id LIMIT ?2",
                params![&next, each, self.now()],
                posted,
            )?);
            last = Some(next);
        }
        Ok((letters, last))
    }

    /// Notes what became of letters. What stood in those that were written is forgotten; what was given up can be looked at
    /// until it is swept.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_letters(&self, outcomes: &[(String, LetterOutcome)]) -> Result<()> {
        for (id, outcome) in outcomes {
            match outcome {
                LetterOutcome::Written => self.tx.execute(
                    "UPDATE letters SET written_at = ?2, recipient = '', content = '', told = '' WHERE id = ?1",
                    params![id, self.now()],
                )?,
                LetterOutcome::Later { at, told } => self.tx.execute(
                    "UPDATE letters SET attempts = attempts + 1, next_at = ?2, told = ?3 WHERE id = ?1",
                    params![id, *at, told.join(" ")],
                )?,
                LetterOutcome::GivenUp(why) => self.tx.execute(
                    "UPDATE letters SET written_at = ?2, given_up = ?3, told = '' WHERE id = ?1",
                    params![id, self.now(), *why],
                )?,
            };
        }
        Ok(())
    }

    /// Forgets letters that were written before `before`.
    ///
    /// # Errors
    /// As the database says.
    pub fn delete_written_letters(&self, before: Timestamp) -> Result<()> {
        self.tx.execute("DELETE FROM letters WHERE written_at < ?1", params![before])?;
        Ok(())
    }

    /// Whether there are letters that were written before `before`.
    ///
    /// # Errors
    /// As the database says.
    pub fn has_written_letters(&self, before: Timestamp) -> Result<bool> {
        Ok(self.tx.exists("SELECT 1 FROM letters WHERE written_at < ?1 LIMIT 1", params![before])?)
    }

    /// Tenants whose trial ends at `until` or before and that were not told so yet, with plan and end.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_trials_to_tell(
        &self,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<(TenantId, String, Timestamp)>> {
        Ok(self.tx.query(
            "SELECT s.tenant_id, s.plan, s.trial_end FROM subscriptions s JOIN tenants t ON t.id = s.tenant_id
             WHERE s.status = 'trialing' AND s.trial_end > ?1 AND s.trial_end <= ?2 AND t.status = 'active'
               AND NOT EXISTS (SELECT 1 FROM letters l
                 WHERE l.fact = 'trial_ends ' || s.tenant_id || ' ' || s.trial_end)
             ORDER BY s.trial_end LIMIT ?3",
            params![self.now(), until, limit],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?)
    }
}

impl OfTenant<'_> {
    /// Posts a letter about the tenant, in the transaction of what it tells. One that tells the same `fact` was posted
    /// before counts alone.
    ///
    /// # Errors
    /// As the database says.
    pub fn post(&self, fact: &str, to: &Recipient, content: &Content) -> Result<()> {
        self.catalog.post_from(&self.tenant.to_string(), fact, to, content)
    }
}
