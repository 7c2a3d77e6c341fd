//! A server that has more to do than it can: new work is refused early, operators and probes are answered, and what was
//! accepted finishes.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Call, Client, HOUR, Installation, PATIENCE, Server, eventually};

/// Requests at once that the server takes, and clients that ask again as soon as they are answered.
const PLACES: usize = 16;
const CLIENTS: usize = 64;
/// How many are refused before the storm is one.
const REFUSED: usize = 100;
/// What operators and probes wait at most while it lasts.
const BOUND: Duration = Duration::from_secs(5);

/// Asks, and tells how long the answer took.
fn timed(client: &Client, path: &str) -> Duration {
    let asked = Instant::now();
    client.get(path).expect(200);
    asked.elapsed()
}

#[test]
fn a_full_server_refuses_new_work_answers_its_operator_and_finishes_what_it_took() {
    let installation = Installation::with_migrations(&[(
        "0001_notes.sql",
        "CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, title TEXT NOT NULL, body TEXT NOT NULL DEFAULT '') STRICT;",
    )]);
    let app = "[jobs.later]\nurl = \"http://127.0.0.1:1/\"\n";
    std::fs::write(installation.migrations().parent().unwrap().join("app.toml"), app).unwrap();
    let mut command =
        installation.with_app(installation.command(&["serve", "--listen", "127.0.0.1:0", "--json"]));
    command.env("TENANTRY_MAX_REQUESTS", PLACES.to_string()).env("TENANTRY_LOG", "info");
    let server = Server::spawn(&installation, command).unwrap();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let operator = server.add_operator();
    let notes: Vec<_> =
        (0..400).map(|n| json!({ "title": format!("Note {n}"), "body": "x".repeat(500) })).collect();
    ann.client.post(&acme.path("/records/notes"), json!(notes)).expect(201);
    let lines = || installation.log().lines().count();
    let lines_before = lines();
    let list = acme.path("/records/notes?limit=400&order=id");
    let (over, done, shed, enqueued) =
        (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let in_an_hour = tenantry::clock::Timestamp(
        i64::try_from(
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis(),
        )
        .unwrap()
            + HOUR,
    )
    .to_string();
    let longest = std::thread::scope(|scope| {
        for number in 0..CLIENTS {
            let (server, token, list, path) = (&server, &ann.access_token, &list, acme.path("/jobs"));
            let (over, done, shed, enqueued, in_an_hour) = (&over, &done, &shed, &enqueued, &in_an_hour);
            scope.spawn(move || {
                let client = server.nobody().bearer(token);
                let writes = number % 4 == 0;
                let job = json!({ "kind": "later", "run_at": in_an_hour });
                let call = if writes { Call::post(path, job) } else { Call::get(list.as_str()) };
                while !over.load(Relaxed) {
                    let answer = client.send(&call).expect_one_of(&[200, 202, 503]);
                    match answer.status {
                        503 => {
                            assert_eq!(answer.header("retry-after"), Some("2"), "{answer:?}");
                            answer.expect_code(503, "overloaded");
                            shed.fetch_add(1, Relaxed);
                        }
                        202 => drop(enqueued.fetch_add(1, Relaxed)),
                        _ => {
                            // Whole, however full it was.
                            assert_eq!(answer.json["items"].as_array().map(Vec::len), Some(400));
                            done.fetch_add(1, Relaxed);
                        }
                    }
                }
            });
        }
        let begun = Instant::now();
        while shed.load(Relaxed) < REFUSED && begun.elapsed() < PATIENCE {
            timed(&server.nobody(), "/livez");
        }
        // Right now, while the others are refused.
        let mut longest = Duration::ZERO;
        for _ in 0..5 {
            for path in ["/livez", "/readyz"] {
                longest = longest.max(timed(&server.nobody(), path));
            }
            longest = longest.max(timed(&operator.client, "/api/v1/operator/tenants"));
        }
        over.store(true, Relaxed);
        longest
    });
    let (done, shed, enqueued) = (done.into_inner(), shed.into_inner(), enqueued.into_inner());
    assert!(done > 0 && enqueued > 0 && shed >= REFUSED, "{done} read, {enqueued} enqueued, {shed} refused");
    assert!(longest < BOUND, "an operator or a probe waited {longest:?}");
    eventually("room again", || {
        (ann.client.get(&list).expect_one_of(&[200, 503]).status == 200).then_some(())
    });
    // What was acknowledged is there, and nothing that was refused.
    let file = rusqlite::Connection::open(installation.tenant_file(&acme.id)).unwrap();
    let kept: i64 = file.query_row("SELECT count(*) FROM _jobs", [], |row| row.get(0)).unwrap();
    assert_eq!(usize::try_from(kept), Ok(enqueued));
    drop(file);
    // However many are refused, the log is not flooded.
    assert!(lines() - lines_before < 50, "{}", installation.log());
    server.stop();
}
