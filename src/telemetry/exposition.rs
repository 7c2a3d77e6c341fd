//! `/metrics`: everything that is shown, as text of Prometheus (version 0.0.4).

use super::process::Process;
use super::totals::{Figure, LATENCY_BOUNDS_US, Totals};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, prometheus_text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use std::fmt;

/// The media type of what [`Exposition::encode`] writes.
pub const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// A tenant with series of its own.
#[derive(Clone, Debug)]
pub struct TenantNamed {
    /// Its id.
    pub id: String,
    /// Its name in URLs.
    pub slug: String,
    /// The key of its plan.
    pub plan: String,
    /// What was counted of it.
    pub totals: Totals,
}

/// Everything that is shown at one moment.
#[derive(Clone, Debug, Default)]
pub struct Exposition {
    /// The version of the program.
    pub version: &'static str,
    /// Tenants with series of their own.
    pub tenants: Vec<TenantNamed>,
    /// All other tenants.
    pub other: Totals,
    /// What was for no tenant.
    pub nobody: Totals,
    /// Numbers that only grow: name without `_total`, what it means, number.
    pub counters: Vec<(&'static str, &'static str, u64)>,
    /// Numbers that go up and down: name, what it means, number.
    pub gauges: Vec<(&'static str, &'static str, f64)>,
    /// Numbers by one label: name, what it means, the label, and each of its values with its number.
    pub families: Vec<Family>,
    /// What the process takes.
    pub process: Process,
}

/// Numbers that go up and down by one label: name, what it means, the label, and each of its values with its number.
pub type Family = (&'static str, &'static str, &'static str, Vec<(String, f64)>);

/// A figure in seconds where it is kept in microseconds: name without `_total`, what it means, which.
pub(super) const OF_TENANTS: [(&str, &str, Figure); 10] = [
    ("tenantry_requests", "Requests that were answered", Figure::Requests),
    ("tenantry_request_errors", "Requests that failed by a fault of the server (500, 504)", Figure::Errors),
    (
        "tenantry_requests_refused",
        "Requests refused by a limit, for money or because too much is to be done (429, 402, 503)",
        Figure::Refused,
    ),
    ("tenantry_database_seconds", "Time that statements on tenant files ran", Figure::DatabaseUs),
    ("tenantry_database_rows", "Rows that these statements answered or changed", Figure::Rows),
    ("tenantry_received_bytes", "Bytes of the bodies of requests", Figure::BytesIn),
    ("tenantry_sent_bytes", "Bytes of the bodies of answers", Figure::BytesOut),
    ("tenantry_jobs", "Attempts at jobs that are over", Figure::Jobs),
    ("tenantry_jobs_failed", "Attempts at jobs that failed", Figure::JobsFailed),
    ("tenantry_job_seconds", "Time that attempts at jobs ran", Figure::JobUs),
];

impl Exposition {
    /// The text.
    pub fn encode(self) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        let mut text = String::new();
        // Writing to a text does not fail.
        let _ = prometheus_text::encode(&mut text, &registry);
        text
    }

    /// The value of the label `tenant_id` with what is shown under it.
    pub(super) fn series(&self) -> impl Iterator<Item = (&str, &Totals)> {
        let tenants = self.tenants.iter().map(|tenant| (tenant.id.as_str(), &tenant.totals));
        tenants.chain([("other", &self.other), ("none", &self.nobody)])
    }

    fn encode_tenants(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        for (name, help, figure) in OF_TENANTS {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for (tenant, totals) in self.series() {
                let labels = [("tenant_id", tenant)];
                let metric = family.encode_family(&labels)?;
                let number = totals.get(figure);
                if figure.name().ends_with("_us") {
                    ConstCounter::new(seconds(number)).encode(metric)?;
                } else {
                    ConstCounter::new(number).encode(metric)?;
                }
            }
        }
        let mut family = encoder.encode_descriptor(
            "tenantry_request_duration_seconds",
            "Time from the head of a request that was not refused to its answer",
            None,
            MetricType::Histogram,
        )?;
        for (tenant, totals) in self.series() {
            // What is beyond the last bound is in the count alone, and so in the class +Inf that is made of it.
            let bounds = LATENCY_BOUNDS_US.iter().map(|us| seconds(*us));
            let classes: Vec<(f64, u64)> = bounds.zip(totals.latency().iter().copied()).collect();
            let count = totals.latency().iter().sum();
            let sum = seconds(totals.get(Figure::RequestUs));
            let labels = [("tenant_id", tenant)];
            family
                .encode_family(&labels)?
                .encode_histogram::<[(&str, &str); 0]>(sum, count, &classes, None)?;
        }
        let mut family = encoder.encode_descriptor(
            "tenantry_tenant_info",
            "Tenants with series of their own, to be joined by tenant_id",
            None,
            MetricType::Gauge,
        )?;
        for tenant in &self.tenants {
            let labels = [
                ("tenant_id", tenant.id.as_str()),
                ("slug", tenant.slug.as_str()),
                ("plan", tenant.plan.as_str()),
            ];
            ConstGauge::new(1_i64).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn encode_process(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        for (name, help, number) in self.process.gauges() {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(number).encode(metric)?;
        }
        if let Some(cpu) = self.process.cpu_seconds {
            let help = "Processor time, of programs and of the system";
            let metric = encoder.encode_descriptor("process_cpu_seconds", help, None, MetricType::Counter)?;
            ConstCounter::new(cpu).encode(metric)?;
        }
        Ok(())
    }
}

impl Collector for Exposition {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let help = "The program that runs";
        let mut build = encoder.encode_descriptor("tenantry_build_info", help, None, MetricType::Gauge)?;
        ConstGauge::new(1_i64).encode(build.encode_family(&[("version", self.version)])?)?;
        self.encode_tenants(&mut encoder)?;
        for (name, help, number) in &self.counters {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            ConstCounter::new(*number).encode(metric)?;
        }
        for (name, help, number) in &self.gauges {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(*number).encode(metric)?;
        }
        for (name, help, label, all) in &self.families {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (value, number) in all {
                ConstGauge::new(*number).encode(family.encode_family(&[(*label, value.as_str())])?)?;
            }
        }
        self.encode_process(&mut encoder)
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact for 285 years")]
pub(super) fn seconds(us: u64) -> f64 {
    us as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_customers_cannot_write_lines_and_every_series_is_there() {
        let mut totals = Totals::default();
        totals.0[Figure::Requests as usize] = 3;
        totals.0[Figure::DatabaseUs as usize] = 1_500_000;
        totals.0[Figure::ALL.len()] = 2;
        totals.0[Figure::ALL.len() + 15] = 1;
        let text = Exposition {
            version: "1.2.3",
            tenants: vec![TenantNamed {
                id: "a".to_owned(),
                slug: "x\"} 1\nevil".to_owned(),
                plan: "free".to_owned(),
                totals,
            }],
            counters: vec![("tenantry_writes", "Writes", 7)],
            gauges: vec![("tenantry_open_tenants", "Open", 2.0)],
            families: vec![("tenantry_tenants", "Tenants", "status", vec![("active".to_owned(), 5.0)])],
            ..Exposition::default()
        }
        .encode();
        for line in [
            "tenantry_build_info{version=\"1.2.3\"} 1",
            "tenantry_requests_total{tenant_id=\"a\"} 3",
            "tenantry_requests_total{tenant_id=\"other\"} 0",
            "tenantry_requests_total{tenant_id=\"none\"} 0",
            "tenantry_database_seconds_total{tenant_id=\"a\"} 1.5",
            "tenantry_request_duration_seconds_bucket{tenant_id=\"a\",le=\"0.00025\"} 2",
            "tenantry_request_duration_seconds_bucket{tenant_id=\"a\",le=\"10\"} 2",
            "tenantry_request_duration_seconds_bucket{tenant_id=\"a\",le=\"+Inf\"} 3",
            "tenantry_request_duration_seconds_count{tenant_id=\"a\"} 3",
            "tenantry_tenant_info{tenant_id=\"a\",slug=\"x\\\"} 1\\nevil\",plan=\"free\"} 1",
            "tenantry_writes_total 7",
            "tenantry_tenants{status=\"active\"} 5.0",
        ] {
            assert!(text.lines().any(|found| found == line), "no {line} in\n{text}");
        }
        assert!(!text.lines().any(|line| line.starts_with("evil")));
    }
}
