//! Limits of tenants and keys over a clock that stands still.

use super::*;
use crate::clock::{HOUR, ManualClock, SECOND, Timestamp};
use crate::db::ReaderThreads;
use crate::model::plan::Rate;
use std::time::Duration;

const OPTIONS: AdmissionOptions = AdmissionOptions { turns: 8, database_ms_per_second: 0 };

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
        self.admission.admit(&self.catalog, tenant, key, true, || Ok(())).await.1
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
    Tenant {
        id: TenantId::new(Timestamp(1)),
        slug: String::new(),
        name: String::new(),
        status: crate::model::tenant::TenantStatus::Active,
        plan: "some".to_owned(),
        plan_version,
        timezone: String::new(),
        settings: String::new(),
        second_factor_required: false,
        unpaid: false,
        epoch: 1,
        entitlements,
        created_at: Timestamp(1),
        closed_at: None,
        erase_after: None,
    }
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
    assert_eq!(house.let_in(&second, None).await.0, 30);
    assert_eq!(house.let_in(&first, None).await.0, 0);
    let none = Tenant { id: first.id, entitlements: 3, ..tenant(house.publish(Rate::default()).await, 3) };
    assert_eq!(house.let_in(&none, None).await, (100, None));
    let refused: Vec<_> = house.admission.take_refused();
    assert_eq!(refused, [(first.id, LIMITED.to_owned(), 80 + 90 + 70 + 100)]);
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

#[tokio::test]
async fn the_way_out_has_a_rate_of_its_own_and_what_is_refused_is_not_counted() {
    let house = house(OPTIONS);
    let tenant = tenant(house.publish(RATE).await, 1);
    let mut counted = 0;
    for is_product in [true, false] {
        for _ in 0..50 {
            let count = || {
                counted += 1;
                Ok(())
            };
            drop(house.admission.admit(&house.catalog, &tenant, None, is_product, count).await);
        }
    }
    assert_eq!(counted, 40);
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
        assert!(house.admission.admit(&house.catalog, &tenant, None, false, || Ok(())).await.1.is_ok());
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
