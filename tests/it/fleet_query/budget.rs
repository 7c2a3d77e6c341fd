//! Where a query ends, and how one goes on.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{House, told};
use crate::harness::eventually;
use crate::sql::audit::workers_of;

/// Without end where there is a label of that name, and at once where there is none.
pub const SLOW: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n \
     WHERE EXISTS (SELECT 1 FROM labels WHERE name = 'slow')) SELECT count(*) FROM n";

impl House {
    pub fn slow_down(&self, at: usize) {
        let (person, tenant) = &self.tenants[at];
        person.client.post(&tenant.path("/records/labels"), json!({"name": "slow"})).expect(201);
    }
}

#[test]
fn an_answer_ends_with_its_rows_bytes_or_tenants_and_says_who_is_left() {
    let house = House::new();
    let many = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100) SELECT i FROM n";
    let with = |budget: Value| house.ask(json!({"sql": many, "all": true, "budget": budget})).expect(200);
    let rows = |answer: &crate::harness::Answer| answer.json["rows"].as_array().unwrap().len();
    let each = with(json!({"tenant_rows": 10}));
    assert_eq!(
        (rows(&each), &each.json["tenants"]["cut"], &each.json["ended_by"]),
        (30, &json!(3), &json!(null))
    );
    assert_eq!(each.json["truncated"], true);
    let answer = with(json!({"rows": 100}));
    assert_eq!((rows(&answer), &answer.json["ended_by"]), (100, &json!("rows")));
    let over = |slug: &str| (slug.to_owned(), "over_budget".to_owned());
    assert_eq!(told(&answer, "skipped", "reason"), [over("bolt"), over("cora")]);
    assert_eq!(answer.json["next_after"], house.tenants[0].1.id);
    // By the query before.
    assert_eq!(house.logged(1).len(), 1);
    let answer = with(json!({"bytes": 1_024}));
    assert!(rows(&answer) < 100 && answer.bytes.len() < 2_500, "{}", answer.text());
    assert_eq!((&answer.json["cut"][0]["slug"], &answer.json["ended_by"]), (&json!("acme"), &json!("bytes")));
    assert_eq!(told(&answer, "skipped", "reason").len(), 2);
    let answer = with(json!({"tenants": 2}));
    assert_eq!((rows(&answer), &answer.json["ended_by"]), (200, &json!("tenants")));
    assert_eq!(told(&answer, "skipped", "reason"), [over("cora")]);
    house.server.stop();
}

#[test]
fn what_one_budget_left_over_the_next_query_asks() {
    let house = House::new();
    let (mut seen, mut after) = (Vec::new(), Value::Null);
    loop {
        let body = json!({"sql": "SELECT 1", "all": true, "after": after, "budget": {"tenants": 1}});
        let answer = house.ask(body).expect(200);
        seen.push(answer.string("/rows/0/0"));
        after = answer.json["next_after"].clone();
        if after.is_null() {
            break;
        }
    }
    assert_eq!(seen, super::SLUGS);
    house.server.stop();
}

#[test]
fn a_slow_tenant_is_given_up_and_the_others_answer() {
    let house = House::new();
    house.slow_down(1);
    let body = json!({"sql": SLOW, "all": true, "budget": {"tenant_ms": 200}});
    let answer = house.ask(body).expect(200);
    assert_eq!(answer.json["rows"], json!([["acme", 1], ["cora", 1]]));
    assert_eq!(told(&answer, "failed", "code"), [("bolt".to_owned(), "deadline_passed".to_owned())]);
    assert_eq!(house.logged(1)[0].1["outcome"], "deadline_passed");
    for at in [0, 2] {
        house.slow_down(at);
    }
    let begun = Instant::now();
    let body = json!({"sql": SLOW, "all": true, "budget": {"seconds": 1, "tenant_ms": 5_000}});
    let answer = house.ask(body).expect(200);
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    assert_eq!((&answer.json["ended_by"], &answer.json["rows"]), (&json!("seconds"), &json!([])));
    assert_eq!(answer.json["tenants"]["skipped"], 2);
    eventually("the end of the processes", || (workers_of(&house.server) == 0).then_some(()));
    house.server.stop();
}

#[test]
fn one_query_runs_at_a_time_and_keeps_no_tenant_from_its_own_statements() {
    let house = House::new();
    house.slow_down(0);
    let (ann, acme) = &house.tenants[0];
    std::thread::scope(|scope| {
        let slow = json!({"sql": SLOW, "tenants": ["acme"], "budget": {"tenant_ms": 4_000}});
        let running = scope.spawn(|| house.ask(slow));
        eventually("the statement", || (workers_of(&house.server) == 1).then_some(()));
        let refused = house.ask(json!({"sql": "SELECT 1", "all": true})).expect_code(429, "too_many_queries");
        assert!(refused.header("retry-after").is_some());
        let asked: Vec<_> = (0..2)
            .map(|_| scope.spawn(|| ann.client.post(&acme.path("/sql"), json!({"sql": "SELECT 1"}))))
            .collect();
        for asked in asked {
            asked.join().unwrap().expect(200);
        }
        running.join().unwrap().expect(200);
    });
    house.ask(json!({"sql": "SELECT 1", "all": true})).expect(200);
    house.server.stop();
}
