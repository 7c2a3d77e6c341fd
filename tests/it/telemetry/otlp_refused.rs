//! What becomes of traces where the collector does not take them.

use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::channel;

use super::otlp::{TOKEN, findings, settings, shown, taken};
use super::with_settings;
use crate::harness::receiver::Receiver;
use crate::harness::{Server, eventually};

#[test]
fn a_collector_that_is_full_is_asked_again_when_it_says_and_nothing_is_lost() {
    let answers = AtomicUsize::new(0);
    let collector = Receiver::open(move |one, _| match (one.path.as_str(), answers.load(Relaxed)) {
        ("/v1/traces", before) if before < 2 => {
            answers.fetch_add(1, Relaxed);
            ([429, 503][before], "Retry-After: 0\r\n".to_owned(), String::new())
        }
        _ => taken(),
    });
    let server = with_settings(&settings(&collector.url(""))).serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    ann.client.get(&acme.path("/records/customers")).expect(200);
    let operator = server.add_operator();
    eventually("spans that were taken", || {
        (shown(&operator, "tenantry_otlp_spans_total") > 0.0).then_some(())
    });
    let first: Vec<String> = collector
        .received()
        .into_iter()
        .filter(|one| one.path == "/v1/traces")
        .take(3)
        .map(|one| one.text)
        .collect();
    assert!(first.len() == 3 && first[0] == first[1] && first[1] == first[2], "{first:?}");
    assert!(shown(&operator, "tenantry_otlp_spans_dropped_total") < 1.0);
    assert!(shown(&operator, "tenantry_otlp_failures_total") >= 2.0);
    let told =
        server.installation().log().matches("the collector of traces and metrics cannot be told").count();
    assert_eq!(told, 1);
    server.stop();
}

#[test]
fn what_a_collector_refuses_for_good_or_in_part_is_dropped_and_counted() {
    let collector = Receiver::open(|one, before| match (one.path.as_str(), before % 2) {
        ("/v1/traces", 0) => (400, String::new(), TOKEN.to_owned()),
        ("/v1/traces", _) => {
            (200, String::new(), "{\"partialSuccess\":{\"rejectedSpans\":\"1\"}}".to_owned())
        }
        _ => taken(),
    });
    let server = with_settings(&(settings(&collector.url("")) + "otlp_metrics_seconds = 0\n").replacen(
        "otlp_metrics_seconds = 1\n",
        "",
        1,
    ))
    .serve();
    server.installation().plant_secret(TOKEN);
    let operator = server.add_operator();
    eventually("spans that were dropped", || {
        (shown(&operator, "tenantry_otlp_spans_dropped_total") > 0.0).then_some(())
    });
    eventually("a finding", || {
        operator.client.get("/api/v1/me").expect(200);
        findings(&operator)
            .iter()
            .any(|one| {
                one["level"] == "warning" && one["about"].as_str().is_some_and(|about| about.contains("400"))
            })
            .then_some(())
    });
    server.stop();
}

#[test]
fn a_collector_that_is_away_or_hangs_keeps_neither_requests_nor_the_end_of_the_server_waiting() {
    // Nobody listens there.
    let away = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    // Until the test is over nothing is answered.
    let (over, wait) = channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let hangs = Receiver::open(move |_, _| {
        let _ = wait.lock().unwrap().recv();
        taken()
    });
    for (url, is_away) in [(away, true), (hangs.url(""), false)] {
        let server: Server = with_settings(&settings(&url)).serve();
        let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
        for _ in 0..50 {
            ann.client.get(&acme.path("/records/customers")).expect(200);
        }
        let operator = server.add_operator();
        if is_away {
            eventually("a finding", || {
                findings(&operator).iter().any(|one| one["level"] == "warning").then_some(())
            });
        } else {
            eventually("a collector that hangs", || (!hangs.received().is_empty()).then_some(()));
        }
        // The harness gives it no longer than a server without a collector.
        server.stop();
    }
    drop(over);
}
