//! `/metrics` says what is under way and what waits.

use std::sync::Mutex;
use std::sync::mpsc::channel;

use serde_json::json;

use crate::harness::receiver::Receiver;
use crate::harness::{Installation, eventually};

#[test]
fn jobs_without_room_are_told_by_tenant_with_the_age_of_the_oldest() {
    let (go_on, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    // Each ends when it is told to, and all of them when the test is over.
    let desk = Receiver::open(move |_, _| {
        let _ = wait.lock().unwrap().recv();
        (200, String::new(), "{}".to_owned())
    });
    let installation = Installation::with_migrations(&[]);
    let app = format!("[jobs.render]\nurl = \"{}\"\n", desk.url("/work"));
    std::fs::write(installation.migrations().parent().unwrap().join("app.toml"), app).unwrap();
    std::fs::create_dir_all(installation.data()).unwrap();
    std::fs::write(installation.data().join("tenantry.toml"), "jobs_at_once = 1\n").unwrap();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let operator = server.add_operator();
    let text = || operator.client.get("/metrics").expect(200).text();
    let shown = |series: &str| -> Option<f64> {
        text().lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
    };
    let of_acme = format!("tenantry_jobs_waiting{{tenant_id=\"{}\"}}", acme.id);
    assert_eq!(shown("tenantry_jobs_oldest_waiting_seconds"), Some(0.0));
    for _ in 0..4 {
        ann.client.post(&acme.path("/jobs"), json!({ "kind": "render", "payload": {} })).expect(202);
    }
    eventually("three that wait for the one", || (shown(&of_acme) == Some(3.0)).then_some(()));
    assert_eq!(shown("tenantry_jobs_waiting{tenant_id=\"other\"}"), Some(0.0));
    installation.advance_clock(30_000);
    assert!(shown("tenantry_jobs_oldest_waiting_seconds").unwrap() >= 30.0);
    for _ in 0..4 {
        go_on.send(()).unwrap();
    }
    eventually("an end of it", || (shown(&of_acme) == Some(0.0)).then_some(()));
    assert_eq!(shown("tenantry_jobs_oldest_waiting_seconds"), Some(0.0));
    server.stop();
}

#[test]
fn a_request_is_in_flight_until_it_is_answered_and_nothing_waits_where_nothing_is_done() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let operator = server.add_operator();
    let shown = |series: &str| -> Option<f64> {
        let text = operator.client.get("/metrics").expect(200).text();
        text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
    };
    // The one that asks is a page.
    assert_eq!(shown("tenantry_requests_in_flight{kind=\"page\"}"), Some(1.0));
    assert_eq!(shown("tenantry_requests_in_flight{kind=\"work\"}"), Some(0.0));
    for (series, count) in [
        (format!("tenantry_writes_waiting{{tenant_id=\"{}\"}}", acme.id), 0.0),
        ("tenantry_writes_waiting{tenant_id=\"other\"}".to_owned(), 0.0),
        ("tenantry_reads_waiting".to_owned(), 0.0),
        ("tenantry_letters_waiting{stage=\"outbox\"}".to_owned(), 0.0),
    ] {
        ann.client.get(&acme.path("/records/customers")).expect(200);
        eventually(&series, || (shown(&series) == Some(count)).then_some(()));
    }
    server.stop();
}
