//! Usage over the API: events, what they come to, limits, the spend cap, and what Tenantry counts itself.

mod billable;
mod capped;
mod counted;
mod events;
mod limits;
mod margins;
mod operators;
mod senders;

use std::sync::Arc;

use serde_json::{Value, json};

use crate::harness::{Answer, Client, Installation, Tenant};

fn installation() -> Arc<Installation> {
    Installation::with_app_of_tests("metered")
}

/// Where that app is, for commands that open the directory themselves.
fn app_of_tests() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/apps/metered")
}

fn event(meter: &str, quantity: impl Into<Value>, key: &str) -> Value {
    json!({ "meter": meter, "quantity": quantity.into(), "idempotency_key": key })
}

#[track_caller]
fn send(client: &Client, tenant: &Tenant, body: Value) -> Answer {
    client.post(&tenant.path("/usage-events"), body)
}

/// What a meter comes to in all, as the API tells it.
#[track_caller]
fn used(client: &Client, tenant: &Tenant, meter: &str) -> String {
    let path = tenant.path(&format!("/usage?meter={meter}&window=month"));
    let answer = client.get(&path).expect(200);
    let items = answer.json["items"].as_array().unwrap();
    assert!(items.len() <= 2, "{answer:?}");
    items
        .iter()
        .map(|item| item["quantity"].as_str().unwrap().parse::<i64>().unwrap())
        .sum::<i64>()
        .to_string()
}

/// One line of the limits.
#[track_caller]
fn limit(client: &Client, tenant: &Tenant, meter: &str) -> Value {
    let answer = client.get(&tenant.path("/limits")).expect(200);
    let items = answer.json["items"].as_array().unwrap();
    items.iter().find(|item| item["meter"] == meter).unwrap_or_else(|| panic!("{answer:?}")).clone()
}
