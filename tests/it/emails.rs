//! Addresses of accounts: verified and changed.

use serde_json::json;

use crate::harness::{Answer, Client, HOUR, Installation, Person, eventually, letters_to, token_mailed_to};
use crate::second_factor::App;

const NEW: &str = "anna@example.com";

fn change(person: &Person, new: &str) -> Answer {
    let body = json!({"new_email": new, "password": person.password});
    person.client.post("/api/v1/auth/email/change", body)
}

fn verify(client: &Client, token: &str) -> Answer {
    client.post("/api/v1/auth/email/verify", json!({"token": token}))
}

fn resend(person: &Person) -> Answer {
    person.client.send(&crate::harness::Call::new("POST", "/api/v1/auth/email/resend"))
}

fn is_verified(person: &Person) -> bool {
    person.client.get("/api/v1/me").expect(200).json["email_verified"] == true
}

fn sign_in(person: &Person, email: &str) -> Answer {
    let body = json!({"email": email, "password": person.password});
    person.client.nobody().post("/api/v1/auth/sign-in", body)
}

#[test]
fn an_address_is_verified_by_the_token_of_a_letter_once() {
    let installation = Installation::new();
    let server = installation.serve();
    let ann = server.sign_up("ann");
    assert!(!is_verified(&ann));
    resend(&ann).expect(202);
    let token = token_mailed_to(&installation, &ann.email, 1);
    assert!(letters_to(&installation, &ann.email)[0].contains("/console/verify#token="));
    verify(&server.nobody(), "no-token-at-all").expect_code(404, "link_not_valid");
    assert!(!is_verified(&ann));
    verify(&server.nobody(), &token).expect(204);
    assert!(is_verified(&ann));
    verify(&server.nobody(), &token).expect_code(404, "link_not_valid");
    resend(&ann).expect_code(409, "already_verified");
    server.nobody().get("/console/verify").expect(200);
    server.nobody().get("/assets/verify.js").expect(200);
    server.stop();
}

#[test]
fn a_letter_of_an_invitation_or_for_a_new_password_shows_it_too() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    assert!(is_verified(&server.join(&ann, &acme, "bob", "viewer")));
    server.nobody().post("/api/v1/auth/password/forgot", json!({"email": ann.email})).expect(202);
    let token = token_mailed_to(&installation, &ann.email, 1);
    let body = json!({"token": token, "new_password": "quartz lanterns hum at nine"});
    server.nobody().post("/api/v1/auth/password/reset", body).expect(204);
    let body = json!({"email": ann.email, "password": "quartz lanterns hum at nine"});
    let tokens = server.nobody().post("/api/v1/auth/sign-in", body).expect(200);
    let again = server.nobody().bearer(&tokens.string("/access_token"));
    assert_eq!(again.get("/api/v1/me").expect(200).json["email_verified"], true);
    server.stop();
}

#[test]
fn an_address_changes_once_the_new_one_confirms_and_both_are_told() {
    let installation = Installation::new();
    let server = installation.serve();
    let ann = server.sign_up("ann");
    let wrong = json!({"new_email": NEW, "password": "not the password at all"});
    ann.client.post("/api/v1/auth/email/change", wrong).expect_code(403, "password_wrong");
    change(&ann, "no address").expect_refused_by_name("new_email");
    change(&ann, "ANN@example.com").expect_refused_by_name("new_email");
    change(&ann, NEW).expect(202);
    let token = token_mailed_to(&installation, NEW, 1);
    assert!(letters_to(&installation, &ann.email)[0].contains(NEW));
    assert!(!letters_to(&installation, &ann.email)[0].contains("token="), "the old address cannot confirm");
    // Nothing holds before that.
    sign_in(&ann, &ann.email).expect(200);
    sign_in(&ann, NEW).expect(401);
    verify(&server.nobody(), &token).expect(204);
    sign_in(&ann, &ann.email).expect(401);
    sign_in(&ann, NEW).expect(200);
    let me = ann.client.get("/api/v1/me").expect(200);
    assert_eq!((me.string("/email").as_str(), &me.json["email_verified"]), (NEW, &json!(true)));
    for address in [ann.email.as_str(), NEW] {
        eventually(&format!("the letter to {address}"), || {
            letters_to(&installation, address)
                .iter()
                .any(|letter| letter.contains("was changed to"))
                .then_some(())
        });
    }
    verify(&server.nobody(), &token).expect_code(404, "link_not_valid");
    server.stop();
}

#[test]
fn a_taken_address_gets_the_same_answer_and_no_link() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, bob) = (server.sign_up("ann"), server.sign_up("bob"));
    let taken = change(&ann, &bob.email).expect(202);
    let free = change(&ann, NEW).expect(202);
    assert_eq!(taken.bytes, free.bytes);
    token_mailed_to(&installation, NEW, 1);
    let letters = letters_to(&installation, &bob.email);
    assert!(letters.len() == 1 && !letters[0].contains("token="), "{letters:?}");
    server.stop();
}

#[test]
fn who_takes_the_address_first_has_it() {
    let installation = Installation::new();
    let server = installation.serve();
    let ann = server.sign_up("ann");
    change(&ann, NEW).expect(202);
    let token = token_mailed_to(&installation, NEW, 1);
    server.sign_up("anna");
    verify(&server.nobody(), &token).expect_code(409, "email_taken");
    sign_in(&ann, &ann.email).expect(200);
    server.stop();
}

#[test]
fn only_the_newest_link_for_a_day_changes_the_address_and_nothing_else() {
    let installation = Installation::new();
    let server = installation.serve();
    let ann = server.sign_up("ann");
    change(&ann, "mistyped@example.com").expect(202);
    let mistyped = token_mailed_to(&installation, "mistyped@example.com", 1);
    change(&ann, NEW).expect(202);
    let token = token_mailed_to(&installation, NEW, 1);
    verify(&server.nobody(), &mistyped).expect_code(404, "link_not_valid");
    let reset = json!({"token": token, "new_password": "quartz lanterns hum at nine"});
    server.nobody().post("/api/v1/auth/password/reset", reset).expect_code(404, "link_not_valid");
    server.nobody().post("/api/v1/auth/password/forgot", json!({"email": ann.email})).expect(202);
    let for_password = token_mailed_to(&installation, &ann.email, 1);
    verify(&server.nobody(), &for_password).expect_code(404, "link_not_valid");
    installation.advance_clock(25 * HOUR);
    verify(&server.nobody(), &token).expect_code(404, "link_not_valid");
    server.stop();
}

/// The letter to the present address says to change the password if that was somebody else: that has to be enough.
#[test]
fn a_new_password_ends_a_change_of_the_address_that_somebody_else_asked_for() {
    let installation = Installation::new();
    let server = installation.serve();
    let new = "quartz lanterns hum at nine";
    for (name, is_forgotten) in [("ann", false), ("bea", true)] {
        let owner = server.sign_up(name);
        let theirs = format!("{name}-thief@example.com");
        change(&owner.sign_in_again(), &theirs).expect(202);
        let token = token_mailed_to(&installation, &theirs, 1);
        if is_forgotten {
            server.nobody().post("/api/v1/auth/password/forgot", json!({"email": owner.email})).expect(202);
            let reset = token_mailed_to(&installation, &owner.email, 1);
            let body = json!({"token": reset, "new_password": new});
            server.nobody().post("/api/v1/auth/password/reset", body).expect(204);
        } else {
            let body = json!({"current_password": owner.password, "new_password": new});
            owner.client.post("/api/v1/auth/password/change", body).expect(204);
        }
        verify(&server.nobody(), &token).expect_code(404, "link_not_valid");
        let owner = Person { password: new.to_owned(), ..owner };
        sign_in(&owner, &owner.email).expect(200);
        sign_in(&owner, &theirs).expect(401);
    }
    server.stop();
}

#[test]
fn nobody_is_sent_letters_without_end() {
    let installation = Installation::new();
    let server = installation.serve();
    let ann = server.sign_up("ann");
    for _ in 0..5 {
        change(&ann, NEW).expect(202);
        installation.advance_clock(crate::harness::MINUTE);
    }
    change(&ann, "third@example.com").expect_code(429, "too_many_letters");
    assert!(letters_to(&installation, "third@example.com").is_empty());
    server.stop();
}

#[test]
fn whoever_has_a_second_factor_changes_the_address_with_it_too() {
    let installation = Installation::new();
    let server = installation.serve();
    let ann = server.sign_up("ann");
    let app = App::enroll(&server, &ann.client);
    change(&ann, NEW).expect_code(403, "code_required");
    let with_code = |code: &str| {
        let body = json!({"new_email": NEW, "password": ann.password, "code": code});
        ann.client.post("/api/v1/auth/email/change", body)
    };
    with_code("000000").expect_code(403, "code_wrong");
    assert!(letters_to(&installation, NEW).is_empty());
    with_code(&app.recovery_codes[0]).expect(202);
    let token = token_mailed_to(&installation, NEW, 1);
    verify(&server.nobody(), &token).expect(204);
    assert_eq!(ann.client.get("/api/v1/me").expect(200).string("/email"), NEW);
    with_code(&app.recovery_codes[0]).expect_one_of(&[403, 422]);
    server.stop();
}
