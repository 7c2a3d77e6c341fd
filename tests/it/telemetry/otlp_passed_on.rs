//! What whoever is called is told of traces: the one of the job that calls.

use serde_json::json;
use tenantry::telemetry::TraceContext;

use super::otlp::{BROUGHT, of_span, settings, spans, taken, until_span};
use super::with_settings;
use crate::harness::receiver::Receiver;
use crate::harness::{Call, eventually};

/// Lets the server send to this machine by plain HTTP.
const LOCAL: &str = "outgoing_allow_http = true\noutgoing_allow_networks = [\"127.0.0.0/8\"]\n";

#[test]
fn a_webhook_carries_the_trace_of_its_job_where_traces_are_told_and_none_where_they_are_not() {
    for is_told in [true, false] {
        let (collector, receiver) = (Receiver::open(|_, _| taken()), Receiver::open(|_, _| taken()));
        let told = if is_told { settings(&collector.url("")) } else { String::new() };
        let server = with_settings(&(told + LOCAL)).serve();
        let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
        let endpoint = json!({ "url": receiver.url("/in"), "events": ["record.created"] });
        ann.client.post(&acme.path("/webhook-endpoints"), endpoint).expect(201);
        let call = Call::post(acme.path("/records/customers"), json!({ "name": "First" }));
        ann.client.send(&call.header("traceparent", BROUGHT)).expect(201);
        let received = eventually("a webhook", || receiver.received().pop());
        let header = received.header("traceparent");
        if is_told {
            let context = TraceContext::parse(header).unwrap_or_else(|| panic!("no trace: {header:?}"));
            assert!(context.is_sampled);
            // What one job sends may be caused by many requests: it is no part of the trace of one of them.
            assert_ne!(header[3..35], BROUGHT[3..35]);
            let post = until_span(&collector, "POST webhook");
            let text = |name: &str| post[name].as_str().unwrap();
            assert_eq!(header, format!("00-{}-{}-01", text("traceId"), text("spanId")));
            assert_eq!(of_span(&post, "tenantry.event_id"), Some(&json!(received.header("webhook-id"))));
            let job = eventually("the job that sent it", || {
                let all = spans(&collector.received());
                all.into_iter().find(|span| span["spanId"] == post["parentSpanId"])
            });
            assert_eq!(job["traceId"], post["traceId"]);
            assert_eq!(of_span(&job, "tenantry.tenant_id"), Some(&json!(acme.id)));
        } else {
            assert!(!received.headers.contains_key("traceparent"), "{:?}", received.headers);
            assert!(collector.received().is_empty());
        }
        server.stop();
    }
}
