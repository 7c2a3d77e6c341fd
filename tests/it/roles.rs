//! What a role may do to others, and how fast a change bites.

use serde_json::json;

use crate::harness::{Installation, Person, Server, Tenant};

struct House {
    server: Server,
    acme: Tenant,
    owner: Person,
    admin: Person,
    member: Person,
    viewer: Person,
}

fn house() -> House {
    let server = Installation::new().serve();
    let (owner, acme) = server.sign_up_with_tenant("olga", "acme");
    let admin = server.join(&owner, &acme, "adam", "admin");
    let member = server.join(&owner, &acme, "mia", "member");
    let viewer = server.join(&owner, &acme, "vera", "viewer");
    House { server, acme, owner, admin, member, viewer }
}

impl House {
    fn give(&self, actor: &Person, target: &Person, role: &str) -> u16 {
        actor.client.patch(&target.membership(&self.acme), json!({"role": role})).status
    }

    fn remove(&self, actor: &Person, target: &Person) -> u16 {
        actor.client.delete(&target.membership(&self.acme)).status
    }
}

#[test]
fn nobody_changes_their_own_role_upwards() {
    let house = house();
    for person in [&house.viewer, &house.member, &house.admin] {
        assert_eq!(house.give(person, person, "owner"), 403);
    }
    assert_eq!(house.give(&house.viewer, &house.viewer, "member"), 403);
    assert_eq!(house.give(&house.member, &house.member, "admin"), 403);
    house.server.stop();
}

#[test]
fn an_admin_manages_admins_members_and_viewers_but_no_owner() {
    let house = house();
    assert_eq!(house.give(&house.admin, &house.owner, "viewer"), 403);
    assert_eq!(house.remove(&house.admin, &house.owner), 403);
    assert_eq!(house.give(&house.admin, &house.member, "owner"), 403);
    assert_eq!(house.give(&house.admin, &house.member, "admin"), 200);
    assert_eq!(house.give(&house.admin, &house.member, "viewer"), 200);
    assert_eq!(house.remove(&house.admin, &house.viewer), 204);
    let body = json!({"to": house.admin.id});
    house.admin.client.post(&house.acme.path("/ownership-transfer"), body).expect(403);
    house.server.stop();
}

#[test]
fn members_and_viewers_manage_nobody_but_may_leave() {
    let house = house();
    for person in [&house.viewer, &house.member] {
        for target in [&house.owner, &house.admin] {
            assert_eq!(house.give(person, target, "viewer"), 403);
            assert_eq!(house.remove(person, target), 403);
        }
    }
    assert_eq!(house.remove(&house.member, &house.viewer), 403);
    for person in [&house.viewer, &house.member, &house.admin] {
        assert_eq!(house.remove(person, person), 204);
        person.client.get(&house.acme.path("")).expect(404);
    }
    house.server.stop();
}

#[test]
fn a_removed_member_is_refused_on_the_next_request() {
    let house = house();
    let customers = house.acme.path("/records/customers");
    house.member.client.get(&customers).expect(200);
    assert_eq!(house.remove(&house.owner, &house.member), 204);
    house.member.client.get(&customers).expect(404);
    house.member.client.post(&customers, json!({"name": "late"})).expect(404);
    let me = house.member.client.get("/api/v1/me").expect(200);
    assert_eq!(me.json["memberships"], json!([]), "{}", me.text());
    house.server.stop();
}

#[test]
fn a_demoted_member_cannot_write_on_the_next_request() {
    let house = house();
    let customers = house.acme.path("/records/customers");
    house.member.client.post(&customers, json!({"name": "before"})).expect(201);
    assert_eq!(house.give(&house.owner, &house.member, "viewer"), 200);
    let refused = house.member.client.post(&customers, json!({"name": "after"})).expect(403);
    assert_eq!(refused.json["permission"], "records:write", "{}", refused.text());
    house.member.client.get(&customers).expect(200);
    house.server.stop();
}

#[test]
fn the_removal_of_one_member_under_load_lets_nothing_through_afterwards() {
    let house = house();
    let customers = house.acme.path("/records/customers");
    let removed = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    loop {
                        let was_removed = removed.load(std::sync::atomic::Ordering::SeqCst);
                        let status = house.member.client.get(&customers).status;
                        assert!(!was_removed || status == 404, "{status} after the removal was answered");
                        if was_removed {
                            return;
                        }
                    }
                })
            })
            .collect();
        assert_eq!(house.remove(&house.owner, &house.member), 204);
        removed.store(true, std::sync::atomic::Ordering::SeqCst);
        for reader in readers {
            reader.join().unwrap();
        }
    });
    house.server.stop();
}

#[test]
fn a_role_that_does_not_exist_is_refused_by_name() {
    let house = house();
    for role in ["emperor", "", "Owner", "owner ", "operator"] {
        let body = json!({"role": role});
        let answer = house.owner.client.patch(&house.member.membership(&house.acme), body);
        answer.expect_refused_by_name("role");
    }
    house.server.stop();
}

#[test]
fn a_member_of_no_tenant_cannot_be_managed_through_it() {
    let house = house();
    let stranger = house.server.sign_up("stan");
    assert_eq!(house.give(&house.owner, &stranger, "viewer"), 404);
    assert_eq!(house.remove(&house.owner, &stranger), 404);
    house.server.stop();
}

#[test]
fn permissions_in_me_are_those_of_the_contract() {
    let house = house();
    for (person, count) in [(&house.viewer, 6), (&house.member, 10), (&house.admin, 19), (&house.owner, 22)] {
        let me = person.client.get("/api/v1/me").expect(200);
        let permissions = me.json["memberships"][0]["permissions"].as_array().unwrap();
        assert_eq!(permissions.len(), count, "{}", me.text());
        assert_eq!(me.json["operator"], false);
    }
    house.server.stop();
}
