//! Being signed in, and no longer.

use serde_json::json;

use crate::harness::{Answer, Call, Client, DAY, Installation, Person};

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
