//! Rows of many tenants, and the entries in their logs.

use serde_json::json;

use super::{House, ask, entries};
use crate::harness::Installation;
use crate::sql::Bench;
use crate::sql::attacks::all_are_refused;

#[test]
fn rows_come_with_the_slug_of_their_tenant_in_the_order_of_the_selection() {
    let house = House::new();
    let count = "SELECT count(*) AS n FROM labels WHERE name LIKE ?1";
    let with = |selection: serde_json::Value| {
        let mut body = json!({"sql": count, "params": ["label %"]});
        body.as_object_mut().unwrap().extend(selection.as_object().unwrap().clone());
        house.ask(body)
    };
    let all = with(json!({"all": true})).expect(200);
    assert_eq!(all.json["columns"], json!(["tenant", "n"]));
    assert_eq!(all.json["rows"], json!([["acme", 1], ["bolt", 2], ["cora", 3]]));
    assert_eq!(
        all.json["tenants"],
        json!({"selected": 3, "answered": 3, "cut": 0, "failed": 0, "skipped": 0})
    );
    assert_eq!((&all.json["truncated"], &all.json["ended_by"]), (&json!(false), &json!(null)));
    let named = with(json!({"tenants": ["cora", house.tenants[0].1.id, "cora"]})).expect(200);
    assert_eq!(named.json["rows"], json!([["cora", 3], ["acme", 1]]));
    assert_eq!(with(json!({"q": "OL"})).expect(200).json["rows"], json!([["bolt", 2]]));
    let plans = with(json!({"plan": "default", "status": "active"})).expect(200);
    assert_eq!(plans.json["tenants"]["answered"], 3);
    assert_eq!(with(json!({"plan": "none"})).expect(200).json["rows"], json!([]));
    let after = with(json!({"all": true, "after": house.tenants[1].1.id})).expect(200);
    assert_eq!(after.json["rows"], json!([["cora", 3]]));
    // Rows that would break out of an answer put together as text.
    let hostile = "SELECT char(10) || '],' || char(34) || char(0) AS \"a\"\"],\", NULL, 9223372036854775807";
    let answer = house.ask(json!({"sql": hostile, "tenants": ["acme", "bolt"]})).expect(200);
    let value = "\n],\"\u{0}";
    let big = "9223372036854775807";
    assert_eq!(answer.json["rows"], json!([["acme", value, null, big], ["bolt", value, null, big]]));
    assert_eq!(answer.json["columns"][1], "a\"],");
    house.server.stop();
}

#[test]
fn every_tenant_that_was_asked_finds_it_in_its_log_and_no_other() {
    let house = House::new();
    let long = format!("SELECT name FROM labels WHERE id > 3 -- {}", "x".repeat(3_000));
    house.ask(json!({"sql": long, "params": [], "tenants": ["acme", "cora"]})).expect(200);
    for at in [0, 2] {
        let logged = house.logged(at);
        let (entry, details) = &logged[0];
        assert_eq!(logged.len(), 1);
        assert_eq!(entry["actor"], format!("operator:{}", house.operator.id));
        assert_eq!((&details["outcome"], &details["rows"]), (&json!("rows"), &json!(at + 1)));
        assert_eq!(details["sql"].as_str().unwrap().len(), 2_000);
        assert_eq!(
            (&details["sql_bytes"], details["sql_sha256"].as_str().unwrap().len()),
            (&json!(long.len()), 64)
        );
        // Who else was asked is none of its business.
        assert!(!entry.to_string().contains("cora") && !entry.to_string().contains("acme"), "{entry}");
        let (person, tenant) = &house.tenants[at];
        let access = person.client.get(&tenant.path("/audit?action=operator.access")).expect(200);
        let (before, why) = &entries(&access.json)[0];
        assert!(before["seq"].as_i64() < entry["seq"].as_i64() && why["reason"] == "query");
    }
    assert!(house.logged(1).is_empty());
    let log = house.operator.client.get("/api/v1/operator/audit?action=operator.query").expect(200);
    let (_, details) = &entries(&log.json)[0];
    assert_eq!(
        (&details["tenants"], &details["selection"]["tenants"]),
        (&json!(2), &json!(["acme", "cora"]))
    );
    house.server.installation().run(&["verify", "audit"]).expect_code(0);
    house.server.stop();
}

#[test]
fn what_a_tenants_owner_cannot_run_an_operator_cannot_run_either() {
    let bench = Bench::with_tickets();
    let operator = bench.server.add_operator();
    all_are_refused(&bench, |sql, params| {
        ask(&operator.client, json!({"sql": sql, "params": params, "tenants": ["acme"]}))
    });
    bench.server.stop();
}

#[test]
fn hidden_columns_stay_hidden() {
    let server = Installation::with_app_of_tests("agency").serve();
    let operator = server.add_operator();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    ann.client.post(&acme.path("/records/jobs"), json!({"id": "one", "title": "one"})).expect(201);
    for sql in [
        "SELECT margin FROM jobs",
        "SELECT * FROM jobs",
        "SELECT title FROM jobs WHERE margin = 10",
        "SELECT title FROM jobs ORDER BY margin_rate",
        "SELECT margin FROM job_list",
        "SELECT account_code FROM clients",
        "SELECT title, cents FROM jobs",
        "SELECT count(*) FROM salaries",
    ] {
        let owner = ann.client.post(&acme.path("/sql"), json!({"sql": sql}));
        let ours = ask(&operator.client, json!({"sql": sql, "tenants": ["acme"]}));
        assert_eq!((ours.status, ours.code()), (owner.status, owner.code()), "{sql}: {}", ours.text());
        assert!(ours.status == 200 || ours.code() == "sql_not_allowed", "{sql}: {}", ours.text());
    }
    server.stop();
}

#[test]
fn what_is_no_query_is_refused_by_name() {
    let house = House::new();
    for (body, field) in [
        (json!({"all": true}), "sql"),
        (json!({"sql": "SELECT 1"}), "tenants"),
        (json!({"sql": "SELECT 1", "all": true, "plan": "default"}), "tenants"),
        (json!({"sql": "SELECT 1", "tenants": ["acme"], "all": true}), "tenants"),
        (json!({"sql": "SELECT 1", "tenants": []}), "tenants"),
        (json!({"sql": "SELECT 1", "tenants": "acme"}), "tenants"),
        (json!({"sql": "SELECT 1", "tenants": vec!["x"; 101]}), "tenants"),
        (json!({"sql": "SELECT 1", "tenants": ["x".repeat(201)]}), "tenants"),
        (json!({"sql": "SELECT 1", "tenants": ["acme"], "after": house.tenants[0].1.id}), "after"),
        (json!({"sql": "SELECT 1", "all": true, "after": "acme"}), "after"),
        (json!({"sql": "SELECT 1", "status": "erased"}), "status"),
        (json!({"sql": "SELECT 1", "plan": "x".repeat(300)}), "plan"),
        (json!({"sql": "SELECT 1", "all": true, "params": 1}), "params"),
        (json!({"sql": "SELECT 1", "all": true, "role": "owner"}), "role"),
        (json!({"sql": "SELECT 1", "all": true, "budget": {"seconds": 3_600}}), "budget.seconds"),
        (json!({"sql": "SELECT 1", "all": true, "budget": {"rows": 0}}), "budget.rows"),
        (json!({"sql": "SELECT 1", "all": true, "budget": {"memory": 1}}), "budget.memory"),
    ] {
        house.ask(body).expect(422).expect_refused_by_name(field);
    }
    house.ask(json!({"sql": "SELECT 1", "status": "happy"})).expect_code(400, "bad_status");
    house.ask(json!({"sql": "SELECT 1", "q": "x".repeat(201)})).expect_code(400, "bad_search");
    let (person, _) = &house.tenants[0];
    ask(&person.client, json!({"sql": "SELECT 1", "all": true})).expect_code(403, "operator_only");
    assert_eq!((house.logged(0).len(), house.logged(2).len()), (0, 0));
    house.server.stop();
}

#[test]
fn a_statement_that_is_a_mistake_is_told_so_after_few_tenants() {
    let house = House::new();
    house.server.sign_up_with_tenant("dora", "dora");
    house.ask(json!({"sql": "SELECT none FROM labels", "all": true})).expect_code(400, "sql_error");
    house.ask(json!({"sql": "DELETE FROM labels", "tenants": ["acme"]})).expect_code(403, "sql_not_allowed");
    house.ask(json!({"sql": "SELECT ?1", "all": true})).expect_code(400, "sql_params");
    let dora = house.operator.client.get("/api/v1/operator/tenants/dora/audit").expect(200);
    assert!(!dora.text().contains("operator.query"), "{}", dora.text());
    // One whose data alone are the reason is no mistake.
    let (bob, bolt) = &house.tenants[1];
    bob.client.post(&bolt.path("/records/labels"), json!({"name": "{"})).expect(201);
    let sql = "SELECT count(json(CASE name WHEN '{' THEN name ELSE 1 END)) FROM labels WHERE id > 3";
    let answer = house.ask(json!({"sql": sql, "tenants": ["bolt", "acme", "cora"]})).expect(200);
    assert_eq!(answer.json["rows"], json!([["acme", 1], ["cora", 3]]));
    assert_eq!(super::told(&answer, "failed", "code"), [("bolt".to_owned(), "sql_error".to_owned())]);
    house.server.stop();
}
