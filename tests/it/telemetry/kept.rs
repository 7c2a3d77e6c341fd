//! What the operator's list tells of tenants beside what they did lately: room, use, revenue, cost, margin.

use serde_json::{Value, json};

use crate::harness::{Installation, Person, eventually};

fn fleet(operator: &Person, query: &str) -> Vec<Value> {
    let answer = operator.client.get(&format!("/api/v1/operator/tenants?{query}")).expect(200);
    answer.json["items"].as_array().unwrap().clone()
}

fn cents(line: &Value, name: &str) -> f64 {
    line[name].as_str().unwrap_or_else(|| panic!("no {name}: {line:#}")).parse().unwrap()
}

#[test]
fn the_fleet_tells_what_tenants_take_bring_in_and_cost_and_who_loses_money() {
    let installation = Installation::with_app_of_tests("metered");
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    server.sign_up_with_tenant("bob", "bolt");
    let operator = server.add_operator();
    let event = json!({ "meter": "calls", "idempotency_key": "a", "cost_cents": "12.5" });
    ann.client.post(&acme.path("/usage-events"), event).expect(201);
    ann.client.post(&acme.path("/records/notes"), json!({ "text": "a note" })).expect(201);
    // A server that ends stores what it counted, and looks at what tenants take.
    server.stop();
    let server = installation.serve();
    let operator = operator.sign_in_again_at(&server);
    let line = eventually("what acme costs", || {
        let first = fleet(&operator, "order=-cost_cents&limit=1").remove(0);
        (first["slug"] == "acme" && first["cost_cents"].is_string() && cents(&first, "cost_cents") >= 12.5)
            .then_some(first)
    });
    assert_eq!((&line["currency"], &line["revenue_cents"]), (&json!("USD"), &json!("0")), "{line:#}");
    assert!((cents(&line, "margin_cents") + cents(&line, "cost_cents")).abs() < 1e-6, "{line:#}");
    assert!(line["size_bytes"].as_i64().unwrap() > 0, "{line:#}");
    assert!(line["last_active_at"].is_string() && line["figures_as_of"].is_string(), "{line:#}");
    assert!(line["limits_percent"].is_null() && line["growth_percent"].is_null(), "{line:#}");
    // Who loses most stands first or last, and whoever nothing is known of comes last both ways.
    let slugs = |query: &str| -> Vec<String> {
        fleet(&operator, query).iter().map(|line| line["slug"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(slugs("order=margin_cents"), ["acme", "bolt"]);
    assert_eq!(slugs("order=-margin_cents"), ["bolt", "acme"]);
    for order in ["size_bytes", "last_active_at", "limits_percent", "revenue_cents", "growth_percent"] {
        assert_eq!(slugs(&format!("order={order}")).len(), 2, "{order}");
        assert_eq!(slugs(&format!("order=-{order}&limit=1")).len(), 1, "{order}");
    }
    let overview = eventually("the overview", || {
        let answer = operator.client.get("/api/v1/operator/overview");
        (answer.status == 200).then_some(answer.json)
    });
    let losing = overview["unprofitable"].as_array().unwrap();
    assert_eq!(losing.len(), 1, "{overview:#}");
    assert_eq!(losing[0]["tenant"]["slug"], "acme");
    assert_eq!(losing[0]["margin_cents"], line["margin_cents"]);
    assert_eq!(losing[0]["currency"], "USD");
    assert_eq!(overview["growing"], json!([]));
    // All together, without a list of them.
    let totals = eventually("all tenants in the totals", || {
        let totals = operator.client.get("/api/v1/operator/margins/totals").expect(200).json;
        (totals["complete"] == true).then_some(totals)
    });
    assert_eq!((&totals["tenants"], &totals["unprofitable"]), (&json!(2), &json!(1)), "{totals:#}");
    let sizes = fleet(&operator, "limit=10").into_iter().map(|line| line["size_bytes"].as_i64().unwrap_or(0));
    assert_eq!(totals["storage_bytes"], json!(sizes.sum::<i64>()), "{totals:#}");
    let [of_dollars] = totals["currencies"].as_array().unwrap().as_slice() else { panic!("{totals:#}") };
    assert_eq!((&of_dollars["currency"], &of_dollars["tenants"]), (&json!("USD"), &json!(2)));
    assert_eq!(of_dollars["revenue_cents"], "0");
    assert!(cents(of_dollars, "cost_cents") >= cents(&line, "cost_cents"), "{totals:#}");
    assert!((cents(of_dollars, "margin_cents") + cents(of_dollars, "cost_cents")).abs() < 1e-6);
    let ann = ann.sign_in_again_at(&server);
    ann.client.get("/api/v1/operator/margins/totals").expect(403);
    operator.client.get("/api/v1/operator/margins/totals?month=2026-03").expect(400);
    // Erased, nothing of it is kept.
    installation.run(&["tenant", "erase", "acme", "--confirm", "acme", "--now"]).expect_code(0);
    let answer = operator.client.get("/api/v1/operator/overview").expect(200);
    assert_eq!(answer.json["unprofitable"], json!([]), "{:#}", answer.json);
    server.stop();
}

#[test]
fn who_was_made_after_all_were_read_is_in_the_totals_before_anybody_uses_it() {
    let server = Installation::new().serve();
    let operator = server.add_operator();
    let totals = |what: &str, tenants: u64| {
        eventually(what, || {
            let told = operator.client.get("/api/v1/operator/margins/totals").expect(200).json;
            (told["complete"] == true && told["tenants"] == tenants).then_some(())
        });
    };
    totals("nobody", 0);
    operator.client.post("/api/v1/tenants", json!({ "name": "Acme", "slug": "acme" })).expect(201);
    totals("the first tenant", 1);
    let list = fleet(&operator, "limit=10");
    assert!(list[0]["figures_as_of"].is_string(), "{:#}", list[0]);
    server.stop();
}
