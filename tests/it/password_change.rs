//! Changing a password, and setting a new one by a letter.

use serde_json::{Value, json};

use crate::harness::{
    Answer, Client, Installation, MINUTE, Person, eventually, letters_to, links_to, token_mailed_to,
};

const NEW: &str = "quartz lanterns hum at nine";

fn change(person: &Person, current: &str, new: &str) -> Answer {
    let body = json!({"current_password": current, "new_password": new});
    person.client.post("/api/v1/auth/password/change", body)
}

fn forgot(client: &Client, email: &str) -> Answer {
    client.post("/api/v1/auth/password/forgot", json!({"email": email}))
}

fn reset(client: &Client, token: &str, new: &str) -> Answer {
    client.post("/api/v1/auth/password/reset", json!({"token": token, "new_password": new}))
}

fn sign_in(client: &Client, email: &str, password: &str) -> Answer {
    client.post("/api/v1/auth/sign-in", json!({"email": email, "password": password}))
}

/// The token of a new letter for a new password.
#[track_caller]
fn token_for(installation: &Installation, client: &Client, email: &str) -> String {
    let before = links_to(installation, email).len();
    forgot(client, email).expect(202);
    token_mailed_to(installation, email, before + 1)
}

#[test]
fn a_changed_password_ends_all_other_sessions_and_is_told() {
    let installation = Installation::new();
    let server = installation.serve();
    let ann = server.sign_up("ann");
    let other = ann.sign_in_again();
    let token = token_for(&installation, &server.nobody(), &ann.email);
    change(&ann, "not the password at all", NEW).expect_code(403, "password_wrong");
    other.client.get("/api/v1/me").expect(200);
    change(&ann, &ann.password, NEW).expect(204);
    ann.client.get("/api/v1/me").expect(200);
    other.client.get("/api/v1/me").expect(401);
    let body = json!({"refresh_token": other.refresh_token});
    server.nobody().post("/api/v1/auth/refresh", body).expect(401);
    sign_in(&server.nobody(), &ann.email, &ann.password).expect(401);
    sign_in(&server.nobody(), &ann.email, NEW).expect(200);
    let letters = eventually("both letters", || {
        let letters = letters_to(&installation, &ann.email);
        (letters.len() == 2).then_some(letters)
    });
    assert!(letters.iter().any(|letter| letter.contains("password of your account was changed")));
    // A letter of before is worth nothing now.
    reset(&server.nobody(), &token, "otters hum quartz at nine").expect_code(404, "link_not_valid");
    server.stop();
}

#[test]
fn a_new_password_keeps_the_rules_and_differs_from_the_old_one() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, _) = server.sign_up_with_tenant("ann", "lanterns");
    for (new, code) in [
        ("too short", "too_short"),
        ("qwertyuiopasdfghjkl", "common"),
        ("Tenant-Lanterns-2026", "guessable"),
        (ann.password.as_str(), "unchanged"),
    ] {
        let answer = change(&ann, &ann.password, new).expect_refused_by_name("new_password");
        assert_eq!(answer.json["errors"][0]["code"], code, "{}", answer.text());
    }
    let token = token_for(&installation, &server.nobody(), &ann.email);
    for (new, code) in
        [("qwertyuiopasdfghjkl", "common"), ("too short", "too_short"), ("Tenant-Lanterns-2026", "guessable")]
    {
        let answer = reset(&server.nobody(), &token, new).expect_refused_by_name("new_password");
        assert_eq!(answer.json["errors"][0]["code"], code, "{}", answer.text());
    }
    // What was refused used nothing up.
    reset(&server.nobody(), &token, NEW).expect(204);
    server.stop();
}

#[test]
fn guessing_the_current_password_is_slow_as_signing_in_is() {
    let server = Installation::new().serve();
    let ann = server.sign_up("ann");
    for _ in 0..5 {
        change(&ann, "not the password at all", NEW).expect(403);
    }
    // A second is too short for the next one on any machine that makes a hash in less.
    let statuses: Vec<u16> = (0..3).map(|_| change(&ann, "not the password at all", NEW).status).collect();
    assert!(statuses.contains(&429), "{statuses:?}");
    server.stop();
}

#[test]
fn a_forgotten_password_is_set_anew_once() {
    let installation = Installation::new();
    let server = installation.serve();
    let ann = server.sign_up("ann");
    let token = token_for(&installation, &server.nobody(), &ann.email);
    let spare = token_for(&installation, &server.nobody(), "ANN@example.com".to_lowercase().as_str());
    reset(&server.nobody(), &token, NEW).expect(204);
    ann.client.get("/api/v1/me").expect(401);
    sign_in(&server.nobody(), &ann.email, &ann.password).expect(401);
    sign_in(&server.nobody(), &ann.email, NEW).expect(200);
    for used in [&token, &spare] {
        reset(&server.nobody(), used, "otters hum quartz at nine").expect_code(404, "link_not_valid");
    }
    sign_in(&server.nobody(), &ann.email, NEW).expect(200);
    eventually("the letter", || {
        letters_to(&installation, &ann.email)
            .iter()
            .any(|letter| letter.contains("was changed"))
            .then_some(())
    });
    server.stop();
}

#[test]
fn a_reset_does_not_get_around_the_second_factor() {
    let installation = Installation::new();
    let server = installation.serve();
    let ann = server.sign_up("ann");
    crate::second_factor::App::enroll(&server, &ann.client);
    let token = token_for(&installation, &server.nobody(), &ann.email);
    let answer = reset(&server.nobody(), &token, NEW).expect(204);
    assert!(answer.bytes.is_empty() && answer.header("set-cookie").is_none());
    let answer = sign_in(&server.nobody(), &ann.email, NEW).expect(200);
    assert_eq!(answer.json["mfa_required"], true, "{}", answer.text());
    assert!(answer.json.get("access_token").is_none(), "{}", answer.text());
    server.stop();
}

#[test]
fn of_many_at_once_with_one_token_one_sets_the_password() {
    let installation = Installation::new();
    let server = installation.serve();
    let ann = server.sign_up("ann");
    let token = token_for(&installation, &server.nobody(), &ann.email);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let (server, token) = (&server, &token);
        let all: Vec<_> = (0..6)
            .map(|number| {
                scope.spawn(move || {
                    reset(&server.nobody(), token, &format!("quartz lanterns hum at {number}")).status
                })
            })
            .collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 204).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 404).count(), 5, "{statuses:?}");
    server.stop();
}

#[test]
fn a_token_is_good_for_an_hour_and_for_nothing_else() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let bob = server.sign_up("bob");
    let invitation = ann.invite(&server, &acme, &bob.email, "viewer");
    reset(&server.nobody(), &invitation, NEW).expect_code(404, "link_not_valid");
    reset(&server.nobody(), &bob.refresh_token, NEW).expect_code(404, "link_not_valid");
    let token = token_for(&installation, &server.nobody(), &bob.email);
    bob.accept(&token).expect(404);
    server.nobody().bearer(&token).get("/api/v1/me").expect(401);
    bob.accept(&invitation).expect(200);
    installation.advance_clock(59 * MINUTE);
    reset(&server.nobody(), &token, "too short").expect(422);
    installation.advance_clock(2 * MINUTE);
    reset(&server.nobody(), &token, NEW).expect_code(404, "link_not_valid");
    sign_in(&server.nobody(), &bob.email, &bob.password).expect(200);
    server.stop();
}

#[test]
fn asking_for_a_new_password_tells_nothing_and_writes_only_to_owners() {
    let installation = Installation::new();
    let server = installation.serve();
    let ann = server.sign_up("ann");
    let shown = |answer: &Answer| -> (u16, Value, Vec<u8>) {
        (answer.status, answer.json.clone(), answer.bytes.clone())
    };
    let known = forgot(&server.nobody(), &ann.email).expect(202);
    let unknown = forgot(&server.nobody(), "unknown@example.com").expect(202);
    assert_eq!(shown(&known), shown(&unknown));
    token_mailed_to(&installation, &ann.email, 1);
    assert!(letters_to(&installation, "unknown@example.com").is_empty());
    // Both are counted alike, known or not.
    for email in [ann.email.as_str(), "unknown@example.com"] {
        forgot(&server.nobody(), email).expect(202);
        forgot(&server.nobody(), email).expect(202);
        let answer = forgot(&server.nobody(), email).expect_code(429, "too_many_letters");
        assert!(answer.header("retry-after").is_some());
    }
    forgot(&server.nobody(), "no address").expect_refused_by_name("email");
    server.stop();
}

#[test]
fn letters_for_new_passwords_do_not_fill_a_mailbox() {
    let installation = Installation::new();
    let server = installation.serve();
    let ann = server.sign_up("ann");
    for count in 1..=5 {
        forgot(&server.nobody(), &ann.email).expect(202);
        token_mailed_to(&installation, &ann.email, count);
        installation.advance_clock(MINUTE);
    }
    for _ in 0..3 {
        forgot(&server.nobody(), &ann.email).expect(202);
        installation.advance_clock(MINUTE);
    }
    // Those that came still work, so that nobody is kept from a new password by it.
    let token = token_mailed_to(&installation, &ann.email, 5);
    reset(&server.nobody(), &token, NEW).expect(204);
    let links = letters_to(&installation, &ann.email).iter().filter(|one| one.contains("token=")).count();
    assert_eq!(links, 5);
    server.stop();
}

#[test]
fn the_link_comes_from_our_own_address_and_leads_to_a_page() {
    let installation = Installation::new();
    let server = installation.serve();
    let ann = server.sign_up("ann");
    let call = crate::harness::Call::post("/api/v1/auth/password/forgot", json!({"email": ann.email}))
        .header("x-forwarded-host", "evil.example")
        .header("x-forwarded-proto", "gopher")
        .header("forwarded", "host=evil.example")
        .header("origin", "https://evil.example")
        .header("referer", "https://evil.example/");
    server.nobody().send(&call).expect(202);
    token_mailed_to(&installation, &ann.email, 1);
    let letter = letters_to(&installation, &ann.email).pop().unwrap();
    assert!(!letter.contains("evil") && !letter.contains("gopher"), "{letter}");
    assert!(letter.contains("/console/reset#token="), "{letter}");
    let page = server.nobody().get("/console/reset").expect(200);
    assert!(page.text().contains("/reset.js\"") && !page.text().contains("<script>"), "{}", page.text());
    let policy = page.header("content-security-policy").unwrap_or_default();
    assert!(policy.contains("default-src 'none'") || policy.contains("default-src 'self'"), "{policy}");
    server.nobody().get("/assets/reset.js").expect(200);
    server.stop();
}
