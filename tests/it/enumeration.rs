//! Whoever asks does not learn who has an account here.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Answer, Client, Installation};

/// The answer without what differs each time.
fn lasting(answer: &Answer) -> (u16, Value) {
    let mut body = answer.json.clone();
    if let Some(fields) = body.as_object_mut() {
        fields.remove("request_id");
    }
    (answer.status, body)
}

fn try_password(client: &Client, email: &str) -> Answer {
    client.post("/api/v1/auth/sign-in", json!({"email": email, "password": "not the password at all"}))
}

#[test]
fn a_wrong_password_and_an_unknown_address_get_the_same_answer() {
    let server = Installation::new().serve();
    let ann = server.sign_up("ann");
    let wrong = try_password(&server.nobody(), &ann.email).expect(401);
    let unknown = try_password(&server.nobody(), "unknown@example.com").expect(401);
    assert_eq!(lasting(&wrong), lasting(&unknown));
    server.stop();
}

#[test]
fn an_unknown_address_costs_as_much_time_as_a_wrong_password() {
    let server = Installation::new().serve();
    let ann = server.sign_up("ann");
    let time = |email: &str| {
        let started = Instant::now();
        try_password(&server.nobody(), email).expect(401);
        started.elapsed()
    };
    // The least of a few, in turns: whatever else the machine does only adds to it. The hash is many times longer than
    // the rest.
    let (mut wrong, mut unknown) = (Duration::MAX, Duration::MAX);
    for _ in 0..5 {
        wrong = wrong.min(time(&ann.email));
        unknown = unknown.min(time("unknown@example.com"));
    }
    assert!(unknown > wrong / 2, "unknown {unknown:?}, wrong {wrong:?}");
    assert!(wrong > Duration::from_millis(2), "no hash takes only {wrong:?}");
    server.stop();
}

#[test]
fn without_mail_a_taken_address_is_a_conflict_in_any_case_of_letters() {
    let server = Installation::new().serve();
    server.sign_up("ann");
    for email in ["ann@example.com", "ANN@example.com", " ann@EXAMPLE.com "] {
        let body = json!({"email": email, "password": "eve juggles nine lanterns", "name": "Eve"});
        let answer = server.nobody().post("/api/v1/auth/sign-up", body).expect_one_of(&[409, 422]);
        assert!(answer.status == 422 || answer.code() == "email_taken", "{answer:?}");
    }
    server.stop();
}
