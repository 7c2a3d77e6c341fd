//! What the server tells of itself: the log, metrics, and figures of each tenant.

mod fleet;
mod kept;
mod log;
mod metrics;
mod otlp;
mod otlp_passed_on;
mod otlp_refused;
mod stored;
mod top;
mod waiting;

use std::sync::Arc;

use crate::harness::{Installation, MINUTE, Server, eventually};

/// An installation with these lines of settings.
fn with_settings(lines: &str) -> Arc<Installation> {
    let installation = Installation::new();
    std::fs::create_dir_all(installation.data()).unwrap();
    std::fs::write(installation.data().join("tenantry.toml"), lines).unwrap();
    installation
}

/// Lets a minute pass and waits until what came before it is stored: all of it is told of a tenant then.
#[track_caller]
fn until_stored(
    server: &Server,
    operator: &crate::harness::Person,
    slug: &str,
    requests: u64,
) -> serde_json::Value {
    server.installation().advance_clock(MINUTE);
    eventually("what was counted", || {
        let path = format!("/api/v1/operator/tenants/{slug}/telemetry?window=day");
        let answer = operator.client.get(&path).expect(200);
        let point = answer.json["points"].as_array()?.last()?.clone();
        (point["requests"].as_u64()? >= requests).then_some(point)
    })
}
