//! Claiming: what is due is taken, with the right to do it. And all that the scheduler has to know of a tenant.

use super::{Ended, JobEnd};
use crate::clock::{DAY, MINUTE, Timestamp};
use crate::db::DbError;
use crate::error::Result;
use crate::id::JobId;
use crate::model::job::{LeasedJob, MOST_SPARED};
use crate::model::plan::JobShare;
use crate::params;
use crate::tenancy::job_words::JobBound;
use crate::tenancy::tx::TenantTx;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How long jobs that ended are kept; those that were given up wait longer for somebody to look at them.
const KEPT: i64 = 7 * DAY;
const DEAD_KEPT: i64 = 30 * DAY;
/// Rows that are removed at once.
const SWEPT_AT_ONCE: usize = 500;

/// Looks at all jobs of a state. Each goes through a partial index; none may cost more where more is queued.
const LOST: &str = "SELECT id, runner, spared, attempts, max_attempts FROM _jobs WHERE status = 'running'
   AND (lease_until <= ?1 OR (runner <> '' AND runner <> ?2))";
const COMES_DUE: &str = "UPDATE _jobs SET due = 1 WHERE status = 'queued' AND due = 0 AND run_at <= ?1";
const NEXT_KIND: &str =
    "SELECT kind FROM _jobs WHERE status = 'queued' AND due = 1 AND kind > ?1 ORDER BY kind LIMIT 1";
const HEADS: &str = "SELECT priority, run_at, id FROM _jobs WHERE status = 'queued' AND due = 1 AND kind = ?1
   ORDER BY priority DESC, run_at, id LIMIT ?2";
const ELSEWHERE: &str = "SELECT id, kind FROM _jobs WHERE status = 'running' AND runner = ''";
const OLDEST_END: &str = "SELECT min(finished_at) FROM _jobs WHERE finished_at IS NOT NULL";
const NEXT_LATER: &str = "SELECT min(run_at) FROM _jobs WHERE status = 'queued' AND due = 0";
const NEXT_LEASE: &str = "SELECT min(lease_until) FROM _jobs WHERE status = 'running' AND runner <> ?1";
const IS_RUNNING: &str = "SELECT 1 FROM _jobs WHERE status = 'running' LIMIT 1";
const IS_DUE: &str = "SELECT 1 FROM _jobs WHERE status = 'queued' AND due = 1 LIMIT 1";
/// Bounded, and not asked for at every look: it goes through those that wait.
const WAITING: &str = "SELECT count(*), min(run_at) FROM
   (SELECT run_at FROM _jobs WHERE status = 'queued' AND due = 1 LIMIT 10000)";
/// All of them, and the index that each goes through.
#[cfg(test)]
pub(super) const LOOKS: [(&str, &str); 11] = [
    (LOST, "_jobs_running"),
    (COMES_DUE, "_jobs_later"),
    (NEXT_KIND, "_jobs_due"),
    (HEADS, "_jobs_due"),
    (ELSEWHERE, "_jobs_running"),
    (OLDEST_END, "_jobs_finished"),
    (NEXT_LATER, "_jobs_later"),
    (NEXT_LEASE, "_jobs_running"),
    (IS_RUNNING, "_jobs_running"),
    (IS_DUE, "_jobs_due"),
    (WAITING, "_jobs_due"),
];

/// What the scheduler wants of a tenant.
#[derive(Clone, Debug)]
pub struct ClaimAsked {
    /// At most so many jobs.
    pub most: usize,
    /// At most so many of these kinds; of all others any number.
    pub kinds: BTreeMap<String, usize>,
    /// No others than these; where nothing is said, all.
    pub only: Option<Vec<String>>,
    /// After how many attempts a job of each kind is given up.
    pub attempts: Arc<BTreeMap<String, u32>>,
    /// Which run of the server asks.
    pub runner: String,
    /// Jobs that this run is at, so that no other attempt is begun whatever the clock says.
    pub running: Vec<JobId>,
    /// What became of others that were done here, which is noted first.
    pub ends: Arc<[JobEnd]>,
    /// And of which others that is being noted meanwhile: they count for nothing, and no other attempt is begun either.
    pub ending: Vec<JobId>,
    /// Whether what is due and not taken is to be counted.
    pub counts: bool,
    /// Until when the leases are good.
    pub until: Timestamp,
    /// A new lease for each job that may be taken.
    pub leases: Vec<String>,
}

/// A job at which a handler works after its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elsewhere {
    /// Its id.
    pub id: JobId,
    /// Its kind.
    pub kind: String,
}

/// What there was.
#[derive(Clone, Debug, Default)]
pub struct Claimed {
    /// What the ends that were told led to, in their order.
    pub ended: Vec<Ended>,
    /// What may be done now.
    pub jobs: Vec<LeasedJob>,
    /// Whether more is due that only the number kept back.
    pub more: bool,
    /// Kinds of which more is due than might be taken.
    pub blocked: Vec<String>,
    /// How much is due and was not taken, up to 10,000, and since when the first waits; where that was asked for.
    pub waiting: Option<(u64, Timestamp)>,
    /// What handlers work at after their answers.
    pub elsewhere: Vec<Elsewhere>,
    /// When to look again if nobody says anything before.
    pub next_at: Option<Timestamp>,
    /// Whether anything is queued or running.
    pub is_busy: bool,
    /// Whether the file is one of which somebody has to release the jobs first.
    pub is_held: bool,
    /// The tenant's part of the background work, as its plan says.
    pub share: JobShare,
}

impl TenantTx<'_> {
    /// Takes what is due, highest priority first, and what has waited longest first within one.
    ///
    /// # Errors
    /// As the database says.
    pub(in crate::tenancy) fn claim_jobs(
        self,
        asked: &ClaimAsked,
        share: JobShare,
        bound: Option<&JobBound>,
    ) -> Result<Claimed> {
        let ended = self.end_jobs(&asked.ends)?;
        if self.jobs_held()?.is_some() {
            return Ok(Claimed { ended, is_held: true, is_busy: true, share, ..Claimed::default() });
        }
        self.take_over_jobs(asked)?;
        if asked.only.is_none() {
            self.fire_schedules(&asked.attempts, bound)?;
        }
        self.wake_webhooks()?;
        let now = self.now();
        self.tx.execute(COMES_DUE, params![now])?;
        let elsewhere = self.list_elsewhere()?;
        // What works elsewhere counts for the tenant's part too.
        let room = share
            .concurrency
            .map_or(usize::MAX, |most| (most as usize).saturating_sub(elsewhere.len() + asked.running.len()));
        let most = asked.most.min(room).min(asked.leases.len());
        let (ids, more, blocked) = self.choose(asked, most)?;
        let mut jobs = Vec::with_capacity(ids.len());
        for (id, lease) in ids.into_iter().zip(&asked.leases) {
            self.tx.execute(
                "UPDATE _jobs SET status = 'running', due = 0, attempts = attempts + 1, lease = ?2, lease_until = ?3,
                   runner = ?4, progress = NULL, message = NULL WHERE id = ?1 AND status = 'queued'",
                params![id, lease.as_str(), asked.until, asked.runner.as_str()],
            )?;
            jobs.extend(self.tx.query_row(
                "SELECT kind, payload, attempts, idempotency_key FROM _jobs WHERE id = ?1",
                params![id],
                |row| {
                    Ok(LeasedJob {
                        id,
                        kind: row.get(0)?,
                        payload: row.get(1)?,
                        attempt: row.get(2)?,
                        idempotency_key: row.get(3)?,
                        lease: lease.clone(),
                    })
                },
            )?);
        }
        let next_at = self.next_look(asked)?;
        let is_busy = self.tx.exists(IS_RUNNING, &[])? || self.tx.exists(IS_DUE, &[])?;
        let counts = asked.counts && (more || !blocked.is_empty());
        let waiting = if counts { self.count_waiting_jobs()? } else { None };
        Ok(Claimed {
            ended,
            jobs,
            more,
            blocked,
            waiting,
            elsewhere,
            next_at,
            is_busy,
            is_held: false,
            share,
        })
    }

    fn count_waiting_jobs(self) -> Result<Option<(u64, Timestamp)>> {
        let counted = self.tx.query_row(WAITING, &[], |row| {
            Ok((row.get::<i64>(0)?.unsigned_abs(), row.get::<Option<Timestamp>>(1)?))
        })?;
        Ok(counted.and_then(|(count, oldest)| Some((count, oldest?))))
    }

    /// Puts back what a server that is gone was at, and what nobody has spoken for any more.
    fn take_over_jobs(self, asked: &ClaimAsked) -> Result<()> {
        let now = self.now();
        // Without an order: for that of ids all jobs would be gone through.
        let mut lost = self.tx.query(LOST, params![now, asked.runner.as_str()], |row| {
            Ok((
                row.get::<JobId>(0)?,
                row.get::<String>(1)?,
                row.get::<i64>(2)?,
                row.get::<i64>(3)?,
                row.get::<i64>(4)?,
            ))
        })?;
        lost.sort_unstable_by_key(|(id, ..)| *id);
        for (id, runner, spared, attempts, most) in lost {
            if runner == asked.runner && (asked.running.contains(&id) || asked.ending.contains(&id)) {
                continue;
            }
            let (error, counts) = if runner.is_empty() {
                ("the handler said that it works on, and nothing more in time", true)
            } else {
                ("the server ended while the job ran", spared >= MOST_SPARED)
            };
            let attempts = if counts { attempts } else { attempts - 1 };
            let is_over = counts && attempts >= most;
            self.tx.execute(
                "UPDATE _jobs SET status = ?2, due = ?3, attempts = ?4, spared = spared + ?5, last_error = ?6,
                   finished_at = ?7, lease = NULL, lease_until = NULL, runner = NULL WHERE id = ?1",
                params![
                    id,
                    if is_over { "dead" } else { "queued" },
                    !is_over,
                    attempts,
                    !counts,
                    error,
                    is_over.then_some(now)
                ],
            )?;
        }
        Ok(())
    }

    /// Which jobs to take; whether more are due, and of which bounded kinds.
    fn choose(self, asked: &ClaimAsked, most: usize) -> Result<(Vec<JobId>, bool, Vec<String>)> {
        let (mut found, mut more, mut blocked) = (Vec::new(), false, Vec::new());
        let mut after = String::new();
        while let Some(kind) =
            self.tx.query_row(NEXT_KIND, params![after.as_str()], |row| row.get::<String>(0))?
        {
            if asked.only.as_ref().is_some_and(|only| !only.contains(&kind)) {
                after = kind;
                continue;
            }
            let allowed = asked.kinds.get(&kind).copied();
            let wanted = allowed.unwrap_or(usize::MAX).min(most);
            let mut of_kind = self.heads(&kind, wanted + 1)?;
            // Of one with a bound that has room left, the rest is up to the number as well.
            if of_kind.len() > wanted {
                if allowed.is_some_and(|allowed| allowed <= most) {
                    blocked.push(kind.clone());
                } else {
                    more = true;
                }
                of_kind.truncate(wanted);
            }
            found.extend(of_kind);
            after = kind;
        }
        found.sort_unstable();
        more |= found.len() > most;
        found.truncate(most);
        Ok((found.into_iter().map(|(.., id)| id).collect(), more, blocked))
    }

    /// The first of a kind that are due: negated priority, time and id.
    fn heads(self, kind: &str, most: usize) -> Result<Vec<(i64, i64, JobId)>, DbError> {
        self.tx.query(HEADS, params![kind, i64::try_from(most).unwrap_or(i64::MAX)], |row| {
            Ok((-row.get::<i64>(0)?, row.get(1)?, row.get(2)?))
        })
    }

    fn list_elsewhere(self) -> Result<Vec<Elsewhere>, DbError> {
        self.tx.query(ELSEWHERE, &[], |row| Ok(Elsewhere { id: row.get(0)?, kind: row.get(1)? }))
    }

    fn oldest_end(self) -> Result<Option<Timestamp>, DbError> {
        let oldest = self.tx.query_row(OLDEST_END, &[], |row| row.get::<Option<Timestamp>>(0))?;
        Ok(oldest.flatten())
    }

    /// Removes what was kept long enough, and tells when something happens without anybody saying so.
    fn next_look(self, asked: &ClaimAsked) -> Result<Option<Timestamp>> {
        let now = self.now();
        let mut next = self.oldest_end()?.map(|at| at.plus(KEPT));
        if next.is_some_and(|at| at <= now) {
            let removed = self.tx.execute(
                "DELETE FROM _jobs WHERE id IN (SELECT id FROM _jobs WHERE finished_at IS NOT NULL
                   AND (finished_at <= ?1 OR (finished_at <= ?2 AND status <> 'dead')) ORDER BY finished_at LIMIT ?3)",
                params![
                    now.plus(-DEAD_KEPT),
                    now.plus(-KEPT),
                    i64::try_from(SWEPT_AT_ONCE).unwrap_or(i64::MAX)
                ],
            )?;
            // What is older still was given up and is kept longer, or there is more of it than goes at once.
            let pause = if removed < SWEPT_AT_ONCE { DAY } else { MINUTE };
            next = self.oldest_end()?.map(|at| at.plus(KEPT).max(now.plus(pause)));
        }
        let later = self.tx.query_row(NEXT_LATER, &[], |row| row.get::<Option<Timestamp>>(0))?;
        let lease = self
            .tx
            .query_row(NEXT_LEASE, params![asked.runner.as_str()], |row| row.get::<Option<Timestamp>>(0))?;
        // Schedules of a tenant that is held are looked at when it is let go.
        let fires = if asked.only.is_none() { self.next_schedule()? } else { None };
        Ok([later.flatten(), lease.flatten(), next, fires].into_iter().flatten().min())
    }
}
