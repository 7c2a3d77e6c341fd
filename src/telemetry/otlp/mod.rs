//! What is told to a collector of OpenTelemetry, in the JSON encoding of OTLP 1: ids are hex, 64-bit numbers are texts.
//!
//! Written out here rather than by the SDK of OpenTelemetry: that counts by itself, what is told here is counted already
//! for `/metrics`, and a histogram that is cannot be handed to it.

mod metrics;
mod traces;

pub use metrics::metrics;
pub use traces::traces;

use serde_json::{Value, json};

/// Who tells.
#[derive(Clone, Debug)]
pub struct Resource {
    /// `service.name`.
    pub service: String,
    /// `service.version`.
    pub version: &'static str,
    /// `service.instance.id`.
    pub instance: String,
}

impl Resource {
    fn json(&self) -> Value {
        json!({ "attributes": [
            attribute("service.name", &self.service),
            attribute("service.version", self.version),
            attribute("service.instance.id", &self.instance),
        ] })
    }
}

fn scope(version: &str) -> Value {
    json!({ "name": "tenantry", "version": version })
}

fn attribute(name: &str, value: &str) -> Value {
    json!({ "key": name, "value": { "stringValue": value } })
}
