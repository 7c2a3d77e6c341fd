//! Endpoints in a file of their own, with changes that nobody made.

use super::*;
use crate::clock::{DAY, HOUR, ManualClock, SharedClock, Timestamp};
use crate::db::{Database, DatabaseOptions, Maintenance, Migration, OpenError, Track};
use crate::id::{TenantId, WebhookEndpointId};
use crate::model::table::Table;
use crate::model::webhook::{
    Endpoint, EndpointTerms, EndpointUrl, EventType, MOST_ATTEMPTS_KEPT, MOST_ENDED, OutgoingRules, ReadsAs,
    SigningKey, Tried,
};
use crate::params;
use crate::policy::{Permission, PermissionSet};
use crate::tenancy::TenantTx;
use crate::tenancy::file::system_track;
use crate::tenancy::schema::introspect;
use std::sync::Arc;

const NOW: i64 = 1_773_576_000_000;

/// Somebody who may be told of everything.
fn all() -> ReadsAs {
    ReadsAs { maker: "test".to_owned(), role: None, permissions: PermissionSet::all(), reads_records: true }
}

struct House {
    database: Arc<Database>,
    notes: Arc<Table>,
    clock: Arc<ManualClock>,
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
        let sql = "CREATE TABLE notes (id TEXT PRIMARY KEY)".to_owned();
        let migrations = vec![Migration { version: 1, name: "1.sql".to_owned(), sql }];
        file.migrate(&Track { name: "app", migrations }, Timestamp(NOW)).unwrap();
        drop(file);
        let clock = Arc::new(ManualClock::new(Timestamp(NOW)));
        let shared: SharedClock = Arc::<ManualClock>::clone(&clock);
        let options = DatabaseOptions::of_tests();
        let database = Database::open(&path, options, shared, |_| Ok::<_, OpenError>(())).unwrap();
        let schema = database.read_blocking(introspect).unwrap();
        let notes = Arc::clone(schema.table("notes").unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        House { database, notes, clock, runtime, _directory: directory }
    }

    fn write<T: Send + 'static>(&self, act: impl Fn(TenantTx<'_>) -> T + Send + 'static) -> T {
        let write = self.database.write("test", move |tx| Ok(act(TenantTx::new(tx))));
        self.runtime.block_on(write).unwrap()
    }

    fn endpoint(&self, events: &'static [EventType]) -> WebhookEndpointId {
        self.write(move |tx| {
            let terms = EndpointTerms {
                url: EndpointUrl::parse("https://example.com/", &OutgoingRules::default()).unwrap(),
                description: String::new(),
                events: events.to_vec(),
                reads_as: Some(all()),
            };
            let (id, key) = (WebhookEndpointId::new(tx.now()), SigningKey::new(&[1; 32]));
            tx.insert_webhook_endpoint(id, &terms, &key).unwrap().id
        })
    }

    /// Deletes of records, of which nothing has to be known.
    fn change(&self, count: i64) {
        self.write(move |tx| {
            let last = tx.latest_change().unwrap();
            for seq in last + 1..=last + count {
                let sql = "INSERT INTO _changes (seq, at, op, table_name, id, actor, bytes)
                           VALUES (?1, ?2, 'delete', 'notes', 'a', 'system', 0)";
                tx.tx.execute(sql, params![seq, tx.now()]).unwrap();
            }
        });
    }

    /// What is due for an endpoint that may be told of every table.
    fn take(&self, endpoint: WebhookEndpointId) -> Waiting {
        self.take_as(endpoint, Some(all())).unwrap()
    }

    /// The same where whoever it acts for may do this by now.
    fn take_as(&self, endpoint: WebhookEndpointId, present: Option<ReadsAs>) -> Option<Waiting> {
        let table = Arc::clone(&self.notes);
        self.write(move |tx| {
            let (maker, present) = ("test".to_owned(), present.clone());
            let tenant = TenantId::new(Timestamp(0));
            let asked = Asked { tenant, endpoint, most: 16, sweeps: true, maker, present };
            let table = |one: &ReadsAs, _: &str| {
                one.permissions.has(Permission::RecordsRead).then(|| Arc::clone(&table))
            };
            tx.take_waiting_deliveries(&asked, &table).unwrap()
        })
    }

    fn count(&self, sql: &'static str) -> i64 {
        self.write(move |tx| tx.tx.count(sql, &[]).unwrap())
    }

    fn find(&self, endpoint: WebhookEndpointId) -> Endpoint {
        self.write(move |tx| tx.find_webhook_endpoint(endpoint).unwrap())
    }

    /// Notes that what is due was answered so; how many that were.
    fn answer(&self, endpoint: WebhookEndpointId, status: u16) -> usize {
        let due = self.take(endpoint).due;
        let now = self.write(|tx| tx.now());
        let tried = due.iter().map(|one| Tried {
            id: one.id,
            at: now,
            duration_ms: 1,
            status: Some(status),
            response: None,
            error: None,
            wait: None,
            random: 0,
        });
        let tried: Vec<Tried> = tried.collect();
        self.write(move |tx| tx.note_webhook_attempts(endpoint, &tried).unwrap());
        due.len()
    }
}

const PENDING: &str = "SELECT count(*) FROM _webhook_deliveries WHERE status = 'pending'";
const ALL: &str = "SELECT count(*) FROM _webhook_deliveries";

#[test]
fn changes_that_were_not_kept_long_enough_are_counted_and_the_others_told() {
    let house = House::new();
    let endpoint = house.endpoint(&[EventType::RecordDeleted]);
    house.change(10);
    house.write(|tx| tx.tx.execute("DELETE FROM _changes WHERE seq <= 4", &[]).unwrap());
    assert_eq!(house.take(endpoint).due.len(), 6);
    assert_eq!((house.find(endpoint).missed_changes, house.count(ALL)), (4, 6));
    house.take(endpoint);
    assert_eq!((house.find(endpoint).missed_changes, house.count(ALL)), (4, 6));
}

#[test]
fn of_what_cannot_be_sent_no_more_than_so_much_is_taken_out_of_the_feed() {
    let house = House::new();
    let endpoint = house.endpoint(&[EventType::RecordDeleted]);
    house.change(3_000);
    for _ in 0..5 {
        house.take(endpoint);
    }
    assert_eq!(house.count(PENDING), 1_000);
    house.write(|tx| tx.tx.execute("UPDATE _webhook_deliveries SET next_at = next_at + 5000", &[]).unwrap());
    let next = house.write(|tx| tx.wake_webhooks().unwrap());
    assert_eq!(next, Some(Timestamp(NOW + 5_000)), "nothing is to be done before");
    house.clock.advance(HOUR);
    let mut sent = 0;
    while sent < 3_000 {
        sent += house.answer(endpoint, 200);
    }
    assert_eq!((house.count(PENDING), house.count(ALL)), (0, 3_000));
}

#[test]
fn there_is_one_job_for_each_endpoint_with_something_to_be_done_and_none_for_others() {
    let house = House::new();
    let jobs = "SELECT count(*) FROM _jobs";
    house.change(1);
    assert_eq!((house.write(|tx| tx.wake_webhooks().unwrap()), house.count(jobs)), (None, 0));
    let endpoint = house.endpoint(&[EventType::RecordDeleted]);
    house.endpoint(&[EventType::MemberAdded]);
    assert_eq!((house.write(|tx| tx.wake_webhooks().unwrap()), house.count(jobs)), (None, 0));
    house.change(1);
    for _ in 0..2 {
        assert_eq!(house.write(|tx| tx.wake_webhooks().unwrap()), Some(Timestamp(NOW)));
    }
    assert_eq!((house.count(jobs), house.count("SELECT count(*) FROM _jobs WHERE due = 1")), (1, 1));
    house.write(|tx| tx.tx.execute("UPDATE _jobs SET status = 'running', due = 0", &[]).unwrap());
    house.write(|tx| tx.wake_webhooks().unwrap());
    assert_eq!(house.count("SELECT count(*) FROM _jobs WHERE status = 'running'"), 1);
    house.write(|tx| {
        tx.tx.execute("UPDATE _jobs SET status = 'succeeded', finished_at = run_at", &[]).unwrap()
    });
    assert_eq!(house.answer(endpoint, 500), 1);
    let next = house.write(|tx| tx.wake_webhooks().unwrap()).unwrap();
    assert_eq!(next, Timestamp(NOW + 5_000));
    let waiting = "SELECT count(*) FROM _jobs WHERE status = 'queued' AND due = 0 AND finished_at IS NULL";
    assert_eq!((house.count(jobs), house.count(waiting)), (1, 1));
}

#[test]
fn what_ended_is_kept_for_a_month_and_of_much_the_newest() {
    let house = House::new();
    let endpoint = house.endpoint(&[EventType::RecordDeleted]);
    house.change(20);
    while house.answer(endpoint, 200) > 0 {}
    house.clock.advance(31 * DAY);
    assert_eq!(house.write(|tx| tx.wake_webhooks().unwrap()), Some(Timestamp(NOW + 30 * DAY)));
    house.take(endpoint);
    assert_eq!((house.count(ALL), house.count("SELECT count(*) FROM _webhook_attempts")), (0, 0));
    house.write(move |tx| {
        let sql = "INSERT INTO _webhook_deliveries (id, endpoint_id, event_id, type, body, status, terms, created_at, ended_at)
                   VALUES (?1, ?2, ?1, 'record.deleted', '{}', 'failed', 1, ?3, ?3)";
        for number in 0..MOST_ENDED + 100 {
            tx.tx.execute(sql, params![format!("{number}"), endpoint, tx.now()]).unwrap();
        }
    });
    house.take(endpoint);
    assert_eq!(house.count(ALL), MOST_ENDED);
}

#[test]
fn a_delivery_is_given_up_after_its_schedule_and_keeps_its_last_attempts() {
    let house = House::new();
    let endpoint = house.endpoint(&[EventType::RecordDeleted]);
    house.change(1);
    let mut attempts = 0;
    while house.count("SELECT count(*) FROM _webhook_deliveries WHERE status = 'failed'") == 0 {
        attempts += house.answer(endpoint, 500);
        house.clock.advance(6 * HOUR);
    }
    assert_eq!(attempts, 13);
    assert!(house.find(endpoint).failing_since.is_some());
    let id = house.write(move |tx| tx.list_webhook_deliveries(endpoint, None, None, None, 1).unwrap()[0].id);
    for _ in 0..4 {
        house.write(move |tx| tx.replay_webhook_delivery(endpoint, id).unwrap());
        for _ in 0..13 {
            // It would be disabled after five days.
            house.write(|tx| {
                tx.tx.execute("UPDATE _webhook_endpoints SET failing_since = NULL", &[]).unwrap()
            });
            house.answer(endpoint, 500);
            house.clock.advance(13 * HOUR);
        }
    }
    let kept = house.count("SELECT count(*) FROM _webhook_attempts");
    let last = house.count("SELECT max(number) FROM _webhook_attempts");
    assert_eq!((kept, last), (MOST_ATTEMPTS_KEPT, 13 * 5));
    house.write(move |tx| tx.replay_webhook_delivery(endpoint, id).unwrap());
    house.answer(endpoint, 204);
    assert_eq!((house.find(endpoint).failing_since, house.count(PENDING)), (None, 0));
}

#[test]
fn what_its_maker_may_no_longer_know_is_neither_taken_from_the_feed_nor_sent_and_is_counted() {
    let house = House::new();
    let endpoint = house.endpoint(&[EventType::RecordDeleted]);
    house.change(40);
    house.take(endpoint);
    assert_eq!(house.count(PENDING), 40);
    house.change(5);
    let nothing = ReadsAs { permissions: PermissionSet::of(Permission::BillingRead), ..all() };
    assert!(house.take_as(endpoint, Some(nothing)).unwrap().due.is_empty());
    assert_eq!((house.count(PENDING), house.count(ALL), house.find(endpoint).withheld_events), (0, 40, 45));
    assert!(house.take_as(endpoint, None).is_none());
    let found = house.find(endpoint);
    assert_eq!((found.status.as_str(), found.disabled_reason.as_deref()), ("disabled", Some("maker_gone")));
}

#[test]
fn what_was_on_its_way_ends_where_it_would_go_elsewhere_or_be_told_by_somebody_who_knows_less() {
    let house = House::new();
    for (url, is_covered, ends) in [
        ("https://example.com/", true, false),
        ("https://example.com/other", true, true),
        ("https://example.com/", false, true),
    ] {
        let endpoint = house.endpoint(&[EventType::RecordDeleted]);
        house.change(1);
        house.take(endpoint);
        let id = house.write(move |tx| {
            let terms = EndpointTerms {
                url: EndpointUrl::parse(url, &OutgoingRules::default()).unwrap(),
                description: String::new(),
                events: vec![EventType::RecordDeleted],
                reads_as: Some(all()),
            };
            tx.update_webhook_endpoint(endpoint, &terms, None, &|_, _| is_covered).unwrap();
            tx.list_webhook_deliveries(endpoint, None, None, None, 1).unwrap()[0].id
        });
        assert_eq!(house.take(endpoint).due.is_empty(), ends, "{url} {is_covered}");
        house.answer(endpoint, 200);
        let replayed = house.write(move |tx| tx.replay_webhook_delivery(endpoint, id).is_ok());
        assert_eq!(replayed, !ends, "{url} {is_covered}");
    }
}
