//! The spend cap over what Tenantry counts itself.

use serde_json::json;

use crate::harness::{Call, Installation};

#[test]
fn room_that_costs_is_refused_where_the_cap_is_reached_and_room_can_be_made() {
    let installation = Installation::with_migrations(&[(
        "0001_notes.sql",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);",
    )]);
    let app = installation.migrations().parent().unwrap().join("app.toml");
    let price = |meter: &str, cents: &str| {
        format!(
            "[[plans.small.prices]]\nmeter = \"{meter}\"\nmodel = \"per_unit\"\nunit_cents = \"{cents}\"\n"
        )
    };
    let prices = [price("storage.bytes", "0.001"), price("seats", "1")].concat();
    std::fs::write(&app, format!("default_plan = \"small\"\n[plans.small]\ntitle = \"Small\"\n{prices}"))
        .unwrap();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    // Two megabytes.
    ann.client.patch(&acme.path("/limits"), json!({ "spend_cap_cents": 2_000 })).expect(200);
    let note = |text: &str| Call::post(acme.path("/records/notes"), json!({ "text": text }));
    let long = "x".repeat(400_000);
    let mut last = 0;
    let refused = (0..10)
        .map(|_| ann.client.send(&note(&long)))
        .find(|answer| {
            last = answer.json["id"].as_i64().unwrap_or(last);
            answer.status != 201
        })
        .expect("two megabytes hold no ten of these");
    refused.expect_code(402, "spend_cap_reached");
    let told = ann.client.get(&acme.path("/limits")).expect(200);
    let spend = &told.json["spend"];
    let spent: f64 = spend["spent_cents"].as_str().unwrap().parse().unwrap();
    assert!(spent > 1_000.0 && spent <= 2_000.0, "{spend}");
    assert_eq!(spend["late_meters"], json!(["seats", "storage.bytes"]));
    assert_eq!(spend["unrefused_meters"], json!(["seats"]));
    let upload = Call::new("PUT", acme.path("/files/large")).bytes("text/plain", long.clone());
    ann.client.send(&upload).expect_code(402, "spend_cap_reached");
    ann.client.get(&acme.path("/records/notes?limit=1")).expect(200);
    ann.client.delete(&acme.path(&format!("/records/notes/{last}"))).expect(204);
    ann.client.send(&note("short")).expect(201);
    ann.client.patch(&acme.path("/limits"), json!({ "spend_cap_cents": 4_000 })).expect(200);
    ann.client.send(&note(&long)).expect(201);
    ann.client.send(&note(&long)).expect(201);
    server.stop();
}
