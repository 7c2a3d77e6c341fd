//! What signing in costs, measured. Not run by default: the figures want a release build on a quiet machine.
//! `cargo nextest run --release --test it --run-ignored only -E 'test(sign_in_measures)' --no-capture`

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Answer, Call, Client, Installation, Server};

/// A server that believes the harness's word for where a request comes from.
fn serve() -> (Arc<Installation>, Server) {
    let installation = Installation::new();
    std::fs::create_dir_all(installation.data()).unwrap();
    std::fs::write(installation.data().join("tenantry.toml"), "trusted_proxies = [\"127.0.0.1\"]\n").unwrap();
    let server = installation.serve();
    (installation, server)
}

/// Each from a network of its own.
fn address(number: usize) -> String {
    format!("10.{}.{}.1", number / 250, number % 250)
}

fn sign_in(client: &Client, email: &str, number: usize) -> Answer {
    let body = json!({"email": email, "password": "not the password at all"});
    client.send(&Call::post("/api/v1/auth/sign-in", body).header("x-forwarded-for", address(number)))
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1_000.0
}

#[test]
#[ignore = "a measurement of a minute; see the head of this file"]
fn known_and_unknown_addresses_take_the_same_time() {
    let (_installation, server) = serve();
    let accounts: Vec<String> =
        (0..50).map(|number| server.sign_up(&format!("person{number}")).email).collect();
    let client = server.nobody();
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for number in 0..1_000 {
        // Every other one first, so that whatever drifts drifts for both.
        for turn in 0..2 {
            let is_known = (number + turn) % 2 == 0;
            let email = if is_known {
                accounts[number % accounts.len()].clone()
            } else {
                format!("nobody{}@example.com", number % accounts.len())
            };
            let begun = Instant::now();
            let answer = sign_in(&client, &email, number * 2 + turn);
            let took = begun.elapsed();
            answer.expect(401);
            if is_known { known.push(took) } else { unknown.push(took) }
        }
    }
    let (known, unknown) = (median(known), median(unknown));
    let difference = (known - unknown).abs() / known * 100.0;
    println!("median of 1,000: known {known:.2} ms, unknown {unknown:.2} ms, difference {difference:.2} %");
    assert!(difference < 5.0, "{known} ms and {unknown} ms");
    server.stop();
}

#[test]
#[ignore = "a measurement; see the head of this file"]
fn a_crowd_that_signs_in_leaves_memory_and_the_others_alone() {
    let (_installation, server) = serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let done = AtomicBool::new(false);
    let (statuses, mut times) = std::thread::scope(|scope| {
        let others = scope.spawn(|| {
            let mut times = Vec::new();
            while !done.load(Ordering::Relaxed) {
                let begun = Instant::now();
                ann.client.get(&acme.path("/records/customers")).expect(200);
                times.push(begun.elapsed());
            }
            times
        });
        let crowd: Vec<_> = (0..200)
            .map(|number| {
                let client = server.nobody();
                scope.spawn(move || {
                    let mut statuses = Vec::new();
                    for round in 0..10 {
                        let who = number * 10 + round;
                        let answer = sign_in(&client, &format!("u{who}@example.com"), who);
                        if answer.status == 503 {
                            assert!(answer.header("retry-after").is_some(), "{answer:?}");
                        }
                        statuses.push(answer.status);
                    }
                    statuses
                })
            })
            .collect();
        let statuses: Vec<u16> = crowd.into_iter().flat_map(|one| one.join().unwrap()).collect();
        done.store(true, Ordering::Relaxed);
        (statuses, others.join().unwrap())
    });
    times.sort_unstable();
    let p99 = times[times.len() * 99 / 100].as_secs_f64() * 1_000.0;
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process_id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap().trim();
    let peak: u64 = peak.trim_end_matches("kB").trim().parse::<u64>().unwrap() / 1_024;
    let count = |wanted: u16| statuses.iter().filter(|status| **status == wanted).count();
    println!(
        "200 at once: {} compared, {} told to come back; peak memory {peak} MiB; {} other requests, p99 {p99:.1} ms",
        count(401),
        count(503),
        times.len()
    );
    assert_eq!(count(401) + count(503), statuses.len(), "{statuses:?}");
    assert!(count(503) > 0 && peak < 200 && p99 < 50.0);
    server.stop();
}
