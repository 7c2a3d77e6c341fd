//! A plan may limit how many members a tenant has.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::harness::{Answer, Call, HOUR, Installation, Person, Server, Tenant};

/// A server whose tenant `slug` is on a plan with so many seats. The owner's session goes on.
fn with_seats(seats: i64) -> (Arc<Installation>, Server, Person, Tenant) {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    set_seats(&server, &acme, seats);
    (installation, server, ann, acme)
}

/// Publishes a plan of so many seats and moves the tenant to it.
fn set_seats(server: &Server, tenant: &Tenant, seats: i64) {
    let operator = server.add_operator();
    let key = format!("team-{seats}");
    let plan = json!({"document": {"title": "Team", "seats": seats}, "expected_version": 0});
    operator.client.send(&Call::put(format!("/api/v1/operator/plans/{key}"), plan)).expect(201);
    let assign = format!("/api/v1/operator/tenants/{}/subscription", tenant.slug);
    operator.client.send(&Call::put(assign, json!({"plan": key}))).expect(200);
}

fn invite(ann: &Person, acme: &Tenant, email: &str) -> Answer {
    ann.client.post(&acme.path("/invitations"), json!({"email": email, "role": "member"}))
}

fn members(ann: &Person, acme: &Tenant) -> usize {
    ann.client.get(&acme.path("/members")).expect(200).json["items"].as_array().map_or(0, Vec::len)
}

fn field(answer: &Answer, name: &str) -> Value {
    answer.json[name].clone()
}

#[test]
fn invitations_take_seats_until_they_are_revoked_or_expire() {
    let (installation, server, ann, acme) = with_seats(3);
    let bob = server.join(&ann, &acme, "bob", "member");
    invite(&ann, &acme, "cid@example.com").expect(201);
    let refused = invite(&ann, &acme, "dan@example.com").expect_code(402, "seats_exhausted");
    assert_eq!(field(&refused, "seats"), 3, "{}", refused.text());
    let detail = refused.string("/detail");
    assert!(detail.contains("2 are taken and 1 offered") && detail.contains("plan"), "{detail}");
    // Who has one already is told that, as ever, and what was refused left nothing behind.
    invite(&ann, &acme, "cid@example.com").expect_code(409, "already_invited");
    let open = ann.client.get(&acme.path("/invitations")).expect(200);
    assert_eq!(open.json["items"].as_array().map(Vec::len), Some(1), "{}", open.text());
    let cid = open.string("/items/0/id");
    ann.client.delete(&acme.path(&format!("/invitations/{cid}"))).expect(204);
    invite(&ann, &acme, "dan@example.com").expect(201);
    installation.advance_clock(73 * HOUR);
    let ann = ann.sign_in_again();
    invite(&ann, &acme, "eva@example.com").expect(201);
    // A member who goes makes room.
    invite(&ann, &acme, "fay@example.com").expect_code(402, "seats_exhausted");
    ann.client.delete(&bob.membership(&acme)).expect(204);
    invite(&ann, &acme, "fay@example.com").expect(201);
    server.stop();
}

#[test]
fn of_many_who_accept_at_once_as_many_get_in_as_there_are_seats() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let others: Vec<Person> = ["bob", "cid", "dan", "eva"].map(|name| server.sign_up(name)).into();
    let tokens: Vec<String> =
        others.iter().map(|person| ann.invite(&server, &acme, &person.email, "member")).collect();
    // They were invited under a larger plan.
    set_seats(&server, &acme, 2);
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let all: Vec<_> =
            others.iter().zip(&tokens).map(|(person, token)| scope.spawn(|| person.accept(token))).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 402, 402, 402]);
    assert_eq!(members(&ann, &acme), 2);
    let refused = answers.iter().position(|answer| answer.status == 402).unwrap();
    assert_eq!(answers[refused].code(), "seats_exhausted");
    // The invitation was not used up: with a seat it is accepted.
    others[refused].client.get(&acme.path("")).expect(404);
    let winner = others.iter().zip(&answers).find(|(_, answer)| answer.status == 200).unwrap().0;
    winner.client.delete(&winner.membership(&acme)).expect(204);
    others[refused].accept(&tokens[refused]).expect(200);
    let log = ann.client.get(&acme.path("/audit?action=member.joined")).expect(200);
    assert_eq!(log.json["items"].as_array().map(Vec::len), Some(2), "{}", log.text());
    server.stop();
}

#[test]
fn a_smaller_plan_removes_nobody_and_lets_nobody_in() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let bob = server.join(&ann, &acme, "bob", "member");
    set_seats(&server, &acme, 1);
    bob.client.get(&acme.path("")).expect(200);
    ann.client.patch(&bob.membership(&acme), json!({"role": "admin"})).expect(200);
    invite(&ann, &acme, "cid@example.com").expect_code(402, "seats_exhausted");
    // Programs take no seat.
    let service = json!({"name": "Sync", "role": "viewer"});
    ann.client.post(&acme.path("/service-identities"), service).expect(201);
    // Another tenant of the same people is on the default plan, which has no limit.
    let other = ann.create_tenant("other");
    for name in ["dan", "eva", "fay"] {
        server.join(&ann, &other, name, "viewer");
    }
    assert_eq!((members(&ann, &acme), members(&ann, &other)), (3, 4));
    server.stop();
}
