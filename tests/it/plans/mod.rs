//! Plans and who is on which: published from a file and by operators, chosen by tenants, counted in periods.

mod changes;
mod file;
mod operators;
mod periods;

use std::sync::Arc;

use serde_json::Value;

use crate::harness::{Answer, Client, Installation, Tenant};

/// An installation whose app has the plans `free` and `pro`.
fn installation() -> Arc<Installation> {
    Installation::with_app_of_tests("plans")
}

/// The app's own file.
fn app_toml() -> String {
    std::fs::read_to_string(format!("{}/tests/apps/plans/app.toml", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// A file beside the data, and its name.
fn written(installation: &Installation, name: &str, text: &str) -> String {
    let file = installation.beside(name);
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

#[track_caller]
fn subscription(client: &Client, tenant: &Tenant) -> Answer {
    client.get(&tenant.path("/subscription")).expect(200)
}

/// What an audit entry says beside who, what and when.
fn details(entry: &Value) -> Value {
    serde_json::from_str(entry["details"].as_str().unwrap()).unwrap()
}

/// What the tenant's file says that it may use, and of which change. The server is stopped.
#[track_caller]
fn entitlements(installation: &Installation, tenant: &Tenant) -> (i64, Value) {
    let file = rusqlite::Connection::open(installation.tenant_file(&tenant.id)).unwrap();
    let row = file.query_row("SELECT revision, body FROM _entitlements", [], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
    });
    let (revision, body) = row.unwrap();
    (revision, serde_json::from_str(&body).unwrap())
}
