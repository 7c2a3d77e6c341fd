//! `/metrics`: who may read it, and that its series are bounded.

use serde_json::json;

use super::with_settings;
use crate::harness::{Call, Client, eventually};

const TOKEN: &str = "a-token-for-prometheus-alone";

fn value(text: &str, series: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
}

fn scrape(client: &Client) -> String {
    let answer = client.get("/metrics").expect(200);
    assert!(answer.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
    answer.text()
}

#[test]
fn metrics_are_for_operators_and_for_who_shows_the_token() {
    let server = with_settings(&format!("metrics_token = \"{TOKEN}\"")).serve();
    server.installation().plant_secret(TOKEN);
    let (ann, _) = server.sign_up_with_tenant("ann", "acme");
    let operator = server.add_operator();
    server.nobody().get("/metrics").expect(401);
    server.nobody().bearer("a-token-for-prometheus-alone-not").get("/metrics").expect(401);
    ann.client.get("/metrics").expect(403);
    scrape(&operator.client);
    assert!(scrape(&server.nobody().bearer(TOKEN)).contains("tenantry_build_info{version="));
    server.stop();
    let server = with_settings("").serve();
    server.nobody().get("/metrics").expect(401);
    server.nobody().bearer("").get("/metrics").expect(401);
    server.stop();
}

#[test]
fn an_address_of_their_own_answers_metrics_and_nothing_else() {
    let server = with_settings("metrics_listen = \"127.0.0.1:0\"").serve();
    let url = server.first_line()["metrics_url"].as_str().unwrap().trim_end_matches("/metrics").to_owned();
    let (ann, _) = server.sign_up_with_tenant("ann", "acme");
    let own = server.nobody().at(&url);
    scrape(&own);
    for path in ["/livez", "/api/v1/me", "/"] {
        own.get(path).expect(404);
    }
    ann.client.get("/metrics").expect(404);
    server.add_operator().client.get("/metrics").expect(404);
    server.stop();
    let refused = with_settings("metrics_listen = \"0.0.0.0:0\"").serve_refused();
    assert!(refused.stderr.contains("metrics_token"), "{}", refused.stderr);
}

#[test]
fn what_a_tenant_does_is_counted_and_the_rest_beyond_the_budget_is_one_series() {
    let settings = format!("metrics_token = \"{TOKEN}\"\nmetrics_tenants = 1");
    let server = with_settings(&settings).serve();
    let prometheus = server.nobody().bearer(TOKEN);
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let shown = |metric: &str, tenant: &str| {
        value(&scrape(&prometheus), &format!("{metric}{{tenant_id=\"{tenant}\"}}"))
    };
    ann.client.get(&acme.path("/records/customers")).expect(200);
    eventually("series of the first tenant", || {
        shown("tenantry_requests_total", &acme.id).filter(|n| *n > 0.0)
    });
    let before = shown("tenantry_requests_total", &acme.id).unwrap();
    for _ in 0..5 {
        ann.client.post(&acme.path("/records/customers"), json!({ "name": "x" })).expect(201);
    }
    ann.client.get(&acme.path("/records/customers")).expect(200);
    let (bob, bolt) = server.sign_up_with_tenant("bob", "bolt");
    for _ in 0..3 {
        bob.client.get(&bolt.path("/records/customers")).expect(200);
    }
    bob.client.get(&acme.path("/records/customers")).expect(404);
    assert_eq!(shown("tenantry_requests_total", &acme.id), Some(before + 6.0));
    assert_eq!(shown("tenantry_requests_total", "other"), Some(3.0));
    assert_eq!(shown("tenantry_requests_total", &bolt.id), None);
    assert!(shown("tenantry_requests_total", "none").unwrap() > 0.0);
    assert!(shown("tenantry_database_seconds_total", &acme.id).unwrap() > 0.0);
    // Five were written, and five are read.
    assert!(shown("tenantry_database_rows_total", &acme.id).unwrap() >= 10.0);
    assert!(shown("tenantry_sent_bytes_total", &acme.id).unwrap() > 0.0);
    assert!(shown("tenantry_received_bytes_total", &acme.id).unwrap() >= 50.0);
    assert_eq!(shown("tenantry_request_duration_seconds_count", &acme.id), Some(before + 6.0));
    let text = scrape(&prometheus);
    let info = format!("tenantry_tenant_info{{tenant_id=\"{}\",slug=\"acme\",plan=\"default\"}} 1", acme.id);
    assert!(text.contains(&info) && !text.contains("bolt"), "{text}");
    assert!(value(&text, "tenantry_writes_total").unwrap() >= 5.0);
    assert!(value(&text, "tenantry_tenants{status=\"active\"}").unwrap() >= 2.0);
    assert!(value(&text, "process_resident_memory_bytes").unwrap() > 1e6);
    assert!(value(&text, "tenantry_open_tenant_files").unwrap() >= 1.0);
    server.stop();
}

#[test]
fn refusals_are_told_apart_from_faults() {
    let settings = format!("metrics_token = \"{TOKEN}\"\ntenant_streams = 0");
    let server = with_settings(&settings).serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let call = Call::get(acme.path("/changes")).header("accept", "text/event-stream");
    ann.client.send(&call).expect_code(429, "too_many_streams");
    let text = scrape(&server.nobody().bearer(TOKEN));
    let of = |metric: &str| value(&text, &format!("{metric}{{tenant_id=\"{}\"}}", acme.id));
    assert_eq!(of("tenantry_requests_refused_total"), Some(1.0), "{text}");
    assert_eq!(of("tenantry_request_errors_total"), Some(0.0));
    server.stop();
}

#[test]
fn dashboard_and_alerts_name_only_metrics_that_there_are() {
    let server = with_settings(&format!("metrics_token = \"{TOKEN}\"")).serve();
    let text = scrape(&server.nobody().bearer(TOKEN));
    let there: std::collections::BTreeSet<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_whitespace().next()).collect();
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    for file in ["grafana/tenantry.json", "prometheus/alerts.yml"] {
        let path = format!("{}/packaging/{file}", env!("CARGO_MANIFEST_DIR"));
        let whole = std::fs::read_to_string(path).unwrap();
        let named: Vec<&str> = whole
            .split(|c| !is_word(c))
            .filter(|word| ["tenantry_", "process_"].iter().any(|start| word.starts_with(start)))
            .collect();
        assert!(named.len() > 10, "{file} names {named:?}");
        for name in named {
            let of_histogram =
                ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
            assert!(
                there.contains(name) || there.contains(of_histogram),
                "{file} names {name}, which is not there"
            );
        }
    }
    server.stop();
}
