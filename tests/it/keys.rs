//! Keys that sign access tokens, and the change from one to the next.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::harness::{Installation, MINUTE, Person, Server};

fn kids(server: &Server) -> Vec<String> {
    let keys = server.nobody().get("/.well-known/jwks.json").expect(200);
    let kid = |key: &Value| key["kid"].as_str().unwrap().to_owned();
    keys.json["keys"].as_array().unwrap().iter().map(kid).collect()
}

fn rotate(installation: &Installation, more: &[&str]) -> Value {
    let arguments = [&["keys", "rotate", "--json"], more].concat();
    serde_json::from_str(&installation.run(&arguments).expect_code(0).stdout).unwrap()
}

#[track_caller]
fn refresh(server: &Server, person: &Person) -> String {
    let body = json!({"refresh_token": person.refresh_token});
    server.nobody().post("/api/v1/auth/refresh", body).expect(200).string("/access_token")
}

#[test]
fn after_a_rotation_old_tokens_live_to_their_end_and_their_key_no_longer() {
    let installation = Installation::new();
    let server = installation.serve();
    let ann = server.sign_up("ann");
    let before = kids(&server);
    let answer = rotate(&installation, &[]);
    let after = kids(&server);
    assert_eq!(answer["keys"][0]["kid"].as_str(), Some(after[0].as_str()));
    assert_eq!(after[1..], before);
    ann.client.get("/api/v1/me").expect(200);
    let bob = server.sign_up("bob");
    bob.client.get("/api/v1/me").expect(200);
    installation.advance_clock(4 * MINUTE);
    let server = server.restart();
    server.nobody().bearer(&ann.access_token).get("/api/v1/me").expect(200);
    assert_eq!(kids(&server), after);
    installation.advance_clock(2 * MINUTE);
    server.nobody().bearer(&ann.access_token).get("/api/v1/me").expect(401);
    assert_eq!(kids(&server), after[..1]);
    server.nobody().bearer(&refresh(&server, &ann)).get("/api/v1/me").expect(200);
    server.stop();
}

#[test]
fn in_an_emergency_old_tokens_are_refused_at_once_and_sessions_refresh() {
    let installation = Installation::new();
    let server = installation.serve();
    let ann = server.sign_up("ann");
    ann.client.get("/api/v1/me").expect(200);
    rotate(&installation, &[]);
    rotate(&installation, &["--emergency"]);
    ann.client.get("/api/v1/me").expect_code(401, "token_invalid");
    assert_eq!(kids(&server).len(), 1);
    server.nobody().bearer(&refresh(&server, &ann)).get("/api/v1/me").expect(200);
    let server = server.restart();
    server.nobody().bearer(&ann.access_token).get("/api/v1/me").expect(401);
    server.stop();
}

#[test]
fn keys_are_rotated_and_listed_without_a_server_too_and_lie_in_files_for_their_owner_alone() {
    let installation = Installation::new();
    let server = installation.serve();
    let ann = server.sign_up("ann");
    server.stop();
    let rotated = rotate(&installation, &[]);
    let listed = installation.run(&["keys", "list", "--json"]).expect_code(0).stdout;
    assert_eq!(serde_json::from_str::<Value>(&listed).unwrap(), rotated);
    assert_eq!(rotated["keys"][0]["age_days"], 0);
    let words = installation.run(&["keys", "rotate", "--emergency"]).expect_code(0).stdout;
    assert!(words.contains("refused"), "{words}");
    for file in std::fs::read_dir(installation.data().join("keys")).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.path());
    }
    installation.run(&["verify", "audit"]).expect_code(0);
    let server = installation.serve();
    server.nobody().bearer(&ann.access_token).get("/api/v1/me").expect(401);
    refresh(&server, &ann);
    server.stop();
}
