//! A tenant has an owner at every moment.

use std::sync::Barrier;

use serde_json::json;

use crate::harness::{Installation, Person, Server, Tenant};

/// How often two owners turn on each other.
const DUELS: usize = 1_000;

fn owners(person: &Person, tenant: &Tenant) -> Vec<String> {
    let members = person.client.get(&tenant.path("/members")).expect(200);
    let members = members.json["items"].as_array().unwrap().clone();
    let owners = members.into_iter().filter(|member| member["role"] == "owner");
    owners.map(|member| member["identity_id"].as_str().unwrap().to_owned()).collect()
}

fn two_owners() -> (Server, Person, Person, Tenant) {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let bob = server.join(&ann, &acme, "bob", "owner");
    (server, ann, bob, acme)
}

#[test]
fn the_last_owner_neither_leaves_nor_is_demoted() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    server.join(&ann, &acme, "adam", "admin");
    ann.client.delete(&ann.membership(&acme)).expect(409);
    for role in ["admin", "member", "viewer"] {
        ann.client.patch(&ann.membership(&acme), json!({"role": role})).expect(409);
    }
    assert_eq!(owners(&ann, &acme), [ann.id.as_str()]);
    server.stop();
}

#[test]
fn one_of_two_owners_leaves_and_then_the_other_cannot() {
    let (server, ann, bob, acme) = two_owners();
    bob.client.delete(&bob.membership(&acme)).expect(204);
    ann.client.delete(&ann.membership(&acme)).expect(409);
    server.stop();
}

#[test]
fn two_owners_who_demote_each_other_at_once_leave_one_owner() {
    let (server, ann, bob, acme) = two_owners();
    let demote = |actor: &Person, target: &Person, start: &Barrier| {
        start.wait();
        actor
            .client
            .patch(&target.membership(&acme), json!({"role": "member"}))
            .expect_one_of(&[200, 403, 409])
            .status
    };
    for duel in 0..DUELS {
        let start = Barrier::new(2);
        let statuses = std::thread::scope(|scope| {
            let first = scope.spawn(|| demote(&ann, &bob, &start));
            let second = scope.spawn(|| demote(&bob, &ann, &start));
            [first.join().unwrap(), second.join().unwrap()]
        });
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "duel {duel}: {statuses:?}");
        let left = owners(&ann, &acme);
        assert_eq!(left.len(), 1, "duel {duel}: {statuses:?}");
        let (winner, loser) = if left[0] == ann.id { (&ann, &bob) } else { (&bob, &ann) };
        winner.client.patch(&loser.membership(&acme), json!({"role": "owner"})).expect(200);
    }
    server.stop();
}

#[test]
fn two_owners_who_leave_at_once_leave_one_owner() {
    let server = Installation::new().serve();
    let (ann, bob) = (server.sign_up("ann"), server.sign_up("bob"));
    for round in 0..20 {
        let acme = ann.create_tenant(&format!("acme-{round}"));
        bob.accept(&ann.invite(&server, &acme, &bob.email, "owner")).expect(200);
        let start = Barrier::new(2);
        let leave = |person: &Person| {
            start.wait();
            person.client.delete(&person.membership(&acme)).expect_one_of(&[204, 409]).status
        };
        let mut statuses = std::thread::scope(|scope| {
            let both = [scope.spawn(|| leave(&ann)), scope.spawn(|| leave(&bob))];
            both.map(|one| one.join().unwrap())
        });
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 409], "round {round}");
    }
    server.stop();
}

#[test]
fn two_owners_who_demote_hand_over_and_leave_at_once_leave_an_owner() {
    let (server, ann, bob, acme) = two_owners();
    let act = |actor: &Person, other: &Person, how: usize, start: &Barrier| {
        start.wait();
        let answer = match how {
            0 => actor.client.patch(&other.membership(&acme), json!({"role": "member"})),
            1 => actor.client.post(&acme.path("/ownership-transfer"), json!({"to": other.id})),
            2 => actor.client.delete(&actor.membership(&acme)),
            _ => actor.client.delete(&other.membership(&acme)),
        };
        answer.expect_one_of(&[200, 204, 403, 404, 409]).status
    };
    let role = |person: &Person| {
        let me = person.client.get("/api/v1/me").expect(200);
        me.json["memberships"].as_array().unwrap().first().map(|one| one["role"].as_str().unwrap().to_owned())
    };
    for round in 0..160 {
        let (start, first, second) = (Barrier::new(2), round % 4, round / 4 % 4);
        let statuses = std::thread::scope(|scope| {
            let one = scope.spawn(|| act(&ann, &bob, first, &start));
            let other = scope.spawn(|| act(&bob, &ann, second, &start));
            [one.join().unwrap(), other.join().unwrap()]
        });
        assert!(statuses.iter().any(|status| *status < 300), "round {round}: {statuses:?}");
        let is_owner = |person: &Person| role(person).as_deref() == Some("owner");
        assert!(is_owner(&ann) || is_owner(&bob), "round {round}: {statuses:?}");
        let (owner, other) = if is_owner(&ann) { (&ann, &bob) } else { (&bob, &ann) };
        match role(other).as_deref() {
            None => drop(other.accept(&owner.invite(&server, &acme, &other.email, "owner")).expect(200)),
            Some("owner") => {}
            Some(_) => {
                drop(owner.client.patch(&other.membership(&acme), json!({"role": "owner"})).expect(200));
            }
        }
    }
    server.stop();
}

#[test]
fn ownership_is_handed_over_by_its_owner_to_a_member_only() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (bob, eve) = (server.join(&ann, &acme, "bob", "member"), server.sign_up("eve"));
    let transfer =
        |actor: &Person, to: &str| actor.client.post(&acme.path("/ownership-transfer"), json!({"to": to}));
    transfer(&bob, &bob.id).expect(403);
    transfer(&ann, &eve.id).expect_one_of(&[404, 409, 422]);
    transfer(&ann, "nobody").expect_one_of(&[404, 409, 422]);
    assert_eq!(owners(&ann, &acme), [ann.id.as_str()]);
    let answer = transfer(&ann, &bob.id);
    assert!((200..300).contains(&answer.status), "{answer:?}");
    assert_eq!(owners(&bob, &acme), [bob.id.as_str()]);
    ann.client.patch(&ann.membership(&acme), json!({"role": "owner"})).expect(403);
    server.stop();
}
