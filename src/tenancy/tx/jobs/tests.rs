//! Jobs in a file of their own.

mod leases;

use super::*;
use crate::clock::{DAY, HOUR, MINUTE, ManualClock, SECOND, SharedClock, Timestamp};
use crate::db::{Database, DatabaseOptions, Maintenance, OpenError};
use crate::error::Result;
use crate::id::{JobId, TenantId};
use crate::model::job::{LeasedJob, MOST_SPARED, NewJob, Outcome};
use crate::model::plan::JobShare;
use crate::tenancy::TenantTx;
use crate::tenancy::file::system_track;
use crate::tenancy::job_words::{JobTicket, JobWords};
use std::collections::BTreeMap;
use std::sync::Arc;

const NOW: i64 = 1_773_576_000_000;

struct House {
    database: Arc<Database>,
    clock: Arc<ManualClock>,
    words: Arc<JobWords>,
    runtime: tokio::runtime::Runtime,
    _directory: tempfile::TempDir,
}

impl House {
    fn new() -> House {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data.db");
        let file = Maintenance::create(&path, 7).unwrap();
        file.unsynced().unwrap();
        file.migrate(&system_track(), Timestamp(NOW)).unwrap();
        drop(file);
        let options = DatabaseOptions::of_tests();
        let clock = Arc::new(ManualClock::new(Timestamp(NOW)));
        let shared: SharedClock = Arc::<ManualClock>::clone(&clock);
        let database = Database::open(&path, options, shared, |_| Ok::<_, OpenError>(())).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        House { database, clock, words: Arc::default(), runtime, _directory: directory }
    }

    fn write<T: Send + 'static>(
        &self,
        mut act: impl FnMut(&TenantTx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.runtime.block_on(self.database.write("test", move |tx| act(&TenantTx::new(tx))))
    }

    fn enqueue(&self, change: impl FnOnce(&mut NewJob)) -> Result<Enqueued> {
        let mut new = NewJob {
            id: JobId::new(Timestamp(NOW)),
            kind: "render".to_owned(),
            payload: "{}".to_owned(),
            run_at: None,
            priority: 0,
            idempotency_key: None,
            max_attempts: 2,
            created_by: "test".to_owned(),
        };
        change(&mut new);
        let ticket = JobTicket::new(&self.words, TenantId::new(Timestamp(NOW)), None);
        self.write(move |tx| tx.enqueue_job(&ticket, &new))
    }

    fn asked(&self, runner: &str, most: usize) -> ClaimAsked {
        ClaimAsked {
            counts: true,
            most,
            kinds: BTreeMap::new(),
            only: None,
            attempts: Arc::default(),
            runner: runner.to_owned(),
            running: Vec::new(),
            ends: Arc::default(),
            ending: Vec::new(),
            until: self.now().plus(MINUTE),
            leases: (0..most).map(|number| format!("{runner} {} {number}", self.now().0)).collect(),
        }
    }

    fn now(&self) -> Timestamp {
        use crate::clock::Clock as _;
        self.clock.now()
    }

    fn claim(&self, asked: ClaimAsked) -> Claimed {
        self.write(move |tx| tx.claim_jobs(&asked, JobShare::default(), None)).unwrap()
    }

    fn claim_one(&self) -> LeasedJob {
        self.claim(self.asked("run", 1)).jobs.remove(0)
    }

    fn end(&self, job: &LeasedJob, outcome: Outcome) -> Ended {
        let (id, lease) = (job.id, job.lease.clone());
        self.write(move |tx| tx.end_job(id, &lease, &outcome, 0)).unwrap()
    }

    fn job(&self, id: JobId) -> Job {
        self.write(move |tx| tx.require_job(id)).unwrap()
    }
}

fn failed(wait: Option<i64>) -> Outcome {
    Outcome::Failed { error: "no\npaper".to_owned(), wait }
}

#[test]
fn the_highest_priority_goes_first_then_what_has_waited_longest_and_nothing_before_its_time() {
    let house = House::new();
    for (kind, priority, delay) in
        [("a", 0, 0), ("b", 5, -MINUTE), ("a", 5, 0), ("b", 0, -HOUR), ("a", 9, SECOND)]
    {
        house
            .enqueue(|new| {
                (new.kind, new.priority) = (kind.to_owned(), priority);
                new.run_at = Some(Timestamp(NOW).plus(delay));
            })
            .unwrap();
    }
    let first = house.claim(house.asked("run", 3));
    let kinds = |claimed: &Claimed| claimed.jobs.iter().map(|job| job.kind.clone()).collect::<Vec<_>>();
    assert_eq!((kinds(&first), first.more), (vec!["b".to_owned(), "a".to_owned(), "b".to_owned()], true));
    assert_eq!(first.next_at, Some(Timestamp(NOW + SECOND)));
    let second = house.claim(house.asked("run", 3));
    assert_eq!((kinds(&second), second.more), (vec!["a".to_owned()], false));
    house.clock.advance(SECOND);
    assert_eq!(kinds(&house.claim(house.asked("run", 3))), ["a"]);
    assert!(house.claim(house.asked("run", 3)).jobs.is_empty());
}

#[test]
fn of_a_bounded_kind_no_more_is_taken_and_that_more_is_there_is_told() {
    let house = House::new();
    for kind in ["a", "a", "a", "b", "b"] {
        house.enqueue(|new| new.kind = kind.to_owned()).unwrap();
    }
    let mut asked = house.asked("run", 4);
    asked.kinds = BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 4)]);
    let claimed = house.claim(asked);
    assert_eq!(claimed.jobs.len(), 3);
    assert_eq!((claimed.more, claimed.blocked), (false, vec!["a".to_owned()]));
}

#[test]
fn of_a_tenant_that_is_held_only_what_runs_in_any_state_is_taken() {
    let house = House::new();
    for kind in ["render", "tenantry.export", "zip"] {
        house.enqueue(|new| new.kind = kind.to_owned()).unwrap();
    }
    let mut asked = house.asked("run", 4);
    asked.only = Some(vec!["tenantry.export".to_owned()]);
    let claimed = house.claim(asked);
    assert_eq!(claimed.jobs.iter().map(|job| job.kind.as_str()).collect::<Vec<_>>(), ["tenantry.export"]);
    assert!(!claimed.more && claimed.blocked.is_empty() && claimed.is_busy);
    assert_eq!(house.claim(house.asked("run", 4)).jobs.len(), 2);
}

#[test]
fn the_same_key_is_the_same_job_and_another_payload_is_refused() {
    let house = House::new();
    let keyed = |payload: &'static str| {
        move |new: &mut NewJob| {
            new.idempotency_key = Some("k".to_owned());
            new.payload = payload.to_owned();
        }
    };
    let first = house.enqueue(keyed("1")).unwrap();
    let again = house.enqueue(keyed("1")).unwrap();
    assert_eq!((first.was_there, again.was_there, again.job.id), (false, true, first.job.id));
    assert_eq!(house.enqueue(keyed("2")).unwrap_err().code(), "idempotency_key_reused");
}

#[test]
fn a_job_is_tried_again_with_longer_pauses_and_then_given_up() {
    let house = House::new();
    let id = house.enqueue(|_| {}).unwrap().job.id;
    let again = house.end(&house.claim_one(), failed(None));
    assert_eq!(again, Ended::Again(Timestamp(NOW + 2_500)));
    assert!(house.claim(house.asked("run", 1)).jobs.is_empty());
    house.clock.advance(2_500);
    let second = house.claim_one();
    assert_eq!(second.attempt, 2);
    assert_eq!(house.end(&second, failed(None)), Ended::Is(JobStatus::Dead));
    let job = house.job(id);
    assert_eq!((job.status, job.attempts, job.last_error.as_deref()), (JobStatus::Dead, 2, Some("no paper")));
    let ticket = JobTicket::new(&house.words, TenantId::new(Timestamp(NOW)), None);
    house.write(move |tx| tx.retry_job(&ticket, id)).unwrap();
    assert_eq!(house.claim_one().attempt, 1);
}

#[test]
fn who_asks_to_wait_is_waited_for_and_it_does_not_count_for_as_long_as_that_is_reasonable() {
    let house = House::new();
    let id = house.enqueue(|_| {}).unwrap().job.id;
    for _ in 0..MOST_SPARED {
        let again = house.end(&house.claim_one(), failed(Some(SECOND)));
        assert_eq!(again, Ended::Again(house.now().plus(SECOND)));
        house.clock.advance(SECOND);
    }
    assert_eq!(house.job(id).attempts, 0);
    assert!(matches!(house.end(&house.claim_one(), failed(Some(SECOND))), Ended::Again(_)));
    house.clock.advance(SECOND);
    assert_eq!(house.end(&house.claim_one(), failed(Some(SECOND))), Ended::Is(JobStatus::Dead));
}

#[test]
fn what_a_server_that_is_gone_was_at_is_taken_over_at_once_and_its_word_counts_no_more() {
    let house = House::new();
    house.enqueue(|_| {}).unwrap();
    let lost = house.claim_one();
    // The same run takes nothing from itself, whatever the clock says.
    house.clock.advance(HOUR);
    let mut asked = house.asked("run", 1);
    asked.running = vec![lost.id];
    assert!(house.claim(asked).jobs.is_empty());
    let mut taken = house.claim(house.asked("other run", 1)).jobs;
    let taken = taken.remove(0);
    assert_eq!((taken.id, taken.attempt), (lost.id, 1));
    assert_eq!(house.end(&lost, Outcome::Succeeded(None)), Ended::NotOurs);
    assert_eq!(house.end(&taken, Outcome::Succeeded(Some("{}".to_owned()))), Ended::Is(JobStatus::Succeeded));
    assert_eq!(house.end(&taken, failed(None)), Ended::NotOurs);
}

#[test]
fn what_is_over_is_noted_with_what_is_taken_next_and_what_is_about_to_be_is_not_begun_again() {
    let house = House::new();
    for _ in 0..3 {
        house.enqueue(|_| {}).unwrap();
    }
    let first = house.claim(house.asked("run", 2)).jobs;
    let end = |job: &LeasedJob| JobEnd {
        id: job.id,
        lease: job.lease.clone(),
        outcome: Outcome::Succeeded(None),
        random: 0,
    };
    house.clock.advance(HOUR);
    // Both leases have ended; the one is over in this transaction, and of the other somebody is about to say so.
    let mut asked = house.asked("run", 2);
    asked.ends = [end(&first[0]), JobEnd { lease: "another".to_owned(), ..end(&first[1]) }].into();
    asked.ending = vec![first[1].id];
    let claimed = house.claim(asked);
    assert_eq!(claimed.ended, [Ended::Is(JobStatus::Succeeded), Ended::NotOurs]);
    assert_eq!(claimed.jobs.len(), 1);
    assert!(first.iter().all(|job| job.id != claimed.jobs[0].id));
    assert_eq!(house.job(first[0].id).status, JobStatus::Succeeded);
    assert_eq!(house.end(&first[1], Outcome::Succeeded(None)), Ended::Is(JobStatus::Succeeded));
}

#[test]
fn a_handler_that_works_on_outlives_the_server_and_is_given_up_when_it_says_nothing() {
    let house = House::new();
    let id = house.enqueue(|_| {}).unwrap().job.id;
    let job = house.claim_one();
    house.end(&job, Outcome::WorksOn(house.now().plus(HOUR)));
    let look = house.claim(house.asked("other run", 1));
    assert_eq!((look.jobs.len(), look.elsewhere.len(), look.is_busy), (0, 1, true));
    assert_eq!(look.next_at, Some(house.now().plus(HOUR)));
    house.clock.advance(HOUR);
    let second = house.claim(house.asked("other run", 1)).jobs.remove(0);
    assert_eq!(second.attempt, 2);
    house.end(&second, Outcome::WorksOn(house.now().plus(HOUR)));
    house.clock.advance(HOUR);
    assert!(house.claim(house.asked("other run", 1)).jobs.is_empty());
    assert_eq!(house.job(id).status, JobStatus::Dead);
}

#[test]
fn what_has_ended_is_kept_a_week_and_what_was_given_up_a_month() {
    let house = House::new();
    let done = house.enqueue(|_| {}).unwrap().job.id;
    house.end(&house.claim_one(), Outcome::Succeeded(None));
    let dead = house.enqueue(|_| {}).unwrap().job.id;
    house.end(&house.claim_one(), Outcome::Hopeless("gone".to_owned()));
    let there = |id| house.write(move |tx| tx.find_job(id)).unwrap().is_some();
    let look = house.claim(house.asked("run", 1));
    assert_eq!(look.next_at, Some(Timestamp(NOW + 7 * DAY)));
    house.clock.advance(7 * DAY);
    let look = house.claim(house.asked("run", 1));
    assert_eq!((there(done), there(dead), look.next_at), (false, true, Some(house.now().plus(DAY))));
    house.clock.advance(23 * DAY);
    house.claim(house.asked("run", 1));
    assert!(!there(dead));
}

#[test]
fn a_cancelled_job_is_begun_no_more_and_one_that_runs_is_lost_to_its_handler() {
    let house = House::new();
    let queued = house.enqueue(|new| new.priority = -1).unwrap().job.id;
    house.enqueue(|_| {}).unwrap();
    let job = house.claim_one();
    for id in [queued, job.id] {
        assert_eq!(house.write(move |tx| tx.cancel_job(id)).unwrap().0.status, JobStatus::Cancelled);
        assert_eq!(house.write(move |tx| tx.cancel_job(id)).unwrap_err().code(), "job_ended");
    }
    let leases = vec![(job.id, job.lease.clone())];
    assert_eq!(house.write(move |tx| tx.beat_jobs(&leases, tx.now().plus(MINUTE))).unwrap(), [job.id]);
    assert_eq!(house.end(&job, Outcome::Succeeded(None)), Ended::NotOurs);
    assert!(house.claim(house.asked("run", 5)).jobs.is_empty());
}

#[test]
fn a_look_costs_no_more_where_more_is_queued() {
    let house = House::new();
    for (sql, index) in claim::LOOKS {
        let parameters = vec![crate::db::Value::Null; sql.matches('?').count()];
        let plan = house
            .write(move |tx| {
                let explain = format!("EXPLAIN QUERY PLAN {sql}");
                Ok(tx.tx.query(&explain, &parameters, |row| row.get::<String>(3))?.join("; "))
            })
            .unwrap();
        assert!(plan.contains(&format!("INDEX {index}")) && !plan.contains("B-TREE"), "{sql}\n{plan}");
    }
}

#[test]
fn what_is_enqueued_for_later_is_no_reason_to_look_now() {
    let house = House::new();
    let tenant = |words: &JobWords| {
        let words = words.take();
        (words.due.len(), words.later.into_values().collect::<Vec<_>>())
    };
    for (delay, due, later) in [(HOUR, 0, vec![HOUR]), (0, 1, vec![]), (-HOUR, 1, vec![])] {
        house.enqueue(|new| new.run_at = Some(Timestamp(NOW).plus(delay))).unwrap();
        let later: Vec<Timestamp> = later.into_iter().map(|delay| Timestamp(NOW).plus(delay)).collect();
        assert_eq!(tenant(&house.words), (due, later), "in {delay} ms");
    }
    // Of several the first one counts.
    let id = TenantId::new(Timestamp(NOW));
    for delay in [2 * HOUR, HOUR, 3 * HOUR] {
        let ticket = JobTicket::new(&house.words, id, None);
        ticket.teller(Some(Timestamp(NOW).plus(delay)))();
    }
    assert_eq!(tenant(&house.words), (0, vec![Timestamp(NOW).plus(HOUR)]));
    assert!(house.claim(house.asked("run", 9)).next_at.is_some_and(|at| at == Timestamp(NOW).plus(HOUR)));
}
