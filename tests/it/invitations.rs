//! Invitations: who may accept what, and when no longer.

use serde_json::json;

use crate::harness::{Answer, DAY, HOUR, Installation, Person, Tenant, letters_to, raw_request};

/// Refused, and still not a member.
#[track_caller]
fn assert_refused(person: &Person, tenant: &Tenant, answer: &Answer) {
    assert!([400, 403, 404, 409, 410, 422].contains(&answer.status), "{answer:?}");
    person.client.get(&tenant.path("")).expect(404);
}

#[test]
fn an_invitation_makes_a_member_of_that_role() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let bob = server.sign_up("bob");
    bob.client.get(&acme.path("")).expect(404);
    let token = ann.invite(&server, &acme, &bob.email, "viewer");
    let membership = bob.accept(&token).expect(200);
    assert_eq!(membership.string("/role"), "viewer");
    bob.client.get(&acme.path("")).expect(200);
    let me = bob.client.get("/api/v1/me").expect(200);
    assert_eq!(me.string("/memberships/0/role"), "viewer");
    assert_eq!(me.string("/memberships/0/tenant/id"), acme.id);
    let members = ann.client.get(&acme.path("/members")).expect(200);
    assert_eq!(members.json["items"].as_array().map(Vec::len), Some(2), "{}", members.text());
    server.stop();
}

#[test]
fn the_token_is_in_the_letter_alone() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let body = json!({"email": "bob@example.com", "role": "viewer"});
    let created = ann.client.post(&acme.path("/invitations"), body).expect(201);
    let token = crate::harness::token_mailed_to(&installation, "bob@example.com", 1);
    let listed = ann.client.get(&acme.path("/invitations")).expect(200);
    let audited = ann.client.get(&acme.path("/audit")).expect(200);
    for answer in [created, listed, audited] {
        assert!(!answer.text().contains(&token), "{}", answer.text());
    }
    let catalog = std::fs::read(installation.data().join("catalog.db")).unwrap();
    assert!(!catalog.windows(token.len()).any(|window| window == token.as_bytes()));
    server.stop();
}

#[test]
fn links_in_letters_come_from_the_settings_and_not_from_the_host_header() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let body = json!({"email": "bob@example.com", "role": "viewer"}).to_string();
    let request = format!(
        "POST {} HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: evil.example\r\nForwarded: host=evil.example\r\n\
         Authorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        acme.path("/invitations"),
        ann.access_token,
        body.len(),
    );
    let (status, answer) = raw_request(&server, request.as_bytes());
    assert_eq!(status, 201, "{answer}");
    crate::harness::token_mailed_to(&installation, "bob@example.com", 1);
    let letter = letters_to(&installation, "bob@example.com").pop().unwrap();
    assert!(!letter.contains("evil.example"), "{letter}");
    server.stop();
}

#[test]
fn somebody_else_cannot_accept_it() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (bob, eve) = (server.sign_up("bob"), server.sign_up("eve"));
    let token = ann.invite(&server, &acme, &bob.email, "admin");
    assert_refused(&eve, &acme, &eve.accept(&token));
    server.nobody().post("/api/v1/invitations/accept", json!({"token": token})).expect(401);
    // And it is not used up by that.
    bob.accept(&token).expect(200);
    server.stop();
}

#[test]
fn it_is_good_once_even_after_its_member_was_removed() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let bob = server.sign_up("bob");
    let token = ann.invite(&server, &acme, &bob.email, "member");
    bob.accept(&token).expect(200);
    bob.accept(&token).expect_one_of(&[400, 404, 409, 410, 422]);
    ann.client.delete(&bob.membership(&acme)).expect(204);
    assert_refused(&bob, &acme, &bob.accept(&token));
    server.stop();
}

#[test]
fn accepted_twice_at_once_it_makes_one_member() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let bob = server.sign_up("bob");
    let token = ann.invite(&server, &acme, &bob.email, "member");
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let both: Vec<_> = (0..8).map(|_| scope.spawn(|| bob.accept(&token).status)).collect();
        both.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    let members = ann.client.get(&acme.path("/members")).expect(200);
    assert_eq!(members.json["items"].as_array().map(Vec::len), Some(2), "{}", members.text());
    server.stop();
}

#[test]
fn it_is_dead_once_revoked() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let bob = server.sign_up("bob");
    let token = ann.invite(&server, &acme, &bob.email, "member");
    let id = ann.client.get(&acme.path("/invitations")).expect(200).string("/items/0/id");
    ann.client.delete(&acme.path(&format!("/invitations/{id}"))).expect(204);
    assert_refused(&bob, &acme, &bob.accept(&token));
    server.stop();
}

#[test]
fn it_is_dead_after_three_days() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (bob, cid) = (server.sign_up("bob"), server.sign_up("cid"));
    let late = ann.invite(&server, &acme, &bob.email, "member");
    let in_time = ann.invite(&server, &acme, &cid.email, "member");
    installation.advance_clock(71 * HOUR);
    cid.sign_in_again().accept(&in_time).expect(200);
    installation.advance_clock(2 * HOUR);
    let bob = bob.sign_in_again();
    assert_refused(&bob, &acme, &bob.accept(&late));
    server.stop();
}

#[test]
fn it_dies_with_the_right_of_whoever_sent_it() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let bob = server.sign_up("bob");
    // Demoted to a role that invites nobody.
    let cid = server.join(&ann, &acme, "cid", "admin");
    let token = cid.invite(&server, &acme, &bob.email, "admin");
    ann.client.patch(&cid.membership(&acme), json!({"role": "viewer"})).expect(200);
    assert_refused(&bob, &acme, &bob.accept(&token));
    // An owner who is one no longer cannot have offered ownership.
    let dora = server.join(&ann, &acme, "dora", "owner");
    let eli = server.sign_up("eli");
    let token = dora.invite(&server, &acme, &eli.email, "owner");
    ann.client.patch(&dora.membership(&acme), json!({"role": "admin"})).expect(200);
    assert_refused(&eli, &acme, &eli.accept(&token));
    // Removed altogether.
    let fay = server.join(&ann, &acme, "fay", "admin");
    let gus = server.sign_up("gus");
    let token = fay.invite(&server, &acme, &gus.email, "viewer");
    ann.client.delete(&fay.membership(&acme)).expect(204);
    assert_refused(&gus, &acme, &gus.accept(&token));
    server.stop();
}

#[test]
fn nobody_offers_more_than_they_have() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let admin = server.join(&ann, &acme, "adam", "admin");
    let member = server.join(&ann, &acme, "mia", "member");
    let offer = |person: &Person, role: &str| {
        person.client.post(&acme.path("/invitations"), json!({"email": "bob@example.com", "role": role}))
    };
    offer(&admin, "owner").expect(403);
    let refused = offer(&member, "viewer").expect(403);
    assert_eq!(refused.json["permission"], "members:manage", "{}", refused.text());
    offer(&ann, "emperor").expect_refused_by_name("role");
    offer(&admin, "admin").expect(201);
    server.stop();
}

#[test]
fn a_member_who_is_invited_again_is_not_raised_by_it() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let bob = server.join(&ann, &acme, "bob", "viewer");
    let body = json!({"email": bob.email, "role": "admin"});
    ann.client.post(&acme.path("/invitations"), body).expect_one_of(&[201, 409, 422]);
    let me = bob.client.get("/api/v1/me").expect(200);
    assert_eq!(me.string("/memberships/0/role"), "viewer");
    server.stop();
}

#[test]
fn taking_back_and_inviting_again_fills_no_mailbox() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let bolt = ann.create_tenant("bolt");
    let invite = |person: &Person, tenant: &Tenant| {
        let body = json!({"email": "vic@example.com", "role": "viewer"});
        person.client.post(&tenant.path("/invitations"), body)
    };
    let take_back = |tenant: &Tenant, answer: &Answer| {
        ann.client.delete(&tenant.path(&format!("/invitations/{}", answer.string("/id")))).expect(204);
    };
    for number in 0..5 {
        let tenant = [&acme, &bolt][number % 2];
        take_back(tenant, &invite(&ann, tenant).expect(201));
    }
    for tenant in [&acme, &bolt] {
        invite(&ann, tenant).expect_code(429, "too_many_letters");
    }
    assert_eq!(letters_to(&installation, "vic@example.com").len(), 5);
    // That keeps nobody else from inviting the address, nor these for longer than a day.
    let (bob, other) = server.sign_up_with_tenant("bob", "other");
    invite(&bob, &other).expect(201);
    installation.advance_clock(DAY + HOUR);
    invite(&ann.sign_in_again(), &acme).expect(201);
    server.stop();
}

#[test]
fn a_tenant_is_no_machine_that_mails_strangers() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let invite = |name: &str| {
        let body = json!({"email": format!("{name}@example.com"), "role": "viewer"});
        ann.client.post(&acme.path("/invitations"), body)
    };
    invite("first").expect(201);
    // A thousand that were taken back in the last day.
    let catalog = rusqlite::Connection::open(installation.data().join("catalog.db")).unwrap();
    catalog
        .execute_batch(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
             INSERT INTO invitations (id, tenant_id, email, role, token_hash, invited_by, created_at, expires_at, revoked_at)
             SELECT 'taken back ' || i, tenant_id, i || '@example.org', role, 'taken back ' || i, invited_by, created_at,
               expires_at, created_at FROM invitations, n",
        )
        .unwrap();
    invite("last").expect_code(429, "too_many_letters");
    catalog
        .execute(
            "UPDATE invitations SET accepted_at = revoked_at, revoked_at = NULL WHERE id = 'taken back 1'",
            [],
        )
        .unwrap();
    invite("last").expect(201);
    server.stop();
}
