//! Being signed in, and no longer.

use serde_json::json;

use crate::harness::{Answer, Call, Client, DAY, Installation, MINUTE, Person};

fn refresh(client: &Client, token: &str) -> Answer {
    client.post("/api/v1/auth/refresh", json!({"refresh_token": token}))
}

#[track_caller]
fn assert_signed_out(person: &Person) {
    person.client.get("/api/v1/me").expect(401);
    refresh(&person.client.nobody(), &person.refresh_token).expect(401);
}

#[test]
fn sign_out_kills_the_very_next_request_and_no_other_session() {
    let server = Installation::new().serve();
    let here = server.sign_up("ann");
    let there = here.sign_in_again();
    here.client.get("/api/v1/me").expect(200);
    here.client.send(&Call::new("POST", "/api/v1/auth/sign-out")).expect(204);
    assert_signed_out(&here);
    there.client.get("/api/v1/me").expect(200);
    server.stop();
}

#[test]
fn sign_out_everywhere_kills_all_sessions_of_one_person_only() {
    let server = Installation::new().serve();
    let (here, bob) = (server.sign_up("ann"), server.sign_up("bob"));
    let there = here.sign_in_again();
    here.client.send(&Call::new("POST", "/api/v1/auth/sign-out-everywhere")).expect(204);
    assert_signed_out(&here);
    assert_signed_out(&there);
    bob.client.get("/api/v1/me").expect(200);
    server.stop();
}

#[test]
fn a_session_is_listed_and_ended_by_its_owner_alone() {
    let server = Installation::new().serve();
    let (here, bob) = (server.sign_up("ann"), server.sign_up("bob"));
    let there = here.sign_in_again();
    let list = here.client.get("/api/v1/auth/sessions").expect(200);
    let sessions = list.json["items"].as_array().unwrap();
    assert_eq!(sessions.len(), 2, "{}", list.text());
    let other = sessions.iter().find(|session| session["current"] == false).unwrap();
    let path = format!("/api/v1/auth/sessions/{}", other["id"].as_str().unwrap());
    bob.client.delete(&path).expect(404);
    there.client.get("/api/v1/me").expect(200);
    here.client.delete(&path).expect(204);
    assert_signed_out(&there);
    here.client.get("/api/v1/me").expect(200);
    server.stop();
}

#[test]
fn a_session_ends_after_fourteen_days_without_use() {
    let installation = Installation::new();
    let server = installation.serve();
    let ann = server.sign_up("ann");
    let (kept, left) = (ann.sign_in_again(), ann.sign_in_again());
    installation.advance_clock(13 * DAY);
    refresh(&server.nobody(), &kept.refresh_token).expect(200);
    installation.advance_clock(2 * DAY);
    refresh(&server.nobody(), &left.refresh_token).expect(401);
    server.stop();
}

#[test]
fn a_session_ends_after_ninety_days_however_much_it_is_used() {
    let installation = Installation::new();
    let server = installation.serve();
    let mut token = server.sign_up("ann").refresh_token;
    for _ in 0..8 {
        installation.advance_clock(11 * DAY);
        token = refresh(&server.nobody(), &token).expect(200).string("/refresh_token");
    }
    installation.advance_clock(3 * DAY);
    refresh(&server.nobody(), &token).expect(401);
    server.stop();
}

#[test]
fn sessions_survive_a_restart() {
    let server = Installation::new().serve();
    let ann = server.sign_up("ann");
    let server = server.restart();
    server.nobody().bearer(&ann.access_token).get("/api/v1/me").expect(200);
    refresh(&server.nobody(), &ann.refresh_token).expect(200);
    server.stop();
}

#[test]
fn an_access_token_ends_after_five_minutes() {
    let installation = Installation::new();
    let server = installation.serve();
    let ann = server.sign_up("ann");
    installation.advance_clock(4 * 60_000);
    ann.client.get("/api/v1/me").expect(200);
    // The leeway is five seconds.
    installation.advance_clock(66_000);
    ann.client.get("/api/v1/me").expect(401);
    server.stop();
}

/// The same session, with an access token of now.
fn later(person: &Person) -> Client {
    let nobody = person.client.nobody();
    nobody.bearer(&refresh(&nobody, &person.refresh_token).expect(200).string("/access_token"))
}

#[test]
fn ending_other_sessions_asks_for_a_sign_in_of_the_last_ten_minutes_and_signing_out_does_not() {
    let installation = Installation::new();
    let server = installation.serve();
    let ann = server.sign_up("ann");
    installation.advance_clock(11 * MINUTE);
    let other = ann.sign_in_again();
    let client = later(&ann);
    let sessions = client.get("/api/v1/auth/sessions").expect(200);
    let items = sessions.json["items"].as_array().unwrap();
    let id = items.iter().find(|one| one["current"] == false).unwrap()["id"].as_str().unwrap().to_owned();
    let end = || client.delete(&format!("/api/v1/auth/sessions/{id}"));
    let everywhere = || client.send(&Call::new("POST", "/api/v1/auth/sign-out-everywhere"));
    end().expect_code(403, "step_up_required");
    everywhere().expect_code(403, "step_up_required");
    other.client.get("/api/v1/me").expect(200);
    client.post("/api/v1/auth/step-up", json!({"password": ann.password})).expect(204);
    end().expect(204);
    other.client.get("/api/v1/me").expect(401);
    installation.advance_clock(11 * MINUTE);
    let third = ann.sign_in_again();
    installation.advance_clock(11 * MINUTE);
    later(&third).send(&Call::new("POST", "/api/v1/auth/sign-out")).expect(204);
    server.stop();
}

#[test]
fn one_session_more_than_there_may_be_ends_the_one_that_was_not_used_for_longest() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, bob) = (server.sign_up("ann"), server.sign_up("bob"));
    server.stop();
    let catalog = rusqlite::Connection::open(installation.data().join("catalog.db")).unwrap();
    let copies = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 99)
        INSERT INTO sessions (id, identity_id, generation, token_hash, created_at, last_used_at, user_agent, address)
        SELECT printf('00000000-0000-7000-8000-%012d', i), identity_id, 1, '-', created_at, last_used_at + i, '', ''
        FROM n, sessions WHERE identity_id = ?1";
    assert_eq!(catalog.execute(copies, [&ann.id]).unwrap(), 99);
    drop(catalog);
    let server = installation.serve();
    let count = |person: &Person| {
        let list = person.client.get("/api/v1/auth/sessions").expect(200);
        list.json["items"].as_array().unwrap().len()
    };
    let [ann, bob] =
        [ann, bob].map(|person| Person { client: server.nobody().bearer(&person.access_token), ..person });
    assert_eq!(count(&ann), 100);
    let again = ann.sign_in_again();
    assert_signed_out(&ann);
    assert_eq!(count(&again), 100);
    assert_eq!(count(&bob), 1);
    server.stop();
}

#[test]
fn operators_end_the_sessions_of_one_account_or_of_everybody() {
    let installation = Installation::new();
    let server = installation.serve();
    let operator = server.add_operator();
    let (ann, bob, cid) = (server.sign_up("ann"), server.sign_up("bob"), server.sign_up("cid"));
    let other = ann.sign_in_again();
    let end = |body: serde_json::Value| operator.client.post("/api/v1/operator/sessions/end", body);
    end(json!({"email": "nobody@example.com"})).expect_code(404, "unknown_account");
    end(json!({})).expect_refused_by_name("email");
    end(json!({"everybody": false})).expect_refused_by_name("email");
    end(json!({"email": ann.email, "everybody": true})).expect_refused_by_name("email");
    assert_eq!(end(json!({"email": ann.email})).expect(200).json["sessions_ended"], 2);
    assert_signed_out(&ann);
    assert_signed_out(&other);
    bob.client.get("/api/v1/me").expect(200);
    let ended = installation.run(&["sessions", "end", &bob.email, "--json"]).expect_code(0);
    assert!(ended.stdout.contains("\"sessions_ended\":1"), "{}", ended.stdout);
    assert_signed_out(&bob);
    cid.client.get("/api/v1/me").expect(200);
    installation.run(&["sessions", "end"]).expect_code(2);
    installation.run(&["sessions", "end", "nobody@example.com"]).expect_code(1);
    let log = operator.client.get("/api/v1/operator/audit?action=session.all_ended").expect(200);
    assert!(log.text().contains(&format!("operator:{}", operator.id)), "{}", log.text());
    assert_eq!(end(json!({"everybody": true})).expect(200).json["sessions_ended"], 2);
    assert_signed_out(&cid);
    assert_signed_out(&operator);
    // Nobody is locked out.
    ann.sign_in_again().client.get("/api/v1/me").expect(200);
    server.stop();
}
