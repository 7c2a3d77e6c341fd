//! Things that are done to one tenant at the same time: each comes to its end, none undoes what the other did, and nothing
//! that was written is lost.

mod cancelling;
mod clones;
mod erasures;
mod moves;

use std::thread::JoinHandle;

use serde_json::{Value, json};

use crate::fleet::Fleet;
use crate::harness::{Client, Installation, Ran, Server, eventually};

const FIRST: (&str, &str) =
    ("0001_first.sql", "CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT NOT NULL) STRICT;");
const CITY: (&str, &str) =
    ("0002_city.sql", "ALTER TABLE customers ADD COLUMN city TEXT NOT NULL DEFAULT 'Paris';");

const MIGRATIONS: &str = "/api/v1/operator/migrations";

#[track_caller]
fn told(ran: JoinHandle<Ran>, code: i32) -> Value {
    let ran = ran.join().unwrap().expect_code(code);
    serde_json::from_str(ran.stdout.trim()).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

fn settings(installation: &Installation, lines: &str) {
    std::fs::create_dir_all(installation.data()).unwrap();
    std::fs::create_dir_all(installation.beside("fast")).unwrap();
    let fast = installation.beside("fast").display().to_string();
    let all = format!("backup_hours = 0\nbackup_parallel = 2\nvolumes = {{ fast = {fast:?} }}\n{lines}");
    std::fs::write(installation.data().join("tenantry.toml"), all).unwrap();
}

/// Tenants, each with one customer, under a server that has one more migration for them; slug and id of each, in the order
/// in which they are migrated.
fn behind(count: usize) -> (Fleet, Server, Vec<(String, String)>) {
    let (fleet, server) = Fleet::with(FIRST, "", count);
    let client = fleet.client(&server);
    let mut tenants: Vec<(String, String)> = (1..=count)
        .map(|number| {
            let slug = format!("t-{number}");
            add(&client, &slug, "before");
            let id = client.get(&format!("/api/v1/tenants/{slug}")).expect(200).string("/id");
            (slug, id)
        })
        .collect();
    tenants.sort_by(|one, other| one.1.cmp(&other.1));
    settings(&fleet.installation, "migrations = \"manual\"\n");
    let server = fleet.deploy(server, CITY);
    (fleet, server, tenants)
}

#[track_caller]
fn add(client: &Client, slug: &str, name: &str) -> Value {
    let path = format!("/api/v1/tenants/{slug}/records/customers");
    client.post(&path, json!({ "name": name })).expect(201).json
}

#[track_caller]
fn names(client: &Client, slug: &str) -> Vec<String> {
    let list = client.get(&format!("/api/v1/tenants/{slug}/records/customers?order=name")).expect(200).json;
    let items = list["items"].as_array().unwrap().iter();
    items.map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

/// Begins a run and returns its path.
#[track_caller]
fn migrate(operator: &Client, parallel: u32) -> String {
    let begun = operator.post(MIGRATIONS, json!({ "parallel": parallel })).expect(202);
    format!("{MIGRATIONS}/{}", begun.string("/id"))
}

/// Waits for the end of a run: how many it migrated, and how many failed.
#[track_caller]
fn done(operator: &Client, run: &str) -> (Value, Value) {
    let run = eventually("the end of the run", || {
        let run = operator.get(run).expect(200).json;
        (run["status"] != "running").then_some(run)
    });
    assert_eq!(run["status"], "done", "{run}");
    (run["migrated"].clone(), run["failed"].clone())
}
