//! The feed of changes: pages, streams, histories.

mod access;
mod crowd;
mod kills;
mod pages;
mod streams;

use serde_json::{Value, json};

use crate::harness::{Answer, Client, Installation, Person, Server, Tenant};

/// A server with a tenant of the starter app.
struct House {
    server: Server,
    ann: Person,
    acme: Tenant,
}

fn house() -> House {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    House { server, ann, acme }
}

impl House {
    #[track_caller]
    fn create(&self, table: &str, body: Value) -> Answer {
        self.ann.client.post(&self.acme.path(&format!("/records/{table}")), body).expect(201)
    }

    #[track_caller]
    fn page(&self, query: &str) -> Value {
        page(&self.ann.client, &self.acme, query)
    }

    /// So many customers, made in arrays.
    fn create_many(&self, count: usize, name: &str) {
        for first in (0..count).step_by(1_000) {
            let items: Vec<Value> = (first..count.min(first + 1_000))
                .map(|number| json!({"name": format!("{name} {number}")}))
                .collect();
            self.create("customers", json!(items));
        }
    }
}

#[track_caller]
fn page(client: &Client, tenant: &Tenant, query: &str) -> Value {
    client.get(&tenant.path(&format!("/changes{query}"))).expect(200).json
}

/// `create customers/known`, ...
fn told(page: &Value) -> Vec<String> {
    let word = |change: &Value, field: &str| change[field].as_str().unwrap().to_owned();
    let items = page["items"].as_array().unwrap().iter();
    items.map(|c| format!("{} {}/{}", word(c, "op"), word(c, "table"), word(c, "id"))).collect()
}
