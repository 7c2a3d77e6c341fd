//! Stripe, against one on loopback: what is bought, what becomes of it, and everything that can go wrong on the way.

mod addresses;
mod checkout;
mod crash;
mod credit;
mod drift;
mod erased;
mod events;
mod held;
mod kinds;
mod leaving;
mod lists;
mod push;
mod rest;
mod signatures;
mod simulator;
mod statements;
mod steps;
mod storm;
mod tls;
mod twice;
mod unknown;

use std::sync::Arc;

use serde_json::{Value, json};

use crate::harness::{Answer, Call, Client, Installation, Person, Server, Tenant, eventually};
use simulator::{Shape, Stripe};

/// An installation that is connected to a Stripe, with somebody who owns a tenant.
struct Town {
    installation: Arc<Installation>,
    stripe: Stripe,
    server: Server,
    operator: Person,
    ann: Person,
    acme: Tenant,
}

impl Town {
    fn new(shape: Shape) -> Town {
        let installation = Installation::with_app_of_tests("sold");
        let stripe = Stripe::start(&installation, shape);
        let server = installation.serve();
        let operator = server.add_operator();
        let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
        Town { installation, stripe, server, operator, ann, acme }
    }

    /// The same with a paid subscription to `plan`, of which all events have come.
    fn subscribed(shape: Shape, plan: &str) -> (Town, String) {
        let town = Town::new(shape);
        checkout(&town.ann.client, &town.acme, plan).expect(200);
        let subscription = town.stripe.pay_checkout();
        town.deliver();
        (town, subscription)
    }

    /// Sends all events so far, in their order, and waits until they are worked off.
    #[track_caller]
    fn deliver(&self) {
        self.stripe.send_all(&self.server.nobody());
        worked_off(&self.operator.client);
    }

    /// Sends the newest event of a type, and returns what came of it.
    #[track_caller]
    fn deliver_one(&self, kind: &str) -> Value {
        let event = self.stripe.event(kind);
        self.stripe.send(&self.server.nobody(), &event).expect(200);
        worked_off(&self.operator.client);
        outcome(&self.operator.client, event["id"].as_str().unwrap())
    }

    /// Plan and status of the tenant.
    #[track_caller]
    fn stands(&self) -> (String, String) {
        stands(&self.ann.client, &self.acme)
    }

    /// The tables of the catalog that are Stripe's.
    fn rows(&self, sql: &str) -> Vec<String> {
        rows(&self.installation, sql)
    }

    /// Everybody signs in again, as after a long time.
    fn sign_in_again(&mut self) {
        self.operator = self.operator.sign_in_again_at(&self.server);
        self.ann = self.ann.sign_in_again_at(&self.server);
    }
}

/// Texts of the first column.
fn rows(installation: &Installation, sql: &str) -> Vec<String> {
    let catalog = rusqlite::Connection::open(installation.data().join("catalog.db")).unwrap();
    let mut statement = catalog.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap);
    rows.collect()
}

fn checkout(client: &Client, tenant: &Tenant, plan: &str) -> Answer {
    client.post(&tenant.path("/billing/checkout"), json!({ "plan": plan }))
}

#[track_caller]
fn stands(client: &Client, tenant: &Tenant) -> (String, String) {
    let told = client.get(&tenant.path("/subscription")).expect(200);
    (told.string("/plan"), told.string("/status"))
}

#[track_caller]
fn worked_off(operator: &Client) {
    eventually("the end of the inbox", || {
        let pending = operator.get("/api/v1/operator/stripe-events?status=pending").expect(200);
        pending.json["items"].as_array().unwrap().is_empty().then_some(())
    });
}

/// What came of an event.
#[track_caller]
fn outcome(operator: &Client, id: &str) -> Value {
    let all = operator.get("/api/v1/operator/stripe-events?limit=500").expect(200);
    let items = all.json["items"].as_array().unwrap();
    items.iter().find(|event| event["id"] == id).unwrap_or_else(|| panic!("no {id}: {}", all.text())).clone()
}

fn post(client: &Client, path: &str) -> Answer {
    client.send(&Call::new("POST", path))
}

fn owned(plan: &str, status: &str) -> (String, String) {
    (plan.to_owned(), status.to_owned())
}
