//! Guessing passwords is slow, and nobody is locked out by it.

use serde_json::json;

use crate::harness::{Answer, Client, Installation, MINUTE, SECOND};

fn sign_in(client: &Client, email: &str, password: &str) -> Answer {
    client.post("/api/v1/auth/sign-in", json!({"email": email, "password": password}))
}

#[test]
fn after_five_failures_an_account_makes_wait_whether_it_exists_or_not() {
    let installation = Installation::new();
    let server = installation.serve();
    let ann = server.sign_up("ann");
    for email in [ann.email.as_str(), "unknown@example.com"] {
        let fails = |status| drop(sign_in(&server.nobody(), email, "not the password at all").expect(status));
        for _ in 0..5 {
            fails(401);
        }
        // From here on each failure doubles the wait; whoever waits may try again.
        for wait in [1, 2, 4, 8] {
            installation.advance_clock((wait + 1) * SECOND);
            fails(401);
        }
        fails(429);
        // The right password tells nothing either while one has to wait.
        sign_in(&server.nobody(), email, &ann.password).expect(429);
    }
    installation.advance_clock(16 * MINUTE);
    sign_in(&server.nobody(), &ann.email, &ann.password).expect(200);
    server.stop();
}

#[test]
fn one_address_on_the_network_cannot_try_many_accounts() {
    let installation = Installation::new();
    let server = installation.serve();
    let statuses: Vec<u16> = (0..30)
        .map(|number| {
            sign_in(&server.nobody(), &format!("user{number}@example.com"), "a password of many").status
        })
        .collect();
    assert_eq!(statuses[..15], [401; 15], "{statuses:?}");
    assert_eq!(statuses[29], 429, "{statuses:?}");
    installation.advance_clock(2 * MINUTE);
    sign_in(&server.nobody(), "user@example.com", "a password of many").expect(401);
    server.stop();
}

#[test]
fn a_forwarded_address_is_not_believed_from_just_anybody() {
    let server = Installation::new().serve();
    let mut last = 0;
    for number in 0..30 {
        let body = json!({"email": format!("user{number}@example.com"), "password": "a password of many"});
        let call = crate::harness::Call::post("/api/v1/auth/sign-in", body)
            .header("x-forwarded-for", format!("203.0.113.{number}"));
        last = server.nobody().send(&call).status;
    }
    assert_eq!(last, 429, "a header gives everyone as many addresses as they like");
    server.stop();
}

#[test]
fn a_flood_of_sign_ins_is_answered_and_the_server_stays_small() {
    let server = Installation::new().serve();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let flood: Vec<_> = (0..64)
            .map(|number| {
                let client = server.nobody();
                scope.spawn(move || {
                    sign_in(&client, &format!("u{number}@example.com"), "a password of many").status
                })
            })
            .collect();
        flood.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(statuses.iter().all(|status| [401, 429, 503].contains(status)), "{statuses:?}");
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process_id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap().trim();
    let peak: u64 = peak.trim_end_matches("kB").trim().parse().unwrap();
    // 64 hashes of 19 MiB at once would be 1.2 GiB.
    assert!(peak < 600 * 1024, "{peak} KiB");
    server.nobody().get("/readyz").expect(200);
    server.stop();
}

#[test]
fn blanks_and_capitals_make_no_other_account_of_an_address() {
    let server = Installation::new().serve();
    let ann = server.sign_up("ann");
    let spellings =
        [ann.email.clone(), format!(" {}", ann.email), format!("{}  ", ann.email), ann.email.to_uppercase()];
    for number in 0..5 {
        sign_in(&server.nobody(), &spellings[number % 4], "not the password at all").expect(401);
    }
    for spelling in &spellings {
        sign_in(&server.nobody(), spelling, "not the password at all").expect(429);
    }
    server.stop();
}
