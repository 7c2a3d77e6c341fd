//! What an old sign-in is not enough for.

use serde_json::{Value, json};

use crate::harness::{Answer, Call, Client, Installation, MINUTE, Person, Server};

#[track_caller]
fn refresh(client: &Client, token: &str) -> Answer {
    client.post("/api/v1/auth/refresh", json!({"refresh_token": token})).expect(200)
}

/// The same session, a while later: access tokens live for five minutes only.
fn later(server: &Server, person: &Person, ms: i64) -> Client {
    server.installation().advance_clock(ms);
    server.nobody().bearer(&refresh(&server.nobody(), &person.refresh_token).string("/access_token"))
}

#[track_caller]
fn step_up(client: &Client, body: Value) -> Answer {
    client.post("/api/v1/auth/step-up", body)
}

#[test]
fn closing_a_tenant_asks_for_a_sign_in_of_the_last_ten_minutes_or_the_password_again() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let other_session = ann.sign_in_again();
    let client = later(&server, &ann, 11 * MINUTE);
    let close = |client: &Client| client.post(&acme.path("/close"), json!({"confirm": "acme"}));
    close(&client).expect_code(403, "step_up_required");
    step_up(&client, json!({"password": "wrong-otter-juggles-nine-lanterns"}))
        .expect_code(403, "password_wrong");
    close(&client).expect_code(403, "step_up_required");
    step_up(&client, json!({"password": ann.password})).expect(204);
    // One session, not all of the person.
    let other = later(&server, &other_session, MINUTE);
    close(&other).expect_code(403, "step_up_required");
    close(&client).expect(202);
    server.stop();
}

#[test]
fn a_step_up_counts_for_ten_minutes_and_a_refresh_does_not_count() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let refused = |client: &Client| {
        client.post(&acme.path("/close"), json!({"confirm": "no"})).code() == "step_up_required"
    };
    assert!(!refused(&ann.client));
    server.installation().advance_clock(9 * MINUTE);
    let answer = refresh(&server.nobody(), &ann.refresh_token);
    assert!(!refused(&server.nobody().bearer(&answer.string("/access_token"))));
    server.installation().advance_clock(2 * MINUTE);
    let client = server.nobody().bearer(&answer.string("/access_token"));
    assert!(refused(&client));
    step_up(&client, json!({"password": ann.password})).expect(204);
    assert!(!refused(&client));
    server.installation().advance_clock(10 * MINUTE);
    let answer = refresh(&server.nobody(), &answer.string("/refresh_token"));
    assert!(refused(&server.nobody().bearer(&answer.string("/access_token"))));
    server.stop();
}

#[test]
fn every_act_of_an_operator_and_no_look_asks_for_a_fresh_sign_in() {
    let server = Installation::new().serve();
    let operator = server.add_operator();
    let (_, acme) = server.sign_up_with_tenant("ann", "acme");
    let client = later(&server, &operator, 11 * MINUTE);
    let (mut acts, mut looks) = (0, 0);
    for route in tenantry::http::routes() {
        if !route.path.starts_with("/api/v1/operator/") {
            continue;
        }
        let path = route.path.replace("{selector}", &acme.slug);
        if route.method == "GET" {
            // What is in a letter, as links to set a password, is for who showed just now who they are.
            let holds_secrets = path.ends_with("/mailbox/{letter}");
            let answer = client.send(&Call::get(&path));
            assert_eq!(answer.code() == "step_up_required", holds_secrets, "{path}");
            looks += 1;
        } else {
            let call = Call::new(route.method, path).json(&json!({"confirm": "no"}));
            client.send(&call).expect_code(403, "step_up_required");
            acts += 1;
        }
    }
    assert!(acts >= 4 && looks >= 3, "{acts}, {looks}");
    step_up(&client, json!({"password": operator.password})).expect(204);
    client.send(&Call::new("POST", "/api/v1/operator/tenants/acme/suspend")).expect(200);
    server.stop();
}

#[test]
fn guessing_the_password_at_a_step_up_is_as_slow_as_at_the_sign_in() {
    let server = Installation::new().serve();
    let ann = server.sign_up("ann");
    let wrong = || json!({"password": "wrong-otter-juggles-nine-lanterns"});
    for _ in 0..5 {
        step_up(&ann.client, wrong()).expect_code(403, "password_wrong");
    }
    step_up(&ann.client, json!({"password": ann.password})).expect(429);
    step_up(&ann.client, json!({})).expect_refused_by_name("password");
    step_up(&ann.client, json!({"code": "123456"})).expect_code(409, "no_second_factor");
    server.stop();
}
