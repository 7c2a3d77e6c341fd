//! What a tenant brings in, costs and leaves.

use serde_json::json;

use super::{installation, send};

#[test]
fn a_margin_is_revenue_less_what_events_and_serving_cost() {
    let installation = installation();
    let costs = "cost_database_hour_cents = \"1000000\"\ncost_out_gb_cents = \"1000000\"\n";
    std::fs::create_dir_all(installation.data()).unwrap();
    std::fs::write(installation.data().join("tenantry.toml"), costs).unwrap();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let operator = server.add_operator();
    let event = json!({ "meter": "calls", "idempotency_key": "a", "cost_cents": "12.5" });
    send(&ann.client, &acme, event).expect(201);
    ann.client.get(&acme.path("/records/notes")).expect(200);
    let (bob, other) = server.sign_up_with_tenant("bob", "other");
    bob.client.get(&other.path("/records/notes")).expect(200);
    // What tenants take that were used in the last minute is looked at before a server ends.
    server.stop();
    let server = installation.serve();
    let operator = operator.sign_in_again_at(&server);
    let ann = ann.sign_in_again_at(&server);
    let all = operator.client.get("/api/v1/operator/margins").expect(200);
    let items = all.json["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    let margin = items.iter().find(|item| item["tenant"]["slug"] == "acme").unwrap();
    assert_eq!(margin["cost_cents"], "12.5");
    let alone = operator.client.get("/api/v1/operator/margins?tenant=acme").expect(200);
    assert_eq!(alone.json, json!({ "items": [margin], "next_cursor": null }));
    operator.client.get("/api/v1/operator/margins?tenant=nobody").expect(404);
    let number = |pointer: &str| margin.pointer(pointer).unwrap().as_str().unwrap().parse::<f64>().unwrap();
    assert!(margin["serving"]["bytes_out"].as_i64().unwrap() > 0, "{margin}");
    assert!(number("/serving/cost_cents") > 0.0, "{margin}");
    let left = number("/revenue_cents") - number("/cost_cents") - number("/serving/cost_cents");
    assert!((number("/margin_cents") - left).abs() < 1e-6, "{margin}");
    let before = operator.client.get("/api/v1/operator/margins?tenant=acme&month=2020-01").expect(200);
    let item = &before.json["items"][0];
    assert_eq!((&item["margin_cents"], &item["serving"]["storage_bytes"]), (&json!("0"), &json!(0)));
    // What lies there is there also in months in which nobody comes.
    let later = operator.client.get("/api/v1/operator/margins?tenant=acme&month=2099-01").expect(200);
    assert_eq!(later.json["items"][0]["serving"]["storage_bytes"], margin["serving"]["storage_bytes"]);
    operator.client.get("/api/v1/operator/margins?month=2020").expect_code(400, "bad_month");
    ann.client.get("/api/v1/operator/margins").expect(403);
    server.stop();
}
