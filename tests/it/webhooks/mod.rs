//! Outgoing webhooks, received by a service of the test.

mod built_in;
mod endpoints;
mod events;
mod failing;
mod kills;
mod rights;
mod sending;
mod states;
mod tls;

use std::sync::Arc;

use crate::harness::receiver::{Received, Receiver, taken};
use serde_json::{Value, json};

use crate::harness::{Answer, Client, Installation, Tenant, eventually};

/// Lets the server send to this machine by plain HTTP, as an operator may.
const LOCAL: &str = "outgoing_allow_http = true\noutgoing_allow_networks = [\"127.0.0.0/8\"]\n";

fn lets_send(installation: &Installation) {
    std::fs::create_dir_all(installation.data()).unwrap();
    std::fs::write(installation.data().join("tenantry.toml"), LOCAL).unwrap();
}

/// An installation with the built-in app that may send to this machine.
fn installation() -> Arc<Installation> {
    let installation = Installation::new();
    lets_send(&installation);
    installation
}

#[track_caller]
fn make(client: &Client, tenant: &Tenant, url: &str, events: &[&str]) -> Answer {
    client.post(&tenant.path("/webhook-endpoints"), json!({ "url": url, "events": events })).expect(201)
}

fn path_of(tenant: &Tenant, endpoint: &Answer) -> String {
    tenant.path(&format!("/webhook-endpoints/{}", endpoint.string("/id")))
}

#[track_caller]
fn create_customer(client: &Client, tenant: &Tenant, name: &str) -> String {
    client.post(&tenant.path("/records/customers"), json!({ "name": name })).expect(201).string("/id")
}

/// The deliveries to an endpoint, newest first.
#[track_caller]
fn deliveries(client: &Client, endpoint: &str) -> Vec<Value> {
    let page = client.get(&format!("{endpoint}/deliveries?limit=500")).expect(200);
    page.json["items"].as_array().unwrap().clone()
}

/// Waits for that many to have come.
#[track_caller]
fn until_received(receiver: &Receiver, count: usize) -> Vec<Received> {
    eventually(&format!("{count} to have come"), || {
        Some(receiver.received()).filter(|received| received.len() >= count)
    })
}
