//! Limits of tenants and keys over a clock that stands still.

use super::*;
use crate::clock::{HOUR, ManualClock, SECOND, Timestamp};
use crate::db::ReaderThreads;
use crate::model::plan::Rate;
use futures_util::FutureExt as _;
use std::time::Duration;

const OPTIONS: AdmissionOptions =
    AdmissionOptions { turns: 8, database_ms_per_second: 0, refusal_pause_ms: 0, refusal_pauses: 1 };

struct House {
    _directory: tempfile::TempDir,
    clock: Arc<ManualClock>,
    catalog: Catalog,
    admission: Admission,
}

fn house(options: AdmissionOptions) -> House {
    let directory = tempfile::TempDir::new().unwrap();
    let clock = Arc::new(ManualClock::new(Timestamp(100 * HOUR)));
    let shared = Arc::clone(&clock) as SharedClock;
    let catalog = Catalog::open(directory.path(), ReaderThreads::new(1), Arc::clone(&shared)).unwrap();
    House { _directory: directory, clock, catalog, admission: Admission::new(options, shared) }
}

impl House {
    /// Publishes a version of the plan `some` and tells it.
    async fn publish(&self, rate: Rate) -> i64 {
        let plan = crate::model::plan::Plan { rate, ..crate::model::plan::Plan::free("Some") };
        let write = self.catalog.write("publish", move |tx| Ok(tx.publish_plan("some", &plan)?.version));
        write.await.unwrap()
    }

    async fn admit(&self, tenant: &Tenant, key: Option<(ApiKeyId, Option<KeyRate>)>) -> Result<Admitted> {
        self.admission.admit(&self.catalog, tenant, key, Lane::Product, || Ok(())).await.1
    }

    /// How many of 100 are let in on a lane.
    async fn let_in_on(&self, tenant: &Tenant, lane: Lane) -> usize {
        let mut count = 0;
        for _ in 0..100 {
            let (_, admitted) = self.admission.admit(&self.catalog, tenant, None, lane, || Ok(())).await;
            count += usize::from(admitted.is_ok());
        }
        count
    }

    /// How many of 100 are let in, and what the others are told.
    async fn let_in(
        &self,
        tenant: &Tenant,
        key: Option<(ApiKeyId, Option<KeyRate>)>,
    ) -> (usize, Option<String>) {
        let (mut count, mut told) = (0, None);
        for _ in 0..100 {
            match self.admit(tenant, key).await {
                Ok(_) => count += 1,
                Err(error) => told = Some(error.code().to_owned()),
            }
        }
        (count, told)
    }
}

fn tenant(plan_version: i64, entitlements: i64) -> Tenant {
    Tenant { plan_version, entitlements, ..Tenant::of_tests(Timestamp(1)) }
}

const RATE: Rate =
    Rate { requests_per_second: Some(10), burst: Some(20), concurrency: None, database_ms_per_second: None };
const LIMITED: &str = "rate_limited";

#[tokio::test]
async fn a_plan_that_changes_counts_at_once_and_an_older_request_does_not_bring_it_back() {
    let house = house(OPTIONS);
    let first = tenant(house.publish(RATE).await, 1);
    assert_eq!(house.let_in(&first, None).await, (20, Some(LIMITED.to_owned())));
    house.clock.advance(SECOND);
    assert_eq!(house.let_in(&first, None).await.0, 10);
    let second = Tenant {
        id: first.id,
        entitlements: 2,
        ..tenant(house.publish(Rate { burst: Some(30), ..RATE }).await, 2)
    };
    // More than was left it does not have at once.
    assert_eq!(house.let_in(&second, None).await.0, 0);
    house.clock.advance(3 * SECOND);
    assert_eq!(house.let_in(&second, None).await.0, 30);
    assert_eq!(house.let_in(&first, None).await.0, 0);
    let none = Tenant { id: first.id, entitlements: 3, ..tenant(house.publish(Rate::default()).await, 3) };
    assert_eq!(house.let_in(&none, None).await, (100, None));
    let refused: Vec<_> = house.admission.take_refused();
    assert_eq!(refused, [(first.id, LIMITED.to_owned(), 80 + 90 + 100 + 70 + 100)]);
}

#[tokio::test]
async fn a_key_leaves_a_fifth_to_the_rest_whatever_it_was_given() {
    let house = house(OPTIONS);
    let tenant = tenant(house.publish(RATE).await, 1);
    let key = |at| ApiKeyId::new(Timestamp(at));
    assert_eq!(house.let_in(&tenant, Some((key(1), None))).await.0, 16);
    assert_eq!(house.let_in(&tenant, None).await.0, 4);
    house.clock.advance(HOUR);
    let all = KeyRate { requests_per_second: 10, burst: 20 };
    assert_eq!(house.let_in(&tenant, Some((key(2), Some(all)))).await.0, 16);
    house.clock.advance(HOUR);
    let few = KeyRate { requests_per_second: 1, burst: 2 };
    assert_eq!(house.let_in(&tenant, Some((key(3), Some(few)))).await.0, 2);
    // What a key is refused is not taken from its tenant.
    assert_eq!(house.let_in(&tenant, None).await.0, 18);
}

/// The tenant after another change of what it may use, which is about something else.
fn changed(tenant: &Tenant) -> Tenant {
    let Tenant { id, plan_version, entitlements, .. } = *tenant;
    Tenant { id, ..self::tenant(plan_version, entitlements + 1) }
}

#[tokio::test]
async fn a_change_that_is_not_about_the_rate_begins_nothing_anew() {
    let house = house(AdmissionOptions { database_ms_per_second: 100, turns: 1, ..OPTIONS });
    let rate = Rate { concurrency: Some(1), ..RATE };
    let mut tenant = tenant(house.publish(rate).await, 1);
    let key = Some((ApiKeyId::new(Timestamp(1)), None));
    let held = house.admit(&tenant, key).await.unwrap();
    tenant = changed(&tenant);
    assert_eq!(house.admit(&tenant, None).await.err().unwrap().code(), "concurrency_limited");
    drop(held);
    for _ in 0..20 {
        tenant = changed(&tenant);
        drop(house.admit(&tenant, key).await);
    }
    assert_eq!(house.admit(&tenant, key).await.err().unwrap().code(), LIMITED);
    drop(house.let_in(&tenant, None).await);
    house.clock.advance(SECOND);
    house.admit(&tenant, None).await.unwrap().gauge.spend(Duration::from_secs(60));
    for _ in 0..5 {
        tenant = changed(&tenant);
        assert_eq!(house.admit(&tenant, None).await.err().unwrap().code(), "database_time_exhausted");
    }
}

#[tokio::test]
async fn plans_that_are_changed_to_and_fro_give_nothing_back() {
    let house = house(AdmissionOptions { database_ms_per_second: 100, ..OPTIONS });
    let wide = Rate { requests_per_second: Some(50), burst: Some(50), concurrency: Some(3), ..RATE };
    let narrow = Rate { concurrency: Some(1), ..RATE };
    let versions = [house.publish(wide).await, house.publish(narrow).await];
    let at = |change: i64| {
        let version = versions[usize::try_from(change % 2).unwrap()];
        Tenant { id: TenantId::new(Timestamp(1)), ..tenant(version, change) }
    };
    let id = at(0).id;
    let at = |change| Tenant { id, ..at(change) };
    let held = house.admit(&at(2), None).await.unwrap();
    assert_eq!(house.admit(&at(3), None).await.err().unwrap().code(), "concurrency_limited");
    let another = house.admit(&at(4), None).await.unwrap();
    drop((held, another));
    // 47 are left of 50; of those, 20 with the other plan.
    assert!(house.admit(&at(5), None).await.is_ok());
    for change in 6..40 {
        drop(house.admit(&at(change), None).await);
    }
    assert_eq!(house.admit(&at(40), None).await.err().unwrap().code(), LIMITED);
    house.clock.advance(SECOND);
    house.admit(&at(41), None).await.unwrap().gauge.spend(Duration::from_secs(3_600));
    for change in 42..50 {
        assert_eq!(house.admit(&at(change), None).await.err().unwrap().code(), "database_time_exhausted");
    }
    house.clock.advance(60 * SECOND);
    assert!(house.admit(&at(50), None).await.is_ok());
}

#[tokio::test]
async fn each_lane_has_a_rate_of_its_own_and_nobody_all_of_the_way_out() {
    let house = house(OPTIONS);
    let tenant = tenant(house.publish(RATE).await, 1);
    let person = |at| Lane::WayOut(IdentityId::new(Timestamp(at)));
    assert_eq!(house.let_in_on(&tenant, Lane::Product).await, 20);
    assert_eq!(house.let_in_on(&tenant, Lane::Management).await, 20);
    let (one, other) = (person(1), person(2));
    assert_eq!(house.let_in_on(&tenant, one).await, 16);
    let refused = house.admission.admit(&house.catalog, &tenant, None, one, || Ok(())).await.1;
    let refused = refused.err().unwrap();
    assert_eq!((refused.code(), &refused.members()[0].1), (LIMITED, &serde_json::json!("identity")));
    // Not by a change of the limits either.
    assert_eq!(house.let_in_on(&changed(&tenant), one).await, 0);
    assert_eq!(house.let_in_on(&tenant, other).await, 4);
}

#[tokio::test]
async fn seeing_and_managing_takes_turns_and_database_time_and_the_way_out_does_not() {
    let house = house(AdmissionOptions { database_ms_per_second: 100, turns: 1, ..OPTIONS });
    let tenant = tenant(house.publish(Rate::default()).await, 1);
    let other = TenantId::new(Timestamp(2));
    let ask = |lane| house.admission.admit(&house.catalog, &tenant, None, lane, || Ok(()));
    let way_out = Lane::WayOut(IdentityId::new(Timestamp(1)));
    let held = ask(Lane::Management).await.1.unwrap();
    house.admission.crowd.note(other);
    for lane in [Lane::Product, Lane::Management] {
        assert!(ask(lane).now_or_never().is_none(), "{lane:?}");
        house.admission.crowd.note(other);
    }
    assert!(ask(way_out).now_or_never().is_some_and(|(_, admitted)| admitted.is_ok()));
    held.gauge.spend(Duration::from_secs(1));
    drop(held);
    for lane in [Lane::Product, Lane::Management] {
        assert_eq!(ask(lane).await.1.err().unwrap().code(), "database_time_exhausted", "{lane:?}");
    }
    assert!(ask(way_out).await.1.is_ok());
}

#[tokio::test]
async fn who_waits_for_a_slow_body_has_no_turn_meanwhile_and_waits_for_one_afterwards() {
    let house = house(AdmissionOptions { turns: 1, ..OPTIONS });
    let tenant = tenant(house.publish(Rate::default()).await, 1);
    let slow = house.admit(&tenant, None).await.unwrap();
    house.admission.crowd.note(TenantId::new(Timestamp(2)));
    let (comes, coming) = tokio::sync::oneshot::channel::<()>();
    let mut reading = Box::pin(slow.out_of_turn(coming));
    assert!(reading.as_mut().now_or_never().is_none());
    let next = house.admit(&tenant, None).now_or_never().unwrap().unwrap();
    comes.send(()).unwrap();
    house.admission.crowd.note(TenantId::new(Timestamp(2)));
    assert!(reading.as_mut().now_or_never().is_none());
    drop(next);
    reading.as_mut().await.unwrap().unwrap();
    drop(reading);
    house.admission.crowd.note(TenantId::new(Timestamp(2)));
    assert!(house.admit(&tenant, None).now_or_never().is_none());
    drop(slow);
    assert!(house.admit(&tenant, None).now_or_never().is_some_and(|admitted| admitted.is_ok()));
}

#[tokio::test]
async fn what_is_refused_is_not_counted_whatever_refuses_it() {
    let house = house(AdmissionOptions { database_ms_per_second: 100, turns: 1, ..OPTIONS });
    let counted = std::cell::Cell::new(0);
    let count = || {
        counted.set(counted.get() + 1);
        Ok(())
    };
    let rate = Rate { concurrency: Some(2), ..RATE };
    let tenant = tenant(house.publish(rate).await, 1);
    let ask = |tenant| house.admission.admit(&house.catalog, tenant, None, Lane::Product, count);
    let held = ask(&tenant).await.1.unwrap();
    // One waits for a turn and goes away, with the place that it had.
    house.admission.crowd.note(TenantId::new(Timestamp(2)));
    {
        let mut waits = std::pin::pin!(ask(&tenant));
        assert!(waits.as_mut().now_or_never().is_none());
        assert_eq!(ask(&tenant).await.1.err().unwrap().code(), "concurrency_limited");
    }
    drop(held);
    assert_eq!(counted.get(), 1);
    house.admit(&tenant, None).await.unwrap().gauge.spend(Duration::from_secs(1));
    for _ in 0..50 {
        drop(ask(&tenant).await);
    }
    assert_eq!(counted.get(), 1);
}

#[tokio::test]
async fn database_time_of_the_plan_or_else_of_the_settings_is_spent() {
    let house = house(AdmissionOptions { database_ms_per_second: 100, ..OPTIONS });
    let by_settings = tenant(house.publish(Rate::default()).await, 1);
    let by_plan = Rate { database_ms_per_second: Some(1_000), ..Rate::default() };
    let by_plan = Tenant { id: TenantId::new(Timestamp(2)), ..tenant(house.publish(by_plan).await, 2) };
    for (tenant, budget) in [(by_settings, 500), (by_plan, 5_000)] {
        let admitted = house.admit(&tenant, None).await.unwrap();
        admitted.gauge.spend(Duration::from_millis(budget));
        assert!(house.admit(&tenant, None).await.is_ok());
        admitted.gauge.spend(Duration::from_millis(1));
        let refused = house.admit(&tenant, None).await.err().unwrap();
        assert_eq!((refused.code(), refused.retry_after_s()), ("database_time_exhausted", Some(1)));
        // The way out is open.
        let way_out = Lane::WayOut(IdentityId::new(Timestamp(1)));
        assert!(house.admission.admit(&house.catalog, &tenant, None, way_out, || Ok(())).await.1.is_ok());
        house.clock.advance(SECOND);
        assert!(house.admit(&tenant, None).await.is_ok());
    }
}

#[tokio::test]
async fn what_is_in_memory_is_bounded_and_what_is_in_use_stays() {
    let table: Held<u32, u32> = held(1_024);
    let kept = Arc::new(7);
    table.insert(0, Arc::clone(&kept));
    (1..100_000).for_each(|number| table.insert(number, Arc::new(number)));
    assert!(table.len() <= 1_100, "{}", table.len());
    assert!(table.get(&0).is_some_and(|value| Arc::ptr_eq(&value, &kept)));
}
