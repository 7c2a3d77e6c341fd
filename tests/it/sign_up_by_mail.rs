//! Signing up where letters reach people: the address is proven first, and nobody else learns anything.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Answer, DAY, Installation, Server, Smtp, eventually, token_in};
use crate::mail::set_mail;

const PASSWORD: &str = "eve juggles nine lanterns";

fn serve() -> (Arc<Installation>, Server, Smtp) {
    serve_app(Installation::new())
}

fn serve_app(installation: Arc<Installation>) -> (Arc<Installation>, Server, Smtp) {
    let smtp = Smtp::start();
    std::fs::create_dir_all(installation.data()).unwrap();
    set_mail(&installation, smtp.port(), "smtp_security = \"none\"\ntrusted_proxies = [\"127.0.0.1\"]");
    let server = installation.serve();
    (installation, server, smtp)
}

fn sign_up(server: &Server, body: Value) -> Answer {
    server.nobody().post("/api/v1/auth/sign-up", body)
}

fn person(email: &str) -> Value {
    json!({"email": email, "password": PASSWORD, "name": "Zoe"})
}

fn sign_in(server: &Server, email: &str, password: &str) -> Answer {
    server.nobody().post("/api/v1/auth/sign-in", json!({"email": email, "password": password}))
}

fn verify(server: &Server, token: &str) -> Answer {
    server.nobody().post("/api/v1/auth/email/verify", json!({"token": token}))
}

/// Signs up and confirms.
#[track_caller]
fn account(server: &Server, smtp: &Smtp, email: &str) {
    let before = smtp.letters_to(email).len();
    sign_up(server, person(email)).expect(202);
    let token = token_in(server.installation(), &smtp.letter_to(email, before + 1).text);
    verify(server, &token).expect(204);
}

#[test]
fn an_account_and_its_tenant_begin_when_the_address_is_confirmed() {
    let (installation, server, smtp) = serve();
    let mut body = person("ann@example.com");
    body["tenant"] = json!({"name": "Acme", "slug": "acme"});
    let answer = sign_up(&server, body).expect(202);
    assert_eq!(answer.json, json!({"status": "verification_sent"}));
    let letter = smtp.letter_to("ann@example.com", 1);
    assert!(letter.text.contains("https://app.example.com/console/verify#token="), "{}", letter.text);
    let token = token_in(&installation, &letter.text);
    // Whoever knows the password learns what is missing; everybody else what everybody learns.
    sign_in(&server, "ann@example.com", PASSWORD).expect_code(403, "email_unverified");
    sign_in(&server, "ann@example.com", "not the password at all").expect_code(401, "sign_in_failed");
    verify(&server, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").expect_code(404, "link_not_valid");
    verify(&server, &token).expect(204);
    verify(&server, &token).expect_code(404, "link_not_valid");
    let tokens = sign_in(&server, "ann@example.com", PASSWORD).expect(200);
    let ann = server.nobody().bearer(&tokens.string("/access_token"));
    let me = ann.get("/api/v1/me").expect(200);
    assert_eq!(me.json["email_verified"], true);
    assert_eq!(me.string("/memberships/0/tenant/slug"), "acme");
    assert_eq!(me.string("/memberships/0/role"), "owner");
    assert_eq!(me.json["operator"], false);
    server.stop();
}

#[test]
fn a_taken_address_gets_the_same_answer_and_only_its_owner_is_told() {
    let (_, server, smtp) = serve();
    account(&server, &smtp, "ann@example.com");
    let taken = sign_up(&server, person("ann@example.com")).expect(202);
    let free = sign_up(&server, person("ben@example.com")).expect(202);
    assert_eq!(taken.json, free.json);
    assert!(taken.header("set-cookie").is_none());
    let letter = smtp.letter_to("ann@example.com", 2);
    assert!(
        letter.text.contains("has an account already") && !letter.text.contains("token="),
        "{}",
        letter.text
    );
    // The password that came with it is not hers.
    let other = json!({"email": "ann@example.com", "password": "another password of eve", "name": "Eve"});
    sign_up(&server, other).expect(202);
    smtp.letter_to("ann@example.com", 3);
    sign_in(&server, "ann@example.com", "another password of eve").expect(401);
    sign_in(&server, "ann@example.com", PASSWORD).expect(200);
    server.stop();
}

#[test]
fn a_taken_address_costs_as_much_time_as_a_free_one() {
    let (installation, server, smtp) = serve();
    account(&server, &smtp, "ann@example.com");
    let time = |email: String| {
        let started = Instant::now();
        sign_up(&server, person(&email)).expect(202);
        let took = started.elapsed();
        installation.advance_clock(61_000);
        took
    };
    // The least of a few: whatever else the machine does only adds to it.
    let taken = (0..4).map(|_| time("ann@example.com".to_owned())).min().unwrap_or(Duration::ZERO);
    let free = (0..4).map(|number| time(format!("new{number}@example.com"))).min().unwrap_or(Duration::ZERO);
    assert!(taken > free / 2 && free > taken / 2, "taken {taken:?}, free {free:?}");
    server.stop();
}

#[test]
fn a_wrong_password_costs_as_much_time_while_the_address_is_not_confirmed() {
    let (installation, server, smtp) = serve();
    sign_up(&server, person("ann@example.com")).expect(202);
    token_in(&installation, &smtp.letter_to("ann@example.com", 1).text);
    let time = |email: &str| {
        let started = Instant::now();
        let answer = sign_in(&server, email, "not the password at all").expect_code(401, "sign_in_failed");
        (started.elapsed(), answer.string("/detail"))
    };
    let least = |email: &str| (0..4).map(|_| time(email)).min().unwrap();
    let (waiting, unknown) = (least("ann@example.com"), least("unknown@example.com"));
    assert_eq!(waiting.1, unknown.1);
    assert!(waiting.0 > unknown.0 / 2 && unknown.0 > waiting.0 / 2, "{waiting:?}, {unknown:?}");
    server.stop();
}

#[test]
fn whoever_confirms_a_letter_gets_the_password_that_was_chosen_with_it() {
    let (installation, server, smtp) = serve();
    let with = |password: &str| json!({"email": "ann@example.com", "password": password, "name": "Ann"});
    sign_up(&server, with("the words of eve herself")).expect(202);
    let of_eve = token_in(&installation, &smtp.letter_to("ann@example.com", 1).text);
    sign_up(&server, with(PASSWORD)).expect(202);
    let of_ann = token_in(&installation, &smtp.letter_to("ann@example.com", 2).text);
    verify(&server, &of_ann).expect(204);
    // The other letter is worth nothing any more.
    verify(&server, &of_eve).expect_code(404, "link_not_valid");
    sign_in(&server, "ann@example.com", "the words of eve herself").expect(401);
    sign_in(&server, "ann@example.com", PASSWORD).expect(200);
    server.stop();
}

#[test]
fn a_letter_is_good_for_a_day_and_an_address_gets_five_of_them() {
    let (installation, server, smtp) = serve();
    sign_up(&server, person("ann@example.com")).expect(202);
    let token = token_in(&installation, &smtp.letter_to("ann@example.com", 1).text);
    installation.advance_clock(DAY);
    verify(&server, &token).expect_code(404, "link_not_valid");
    sign_in(&server, "ann@example.com", PASSWORD).expect_code(401, "sign_in_failed");
    for number in 1..8 {
        installation.advance_clock(61_000);
        sign_up(&server, person("ann@example.com")).expect(202);
        if number <= 5 {
            smtp.letter_to("ann@example.com", number + 1);
        }
    }
    sign_up(&server, person("last@example.com")).expect(202);
    token_in(&installation, &smtp.letter_to("last@example.com", 1).text);
    assert_eq!(smtp.letters_to("ann@example.com").len(), 6);
    for letter in smtp.letters_to("ann@example.com") {
        token_in(&installation, &letter.text);
    }
    server.stop();
}

#[test]
fn faults_are_named_before_any_letter_and_no_field_makes_more_of_the_account() {
    let (_, server, smtp) = serve();
    account(&server, &smtp, "ann@example.com");
    for email in ["ann@example.com", "new@example.com"] {
        let weak = json!({"email": email, "password": "short", "name": " "});
        let answer = sign_up(&server, weak).expect(422);
        assert_eq!(answer.json["errors"].as_array().unwrap().len(), 2, "{}", answer.text());
        for extra in ["operator", "email_verified", "verified", "role", "id", "status", "plan"] {
            let mut body = person(email);
            body[extra] = json!(true);
            sign_up(&server, body).expect_refused_by_name(extra);
            let mut body = person(email);
            body["tenant"] = json!({"name": "Evil", extra: "x"});
            sign_up(&server, body).expect_refused_by_name(extra);
        }
    }
    assert_eq!(smtp.letters_to("ann@example.com").len(), 1);
    assert!(smtp.letters_to("new@example.com").is_empty());
    server.stop();
}

#[test]
fn a_slug_that_is_taken_meanwhile_gives_way_and_one_taken_before_is_told() {
    let (installation, server, smtp) = serve();
    let with_tenant = |email: &str| {
        let mut body = person(email);
        body["tenant"] = json!({"name": "Acme Tools", "slug": "acme"});
        body
    };
    sign_up(&server, with_tenant("ann@example.com")).expect(202);
    sign_up(&server, with_tenant("ben@example.com")).expect(202);
    for email in ["ann@example.com", "ben@example.com"] {
        verify(&server, &token_in(&installation, &smtp.letter_to(email, 1).text)).expect(204);
    }
    sign_up(&server, with_tenant("cleo@example.com")).expect_code(409, "slug_taken");
    let tokens = sign_in(&server, "ben@example.com", PASSWORD).expect(200);
    let me = server.nobody().bearer(&tokens.string("/access_token")).get("/api/v1/me").expect(200);
    assert_eq!(me.string("/memberships/0/tenant/slug"), "acme-tools");
    server.stop();
}

#[test]
fn who_may_not_sign_up_is_told_by_letter_and_nobody_else_learns_who_was_invited() {
    let installation =
        Installation::with_migrations(&[("0001_notes.sql", "CREATE TABLE notes (id TEXT PRIMARY KEY);")]);
    let app = installation.migrations().parent().unwrap().join("app.toml");
    std::fs::write(app, "name = \"Paperwork\"\npublic_signup = \"invited\"").unwrap();
    let (installation, server, smtp) = serve_app(installation);
    let operator = server.add_operator();
    let acme = operator.create_tenant("acme");
    let invited = json!({"email": "bob@example.com", "role": "member"});
    operator.client.post(&acme.path("/invitations"), invited).expect(201);
    let invitation = token_in(&installation, &smtp.letter_to("bob@example.com", 1).text);
    let yes = sign_up(&server, person("bob@example.com")).expect(202);
    let no = sign_up(&server, person("eve@example.com")).expect(202);
    assert_eq!(yes.json, no.json);
    let letter = smtp.letter_to("eve@example.com", 1);
    assert!(
        letter.text.contains("needs an invitation") && !letter.text.contains("token="),
        "{}",
        letter.text
    );
    assert!(letter.text.contains("Paperwork") && !letter.text.contains("Zoe"), "{}", letter.text);
    sign_in(&server, "eve@example.com", PASSWORD).expect(401);
    let token = token_in(&installation, &smtp.letter_to("bob@example.com", 2).text);
    verify(&server, &token).expect(204);
    let tokens = sign_in(&server, "bob@example.com", PASSWORD).expect(200);
    let bob = server.nobody().bearer(&tokens.string("/access_token"));
    bob.post("/api/v1/invitations/accept", json!({"token": invitation})).expect(200);
    server.stop();
}

#[test]
fn links_lead_to_the_public_url_whatever_the_request_calls_us() {
    let (installation, server, smtp) = serve();
    let call = crate::harness::Call::post("/api/v1/auth/sign-up", person("ann@example.com"))
        .header("x-forwarded-host", "evil.example")
        .header("forwarded", "host=evil.example");
    server.nobody().send(&call).expect(202);
    let body = person("ben@example.com").to_string();
    let request = format!(
        "POST /api/v1/auth/sign-up HTTP/1.1\r\nHost: evil.example\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    crate::harness::raw_request(&server, request.as_bytes());
    for email in ["ann@example.com", "ben@example.com"] {
        let letter = smtp.letter_to(email, 1);
        assert!(
            !letter.text.contains("evil") && letter.text.contains("https://app.example.com/"),
            "{}",
            letter.text
        );
        token_in(&installation, &letter.text);
    }
    eventually("the letters gone from the disk", || {
        std::fs::read_dir(installation.data().join("mail")).unwrap().next().is_none().then_some(())
    });
    server.stop();
}
