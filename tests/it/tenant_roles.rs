//! Roles that a tenant defines for itself.

use serde_json::{Value, json};

use crate::harness::{Installation, Person, Server, Tenant};

fn define(person: &Person, tenant: &Tenant, name: &str, permissions: &[&str]) -> crate::harness::Answer {
    person.client.post(&tenant.path("/roles"), json!({"name": name, "permissions": permissions}))
}

fn town(server: &Server) -> (Person, Person, Tenant) {
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let bob = server.join(&ann, &acme, "bob", "admin");
    (ann, bob, acme)
}

fn permissions_of(person: &Person) -> Vec<Value> {
    let me = person.client.get("/api/v1/me").expect(200);
    me.json["memberships"][0]["permissions"].as_array().unwrap().clone()
}

#[test]
fn a_role_gives_what_it_says_and_changes_at_once() {
    let server = Installation::new().serve();
    let (ann, _, acme) = town(&server);
    let made = define(&ann, &acme, "clerk", &["records:read", "members:read"]).expect(201);
    assert_eq!(made.header("location").unwrap(), acme.path("/roles/clerk"));
    assert_eq!(
        made.json,
        json!({"name": "clerk", "permissions": ["records:read", "members:read"], "defined_by": "tenant"})
    );
    let cid = server.join(&ann, &acme, "cid", "clerk");
    assert_eq!(permissions_of(&cid), ["records:read", "members:read"]);
    let (read, write) = (acme.path("/records/customers"), json!({"name": "Dan"}));
    cid.client.get(&read).expect(200);
    cid.client.post(&read, write.clone()).expect(403);
    let wider = json!({"permissions": ["records:read", "records:write"]});
    ann.client.patch(&acme.path("/roles/clerk"), wider).expect(200);
    cid.client.post(&read, write).expect(201);
    cid.client.get(&acme.path("/members")).expect(403);
    ann.client.patch(&acme.path("/roles/clerk"), json!({"permissions": []})).expect(200);
    cid.client.get(&read).expect(403);
    assert!(permissions_of(&cid).is_empty());
    let listed = ann.client.get(&acme.path("/roles")).expect(200);
    let names: Vec<&str> =
        listed.json["items"].as_array().unwrap().iter().map(|role| role["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["admin", "member", "owner", "viewer", "clerk"]);
    ann.client.get(&acme.path("/roles/nobody")).expect(404);
    server.stop();
}

#[test]
fn nobody_defines_gives_or_takes_more_than_they_have() {
    let server = Installation::new().serve();
    let (ann, bob, acme) = town(&server);
    let refused = define(&bob, &acme, "boss", &["records:read", "billing:manage"]).expect(403);
    assert_eq!(refused.string("/permission"), "billing:manage");
    define(&ann, &acme, "boss", &["records:read", "billing:manage"]).expect(201);
    // Neither what is above them, nor its end.
    bob.client.patch(&acme.path("/roles/boss"), json!({"permissions": ["records:read"]})).expect(403);
    bob.client.delete(&acme.path("/roles/boss")).expect(403);
    let invited = json!({"email": "x@example.com", "role": "boss"});
    bob.client.post(&acme.path("/invitations"), invited.clone()).expect(403);
    ann.client.post(&acme.path("/invitations"), invited).expect(201);
    bob.client.patch(&bob.membership(&acme), json!({"role": "boss"})).expect(403);
    define(&bob, &acme, "aide", &["records:read", "members:manage"]).expect(201);
    let cid = server.join(&bob, &acme, "cid", "aide");
    // Whoever manages members gives no role that is above their own.
    let viewer = json!({"email": "y@example.com", "role": "member"});
    cid.client.post(&acme.path("/invitations"), viewer).expect(403);
    let same = json!({"email": "y@example.com", "role": "aide"});
    cid.client.post(&acme.path("/invitations"), same).expect(201);
    define(&cid, &acme, "mine", &["records:read"]).expect(403);
    server.stop();
}

#[test]
fn a_role_in_use_stays_and_names_are_taken_once() {
    let server = Installation::new().serve();
    let (ann, bob, acme) = town(&server);
    define(&ann, &acme, "clerk", &["records:read"]).expect(201);
    define(&ann, &acme, "clerk", &["records:read"]).expect_code(409, "role_taken");
    define(&ann, &acme, "admin", &["records:read"]).expect_code(409, "role_taken");
    for name in ["", "Clerk", "1st", "a b", "ä", &"x".repeat(41), "../x"] {
        define(&ann, &acme, name, &["records:read"]).expect(422);
    }
    define(&ann, &acme, "other", &["no:such"]).expect(422);
    for fixed in ["owner", "viewer"] {
        let path = acme.path(&format!("/roles/{fixed}"));
        ann.client.patch(&path, json!({"permissions": []})).expect_code(409, "role_fixed");
        ann.client.delete(&path).expect_code(409, "role_fixed");
    }
    ann.client.patch(&bob.membership(&acme), json!({"role": "clerk"})).expect(200);
    ann.client.delete(&acme.path("/roles/clerk")).expect_code(409, "role_in_use");
    ann.client.patch(&bob.membership(&acme), json!({"role": "member"})).expect(200);
    let invited = json!({"email": "x@example.com", "role": "clerk"});
    let invited = ann.client.post(&acme.path("/invitations"), invited).expect(201);
    ann.client.delete(&acme.path("/roles/clerk")).expect_code(409, "role_in_use");
    ann.client.delete(&acme.path(&format!("/invitations/{}", invited.string("/id")))).expect(204);
    ann.client.delete(&acme.path("/roles/clerk")).expect(204);
    ann.client.delete(&acme.path("/roles/clerk")).expect(404);
    ann.client.patch(&bob.membership(&acme), json!({"role": "clerk"})).expect(422);
    server.stop();
}

#[test]
fn roles_of_one_tenant_are_not_those_of_another_and_are_bounded() {
    let server = Installation::new().serve();
    let (ann, _, acme) = town(&server);
    let bolt = ann.create_tenant("bolt");
    define(&ann, &acme, "clerk", &["records:read"]).expect(201);
    ann.client.get(&bolt.path("/roles/clerk")).expect(404);
    let cid = json!({"email": "cid@example.com", "role": "clerk"});
    ann.client.post(&bolt.path("/invitations"), cid).expect(422);
    define(&ann, &bolt, "clerk", &["records:read", "records:write"]).expect(201);
    assert_eq!(
        ann.client.get(&acme.path("/roles/clerk")).expect(200).json["permissions"],
        json!(["records:read"])
    );
    for n in 1..50 {
        define(&ann, &acme, &format!("r{n}"), &[]).expect(201);
    }
    define(&ann, &acme, "more", &[]).expect_code(409, "too_many_roles");
    server.stop();
}

/// An invitation to a role dies when the role grows beyond the inviter.
#[test]
fn an_invitation_dies_when_its_role_outgrows_the_inviter() {
    let server = Installation::new().serve();
    let (ann, bob, acme) = town(&server);
    define(&ann, &acme, "clerk", &["records:read"]).expect(201);
    let cid = server.sign_up("cid");
    let token = bob.invite(&server, &acme, &cid.email, "clerk");
    let boss = json!({"permissions": ["records:read", "billing:manage"]});
    ann.client.patch(&acme.path("/roles/clerk"), boss).expect(200);
    cid.accept(&token).expect(404);
    ann.client.patch(&acme.path("/roles/clerk"), json!({"permissions": ["records:read"]})).expect(200);
    cid.accept(&token).expect(200);
    server.stop();
}

/// What a line of app.toml withholds from some role is withheld from roles of tenants: else they were a way around.
#[test]
fn a_role_of_a_tenant_is_no_way_around_a_line_of_the_app() {
    let installation = Installation::with_migrations(&[(
        "0001_tables.sql",
        "CREATE TABLE open (id TEXT PRIMARY KEY); CREATE TABLE salaries (id TEXT PRIMARY KEY);",
    )]);
    let app = installation.migrations().parent().unwrap().join("app.toml");
    let lines = "[tables.salaries.roles.admin]\nread = false\n[tables.salaries.roles.viewer]\nread = false\n";
    std::fs::write(app, lines).unwrap();
    let server = installation.serve();
    let (ann, bob, acme) = town(&server);
    let (open, salaries) = (acme.path("/records/open"), acme.path("/records/salaries"));
    bob.client.get(&salaries).expect(404);
    define(&bob, &acme, "clerk", &["records:read", "members:read"]).expect(201);
    let cid = server.join(&ann, &acme, "cid", "clerk");
    cid.client.get(&open).expect(200);
    cid.client.get(&salaries).expect(404);
    ann.client.get(&salaries).expect(200);
    // Nor does who is kept from a table give a role that is not.
    let member = json!({"email": "x@example.com", "role": "member"});
    bob.client.post(&acme.path("/invitations"), member).expect(403);
    let viewer = json!({"email": "x@example.com", "role": "viewer"});
    bob.client.post(&acme.path("/invitations"), viewer).expect(201);
    // A member who may see nothing can still leave.
    define(&ann, &acme, "nothing", &[]).expect(201);
    ann.client.patch(&cid.membership(&acme), json!({"role": "nothing"})).expect(200);
    cid.client.delete(&cid.membership(&acme)).expect(204);
    server.stop();
}
