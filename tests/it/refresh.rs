//! Refresh tokens: rotation, the race of two tabs, the lost answer, and the thief.

use serde_json::json;

use crate::harness::{Answer, Client, Installation, SECOND};

fn refresh(client: &Client, token: &str) -> Answer {
    client.post("/api/v1/auth/refresh", json!({"refresh_token": token}))
}

#[test]
fn a_refresh_gives_new_tokens_and_the_old_access_token_lives_on() {
    let server = Installation::new().serve();
    let ann = server.sign_up("ann");
    let answer = refresh(&server.nobody(), &ann.refresh_token).expect(200);
    assert_ne!(answer.string("/refresh_token"), ann.refresh_token);
    assert_ne!(answer.string("/access_token"), ann.access_token);
    assert_eq!(answer.string("/token_type"), "Bearer");
    server.nobody().bearer(&answer.string("/access_token")).get("/api/v1/me").expect(200);
    ann.client.get("/api/v1/me").expect(200);
    server.stop();
}

#[test]
fn within_twenty_seconds_the_old_token_gives_an_access_token_and_nothing_more() {
    let installation = Installation::new();
    let server = installation.serve();
    let ann = server.sign_up("ann");
    let next = refresh(&server.nobody(), &ann.refresh_token).expect(200).string("/refresh_token");
    for wait in [SECOND, 17 * SECOND] {
        installation.advance_clock(wait);
        let raced = refresh(&server.nobody(), &ann.refresh_token).expect(200);
        assert!(raced.json.get("refresh_token").is_none_or(serde_json::Value::is_null), "{}", raced.text());
        server.nobody().bearer(&raced.string("/access_token")).get("/api/v1/me").expect(200);
    }
    refresh(&server.nobody(), &next).expect(200);
    server.stop();
}

#[test]
fn an_old_token_that_comes_back_after_its_successor_was_used_revokes_the_family_and_no_other() {
    let installation = Installation::new();
    let server = installation.serve();
    let ann = server.sign_up("ann");
    let other_session = ann.sign_in_again();
    let answer = refresh(&server.nobody(), &ann.refresh_token).expect(200);
    let newest = server.nobody().bearer(&answer.string("/access_token"));
    newest.get("/api/v1/me").expect(200);
    installation.advance_clock(30 * SECOND);
    newest.get("/api/v1/me").expect(200);
    refresh(&server.nobody(), &ann.refresh_token).expect(401);
    newest.get("/api/v1/me").expect(401);
    refresh(&server.nobody(), &answer.string("/refresh_token")).expect(401);
    other_session.client.get("/api/v1/me").expect(200);
    server.stop();
}

#[test]
fn a_token_two_generations_old_revokes_the_family() {
    let installation = Installation::new();
    let server = installation.serve();
    let ann = server.sign_up("ann");
    let second = refresh(&server.nobody(), &ann.refresh_token).expect(200).string("/refresh_token");
    let third = refresh(&server.nobody(), &second).expect(200).string("/refresh_token");
    installation.advance_clock(30 * SECOND);
    refresh(&server.nobody(), &ann.refresh_token).expect(401);
    refresh(&server.nobody(), &third).expect(401);
    server.stop();
}

#[test]
fn a_lost_answer_does_not_log_anyone_out() {
    let installation = Installation::new();
    let server = installation.serve();
    let ann = server.sign_up("ann");
    // This answer gets lost: nothing of it is ever used.
    let lost = refresh(&server.nobody(), &ann.refresh_token).expect(200).string("/refresh_token");
    installation.advance_clock(60 * SECOND);
    let found = refresh(&server.nobody(), &ann.refresh_token).expect(200).string("/refresh_token");
    assert_ne!(found, lost);
    // Once more, and whoever comes with the lost one now is a thief or was robbed.
    let newest = refresh(&server.nobody(), &found).expect(200).string("/refresh_token");
    installation.advance_clock(30 * SECOND);
    refresh(&server.nobody(), &lost).expect(401);
    refresh(&server.nobody(), &newest).expect(401);
    server.stop();
}

#[test]
fn twenty_refreshes_at_once_leave_one_successor_and_nobody_logged_out() {
    let installation = Installation::new();
    let server = installation.serve();
    let ann = server.sign_up("ann");
    let start = std::sync::Barrier::new(20);
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..20)
            .map(|_| {
                let (client, token, start) = (server.nobody(), &ann.refresh_token, &start);
                scope.spawn(move || {
                    start.wait();
                    refresh(&client, token).expect(200)
                })
            })
            .collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let successors: Vec<&str> =
        answers.iter().filter_map(|answer| answer.json["refresh_token"].as_str()).collect();
    assert_eq!(successors.len(), 1, "{successors:?}");
    for answer in &answers {
        server.nobody().bearer(&answer.string("/access_token")).get("/api/v1/me").expect(200);
    }
    installation.advance_clock(30 * SECOND);
    refresh(&server.nobody(), successors[0]).expect(200);
    server.stop();
}

#[test]
fn what_is_no_refresh_token_of_ours_is_refused_and_harms_no_session() {
    let server = Installation::new().serve();
    let ann = server.sign_up("ann");
    let token = &ann.refresh_token;
    let changed = format!("{}{}", &token[..token.len() - 1], if token.ends_with('A') { 'B' } else { 'A' });
    let long = "x".repeat(10_000);
    let forged = [
        "",
        "x",
        changed.as_str(),
        &token[..token.len() / 2],
        ann.access_token.as_str(),
        long.as_str(),
        "é\u{0}",
    ];
    for token in forged {
        refresh(&server.nobody(), token).expect_one_of(&[401, 422]);
    }
    server.nobody().bearer(token).get("/api/v1/me").expect(401);
    ann.client.get("/api/v1/me").expect(200);
    refresh(&server.nobody(), token).expect(200);
    server.stop();
}

#[test]
fn a_lost_answer_and_a_quick_retry_do_not_log_anyone_out_either() {
    let installation = Installation::new();
    let server = installation.serve();
    let ann = server.sign_up("ann");
    // The answer with the successor is lost; the retry gets an access token only, which is used.
    refresh(&server.nobody(), &ann.refresh_token).expect(200);
    installation.advance_clock(SECOND);
    let retried = refresh(&server.nobody(), &ann.refresh_token).expect(200);
    server.nobody().bearer(&retried.string("/access_token")).get("/api/v1/me").expect(200);
    installation.advance_clock(200 * SECOND);
    let rotated = refresh(&server.nobody(), &ann.refresh_token).expect(200);
    assert!(rotated.json["refresh_token"].is_string(), "{}", rotated.text());
    server.stop();
}
