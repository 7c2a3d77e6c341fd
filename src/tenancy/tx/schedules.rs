//! Schedules of a tenant: kept, and fired.

use super::TenantTx;
use crate::clock::Timestamp;
use crate::db::{DbError, Row};
use crate::error::{Error, Kind, Result};
use crate::id::{JobId, ScheduleId};
use crate::model::job::{DEFAULT_ATTEMPTS, NewJob};
use crate::model::schedule::{GRACE, MOST_SCHEDULES, Missed, Schedule, Times};
use crate::params;
use crate::tenancy::job_words::{JobBound, JobTicket};
use std::collections::BTreeMap;

const COLUMNS: &str = "id, cron, timezone, kind, payload, missed, paused, next_run_at, reckoned_at, last_run_at, last_job_id, \
                       last_error, created_by, created_at, updated_at";

fn schedule(row: &Row<'_>) -> Result<Schedule, DbError> {
    Ok(Schedule {
        id: row.get(0)?,
        cron: row.get(1)?,
        timezone: row.get(2)?,
        kind: row.get(3)?,
        payload: row.get(4)?,
        // Nobody writes another one.
        missed: Missed::parse(&row.get::<String>(5)?).unwrap_or(Missed::Skip),
        paused: row.get(6)?,
        next_run_at: row.get(7)?,
        reckoned_at: row.get(8)?,
        last_run_at: row.get(9)?,
        last_job_id: row.get(10)?,
        last_error: row.get(11)?,
        created_by: row.get(12)?,
        created_at: row.get(13)?,
        updated_at: row.get(14)?,
    })
}

impl TenantTx<'_> {
    /// All schedules, the oldest first.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_schedules(&self) -> Result<Vec<Schedule>> {
        Ok(self.tx.query(&format!("SELECT {COLUMNS} FROM _schedules ORDER BY id"), &[], schedule)?)
    }

    /// The schedule of that id.
    ///
    /// # Errors
    /// 404.
    pub fn require_schedule(&self, id: ScheduleId) -> Result<Schedule> {
        let sql = format!("SELECT {COLUMNS} FROM _schedules WHERE id = ?1");
        self.tx.query_row(&sql, params![id], schedule)?.ok_or_else(Error::not_found)
    }

    /// Keeps a new schedule. The ticket says that a start would find it.
    ///
    /// # Errors
    /// 409 `too_many_schedules`.
    pub fn insert_schedule(&self, ticket: &JobTicket, new: &Schedule) -> Result<()> {
        if self.tx.count("SELECT count(*) FROM _schedules", &[])? >= MOST_SCHEDULES {
            return Err(Error::conflict(
                "too_many_schedules",
                format!("A tenant has at most {MOST_SCHEDULES} schedules. Delete one that is not needed."),
            ));
        }
        self.tx.execute(
            "INSERT INTO _schedules (id, cron, timezone, kind, payload, missed, paused, next_run_at, reckoned_at,
               created_by, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            params![
                new.id,
                &new.cron,
                &new.timezone,
                &new.kind,
                &new.payload,
                new.missed.name(),
                new.paused,
                new.next_run_at,
                new.reckoned_at,
                &new.created_by,
                new.created_at,
                new.updated_at
            ],
        )?;
        self.tx.after_commit(ticket.teller(None));
        Ok(())
    }

    /// Keeps a schedule as it was changed. The ticket says that a start would find it.
    ///
    /// # Errors
    /// As the database says.
    pub fn update_schedule(&self, ticket: &JobTicket, changed: &Schedule) -> Result<()> {
        self.tx.execute(
            "UPDATE _schedules SET cron = ?2, timezone = ?3, kind = ?4, payload = ?5, missed = ?6, paused = ?7,
               next_run_at = ?8, reckoned_at = ?9, updated_at = ?10 WHERE id = ?1",
            params![
                changed.id,
                &changed.cron,
                &changed.timezone,
                &changed.kind,
                &changed.payload,
                changed.missed.name(),
                changed.paused,
                changed.next_run_at,
                changed.reckoned_at,
                changed.updated_at
            ],
        )?;
        self.tx.after_commit(ticket.teller(None));
        Ok(())
    }

    /// Removes a schedule. Jobs that it enqueued stay.
    ///
    /// # Errors
    /// 404.
    pub fn delete_schedule(&self, id: ScheduleId) -> Result<()> {
        match self.tx.execute("DELETE FROM _schedules WHERE id = ?1", params![id])? {
            0 => Err(Error::not_found()),
            _ => Ok(()),
        }
    }

    /// When the next schedule is to be fired.
    pub(super) fn next_schedule(self) -> Result<Option<Timestamp>, DbError> {
        let next = self.tx.query_row(
            "SELECT min(next_run_at) FROM _schedules WHERE next_run_at IS NOT NULL",
            &[],
            |row| row.get::<Option<Timestamp>>(0),
        )?;
        Ok(next.flatten())
    }

    /// Enqueues the jobs of schedules whose time has come, each under a key that follows from schedule and time: whatever the
    /// clock does, there is one for each time. `attempts` says after how many a job of each kind is given up.
    pub(super) fn fire_schedules(
        self,
        attempts: &BTreeMap<String, u32>,
        bound: Option<&JobBound>,
    ) -> Result<()> {
        let sql = format!(
            "SELECT {COLUMNS} FROM _schedules WHERE next_run_at <= ?1 OR (next_run_at IS NOT NULL AND reckoned_at > ?1)
             ORDER BY next_run_at, id"
        );
        for schedule in self.tx.query(&sql, params![self.now()], schedule)? {
            self.fire(&schedule, attempts, bound)?;
        }
        Ok(())
    }

    fn fire(
        self,
        schedule: &Schedule,
        attempts: &BTreeMap<String, u32>,
        bound: Option<&JobBound>,
    ) -> Result<()> {
        let now = self.now();
        // Only a time zone that is gone since makes it unreadable: then nothing comes any more.
        let Ok(times) = Times::read(&schedule.cron, &schedule.timezone) else {
            return self.reckon(schedule, None, Some("its time zone is not known any more"));
        };
        let next = times.after(now);
        let Some(planned) = schedule.next_run_at.filter(|planned| *planned <= now) else {
            // The clock was set back.
            return self.reckon(schedule, next, schedule.last_error.as_deref());
        };
        // Of several that were missed the last one stands for all.
        let planned = times.up_to(now).map_or(planned, |last| last.max(planned));
        if schedule.missed == Missed::Skip && now.since(planned) > GRACE {
            return self.reckon(schedule, next, schedule.last_error.as_deref());
        }
        let new = NewJob {
            id: JobId::new(now),
            kind: schedule.kind.clone(),
            payload: schedule.payload.clone(),
            run_at: None,
            priority: 0,
            idempotency_key: Some(format!("_schedule:{}:{planned}", schedule.id)),
            max_attempts: attempts.get(&schedule.kind).copied().unwrap_or(DEFAULT_ATTEMPTS),
            created_by: format!("schedule:{}", schedule.id),
        };
        match self.enqueue_unless_there(&new, bound) {
            Ok(enqueued) if !enqueued.was_there => {
                self.tx.execute(
                    "UPDATE _schedules SET last_run_at = ?2, last_job_id = ?3 WHERE id = ?1",
                    params![schedule.id, now, enqueued.job.id],
                )?;
                self.reckon(schedule, next, None)
            }
            // Also where it was changed in between and its job of that time has the former payload: that one has run.
            Ok(_) => self.reckon(schedule, next, None),
            Err(error) if error.kind() == Kind::Conflict => self.reckon(schedule, next, None),
            Err(error) if error.kind() == Kind::PaymentRequired => {
                self.reckon(schedule, next, Some(error.detail()))
            }
            Err(error) => Err(error),
        }
    }

    fn reckon(self, schedule: &Schedule, next: Option<Timestamp>, error: Option<&str>) -> Result<()> {
        self.tx.execute(
            "UPDATE _schedules SET next_run_at = ?2, reckoned_at = ?3, last_error = ?4 WHERE id = ?1",
            params![schedule.id, next, self.now(), error],
        )?;
        Ok(())
    }
}
