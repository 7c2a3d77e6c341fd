//! One statement over many tenants, for operators: whom it asks, what it takes, what it must not reach.

mod asking;
mod budget;
mod command;
mod leaving_out;

use serde_json::{Value, json};

use crate::harness::{Answer, Client, Installation, Person, Server, Tenant};

/// A server with the tickets app, an operator, and three tenants of which each has another number of labels.
struct House {
    server: Server,
    operator: Person,
    tenants: Vec<(Person, Tenant)>,
}

const SLUGS: [&str; 3] = ["acme", "bolt", "cora"];

impl House {
    fn new() -> House {
        let server = Installation::with_app_of_tests("tickets").serve();
        let operator = server.add_operator();
        let tenants: Vec<_> = ["ann", "bob", "cid"]
            .into_iter()
            .zip(SLUGS)
            .map(|(name, slug)| server.sign_up_with_tenant(name, slug))
            .collect();
        for (number, (person, tenant)) in tenants.iter().enumerate() {
            let labels: Vec<Value> = (0..=number).map(|at| json!({"name": format!("label {at}")})).collect();
            person.client.post(&tenant.path("/records/labels"), json!(labels)).expect(201);
        }
        House { server, operator, tenants }
    }

    #[track_caller]
    fn ask(&self, body: Value) -> Answer {
        ask(&self.operator.client, body)
    }

    /// What the log of one tenant says of queries, newest first: the entry of each, and its details.
    fn logged(&self, at: usize) -> Vec<(Value, Value)> {
        let (person, tenant) = &self.tenants[at];
        let log = person.client.get(&tenant.path("/audit?action=operator.query")).expect(200);
        entries(&log.json)
    }
}

fn entries(log: &Value) -> Vec<(Value, Value)> {
    let entries = log["items"].as_array().unwrap().iter();
    entries
        .map(|entry| (entry.clone(), serde_json::from_str(entry["details"].as_str().unwrap()).unwrap()))
        .collect()
}

#[track_caller]
fn ask(client: &Client, body: Value) -> Answer {
    client.post("/api/v1/operator/query", body)
}

/// The slugs of a list of an answer, each with the word that says why.
fn told(answer: &Answer, list: &str, word: &str) -> Vec<(String, String)> {
    let named = answer.json[list].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    named.map(|one| (text(&one["tenant"]["slug"]), text(&one[word]))).collect()
}
