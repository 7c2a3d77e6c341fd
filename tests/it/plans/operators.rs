//! Plans over the operator's API: two operators do not overwrite one another, and each act is audited.

use serde_json::{Value, json};

use super::{details, installation};
use crate::harness::{Call, Client, HOUR};

const PRO: &str = "/api/v1/operator/plans/pro";

fn put(client: &Client, key: &str, body: Value) -> crate::harness::Answer {
    client.send(&Call::put(format!("/api/v1/operator/plans/{key}"), body))
}

#[test]
fn a_plan_is_read_changed_and_put_back_by_its_tag_or_version() {
    let installation = installation();
    let server = installation.serve();
    let operator = server.add_operator();
    let read = operator.client.get(PRO).expect(200);
    let tag = read.header("etag").unwrap().to_owned();
    let mut document = read.json["document"].clone();
    document["fee_cents"] = json!(5_900);
    let body = json!({"document": document});
    let by_tag = |tag: &str| operator.client.send(&Call::put(PRO, body.clone()).header("if-match", tag));
    let changed = by_tag(&tag).expect(200);
    assert_eq!(
        (&changed.json["version"], &changed.json["document"]["fee_cents"]),
        (&json!(2), &json!("5900"))
    );
    assert_ne!(changed.header("etag").unwrap(), tag);
    // The one who saw version 1 learns that it is not that any more.
    by_tag(&tag).expect_code(412, "precondition_failed");
    put(&operator.client, "pro", json!({"document": document, "expected_version": 1}))
        .expect_code(409, "plan_changed");
    // The same again is no other version.
    let same = put(&operator.client, "pro", json!({"document": document, "expected_version": 2})).expect(200);
    assert_eq!(same.json["version"], 2);
    // Back to what version 1 said is version 3, with a tag of its own.
    let back = json!({"document": read.json["document"], "expected_version": 2});
    let back = put(&operator.client, "pro", back).expect(200);
    assert_eq!(back.json["version"], 3);
    assert_ne!(back.header("etag").unwrap(), tag);
    let versions = operator.client.get(PRO).expect(200);
    let told: Vec<_> =
        versions.json["versions"].as_array().unwrap().iter().map(|line| line["version"].clone()).collect();
    assert_eq!(told, [3, 2, 1]);
    // What each of them says is told, so that they can be compared.
    let lines = &versions.json["versions"];
    assert_eq!(lines[0]["document"], read.json["document"]);
    assert_eq!(lines[2]["document"], read.json["document"]);
    assert_eq!(lines[1]["document"], changed.json["document"]);
    server.stop();
}

#[test]
fn a_new_plan_is_made_once_and_counted_by_who_is_on_it() {
    let installation = installation();
    let server = installation.serve();
    let operator = server.add_operator();
    server.sign_up_with_tenant("ann", "acme");
    let team = json!({"document": {"title": "Team"}, "expected_version": 0});
    put(&operator.client, "team", team.clone()).expect(201);
    put(&operator.client, "team", team).expect_code(409, "plan_changed");
    let only_new = Call::put("/api/v1/operator/plans/team", json!({"document": {"title": "Other"}}));
    operator.client.send(&only_new.header("if-none-match", "*")).expect_code(412, "precondition_failed");
    let all = operator.client.get("/api/v1/operator/plans").expect(200);
    let told: Vec<_> = all.json["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|plan| (plan["key"].as_str().unwrap(), plan["tenants"].as_i64().unwrap()))
        .collect();
    assert_eq!(told, [("default", 0), ("free", 1), ("pro", 0), ("team", 0)]);
    server.stop();
}

#[test]
fn what_is_wrong_with_a_plan_is_named_and_not_published() {
    let installation = installation();
    let server = installation.serve();
    let operator = server.add_operator();
    let refused = |key: &str, body: Value, field: &str| {
        put(&operator.client, key, body).expect_refused_by_name(field);
    };
    let title = json!({"title": "Team"});
    refused("team", json!({"document": title}), "expected_version");
    refused("team", json!({"document": title, "expected_version": -1}), "expected_version");
    refused("team", json!({"document": title, "expected_version": "0"}), "expected_version");
    refused("team", json!({"expected_version": 0}), "document");
    refused("team", json!({"document": title, "expected_version": 0, "force": true}), "force");
    refused("Team!", json!({"document": title, "expected_version": 0}), "key");
    refused(
        "team",
        json!({"document": {"title": "", "version": 5}, "expected_version": 0}),
        "document.version",
    );
    refused(
        "team",
        json!({"document": {"title": "Team", "limits": {"pages": {"hard": 1}}}, "expected_version": 0}),
        "document.limits.pages",
    );
    operator.client.get("/api/v1/operator/plans/team").expect_code(404, "unknown_plan");
    server.stop();
}

#[test]
fn plans_are_the_operators_and_publishing_needs_a_fresh_sign_in_and_is_audited() {
    let installation = installation();
    let server = installation.serve();
    let operator = server.add_operator();
    let (ann, _) = server.sign_up_with_tenant("ann", "acme");
    let team = json!({"document": {"title": "Team", "seats": 2}, "expected_version": 0});
    put(&ann.client, "team", team.clone()).expect_code(403, "operator_only");
    ann.client.get(PRO).expect_code(403, "operator_only");
    put(&server.nobody(), "team", team.clone()).expect(401);
    put(&operator.client, "team", team.clone()).expect(201);
    let log = operator.client.get("/api/v1/operator/audit?action=plan.published").expect(200);
    let entry = &log.json["items"][0];
    assert_eq!((&entry["target"], &details(entry)["version"]), (&json!("plan:team"), &json!(1)));
    assert!(entry["actor"].as_str().unwrap().contains(&operator.id), "{entry}");
    assert_eq!(
        log.json["items"].as_array().unwrap().len(),
        3,
        "free and pro at the first start: {}",
        log.text()
    );
    installation.advance_clock(HOUR);
    let body = json!({"refresh_token": operator.refresh_token});
    let later = server.nobody().post("/api/v1/auth/refresh", body).expect(200).string("/access_token");
    put(&server.nobody().bearer(&later), "team", team).expect_code(403, "step_up_required");
    server.stop();
}

#[test]
fn a_published_version_cannot_be_changed_or_removed_by_any_statement() {
    let installation = installation();
    installation.serve().stop();
    let catalog = rusqlite::Connection::open(installation.data().join("catalog.db")).unwrap();
    for sql in [
        "UPDATE plans SET document = '{}'",
        "DELETE FROM plans",
        "UPDATE plans SET version = 9 WHERE key = 'pro'",
    ] {
        assert!(catalog.execute(sql, []).is_err(), "{sql}");
    }
}

#[test]
fn an_operator_looks_at_one_tenant_and_the_tenant_can_read_that() {
    let installation = installation();
    let server = installation.serve();
    let operator = server.add_operator();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let at = |rest: &str| format!("/api/v1/operator/tenants/acme{rest}");
    let tenant = operator.client.get(&at("")).expect(200);
    assert_eq!((&tenant.json["slug"], &tenant.json["status"]), (&json!("acme"), &json!("active")));
    let mine = ann.client.get(&acme.path("/limits")).expect(200);
    assert_eq!(operator.client.get(&at("/limits")).expect(200).json, mine.json);
    let mine = ann.client.get(&acme.path("/subscription")).expect(200);
    assert_eq!(operator.client.get(&at("/subscription")).expect(200).json, mine.json);
    let log = ann.client.get(&acme.path("/audit?action=operator.access")).expect(200);
    let reasons: Vec<Value> =
        log.json["items"].as_array().unwrap().iter().map(|entry| details(entry)["reason"].clone()).collect();
    assert_eq!(reasons, ["subscription", "limits"]);
    for rest in ["", "/limits", "/subscription"] {
        ann.client.get(&at(rest)).expect_code(403, "operator_only");
        operator.client.get(&format!("/api/v1/operator/tenants/nowhere{rest}")).expect(404);
    }
    server.stop();
}
