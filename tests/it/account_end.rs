//! Deleting one's account.

use serde_json::json;

use crate::harness::{Answer, Call, Client, Installation, MINUTE, Person, eventually, letters_to};
use crate::second_factor::App;

fn delete(client: &Client, password: &str) -> Answer {
    client.send(&Call::delete("/api/v1/me").json(&json!({"password": password})))
}

fn has_account(person: &Person) -> bool {
    let body = json!({"email": person.email, "password": person.password});
    person.client.nobody().post("/api/v1/auth/sign-in", body).expect_one_of(&[200, 401]).status == 200
}

#[test]
fn an_account_goes_with_its_sessions_and_memberships() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let bob = server.join(&ann, &acme, "bob", "admin");
    let offered = bob.invite(&server, &acme, "cid@example.com", "viewer");
    let other = bob.sign_in_again();
    delete(&server.nobody(), &bob.password).expect(401);
    delete(&bob.client, "not the password at all").expect_code(403, "password_wrong");
    bob.client.delete("/api/v1/me").expect_one_of(&[400, 415, 422]);
    assert!(has_account(&bob));
    delete(&bob.client, &bob.password).expect(204);
    for client in [&bob.client, &other.client] {
        client.get("/api/v1/me").expect(401);
        client.get(&acme.path("/tables")).expect(401);
    }
    assert!(!has_account(&bob));
    let members = ann.client.get(&acme.path("/members")).expect(200);
    assert_eq!(members.json["items"].as_array().map(Vec::len), Some(1), "{}", members.text());
    let log = ann.client.get(&acme.path("/audit?action=member.left")).expect(200);
    assert_eq!(log.string("/items/0/target"), format!("identity:{}", bob.id));
    eventually("the letter", || {
        letters_to(&installation, &bob.email)
            .iter()
            .any(|letter| letter.contains("was deleted"))
            .then_some(())
    });
    // What it offered died with it, and the address is free.
    let cid = server.sign_up("cid");
    cid.accept(&offered).expect_code(404, "invitation_not_open");
    let again = server.sign_up("bob");
    assert_ne!(again.id, bob.id);
    again.client.get(&acme.path("/tables")).expect(404);
    // Nothing in the catalog or beside it says the address any more but what was mailed.
    assert_eq!(ann.client.get(&acme.path("/audit")).expect(200).text().matches("bob@").count(), 0);
    server.stop();
}

#[test]
fn a_sole_owner_stays_and_is_told_of_what() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    ann.create_tenant("globex");
    let initech = ann.create_tenant("initech");
    let bob = server.join(&ann, &acme, "bob", "owner");
    let cid = server.join(&ann, &initech, "cid", "admin");
    let answer = delete(&ann.client, &ann.password).expect_code(409, "sole_owner");
    let detail = answer.string("/detail");
    assert!(detail.contains("globex, initech") && !detail.contains("acme"), "{detail}");
    // Nothing was done by half.
    ann.client.get(&acme.path("/members")).expect(200);
    ann.client.patch(&cid.membership(&initech), json!({"role": "owner"})).expect(200);
    assert!(delete(&ann.client, &ann.password).expect(409).string("/detail").contains("globex."));
    ann.client.post("/api/v1/tenants/globex/close", json!({"confirm": "globex"})).expect(202);
    // It can still be reopened, by nobody if its owner were gone.
    delete(&ann.client, &ann.password).expect_code(409, "sole_owner");
    delete(&bob.client, &bob.password).expect(204);
    assert!(has_account(&ann));
    server.stop();
}

#[test]
fn two_owners_who_delete_their_accounts_at_once_leave_one() {
    let server = Installation::new().serve();
    for round in 0..4 {
        let (ann, acme) = server.sign_up_with_tenant(&format!("ann{round}"), &format!("acme{round}"));
        let bob = server.join(&ann, &acme, &format!("bob{round}"), "owner");
        let mut statuses: Vec<u16> = std::thread::scope(|scope| {
            let both = [&ann, &bob].map(|one| scope.spawn(|| delete(&one.client, &one.password).status));
            both.into_iter().map(|one| one.join().unwrap()).collect()
        });
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 409]);
    }
    server.stop();
}

#[test]
fn the_last_operator_stays() {
    let server = Installation::new().serve();
    let operator = server.add_operator();
    delete(&operator.client, &operator.password).expect_code(409, "last_operator");
    server.stop();
}

#[test]
fn whoever_has_a_second_factor_deletes_the_account_with_it_too() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, _) = server.sign_up_with_tenant("ann", "acme");
    let bob = server.sign_up("bob");
    let send = |person: &Person, body: serde_json::Value| {
        person.client.send(&Call::delete("/api/v1/me").json(&body))
    };
    // Without one a code is of nothing.
    send(&bob, json!({"password": bob.password, "code": "000000"})).expect_code(409, "no_second_factor");
    let (of_ann, of_bob) = (App::enroll(&server, &ann.client), App::enroll(&server, &bob.client));
    installation.advance_clock(MINUTE);
    send(&bob, json!({"password": bob.password})).expect_code(403, "code_required");
    send(&bob, json!({"password": bob.password, "code": "000000"})).expect_code(403, "code_wrong");
    let code = of_bob.code(&server, 0);
    send(&bob, json!({"password": "not the password at all", "code": code}))
        .expect_code(403, "password_wrong");
    bob.client.get("/api/v1/me").expect(200);
    send(&bob, json!({"password": bob.password, "code": code})).expect(204);
    bob.client.get("/api/v1/me").expect(401);
    // What is refused for another reason uses nothing up.
    let code = &of_ann.recovery_codes[0];
    for _ in 0..2 {
        send(&ann, json!({"password": ann.password, "code": code})).expect_code(409, "sole_owner");
    }
    server.installation().run(&["verify", "audit"]).expect_code(0);
    server.stop();
}
