//! Metrics for a collector: the same as `/metrics` tells, by the same names.

use super::{Resource, attribute, scope};
use crate::telemetry::exposition::{Exposition, OF_TENANTS, seconds};
use crate::telemetry::{Figure, LATENCY_BOUNDS_US};
use serde_json::{Value, json};

/// Sums since the start.
const CUMULATIVE: u8 = 2;

/// When the numbers began and when they were read, in nanoseconds since 1970, as texts.
struct Times {
    begun: String,
    now: String,
}

/// The body of a request to `/v1/metrics`. What only grows has grown since `begun_ms`; all is of `now_ms`, both
/// milliseconds since 1970.
pub fn metrics(resource: &Resource, shown: &Exposition, begun_ms: i64, now_ms: i64) -> Value {
    let ns = |ms: i64| (i128::from(ms) * 1_000_000).to_string();
    let times = Times { begun: ns(begun_ms), now: ns(now_ms) };
    let mut metrics = of_tenants(shown, &times);
    metrics.push(latency(shown, &times));
    for (name, help, number) in &shown.counters {
        let point = times.point(json!({ "asInt": number.to_string() }), &[]);
        metrics.push(sum(name, help, "1", vec![point]));
    }
    for (name, help, number) in &shown.gauges {
        metrics.push(gauge(name, help, vec![times.point(json!({ "asDouble": number }), &[])]));
    }
    for (name, help, label, all) in &shown.families {
        let points = all
            .iter()
            .map(|(value, number)| times.point(json!({ "asDouble": number }), &[(*label, value.as_str())]));
        metrics.push(gauge(name, help, points.collect()));
    }
    for (name, help, number) in shown.process.gauges() {
        let point = times.point(json!({ "asInt": number.to_string() }), &[]);
        metrics.push(gauge(name, help, vec![point]));
    }
    if let Some(cpu) = shown.process.cpu_seconds {
        let point = times.point(json!({ "asDouble": cpu }), &[]);
        metrics.push(sum(
            "process_cpu_seconds",
            "Processor time, of programs and of the system",
            "s",
            vec![point],
        ));
    }
    json!({ "resourceMetrics": [{
        "resource": resource.json(),
        "scopeMetrics": [{ "scope": scope(resource.version), "metrics": metrics }],
    }] })
}

impl Times {
    fn point(&self, number: Value, labels: &[(&str, &str)]) -> Value {
        let attributes: Vec<Value> = labels.iter().map(|(name, value)| attribute(name, value)).collect();
        let mut point = number;
        point["startTimeUnixNano"] = self.begun.as_str().into();
        point["timeUnixNano"] = self.now.as_str().into();
        point["attributes"] = attributes.into();
        point
    }
}

fn of_tenants(shown: &Exposition, times: &Times) -> Vec<Value> {
    let one = |(name, help, figure): (&str, &str, Figure)| {
        let is_time = figure.name().ends_with("_us");
        let points = shown.series().map(|(tenant, totals)| {
            let number = totals.get(figure);
            let number = if is_time {
                json!({ "asDouble": seconds(number) })
            } else {
                json!({ "asInt": number.to_string() })
            };
            times.point(number, &[("tenant_id", tenant)])
        });
        sum(name, help, if is_time { "s" } else { "1" }, points.collect())
    };
    OF_TENANTS.into_iter().map(one).collect()
}

fn latency(shown: &Exposition, times: &Times) -> Value {
    let bounds: Vec<f64> = LATENCY_BOUNDS_US.iter().map(|us| seconds(*us)).collect();
    let points: Vec<Value> = shown
        .series()
        .map(|(tenant, totals)| {
            let counts: Vec<String> = totals.latency().iter().map(u64::to_string).collect();
            let histogram = json!({
                "count": totals.latency().iter().sum::<u64>().to_string(),
                "sum": seconds(totals.get(Figure::RequestUs)),
                "bucketCounts": counts,
                "explicitBounds": bounds,
            });
            times.point(histogram, &[("tenant_id", tenant)])
        })
        .collect();
    json!({
        "name": "tenantry_request_duration_seconds",
        "description": "Time from the head of a request that was not refused to its answer",
        "unit": "s",
        "histogram": { "aggregationTemporality": CUMULATIVE, "dataPoints": points },
    })
}

fn sum(name: &str, help: &str, unit: &str, points: Vec<Value>) -> Value {
    json!({
        "name": name, "description": help, "unit": unit,
        "sum": { "aggregationTemporality": CUMULATIVE, "isMonotonic": true, "dataPoints": points },
    })
}

fn gauge(name: &str, help: &str, points: Vec<Value>) -> Value {
    json!({ "name": name, "description": help, "gauge": { "dataPoints": points } })
}
