//! A server that has more to do than it can: new work is refused early, operators and probes are answered, and what was
//! accepted finishes.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Call, Installation, PATIENCE, Server, eventually};

/// Clients that ask again as soon as they are answered.
const CLIENTS: usize = 64;

#[test]
fn a_full_server_refuses_new_work_answers_its_operator_and_finishes_what_it_took() {
    let installation = Installation::new();
    let mut command = installation.command(&["serve", "--listen", "127.0.0.1:0", "--json"]);
    command.env("TENANTRY_MAX_REQUESTS", "16").env("TENANTRY_LOG", "info");
    let server = Server::spawn(&installation, command).unwrap();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let operator = server.add_operator();
    let notes: Vec<_> =
        (0..500).map(|n| json!({ "title": format!("Note {n}"), "body": "x".repeat(500) })).collect();
    ann.client.post(&acme.path("/records/notes"), json!(notes)).expect(201);
    let path = acme.path("/records/notes?limit=500");
    let (over, done, shed) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let client = server.nobody().bearer(&ann.access_token);
                while !over.load(Relaxed) {
                    let answer = client.send(&Call::get(path.as_str())).expect_one_of(&[200, 503]);
                    if answer.status == 200 {
                        // Whole, however full it was.
                        assert_eq!(answer.json["items"].as_array().map(Vec::len), Some(500));
                        done.fetch_add(1, Relaxed);
                    } else {
                        assert!(answer.header("retry-after").is_some(), "{answer:?}");
                        answer.expect_code(503, "overloaded");
                        shed.fetch_add(1, Relaxed);
                    }
                }
            });
        }
        let begun = Instant::now();
        while shed.load(Relaxed) < 20 && begun.elapsed() < PATIENCE {
            server.nobody().get("/livez").expect(200);
            std::thread::sleep(Duration::from_millis(20));
        }
        // Right now, while the others are refused.
        for _ in 0..3 {
            server.nobody().get("/livez").expect(200);
            server.nobody().get("/readyz").expect(200);
            operator.client.get("/api/v1/operator/tenants").expect(200);
        }
        over.store(true, Relaxed);
    });
    let (done, shed) = (done.into_inner(), shed.into_inner());
    assert!(done > 0 && shed >= 20, "{done} done, {shed} refused");
    eventually("room again", || {
        (ann.client.get(&path).expect_one_of(&[200, 503]).status == 200).then_some(())
    });
    // However many are refused, the log is not flooded.
    assert!(installation.log().lines().count() < 100, "{}", installation.log());
    server.stop();
}
