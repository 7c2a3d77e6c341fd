//! SQL that people write themselves: what it can read, and everything that it must not be able to do.

pub mod attacks;
pub mod audit;
mod bombs;
mod closing;
mod reading;
mod writes;

use std::sync::Arc;

use serde_json::{Value, json};

use crate::harness::{Answer, Client, Installation, Person, Server, Tenant};

/// A server with the tickets app and a tenant of Ann's with a few records.
pub struct Bench {
    pub server: Server,
    pub ann: Person,
    pub acme: Tenant,
}

impl Bench {
    fn new() -> Bench {
        Bench::of(Installation::with_app_of_tests("tickets"))
    }

    fn of(installation: Arc<Installation>) -> Bench {
        let server = installation.serve();
        let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
        Bench { server, ann, acme }
    }

    /// Three tickets, of which one is closed.
    pub fn with_tickets() -> Bench {
        let bench = Bench::new();
        bench.insert("projects", json!({"key": "AB", "name": "Alphabet"}));
        bench.insert("people", json!({"id": "zoe", "handle": "zoe", "email": "zoe@example.com"}));
        bench.insert(
            "tickets",
            json!([
                {"project_key": "AB", "title": "The printer is on fire", "body": "smoke and flames", "priority": 1},
                {"project_key": "AB", "title": "More paper", "body": "the printer is empty", "assignee_id": "zoe"},
                {"project_key": "AB", "title": "Old news", "body": "nothing", "status": "closed"},
            ]),
        );
        bench
    }

    #[track_caller]
    pub fn insert(&self, table: &str, records: Value) {
        self.ann.client.post(&self.acme.path(&format!("/records/{table}")), records).expect(201);
    }

    #[track_caller]
    fn sql(&self, sql: &str) -> Answer {
        self.sql_with(sql, json!([]))
    }

    #[track_caller]
    fn sql_with(&self, sql: &str, params: Value) -> Answer {
        ask(&self.ann.client, &self.acme, sql, params)
    }

    #[track_caller]
    pub fn rows(&self, sql: &str) -> Value {
        self.sql(sql).expect(200).json["rows"].take()
    }
}

#[track_caller]
fn ask(client: &Client, tenant: &Tenant, sql: &str, params: Value) -> Answer {
    client.post(&tenant.path("/sql"), json!({"sql": sql, "params": params}))
}
