//! Invoices through the real program: closed by hand and by the server, issued, paid, recomputed.

mod acts;
mod addresses;
mod closing;
mod crash;
mod outputs;
mod restored;
mod steps;
mod unpaid;
mod verified;

use std::sync::Arc;

use serde_json::{Value, json};

use crate::harness::{Answer, Client, DAY, Installation, Person, Server, Tenant};

fn installation() -> Arc<Installation> {
    Installation::with_app_of_tests("billed")
}

/// Where that app is, for commands that open the directory themselves.
fn app_of_tests() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/apps/billed")
}

fn set_clock(installation: &Installation, at: &str) {
    installation.set_clock(at.parse::<jiff::Timestamp>().unwrap().as_millisecond());
}

/// A server on the first of May 2026, with a tenant on the plan `pro`.
fn begin() -> (Arc<Installation>, Server, Person, Tenant) {
    let installation = installation();
    set_clock(&installation, "2026-05-01T00:00:00Z");
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    (installation, server, ann, acme)
}

#[track_caller]
fn used(client: &Client, tenant: &Tenant, event: Value) -> Answer {
    client.post(&tenant.path("/usage-events"), event).expect(201)
}

#[track_caller]
fn tokens(client: &Client, tenant: &Tenant, quantity: i64, key: &str) -> Answer {
    used(client, tenant, json!({ "meter": "tokens", "quantity": quantity, "idempotency_key": key }))
}

/// Closes what is over, through the control socket of the server or on the directory itself.
#[track_caller]
fn close(installation: &Installation, more: &[&str]) -> Value {
    let arguments = [&["plan", "close-period", "--json", "--app", app_of_tests()], more].concat();
    serde_json::from_str(&installation.run(&arguments).expect_code(0).stdout).unwrap()
}

#[track_caller]
fn list(client: &Client, tenant: &Tenant) -> Vec<Value> {
    client.get(&tenant.path("/invoices")).expect(200).json["items"].as_array().unwrap().clone()
}

/// Kind, meter and amount of each line.
fn lines(invoice: &Value) -> Vec<(String, String, i64)> {
    let each = invoice["lines"].as_array().unwrap().iter().map(|line| {
        let text = |field: &str| line[field].as_str().unwrap_or_default().to_owned();
        (text("kind"), text("meter"), line["amount_cents"].as_i64().unwrap())
    });
    each.collect()
}

fn line(kind: &str, meter: &str, amount: i64) -> (String, String, i64) {
    (kind.to_owned(), meter.to_owned(), amount)
}

#[track_caller]
fn verify(installation: &Installation, code: i32, more: &[&str]) -> String {
    let arguments = [&["verify", "billing", "--app", app_of_tests()], more].concat();
    installation.run(&arguments).expect_code(code).stdout
}
