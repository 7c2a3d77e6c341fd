//! Changes of plan: now, at the end of the period, taken back; by owners and by nobody else.

use serde_json::{Value, json};

use super::{app_toml, details, entitlements, installation, subscription, written};
use crate::harness::{Answer, Call, Client, HOUR, Tenant};

fn change(client: &Client, tenant: &Tenant, body: Value) -> Answer {
    client.send(&Call::put(tenant.path("/subscription"), body))
}

#[test]
fn a_change_counts_at_once_for_the_answer_the_tenant_and_its_file() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let before = subscription(&ann.client, &acme);
    assert_eq!((before.string("/plan"), before.string("/status")), ("free".to_owned(), "active".to_owned()));
    assert_eq!(before.json["scheduled_change"], Value::Null);
    let changed = change(&ann.client, &acme, json!({"plan": "pro"})).expect(200);
    assert_eq!(
        (changed.string("/plan"), changed.string("/status")),
        ("pro".to_owned(), "trialing".to_owned())
    );
    assert_eq!(changed.string("/trial_end"), changed.string("/period_end"));
    assert_eq!(subscription(&ann.client, &acme).json, changed.json);
    assert_eq!(ann.client.get(&acme.path("")).expect(200).string("/plan"), "pro");
    // Once more changes nothing.
    assert_eq!(
        change(&ann.client, &acme, json!({"plan": "pro", "when": "now"})).expect(200).json,
        changed.json
    );
    let log = ann.client.get(&acme.path("/audit?action=subscription.*")).expect(200);
    let entries = log.json["items"].as_array().unwrap();
    assert_eq!(entries.len(), 1, "{}", log.text());
    assert_eq!(details(&entries[0])["from"], json!({"plan": "free", "version": 1}));
    server.stop();
    let (_, body) = entitlements(&installation, &acme);
    assert_eq!(
        (&body["plan"], &body["status"], &body["terms"]["seats"]),
        (&json!("pro"), &json!("trialing"), &json!(20))
    );
}

#[test]
fn a_change_for_the_end_of_the_period_is_told_and_can_be_taken_back() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let scheduled = change(&ann.client, &acme, json!({"plan": "pro", "when": "period_end"})).expect(200);
    assert_eq!(scheduled.string("/plan"), "free");
    let expected = json!({"plan": "pro", "version": 1, "at": scheduled.json["period_end"]});
    assert_eq!(scheduled.json["scheduled_change"], expected);
    let path = acme.path("/subscription/scheduled-change");
    ann.client.delete(&path).expect(204);
    assert_eq!(subscription(&ann.client, &acme).json["scheduled_change"], Value::Null);
    ann.client.delete(&path).expect_code(404, "nothing_scheduled");
    // To ask for the plan that it is on takes it back too.
    change(&ann.client, &acme, json!({"plan": "pro", "when": "period_end"})).expect(200);
    let kept = change(&ann.client, &acme, json!({"plan": "free"})).expect(200);
    assert_eq!((kept.string("/plan"), &kept.json["scheduled_change"]), ("free".to_owned(), &Value::Null));
    server.stop();
}

#[test]
fn what_is_no_plan_to_choose_is_refused_by_name() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let hidden =
        written(&installation, "hidden.toml", "[plans.hidden]\ntitle = \"Hidden\"\noffered = false\n");
    installation.run(&["plan", "apply", &hidden, "--yes"]).expect_code(0);
    for (body, field) in [
        (json!({}), "plan"),
        (json!({"plan": 5}), "plan"),
        (json!({"plan": "gold"}), "plan"),
        (json!({"plan": "hidden"}), "plan"),
        (json!({"plan": "pro", "when": "tomorrow"}), "when"),
        (json!({"plan": "pro", "version": 1}), "version"),
        (json!({"plan": "pro", "status": "active"}), "status"),
    ] {
        change(&ann.client, &acme, body).expect_refused_by_name(field);
    }
    // An operator gives it.
    let operator = server.add_operator();
    let assign = Call::put("/api/v1/operator/tenants/acme/subscription", json!({"plan": "hidden"}));
    assert_eq!(operator.client.send(&assign).expect(200).string("/plan"), "hidden");
    assert_eq!(ann.client.get(&acme.path("")).expect(200).string("/plan"), "hidden");
    operator
        .client
        .send(&Call::put("/api/v1/operator/tenants/none/subscription", json!({"plan": "pro"})))
        .expect(404);
    server.stop();
    // The file is told at its next use; a server that ends may use it once more.
    let server = installation.serve();
    let ann = ann.sign_in_again_at(&server);
    ann.client.get(&acme.path("/tables")).expect(200);
    server.stop();
    assert_eq!(entitlements(&installation, &acme).1["plan"], "hidden");
}

#[test]
fn a_tenant_moves_to_a_newer_version_of_its_plan_when_it_says_so() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let more = written(&installation, "more.toml", &app_toml().replace("seats = 3\n", "seats = 5\n"));
    installation.run(&["plan", "apply", &more, "--yes"]).expect_code(0);
    let told = subscription(&ann.client, &acme);
    assert_eq!((&told.json["version"], &told.json["newest_version"]), (&json!(1), &json!(2)));
    let moved = change(&ann.client, &acme, json!({"plan": "free"})).expect(200);
    assert_eq!((&moved.json["version"], &moved.json["period_end"]), (&json!(2), &told.json["period_end"]));
    server.stop();
    assert_eq!(entitlements(&installation, &acme).1["terms"]["seats"], 5);
}

#[test]
fn a_tenant_that_pays_keeps_its_currency() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let euro = "[plans.euro]\ntitle = \"Euro\"\ncurrency = \"EUR\"\nfee_cents = 4500\n";
    let euro = written(&installation, "euro.toml", euro);
    installation.run(&["plan", "apply", &euro, "--yes"]).expect_code(0);
    change(&ann.client, &acme, json!({"plan": "pro"})).expect(200);
    for when in ["now", "period_end"] {
        change(&ann.client, &acme, json!({"plan": "euro", "when": when}))
            .expect_code(409, "currency_differs");
    }
    change(&ann.client, &acme, json!({"plan": "free"})).expect(200);
    change(&ann.client, &acme, json!({"plan": "euro"})).expect(200);
    server.stop();
}

#[test]
fn admins_look_and_owners_change_and_a_suspended_tenant_does_neither_change() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (adam, vera) =
        (server.join(&ann, &acme, "adam", "admin"), server.join(&ann, &acme, "vera", "viewer"));
    subscription(&adam.client, &acme);
    change(&adam.client, &acme, json!({"plan": "pro"})).expect_code(403, "permission_missing");
    vera.client.get(&acme.path("/subscription")).expect_code(403, "permission_missing");
    installation.run(&["tenant", "suspend", "acme"]).expect_code(0);
    change(&ann.client, &acme, json!({"plan": "pro"})).expect_code(409, "tenant_suspended");
    subscription(&ann.client, &acme);
    server.stop();
}

#[test]
fn plans_are_not_changed_back_and_forth_all_day() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let statuses: Vec<u16> = (0..25)
        .map(|number| ["default", "free"][number % 2])
        .map(|plan| change(&ann.client, &acme, json!({"plan": plan})).status)
        .collect();
    // The first service period is that of the sign-up.
    assert_eq!(statuses, [[200; 19].as_slice(), &[429; 6]].concat());
    change(&ann.client, &acme, json!({"plan": "free", "when": "period_end"})).expect(200);
    installation.advance_clock(25 * HOUR);
    change(&ann.sign_in_again().client, &acme, json!({"plan": "pro"})).expect(200);
    server.stop();
}

#[test]
fn a_file_that_is_behind_is_told_what_counts_before_it_is_used() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    change(&ann.client, &acme, json!({"plan": "pro"})).expect(200);
    server.stop();
    let expected = entitlements(&installation, &acme);
    for sql in [
        "UPDATE _entitlements SET revision = 0, body = '{}'",
        // Of a catalog that was put back.
        "UPDATE _entitlements SET revision = 99, body = '{}'",
        "DELETE FROM _entitlements",
    ] {
        let file = rusqlite::Connection::open(installation.tenant_file(&acme.id)).unwrap();
        file.execute(sql, []).unwrap();
        drop(file);
        let server = installation.serve();
        ann.sign_in_again_at(&server).client.get(&acme.path("/tables")).expect(200);
        server.stop();
        assert_eq!(entitlements(&installation, &acme), expected, "{sql}");
    }
}

#[test]
fn two_changes_at_once_end_in_one_of_them() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    std::thread::scope(|threads| {
        for number in 0..8 {
            let (client, tenant) = (&ann.client, &acme);
            let plan = ["pro", "free", "default"][number % 3];
            threads.spawn(move || change(client, tenant, json!({"plan": plan})).expect(200));
        }
    });
    let told = subscription(&ann.client, &acme);
    let plan = told.string("/plan");
    assert_eq!(ann.client.get(&acme.path("")).expect(200).string("/plan"), plan);
    server.stop();
    assert_eq!(entitlements(&installation, &acme).1["plan"], plan.as_str());
}
