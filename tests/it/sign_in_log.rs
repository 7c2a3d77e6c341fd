//! Sign-ins that failed are in the log: why, from where and of which account, without what was typed in.

use std::sync::Arc;

use serde_json::json;

use crate::harness::{Answer, Installation, Server};
use crate::second_factor::App;

const WRONG: &str = "not the password at all";

fn sign_in(server: &Server, email: &str, password: &str) -> Answer {
    server.nobody().post("/api/v1/auth/sign-in", json!({"email": email, "password": password}))
}

/// The lines about failures, each as `name=value` pairs behind its message.
fn failures(installation: &Arc<Installation>) -> Vec<String> {
    installation.log().lines().filter(|line| line.contains("sign-in failed")).map(str::to_owned).collect()
}

fn field(line: &str, name: &str) -> Option<String> {
    let after = line.split_once(&format!(" {name}="))?.1;
    let value = after.split(' ').next()?;
    Some(value.trim_matches('"').to_owned())
}

/// The newest failure.
#[track_caller]
fn last(installation: &Arc<Installation>, reason: &str) -> String {
    let line = failures(installation).pop().unwrap_or_default();
    assert_eq!(field(&line, "reason").as_deref(), Some(reason), "{line}");
    assert_eq!(field(&line, "address").as_deref(), Some("127.0.0.1"), "{line}");
    line
}

#[test]
fn a_failed_sign_in_is_logged_with_its_reason_and_without_address_or_password() {
    let installation = Installation::new();
    let server = installation.serve();
    let ann = server.sign_up("ann");
    assert_eq!(failures(&installation), Vec::<String>::new(), "a sign-up is no failure");
    for address in [ann.email.as_str(), "nobody-here@example.com"] {
        installation.plant_secret(address);
    }
    sign_in(&server, &ann.email, WRONG).expect(401);
    let wrong = last(&installation, "wrong_password");
    assert_eq!(field(&wrong, "identity"), Some(ann.id.clone()));
    sign_in(&server, "nobody-here@example.com", WRONG).expect(401);
    let unknown = last(&installation, "unknown_address");
    assert_eq!(field(&unknown, "identity"), None, "{unknown}");
    // The digest says what belongs together, in whatever spelling, and differs elsewhere.
    let digest = |line: &str| field(line, "email_digest").unwrap();
    sign_in(&server, " Nobody-Here@EXAMPLE.com ", WRONG).expect_one_of(&[401, 422]);
    assert_eq!(digest(&last(&installation, "unknown_address")), digest(&unknown));
    assert_ne!(digest(&wrong), digest(&unknown));
    let elsewhere = Installation::new();
    let other = elsewhere.serve();
    sign_in(&other, "nobody-here@example.com", WRONG).expect(401);
    assert_ne!(digest(&last(&elsewhere, "unknown_address")), digest(&unknown));
    other.stop();
    for _ in 0..4 {
        sign_in(&server, &ann.email, WRONG).expect(401);
    }
    sign_in(&server, &ann.email, &ann.password).expect(429);
    last(&installation, "too_many_tries");
    // A line is one line, whatever is typed in.
    let before = failures(&installation).len();
    sign_in(&server, "x\nsign-in failed reason=\"forged\"@example.com", WRONG)
        .expect_one_of(&[401, 422, 429]);
    assert!(failures(&installation).len() <= before + 1);
    assert!(!installation.log().contains("forged"));
    server.stop();
}

#[test]
fn a_wrong_code_and_a_wrong_proof_are_logged_with_the_identity() {
    let installation = Installation::new();
    let server = installation.serve();
    let ann = server.sign_up("ann");
    ann.client.post("/api/v1/auth/step-up", json!({"password": WRONG})).expect(403);
    assert_eq!(field(&last(&installation, "wrong_password"), "identity"), Some(ann.id.clone()));
    App::enroll(&server, &ann.client);
    let token = sign_in(&server, &ann.email, &ann.password).expect(200).string("/mfa_token");
    let second = |token: &str, code: &str| {
        server.nobody().post("/api/v1/auth/mfa", json!({"mfa_token": token, "code": code}))
    };
    second(&token, "000000").expect(401);
    assert_eq!(field(&last(&installation, "wrong_code"), "identity"), Some(ann.id.clone()));
    second("tnm_x", "000000").expect(401);
    last(&installation, "step_over");
    for _ in 0..4 {
        second(&token, "000000").expect(401);
    }
    second(&token, "000000").expect(429);
    last(&installation, "too_many_codes");
    server.stop();
}

#[test]
fn a_disabled_account_is_told_apart_in_the_log_alone() {
    let installation = Installation::new();
    let server = installation.serve();
    let ann = server.sign_up("ann");
    server.stop();
    let catalog = rusqlite::Connection::open(installation.data().join("catalog.db")).unwrap();
    catalog.execute("UPDATE identities SET status = 'disabled'", []).unwrap();
    drop(catalog);
    let server = installation.serve();
    sign_in(&server, &ann.email, &ann.password).expect_code(401, "sign_in_failed");
    assert_eq!(field(&last(&installation, "account_disabled"), "identity"), Some(ann.id.clone()));
    server.stop();
}
