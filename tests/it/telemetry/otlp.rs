//! What a collector of OpenTelemetry is told by OTLP, and what becomes of it where the collector does not take it.

use std::sync::Arc;

use serde_json::{Value, json};

use super::with_settings;
use crate::harness::receiver::{Received, Receiver, Reply};
use crate::harness::{Answer, Call, Installation, Person, eventually};

/// Lets the collector in, and is told to nobody else.
pub(super) const TOKEN: &str = "a-token-for-the-collector-alone";
pub(super) const BROUGHT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

pub(super) fn taken() -> Reply {
    (200, "content-type: application/json\r\n".to_owned(), "{}".to_owned())
}

pub(super) fn settings(url: &str) -> String {
    format!(
        "otlp_endpoint = \"{url}\"\notlp_headers = [\"authorization: Bearer {TOKEN}\"]\notlp_metrics_seconds = 1\n"
    )
}

/// All spans that were told so far.
pub(super) fn spans(received: &[Received]) -> Vec<Value> {
    let of_traces = received.iter().filter(|one| one.path == "/v1/traces");
    of_traces
        .flat_map(|one| one.json["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().clone())
        .collect()
}

pub(super) fn of_span<'s>(span: &'s Value, name: &str) -> Option<&'s Value> {
    let found = span["attributes"].as_array()?.iter().find(|one| one["key"] == name)?;
    found["value"].as_object()?.values().next()
}

/// The value of a counter or gauge without labels in `/metrics`.
pub(super) fn shown(operator: &Person, metric: &str) -> f64 {
    let text = operator.client.get("/metrics").expect(200).text();
    text.lines().find_map(|line| line.strip_prefix(metric)?.strip_prefix(' ')?.parse().ok()).unwrap()
}

pub(super) fn until_span(collector: &Receiver, name: &str) -> Value {
    eventually(name, || spans(&collector.received()).into_iter().find(|span| span["name"] == name))
}

pub(super) fn findings(operator: &Person) -> Vec<Value> {
    let diagnosis = operator.client.get("/api/v1/operator/doctor").expect(200).json;
    let all = diagnosis["findings"].as_array().unwrap().clone();
    all.into_iter().filter(|finding| finding["check"] == "otlp").collect()
}

#[test]
fn a_request_and_its_write_are_told_with_tenant_route_and_status_and_without_secrets() {
    let collector = Receiver::open(|_, _| taken());
    let server = with_settings(&settings(&collector.url(""))).serve();
    server.installation().plant_secret(TOKEN);
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let secret = "in-a-query-and-in-a-body-alone";
    server.installation().plant_secret(secret);
    let call = Call::post(acme.path("/records/customers"), json!({ "name": secret }));
    let made = ann.client.send(&call.header("traceparent", BROUGHT)).expect(201);
    // Whatever is answered: what was asked is not told, though the log has the path.
    let asked = "in-a-path-alone";
    for path in [format!("/records/customers?name={secret}"), format!("/records/customers/{asked}")] {
        ann.client.get(&acme.path(&path));
    }
    let name = "POST /api/v1/tenants/{tenant}/records/{table}";
    let span = until_span(&collector, name);
    assert_eq!(
        (&span["traceId"], &span["parentSpanId"]),
        (&json!(&BROUGHT[3..35]), &json!(&BROUGHT[36..52]))
    );
    assert_eq!(span["kind"], 2);
    for (name, value) in [
        ("tenantry.tenant_id", json!(acme.id)),
        ("http.route", json!("/api/v1/tenants/{tenant}/records/{table}")),
        ("http.response.status_code", json!("201")),
        ("tenantry.request_id", json!(made.header("x-request-id").unwrap())),
    ] {
        assert_eq!(of_span(&span, name), Some(&value), "{span:#}");
    }
    let ns = |span: &Value, name: &str| span[name].as_str().unwrap().parse::<u64>().unwrap();
    let all = spans(&collector.received());
    let write = all.iter().find(|one| one["parentSpanId"] == span["spanId"]).unwrap();
    assert!(write["name"].as_str().unwrap().starts_with("write ") && write["traceId"] == span["traceId"]);
    assert!(of_span(write, "tenantry.commit_us").is_some() && of_span(write, "tenantry.queue_us").is_some());
    assert!(ns(&span, "startTimeUnixNano") <= ns(write, "startTimeUnixNano"));
    assert!(ns(write, "startTimeUnixNano") <= ns(write, "endTimeUnixNano"));
    assert!(ns(write, "endTimeUnixNano") <= ns(&span, "endTimeUnixNano"));
    // One that brings none has the id of the request.
    let read = ann.client.get(&acme.path("/records/customers")).expect(200);
    let id = read.header("x-request-id").unwrap().replace('-', "");
    let span = eventually("the trace of a request", || {
        spans(&collector.received()).into_iter().find(|span| span["traceId"] == id.as_str())
    });
    assert!(span.get("parentSpanId").is_none() && span.get("status").is_none(), "{span:#}");
    let operator = server.add_operator();
    eventually("a good finding", || {
        findings(&operator).iter().any(|one| one["level"] == "good").then_some(())
    });
    let installation = Arc::clone(server.installation());
    server.stop();
    let received = collector.received();
    for one in &received {
        assert_eq!(one.header("authorization"), format!("Bearer {TOKEN}"));
        installation.assert_free_of_secrets(&one.text);
        assert!(!one.text.contains(asked), "{}", one.text);
        let resource = &one.json.as_object().unwrap().values().next().unwrap()[0]["resource"]["attributes"];
        assert_eq!(resource[0], json!({ "key": "service.name", "value": { "stringValue": "tenantry" } }));
        assert_eq!(resource[1]["value"]["stringValue"], env!("CARGO_PKG_VERSION"));
    }
    assert!(received.iter().any(|one| one.text.contains("/operator/doctor")));
}

#[test]
fn metrics_are_told_by_the_names_and_with_the_tenants_that_prometheus_sees() {
    let collector = Receiver::open(|_, _| taken());
    let more = "otlp_traces_one_in = 0\nmetrics_tenants = 1\notlp_service_name = \"shop\"\n";
    let server = with_settings(&(settings(&collector.url("/below/")) + more)).serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    ann.client.get(&acme.path("/records/customers")).expect(200);
    let metrics = |received: &[Received]| -> Option<Vec<Value>> {
        let last = received.iter().rfind(|one| one.path == "/below/v1/metrics")?;
        Some(last.json["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].as_array().unwrap().clone())
    };
    let of_acme = |points: &Value| {
        let is_it = |point: &&Value| point["attributes"][0]["value"]["stringValue"] == acme.id.as_str();
        points.as_array().unwrap().iter().find(is_it).cloned()
    };
    let all = eventually("a tenant in what is told", || {
        let all = metrics(&collector.received())?;
        let requests = all.iter().find(|one| one["name"] == "tenantry_requests").unwrap();
        of_acme(&requests["sum"]["dataPoints"]).map(|_| all)
    });
    let named = |name: &str| all.iter().find(|one| one["name"] == name).unwrap();
    let requests = &named("tenantry_requests")["sum"];
    assert_eq!((&requests["aggregationTemporality"], &requests["isMonotonic"]), (&json!(2), &json!(true)));
    assert!(of_acme(&requests["dataPoints"]).unwrap()["asInt"].as_str().unwrap().parse::<u64>().unwrap() > 0);
    let latency = of_acme(&named("tenantry_request_duration_seconds")["histogram"]["dataPoints"]).unwrap();
    let counts: u64 = latency["bucketCounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|count| count.as_str().unwrap().parse::<u64>().unwrap())
        .sum();
    assert_eq!(latency["count"], counts.to_string().as_str());
    let bounds = latency["explicitBounds"].as_array().unwrap().len();
    assert_eq!(latency["bucketCounts"].as_array().unwrap().len(), bounds + 1);
    assert!(named("tenantry_jobs_running")["gauge"]["dataPoints"][0]["asDouble"].is_number());
    server.stop();
    assert!(collector.received().iter().all(|one| one.path == "/below/v1/metrics"));
    assert!(collector.received().iter().all(|one| one.text.contains("\"shop\"")));
}

#[test]
fn jobs_and_what_they_post_are_one_trace_of_their_id() {
    let collector = Receiver::open(|_, _| taken());
    let desk = Receiver::open(|_, _| (200, String::new(), "{}".to_owned()));
    let installation = Installation::with_migrations(&[]);
    let app = format!("[jobs.render]\nurl = \"{}\"\n", desk.url("/work?token=of-the-handler-alone"));
    std::fs::write(installation.migrations().parent().unwrap().join("app.toml"), app).unwrap();
    std::fs::create_dir_all(installation.data()).unwrap();
    std::fs::write(installation.data().join("tenantry.toml"), settings(&collector.url(""))).unwrap();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let body = json!({ "kind": "render", "payload": { "page": "of-the-payload-alone" } });
    let id = ann.client.post(&acme.path("/jobs"), body).expect(202).string("/id");
    let job = until_span(&collector, "job render");
    assert_eq!(job["traceId"], id.replace('-', "").as_str());
    assert_eq!(of_span(&job, "tenantry.tenant_id"), Some(&json!(acme.id)));
    assert_eq!(of_span(&job, "tenantry.outcome"), Some(&json!("succeeded")));
    let post = until_span(&collector, "POST job");
    assert_eq!((&post["kind"], &post["parentSpanId"]), (&json!(3), &job["spanId"]));
    let traceparent = format!("00-{}-{}-01", id.replace('-', ""), post["spanId"].as_str().unwrap());
    assert_eq!(desk.received()[0].header("traceparent"), traceparent);
    server.stop();
    for one in collector.received() {
        assert!(!one.text.contains("-alone\"") && !one.text.contains("of-the-"), "{}", one.text);
    }
}

#[test]
fn what_waits_is_told_at_the_end_and_what_comes_after_a_start_as_well() {
    let collector = Receiver::open(|_, _| taken());
    let server = with_settings(&settings(&collector.url(""))).serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let last = ann.client.get(&acme.path("/records/customers")).expect(200);
    let server = server.restart();
    let id_of = |answer: &Answer| answer.header("x-request-id").unwrap().replace('-', "");
    let has = |id: &str| spans(&collector.received()).iter().any(|span| span["traceId"] == id);
    assert!(has(&id_of(&last)));
    let ann = ann.sign_in_again_at(&server);
    let first = ann.client.get(&acme.path("/records/customers")).expect(200);
    eventually("what came after the start", || has(&id_of(&first)).then_some(()));
    server.stop();
}

#[test]
fn off_by_default_nothing_is_passed_on_and_settings_that_cannot_be_are_refused_without_secrets() {
    let server = with_settings("").serve();
    let operator = server.add_operator();
    assert!(findings(&operator).is_empty());
    assert!(shown(&operator, "tenantry_otlp_spans_total") < 1.0);
    server.stop();
    for (lines, word) in [
        ("otlp_endpoint = \"ftp://127.0.0.1\"", "otlp_endpoint"),
        ("otlp_endpoint = \"https://robin:a-long-secret@example.com\"", "otlp_endpoint"),
        ("otlp_endpoint = \"https://example.com?key=a-long-secret\"", "otlp_endpoint"),
        ("otlp_headers = [\"a-long-secret\"]", "otlp_headers"),
        ("otlp_headers = [\"a b: a-long-secret\"]", "otlp_headers"),
        ("otlp_endpoint = \"http://example.com\"\notlp_headers = [\"x: a-long-secret\"]", "in the clear"),
        ("otlp_service_name = \"\"", "otlp_service_name"),
        ("otlp_metrics_seconds = 3601", "otlp_metrics_seconds"),
    ] {
        let refused = with_settings(lines).serve_refused();
        assert!(
            refused.stderr.contains(word) && !refused.stderr.contains("a-long-secret"),
            "{}",
            refused.stderr
        );
    }
}
