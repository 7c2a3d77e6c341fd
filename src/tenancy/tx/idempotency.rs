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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{ManualClock, SharedClock, Timestamp};
    use crate::db::{Database, DatabaseOptions, Maintenance, OpenError};
    use crate::error::Error;
    use crate::tenancy::file::system_track;
    use std::sync::Arc;

    struct File {
        database: Arc<Database>,
        clock: Arc<ManualClock>,
        runtime: tokio::runtime::Runtime,
        _directory: tempfile::TempDir,
    }

    impl File {
        fn new() -> File {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("data.db");
            let now = Timestamp(1_790_000_000_000);
            let maintenance = Maintenance::create(&path, 7).unwrap();
            maintenance.migrate(&system_track(), now).unwrap();
            drop(maintenance);
            let options = DatabaseOptions::of_tests();
            let clock = Arc::new(ManualClock::new(now));
            let shared: SharedClock = Arc::<ManualClock>::clone(&clock);
            let database = Database::open(&path, options, shared, |_| Ok::<_, OpenError>(())).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            File { database, clock, runtime, _directory: directory }
        }

        fn write<T: Send + 'static>(
            &self,
            mut act: impl FnMut(&TenantTx<'_>) -> Result<T> + Send + 'static,
        ) -> Result<T> {
            self.runtime.block_on(self.database.write("test", move |tx| act(&TenantTx::new(tx))))
        }

        fn keep(&self, key: &'static str, body: &'static str) {
            self.write(move |tx| tx.keep_answer("ann", key, answer(body))).unwrap();
        }

        fn body(&self, actor: &'static str, key: &'static str) -> Option<Vec<u8>> {
            self.write(move |tx| tx.find_answer(actor, key)).unwrap().map(|answer| answer.body.unwrap())
        }

        fn count(&self) -> i64 {
            let counted = self.write(|tx| {
                Ok(tx.tx.query_row("SELECT count(*) FROM _idempotency", &[], |row| row.get(0))?)
            });
            counted.unwrap().unwrap()
        }
    }

    fn answer(body: &str) -> KeptAnswer {
        KeptAnswer {
            request: "request".to_owned(),
            viewpoint: "viewpoint".to_owned(),
            created: true,
            record_key: Some("a,b".to_owned()),
            etag: None,
            body: Some(body.as_bytes().to_vec()),
        }
    }

    #[test]
    fn an_answer_is_kept_for_its_actor_for_a_day() {
        let file = File::new();
        file.keep("k", "one");
        assert_eq!(file.write(|tx| tx.find_answer("ann", "k")).unwrap(), Some(answer("one")));
        assert_eq!((file.body("ben", "k"), file.body("ann", "K")), (None, None));
        file.clock.advance(DAY - 1);
        assert_eq!(file.body("ann", "k").as_deref(), Some(b"one".as_slice()));
        file.clock.advance(1);
        assert_eq!(file.body("ann", "k"), None);
        file.keep("k", "two");
        assert_eq!((file.body("ann", "k").as_deref(), file.count()), (Some(b"two".as_slice()), 1));
    }

    #[test]
    fn an_answer_goes_with_the_write_that_it_is_the_answer_to() {
        let file = File::new();
        let failed: Result<()> = file.write(|tx| {
            tx.tx.execute("INSERT INTO _tenant (id, epoch) VALUES ('t', 1)", &[])?;
            tx.keep_answer("ann", "k", answer("never"))?;
            Err(Error::not_found())
        });
        assert!(failed.is_err());
        assert_eq!(file.body("ann", "k"), None);
        let written = |tx: &TenantTx<'_>| {
            Ok(tx.tx.query_row("SELECT count(*) FROM _tenant", &[], |row| row.get::<i64>(0))?)
        };
        assert_eq!(file.write(written).unwrap(), Some(0));
    }

    #[test]
    fn old_answers_are_swept_in_small_portions_until_none_is_left() {
        let file = File::new();
        for key in (0..25).map(|n| &*format!("{n}").leak()) {
            file.keep(key, "old");
        }
        assert_eq!(file.count(), 25);
        file.clock.advance(2 * DAY);
        for left in [16, 7, 3, 4] {
            file.keep(format!("new {left}").leak(), "new");
            assert_eq!(file.count(), left);
        }
    }
}
